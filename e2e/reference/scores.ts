/**
 * Objectives made of gradients, in float64: every inner gradient is a Jacobian by the chain rule, written out for networks of
 * one tanh layer at most, so that only the outer one is left to differences. Dimensions: n data, S samples, R = S*n rows
 * (row r belongs to datum r mod n), D numbers a datum, K latents.
 */
import { size, type F64 } from './tensor.js';
import type { Parameters } from './vae.js';

export interface Value {
  loss: number;
  terms: Record<string, number>;
}

interface Linear {
  weight: F64;
  bias: F64;
}

/** An optional tanh layer and the Linear behind it. */
interface Net {
  hidden: Linear | undefined;
  output: Linear;
}

export interface Networks {
  mean: Net;
  /** Undefined for a deterministic posterior. */
  logVariance: Net | undefined;
  decoder: Net;
  parameters: Parameters;
}

export function networksOf(parameters: Parameters): Networks {
  const linear = (name: string): Linear | undefined => {
    const [weight, bias] = [parameters.get(`${name}.weight`), parameters.get(`${name}.bias`)];
    return weight && bias && { weight, bias };
  };
  const hidden = linear('encoder.0');
  const last = linear('decoder.2');
  const logVariance = linear('log_variance');
  return {
    mean: { hidden, output: linear('mean')! },
    logVariance: logVariance && { hidden, output: logVariance },
    decoder: last
      ? { hidden: linear('decoder.0'), output: last }
      : { hidden: undefined, output: linear('decoder.0')! },
    parameters,
  };
}

type Vector = number[];
type Matrix = Vector[];

function matrix({ shape, values }: F64): Matrix {
  const [rows, columns] = shape as [number, number];
  return Array.from({ length: rows }, (_, r) => Array.from(values.slice(r * columns, (r + 1) * columns)));
}

const inner = (a: Vector, b: Vector): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const squared = (a: Vector): number => inner(a, a);
const average = (values: Vector): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const column = (m: Matrix, c: number): Vector => m.map((row) => row[c]!);

function affine({ weight, bias }: Linear, x: Vector): Vector {
  return matrix(weight).map((row, i) => inner(row, x) + bias.values[i]!);
}

/** The value of a network and its Jacobian J[output][input]. */
function withJacobian({ hidden, output }: Net, x: Vector): { y: Vector; J: Matrix } {
  if (!hidden) return { y: affine(output, x), J: matrix(output.weight) };
  const h = affine(hidden, x).map(Math.tanh);
  const first = matrix(hidden.weight).map((row, i) => row.map((w) => w * (1 - h[i]! ** 2)));
  const J = matrix(output.weight).map((row) => x.map((_, c) => inner(row, column(first, c))));
  return { y: affine(output, h), J };
}

/** A sample row: the datum, the Gaussian, z and the decoder there. */
interface Sample {
  x: Vector;
  m: Vector;
  s: Vector;
  mJacobian: Matrix;
  sJacobian: Matrix;
  z: Vector;
  mean: Vector;
  meanJacobian: Matrix;
}

function samples({ mean, logVariance, decoder }: Networks, x: F64, noise: F64): Sample[] {
  const data = matrix(x);
  return matrix(noise).map((eps, r) => {
    const datum = data[r % data.length]!;
    const { y: m, J: mJacobian } = withJacobian(mean, datum);
    const raw = logVariance && withJacobian(logVariance, datum);
    // an isotropic posterior has one log-variance for all latents
    const spread = <T>(values: readonly T[]): T[] => m.map((_, k) => values[values.length === 1 ? 0 : k]!);
    const s = raw ? spread(raw.y) : m.map(() => -Infinity);
    const sJacobian = raw ? spread(raw.J) : m.map(() => datum.map(() => 0));
    const z = m.map((value, k) => value + Math.exp(s[k]! / 2) * eps[k]!);
    const { y: decoded, J: meanJacobian } = withJacobian(decoder, z);
    return { x: datum, m, s, mJacobian, sJacobian, z, mean: decoded, meanJacobian };
  });
}

const difference = (a: Vector, b: Vector): Vector => a.map((value, i) => value - b[i]!);

/** The regularised autoencoder with a Gaussian likelihood; with `directions` f64[R, D] the gradient penalty, else l2. */
export function regularized(
  networks: Networks,
  x: F64,
  noise: F64,
  options: { weight: number; latentWeight: number; scale: number; directions?: F64 },
): Value {
  const { weight, latentWeight, scale, directions } = options;
  const rows = samples(networks, x, noise);
  const constant = (size(x, 1) / 2) * Math.log(2 * Math.PI * scale ** 2);
  const reconstruction =
    average(rows.map((row) => -squared(difference(row.x, row.mean)) / (2 * scale ** 2))) - constant;
  const kl = networks.logVariance
    ? average(
        rows.map(({ m, s }) => m.reduce((sum, v, k) => sum + (Math.exp(s[k]!) + v * v - 1 - s[k]!) / 2, 0)),
      )
    : 0;
  const latent = average(rows.map(({ z }) => squared(z) / 2));
  const smoothness = directions
    ? average(
        matrix(directions).map((v, r) =>
          squared(rows[r]!.z.map((_, k) => inner(v, column(rows[r]!.meanJacobian, k)))),
        ),
      )
    : decoderNorm(networks);
  return {
    loss: kl - reconstruction + latentWeight * latent + weight * smoothness,
    terms: { latent, [directions ? 'squaredJacobian' : 'squaredWeights']: smoothness },
  };
}

function decoderNorm({ parameters }: Networks): number {
  return [...parameters]
    .filter(([name]) => name.startsWith('decoder.'))
    .reduce((sum, [, { values }]) => sum + squared([...values]), 0);
}

/** The Fisher divergence up to a constant of the data, for a Gaussian likelihood of this scale and the prior N(0, I). */
export function fisher(networks: Networks, x: F64, noise: F64, scale: number): Value {
  const rows = samples(networks, x, noise);
  const precision = scale ** -2;
  const latentScore = rows.map(({ x: datum, m, s, z, mean, meanJacobian }) => {
    const residual = difference(datum, mean);
    const gap = z.map(
      (value, k) =>
        (m[k]! - value) / Math.exp(s[k]!) - precision * inner(residual, column(meanJacobian, k)) + value,
    );
    return squared(gap) / 2;
  });
  const dataScore = rows.map(
    ({ x: datum, mean }) =>
      (squared(difference(datum, mean)) * precision ** 2) / 2 - datum.length * precision,
  );
  // d log q / d x at a z that is held: through the mean and through the log-variance
  const stability = rows.map(({ x: datum, m, s, mJacobian, sJacobian, z }) => {
    const byM = m.map((value, k) => (z[k]! - value) / Math.exp(s[k]!));
    const byS = m.map((value, k) => ((z[k]! - value) ** 2 / Math.exp(s[k]!) - 1) / 2);
    const score = datum.map((_, d) => inner(byM, column(mJacobian, d)) + inner(byS, column(sJacobian, d)));
    return squared(score) / 2;
  });
  const terms = {
    latentScore: average(latentScore),
    dataScore: average(dataScore),
    stability: average(stability),
  };
  return { loss: terms.latentScore + terms.dataScore + terms.stability, terms };
}

/**
 * Expectation of the same terms over N(0, I) noise for linear networks and a variance that is the same for all x. With
 * r = x - W m - b, u = -eps / sigma - W'(r - W sigma eps) / scale^2 + m + sigma eps is linear in eps, and so is the residual.
 */
export function fisherOfLinear(
  { mean, logVariance, decoder }: Networks,
  x: F64,
  scale: number,
): Value['terms'] {
  const [A, W] = [matrix(mean.output.weight), matrix(decoder.output.weight)];
  const sigma = Array.from(logVariance!.output.bias.values, (s) => Math.exp(s / 2));
  const precision = scale ** -2;
  const latents = sigma.map((_, k) => k);
  const WW = latents.map((j) => latents.map((k) => inner(column(W, j), column(W, k))));
  // the factor of eps in u, and in the residual
  const M = latents.map((j) =>
    latents.map((k) => (j === k ? sigma[k]! - 1 / sigma[k]! : 0) + precision * WW[j]![k]! * sigma[k]!),
  );
  const spread = latents.reduce((sum, k) => sum + WW[k]![k]! * sigma[k]! ** 2, 0);
  const rows = matrix(x).map((datum) => {
    const m = affine(mean.output, datum);
    const r = difference(datum, affine(decoder.output, m));
    const c = latents.map((k) => m[k]! - precision * inner(column(W, k), r));
    return {
      latentScore: (squared(c) + squared(M.flat())) / 2,
      dataScore: ((squared(r) + spread) * precision ** 2) / 2 - datum.length * precision,
    };
  });
  return {
    latentScore: average(rows.map((row) => row.latentScore)),
    dataScore: average(rows.map((row) => row.dataScore)),
    stability: latents.reduce((sum, k) => sum + squared(A[k]!) / (2 * sigma[k]! ** 2), 0),
  };
}

/** A pass of the vector-quantised model: losses of both sides, latents, and the codewords chosen. */
export interface Quantized {
  loss: number;
  commitment: number;
  perplexity: number;
  /** Squared distance that the codebook learns from. */
  toCodebook: number;
  /** Codewords, the encoder's output and the chosen rows of the codebook, a list a datum. */
  latents: Matrix;
  encoded: Matrix;
  choices: Matrix;
}

/** The encoder's mean of a datum. */
export function encodedMean(networks: Networks, datum: number[]): number[] {
  return withJacobian(networks.mean, datum).y;
}

/**
 * -rec + G log C + |codewords - encoded|^2 + 1/4 |encoded - codewords|^2 with a Gaussian likelihood. With `held`, a pass
 * with the same weights, what differences may move: each squared distance moves one side only, and the decoder sees encoded + (codewords - encoded held).
 */
export function quantized(networks: Networks, x: F64, scale: number, held?: Quantized): Quantized {
  const codebook = matrix(networks.parameters.get('posterior.codebook')!);
  const data = matrix(x);
  const encoded = data.map((datum) => withJacobian(networks.mean, datum).y);
  const d = codebook[0]!.length;
  const choices =
    held?.choices ??
    encoded.map((code) =>
      Array.from({ length: code.length / d }, (_, g) => {
        const distances = codebook.map((word) => squared(difference(word, code.slice(g * d, (g + 1) * d))));
        return distances.indexOf(Math.min(...distances));
      }),
    );
  const latents = choices.map((chosen) => chosen.flatMap((c) => codebook[c]!));
  const heldLatents = held?.latents ?? latents;
  const heldEncoded = held?.encoded ?? encoded;
  const seen = encoded.map((code, i) => code.map((v, k) => v + heldLatents[i]![k]! - heldEncoded[i]![k]!));
  const reconstruction = average(
    seen.map(
      (z, i) => -squared(difference(data[i]!, withJacobian(networks.decoder, z).y)) / (2 * scale ** 2),
    ),
  );
  const constant = (size(x, 1) / 2) * Math.log(2 * Math.PI * scale ** 2);
  const toCodebook = average(latents.map((z, i) => squared(difference(z, heldEncoded[i]!))));
  const commitment = average(encoded.map((code, i) => squared(difference(code, heldLatents[i]!))));
  const shares = codebook.map((_, c) => average(choices.flat().map((chosen) => (chosen === c ? 1 : 0))));
  const entropy = -shares.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0);
  const rate = choices[0]!.length * Math.log(codebook.length);
  return {
    loss: constant - reconstruction + rate + toCodebook + commitment / 4,
    toCodebook,
    commitment,
    perplexity: Math.exp(entropy),
    latents,
    encoded,
    choices,
  };
}
