/**
 * Objectives beyond the bound, from the stages of a float64 forward pass over the valid rows alone. Dimensions: n data, S
 * samples, R = S*n rows (row r belongs to datum r mod n), K latents. Written element by element, without the products,
 * masks and shifts of the library's graphs.
 */
import { size, zeros, type F64 } from './tensor.js';

export interface Stages {
  /** f64[n, 2K]: means, then log-variances. */
  moments: F64;
  /** f64[R, K] */
  z: F64;
  /** f64[R] nats */
  kl: F64;
  reconstruction: F64;
}

export interface Value {
  loss: number;
  terms: Record<string, number>;
}

const average = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

const at = (x: F64, row: number, column: number): number => x.values[row * size(x, 1) + column]!;

/** log N(z; m, exp s). */
const logNormal = (z: number, m: number, s: number): number =>
  -((z - m) ** 2 / Math.exp(s) + s + Math.log(2 * Math.PI)) / 2;

export function capacity({ kl, reconstruction }: Stages, weight: number, target: number): Value {
  const loss = weight * Math.abs(average(kl.values) - target) - average(reconstruction.values);
  return { loss, terms: { capacity: target } };
}

/** Nats of every latent, averaged over the data. */
function klByLatent({ moments }: Stages): number[] {
  const [n, K] = [size(moments, 0), size(moments, 1) / 2];
  return Array.from({ length: K }, (_, k) =>
    average(
      Array.from({ length: n }, (_row, i) => {
        const [m, s] = [at(moments, i, k), at(moments, i, K + k)];
        return (Math.exp(s) + m * m - 1 - s) / 2;
      }),
    ),
  );
}

export function freeBits(stages: Stages, nats: number): Value {
  const paid = klByLatent(stages).reduce((sum, kl) => sum + Math.max(nats, kl), 0);
  return { loss: paid - average(stages.reconstruction.values), terms: { paidKl: paid } };
}

/** With weights alpha, beta and gamma on the parts, of a set of N data. */
export function betaTc(
  { moments, z, reconstruction }: Stages,
  N: number,
  [alpha, beta, gamma]: readonly [number, number, number],
): Value {
  const [n, R, K] = [size(moments, 0), size(z, 0), size(z, 1)];
  const sums = [0, 0, 0];
  for (let r = 0; r < R; r++) {
    const own = r % n;
    const weight = (j: number): number => (j === own ? 1 / N : (N - 1) / (N * (n - 1)));
    const log = (j: number, k: number): number =>
      logNormal(at(z, r, k), at(moments, j, k), at(moments, j, K + k));
    const latents = Array.from({ length: K }, (_, k) => k);
    const data = Array.from({ length: n }, (_, j) => j);
    const total = (j: number): number => latents.reduce((sum, k) => sum + log(j, k), 0);
    const mixture = (of: (j: number) => number): number =>
      Math.log(data.reduce((sum, j) => sum + weight(j) * Math.exp(of(j)), 0));
    const joint = mixture(total);
    const product = latents.reduce((sum, k) => sum + mixture((j) => log(j, k)), 0);
    const prior = latents.reduce((sum, k) => sum + logNormal(at(z, r, k), 0, 0), 0);
    sums[0]! += (total(own) - joint) / R;
    sums[1]! += (joint - product) / R;
    sums[2]! += (product - prior) / R;
  }
  const [mutualInformation, totalCorrelation, dimensionKl] = sums as [number, number, number];
  const weighted = alpha * mutualInformation + beta * totalCorrelation + gamma * dimensionKl;
  return {
    loss: weighted - average(reconstruction.values),
    terms: { mutualInformation, totalCorrelation, dimensionKl },
  };
}

/** Unbiased MMD^2 of the rows of x and y, f64[n, K] each. */
export function discrepancy(x: F64, y: F64, kernel: 'rbf' | 'imq', scale: number): number {
  const [n, K] = [size(x, 0), size(x, 1)];
  const typical = 2 * K * scale ** 2;
  const k = (a: F64, i: number, b: F64, j: number): number => {
    let squared = 0;
    for (let c = 0; c < K; c++) squared += (at(a, i, c) - at(b, j, c)) ** 2;
    return kernel === 'rbf' ? Math.exp(-squared / typical) : typical / (typical + squared);
  };
  let total = 0;
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++)
      if (i !== j) total += k(x, i, x, j) + k(y, i, y, j) - k(x, i, y, j) - k(x, j, y, i);
  return total / (n * (n - 1));
}

/** The first n rows: one sample a datum. */
function firstSamples({ moments, z }: Stages): F64 {
  const n = size(moments, 0);
  return { shape: [n, size(z, 1)], values: z.values.slice(0, n * size(z, 1)) };
}

export function infoVae(
  stages: Stages,
  prior: F64,
  options: { alpha: number; lambda: number; kernel: 'rbf' | 'imq'; scale: number },
): Value {
  const { alpha, lambda, kernel, scale } = options;
  const mmd = discrepancy(firstSamples(stages), prior, kernel, scale);
  const rate = (1 - alpha) * average(stages.kl.values);
  return {
    loss: rate + (alpha + lambda - 1) * mmd - average(stages.reconstruction.values),
    terms: { mmd },
  };
}

export function dip(
  stages: Stages,
  variant: 'I' | 'II',
  weights: { offDiagonal: number; diagonal: number },
): Value {
  const covariance = covarianceOf(stages, variant);
  const K = size(covariance, 0);
  const terms = { offDiagonal: 0, diagonal: 0 };
  covariance.values.forEach((value, index) => {
    const isDiagonal = Math.floor(index / K) === index % K;
    if (isDiagonal) terms.diagonal += (value - 1) ** 2;
    else terms.offDiagonal += value ** 2;
  });
  const penalty = weights.offDiagonal * terms.offDiagonal + weights.diagonal * terms.diagonal;
  const { kl, reconstruction } = stages;
  return { loss: average(kl.values) - average(reconstruction.values) + penalty, terms };
}

/** f64[K, K] over the data: of the means, and for II with the mean variances on the diagonal. */
export function covarianceOf({ moments }: Pick<Stages, 'moments'>, variant: 'I' | 'II'): F64 {
  const [n, K] = [size(moments, 0), size(moments, 1) / 2];
  const column = (c: number, f = (v: number): number => v): number =>
    average(Array.from({ length: n }, (_, i) => f(at(moments, i, c))));
  const covariance = zeros([K, K]);
  for (let a = 0; a < K; a++)
    for (let b = 0; b < K; b++) {
      const products = Array.from({ length: n }, (_, i) => at(moments, i, a) * at(moments, i, b));
      covariance.values[a * K + b] = average(products) - column(a) * column(b);
      if (a === b && variant === 'II') covariance.values[a * K + b]! += column(K + a, Math.exp);
    }
  return covariance;
}

/** Rows through tanh layers and a Linear behind them, weights `[out, in]`: features f64[R, F] and their logits f64[R]. */
export interface Judged {
  features: F64;
  logits: Float64Array;
}

export type Network = readonly { weight: F64; bias: F64 }[];

function affineRows(x: F64, { weight, bias }: Network[number], f = (v: number): number => v): F64 {
  const [rows, inputs, outputs] = [size(x, 0), size(x, 1), size(weight, 0)];
  const y = zeros([rows, outputs]);
  for (let r = 0; r < rows; r++)
    for (let o = 0; o < outputs; o++) {
      let total = bias.values[o]!;
      for (let i = 0; i < inputs; i++) total += at(x, r, i) * at(weight, o, i);
      y.values[r * outputs + o] = f(total);
    }
  return y;
}

/** Every layer but the last is followed by tanh. */
export function runNetwork(network: Network, x: F64): F64 {
  return network.reduce(
    (y, layer, i) => affineRows(y, layer, i < network.length - 1 ? Math.tanh : undefined),
    x,
  );
}

export function judge(network: Network, x: F64): Judged {
  const [head, hidden] = [network.at(-1)!, network.slice(0, -1)];
  const features = hidden.reduce((y, layer) => affineRows(y, layer, Math.tanh), x);
  return { features, logits: affineRows(features, head).values };
}

const softplus = (v: number): number => Math.log1p(Math.exp(v));
const missFirst = ({ logits }: Judged): number => average(logits.map((l) => softplus(-l)));
const missSecond = ({ logits }: Judged): number => average(logits.map(softplus));

/** The discriminator's loss: half the cross-entropy of the first kind and half that of the others, all kinds alike. */
export function discriminatorLoss(first: Judged, others: readonly Judged[]): number {
  return missFirst(first) / 2 + average(others.map(missSecond)) / 2;
}

export function factor({ kl, reconstruction }: Stages, z: Judged, weight: number): Value {
  const totalCorrelation = average(z.logits);
  const bound = average(reconstruction.values) - average(kl.values);
  return { loss: weight * totalCorrelation - bound, terms: { totalCorrelation } };
}

export function adversarial({ reconstruction }: Stages, z: Judged, weight: number): Value {
  const fooling = missFirst(z);
  return { loss: weight * fooling - average(reconstruction.values), terms: { fooling } };
}

/** The encoder's loss, or the decoder's. */
export function vaeGan(
  { kl }: Stages,
  images: { real: Judged; reconstructed: Judged; sampled: Judged },
  weight: number,
  whose: 'encoder' | 'decoder',
): Value {
  const { real, reconstructed, sampled } = images;
  const F = size(real.features, 1);
  const rows = reconstructed.features.values.length / F;
  const likeness =
    reconstructed.features.values.reduce(
      (sum, value, i) => sum + (value - real.features.values[i % real.features.values.length]!) ** 2,
      0,
    ) /
    (2 * rows);
  const fooling = (missFirst(reconstructed) + missFirst(sampled)) / 2;
  const loss = whose === 'encoder' ? average(kl.values) + likeness : weight * likeness + fooling;
  return { loss, terms: { likeness, fooling } };
}
