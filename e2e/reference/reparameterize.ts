/**
 * The posterior q(z|x) = N(m, exp(s)): a sample as a differentiable function of its moments (Kingma and Welling
 * 2013, section 2.4), and the divergence from the standard normal prior by either estimator of the bound.
 * Dimensions: B data, S samples a datum, K latent. Row r of an [S*B] tensor is sample floor(r / B) of datum r mod B.
 */
import { ShapeError } from '../../src/gpu/errors.js';
import { map, size, zeros, type F64 } from './tensor.js';

/** `diagonal`: moments `f64[B, 2K]` = mean, logVariance. `isotropic`: `f64[B, K+1]`, one logVariance a datum. */
export type PosteriorFamily = 'diagonal' | 'isotropic';

/** `A`: the sampled `log q(z|x) - log p(z)`. `B`: the analytic divergence. They agree in the mean over the noise. */
export type Estimator = 'A' | 'B';

export interface ReparameterizeOptions {
  posterior: PosteriorFamily;
  estimator: Estimator;
}

/** Log-variance is used clamped to this range; outside it the gradient is zero. */
export const LOG_VARIANCE_MIN = -30;
export const LOG_VARIANCE_MAX = 20;

/**
 * Sample and divergence: moments (see `PosteriorFamily`), noise eps `f64[S*B, K]` -> z `f64[S*B, K]`, kl `f64[S*B]` in
 * nats a row. `z = m + exp(s/2) eps`;
 * estimator B: `kl = 1/2 sum_k (exp(s) + m^2 - 1 - s)`, the same for every sample of a datum;
 * estimator A: `kl = sum_k (z^2/2 - eps^2/2 - s/2)`, which is `log q(z|x) - log p(z)` (the 2 pi terms cancel).
 * @throws ShapeError when moments do not have 2K (isotropic: K+1) columns or the noise is not whole batches.
 */
export function reparameterize(
  moments: F64,
  noise: F64,
  options: ReparameterizeOptions,
): { z: F64; kl: F64 } {
  const K = checkColumns(moments, noise, options.posterior);
  const z = zeros(noise.shape);
  const kl = zeros([size(noise, 0)]);
  noise.values.forEach((eps, i) => {
    const row = Math.floor(i / K);
    const { m, s } = momentsAt(moments, row, i % K, K, options.posterior);
    const sample = m + Math.exp(s / 2) * eps;
    z.values[i] = sample;
    kl.values[row]! +=
      options.estimator === 'A' ? sample ** 2 / 2 - eps ** 2 / 2 - s / 2 : (Math.expm1(s) - s + m ** 2) / 2; // expm1: exp(s) - 1 cancels near s = 0
  });
  return { z, kl };
}

/**
 * Vector-Jacobian product for zGradient `f64[S*B, K]` and klGradient `f64[S*B]` -> the gradient of the moments,
 * summed over the samples of a datum (and for `isotropic` over K in the shared column).
 * `dz/dm = 1, dz/ds = exp(s/2) eps / 2`; B: `dkl/dm = m, dkl/ds = (exp(s) - 1)/2`;
 * A: `dkl/dz = z` and, directly, `dkl/ds = -1/2`.
 */
export function reparameterizeBackward(
  moments: F64,
  noise: F64,
  options: ReparameterizeOptions,
  zGradient: F64,
  klGradient: F64,
): F64 {
  const K = checkColumns(moments, noise, options.posterior);
  const gradient = zeros(moments.shape);
  noise.values.forEach((eps, i) => {
    const row = Math.floor(i / K);
    const { m, s, meanIndex, logVarianceIndex } = momentsAt(moments, row, i % K, K, options.posterior);
    const sigma = Math.exp(s / 2);
    const klCotangent = klGradient.values[row]!;
    let byZ = zGradient.values[i]!;
    let byMean = 0;
    let byLogVariance: number;
    if (options.estimator === 'A') {
      byZ += klCotangent * (m + sigma * eps);
      byLogVariance = -klCotangent / 2;
    } else {
      byMean = klCotangent * m;
      byLogVariance = (klCotangent * Math.expm1(s)) / 2;
    }
    gradient.values[meanIndex]! += byMean + byZ;
    const raw = moments.values[logVarianceIndex]!;
    if (raw >= LOG_VARIANCE_MIN && raw <= LOG_VARIANCE_MAX)
      gradient.values[logVarianceIndex]! += byLogVariance + (byZ * sigma * eps) / 2;
  });
  return gradient;
}

/** Vector-Jacobian product by supplied noise: `dz/deps = exp(s/2)`; A: `dkl/deps = z exp(s/2) - eps`. */
export function reparameterizeNoiseGradient(
  moments: F64,
  noise: F64,
  options: ReparameterizeOptions,
  zGradient: F64,
  klGradient: F64,
): F64 {
  const K = checkColumns(moments, noise, options.posterior);
  return map(noise, (eps, i) => {
    const { m, s } = momentsAt(moments, Math.floor(i / K), i % K, K, options.posterior);
    const sigma = Math.exp(s / 2);
    const ofKl = options.estimator === 'A' ? (m + sigma * eps) * sigma - eps : 0;
    return zGradient.values[i]! * sigma + klGradient.values[Math.floor(i / K)]! * ofKl;
  });
}

/** Mean and clamped log-variance of latent `k` for a sample row, and where in `moments` they stand. */
function momentsAt(
  moments: F64,
  row: number,
  k: number,
  K: number,
  posterior: PosteriorFamily,
): { m: number; s: number; meanIndex: number; logVarianceIndex: number } {
  const [B, columns] = [size(moments, 0), size(moments, 1)];
  const start = (row % B) * columns;
  const meanIndex = start + k;
  const logVarianceIndex = start + K + (posterior === 'diagonal' ? k : 0);
  const s = Math.min(Math.max(moments.values[logVarianceIndex]!, LOG_VARIANCE_MIN), LOG_VARIANCE_MAX);
  return { m: moments.values[meanIndex]!, s, meanIndex, logVarianceIndex };
}

function checkColumns(moments: F64, noise: F64, posterior: PosteriorFamily): number {
  const K = size(noise, 1);
  const columns = posterior === 'diagonal' ? 2 * K : K + 1;
  if (size(moments, 1) !== columns || size(noise, 0) % size(moments, 0) !== 0)
    throw new ShapeError(
      'reference reparameterize',
      `moments f64[${moments.shape.join(', ')}] and noise f64[${noise.shape.join(', ')}] came; a ${posterior} posterior ` +
        `expects moments of ${columns} columns and noise rows that are a multiple of the moments' rows`,
    );
  return K;
}
