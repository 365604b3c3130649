/**
 * Plan: z = mean + exp(s/2) noise, the KL term of every row, and the gradient of both by the moments.
 * - posterior diagonal, isotropic x estimator A, B x 1 and 3 samples x own and supplied noise (control: diagonal, B);
 * - latent 1, 2, 20 and 65 (one past the widest workgroup), batches of 1 to 33;
 * - log-variances outside the range where they are clamped, and around 0, where exp(s) - 1 - s cancels.
 */
import { gradient, add, multiply, reparameterize, sum, type Tensor } from 'webgpu-vae/gpu';
import { normalNoise } from '../reference/noise.js';
import {
  LOG_VARIANCE_MAX,
  LOG_VARIANCE_MIN,
  reparameterizeBackward,
  reparameterize as reference,
} from '../reference/reparameterize.js';
import { map, randomNormal, zeros, type F64 } from '../reference/tensor.js';
import { expError, tolerances, ULP, unaryErrors } from '../tolerance.js';
import { rowClasses, type AdapterClass, type CaseGraph, type KernelCase } from './case.js';

interface Row {
  readonly posterior: 'diagonal' | 'isotropic';
  readonly estimator: 'A' | 'B';
  readonly samples: number;
  readonly supplied: boolean;
  readonly batch: number;
  readonly latent: number;
  /** Standard deviation of the test's log-variances. */
  readonly spread: number;
}

const control: Row = {
  posterior: 'diagonal',
  estimator: 'B',
  samples: 1,
  supplied: true,
  batch: 5,
  latent: 20,
  spread: 1,
};

const families = (['diagonal', 'isotropic'] as const).flatMap((posterior) =>
  (['B', 'A'] as const).flatMap((estimator) => [1, 3].map((samples) => ({ posterior, estimator, samples }))),
);

const table: readonly Row[] = [
  ...families.flatMap((family): Row[] => [
    { ...control, ...family },
    { ...control, ...family, supplied: false, latent: 2 },
    { ...control, ...family, latent: 65, batch: 2 },
    { ...control, ...family, latent: 1, batch: 1 },
  ]),
  { ...control, batch: 33, latent: 3, supplied: false },
  { ...control, spread: 1e-3 },
  { ...control, spread: 30 }, // a third of the log-variances are clamped
  { ...control, spread: 30, posterior: 'isotropic', batch: 31 },
  { ...control, spread: 12, estimator: 'A', samples: 3 },
];

const seed = { low: 99, high: 3 };
const stream = 4;
const tag = 6;

function words({ posterior, estimator, samples, supplied, batch, latent, spread }: Row): string {
  const noise = supplied ? 'supplied' : 'own';
  return `${posterior} ${estimator} S=${samples} B=${batch} K=${latent} ${noise} noise, spread ${spread}`;
}

/** Moments f64[B, 2K] or f64[B, K + 1], noise f64[S*B, K]. */
function operands({ posterior, samples, supplied, batch, latent, spread }: Row): {
  moments: F64;
  noise: F64;
} {
  const columns = posterior === 'diagonal' ? 2 * latent : latent + 1;
  const values = randomNormal([batch, columns], 1);
  const moments = map(values, (v, i) => (i % columns < latent ? v : Math.fround(spread * v)));
  const shape = [samples * batch, latent];
  const noise = supplied
    ? randomNormal(shape, 2)
    : normalNoise(shape, { low: seed.low, high: (seed.high ^ tag) >>> 0 }, stream);
  return { moments, noise };
}

/** What the rounding of one latent's part is relative to. */
interface Element {
  readonly m: number;
  readonly s: number;
  readonly sigma: number;
  readonly epsilon: number;
  readonly z: number;
  /** Allowed error of z. */
  readonly zError: number;
  /** Flat indices in the moments. */
  readonly meanIndex: number;
  readonly scaleIndex: number;
}

function elements({ posterior, latent, batch, supplied }: Row, moments: F64, noise: F64): Element[] {
  const columns = moments.shape[1]!;
  return Array.from(noise.values, (epsilon, i) => {
    const datum = Math.floor(i / latent) % batch;
    const meanIndex = datum * columns + (i % latent);
    const scaleIndex = datum * columns + latent + (posterior === 'diagonal' ? i % latent : 0);
    const m = moments.values[meanIndex]!;
    const s = Math.min(Math.max(moments.values[scaleIndex]!, LOG_VARIANCE_MIN), LOG_VARIANCE_MAX);
    const sigma = Math.exp(s / 2);
    const z = m + sigma * epsilon;
    const noiseError = supplied ? 0 : tolerances.noise(sigma);
    const zError = ULP * Math.abs(z) + (expError(s / 2) + ULP) * sigma * Math.abs(epsilon) + noiseError;
    return { m, s, sigma, epsilon, z, zError, meanIndex, scaleIndex };
  });
}

/** Allowed error of one latent's part of the KL term, before the sum. */
function klError({ estimator, supplied }: Row, { m, s, z, epsilon, zError }: Element): number {
  if (estimator === 'A') {
    const noiseError = supplied ? 0 : tolerances.noise(2 * Math.abs(epsilon));
    return Math.abs(z) * zError + noiseError + 2 * ULP * (z * z + epsilon * epsilon + Math.abs(s));
  }
  const e = Math.expm1(s);
  return unaryErrors.expm1(s, e) + 2 * ULP * (Math.abs(e) + Math.abs(s) + m * m);
}

/** Magnitude of one latent's part of the KL term: what the sum over latents adds up. */
function klMagnitude({ estimator }: Row, { m, s, z, epsilon }: Element): number {
  const parts = estimator === 'A' ? [z * z, epsilon * epsilon, s] : [Math.expm1(s), s, m * m];
  return parts.reduce((total, part) => total + Math.abs(part) / 2, 0);
}

function build(graph: CaseGraph, row: Row): void {
  const { posterior, estimator, samples, latent, supplied } = row;
  const { moments, noise } = operands(row);
  graph.steps = [{ seed: [seed.low, seed.high], stream }];
  const tensor = graph.input('moments', moments);
  const attributes = { latent, samples, posterior, estimator, tag };
  const { z, kl } = reparameterize(tensor, attributes, supplied ? graph.input('noise', noise) : undefined);
  const expected = reference(moments, noise, { posterior, estimator });
  const parts = elements(row, moments, noise);
  graph.expect(
    'z',
    z,
    expected.z,
    Float64Array.from(parts, ({ zError }) => zError),
  );
  const klAllowed = zeros(expected.kl.shape);
  parts.forEach((part, i) => {
    const allowed = klError(row, part) + tolerances.dot(latent, klMagnitude(row, part));
    klAllowed.values[Math.floor(i / latent)]! += allowed;
  });
  graph.expect('kl', kl, expected.kl, klAllowed.values);
  expectGradient(graph, row, tensor, z, kl, { moments, noise }, parts);
}

/** The gradient of <a, z> + <b, kl> by the moments. */
function expectGradient(
  graph: CaseGraph,
  { posterior, estimator, samples, latent, supplied }: Row,
  tensor: Tensor,
  z: Tensor,
  kl: Tensor,
  { moments, noise }: { moments: F64; noise: F64 },
  parts: readonly Element[],
): void {
  const zCotangent = randomNormal(z.shape, 3);
  const klCotangent = randomNormal(kl.shape, 4);
  const loss = add(
    sum(multiply(z, graph.input('zCotangent', zCotangent))),
    sum(multiply(kl, graph.input('klCotangent', klCotangent))),
  );
  const [momentsGradient] = gradient(loss, [tensor]);
  const expected = reparameterizeBackward(moments, noise, { posterior, estimator }, zCotangent, klCotangent);
  const allowed = zeros(moments.shape);
  const terms = posterior === 'isotropic' ? samples * latent : samples;
  parts.forEach((part, i) => {
    const { m, s, sigma, epsilon, z: value, zError, meanIndex, scaleIndex } = part;
    const dz = Math.abs(zCotangent.values[i]!);
    const dk = Math.abs(klCotangent.values[Math.floor(i / latent)]!);
    const spread = 0.5 * sigma * Math.abs(epsilon);
    const spreadError = spread * (expError(s / 2) + 2 * ULP) + (supplied ? 0 : tolerances.noise(sigma));
    const direct = estimator === 'A' ? Math.abs(value) : Math.abs(m);
    const byMean = dz + dk * direct;
    const bySpread =
      dz * spread + dk * (estimator === 'A' ? direct * spread + 0.5 : Math.abs(Math.expm1(s)) / 2);
    const byError =
      dz * spreadError +
      dk * (estimator === 'A' ? zError * spread + direct * spreadError : unaryErrors.expm1(s, Math.expm1(s)));
    allowed.values[meanIndex]! +=
      tolerances.dot(samples, byMean) + 3 * ULP * byMean + (estimator === 'A' ? dk * zError : 0);
    allowed.values[scaleIndex]! += tolerances.dot(terms, bySpread) + 4 * ULP * bySpread + byError;
  });
  graph.expect('momentsGradient', momentsGradient!, expected, allowed.values);
}

function posteriorCase(row: Row, adapterClass: AdapterClass): KernelCase {
  return {
    name: `reparameterize ${words(row)} (${adapterClass})`,
    adapterClass,
    build: (graph) => build(graph, row),
  };
}

export const reparameterizeCases: readonly KernelCase[] = rowClasses.flatMap((adapterClass) =>
  table.map((row) => posteriorCase(row, adapterClass)),
);
