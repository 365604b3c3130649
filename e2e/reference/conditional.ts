/**
 * The bound of a small conditional VAE in float64: a dense layer with tanh each way, the condition beside the data and
 * beside z, and a prior of its own for every condition or N(0, I). Sohn et al. 2015, equation 4. Rows are sample-major.
 * Dimensions: B data, S samples, R = S*B rows, D values a datum, C columns of the condition, K latent.
 */
import { logLikelihood } from './likelihood.js';
import { matmul } from './matmul.js';
import { size, zeros, type F64 } from './tensor.js';
import { take } from './vae-parameters.js';
import type { Parameters } from './vae.js';

/** `tanh` or nothing behind the Linear `name` of x. */
function linear(
  parameters: Parameters,
  name: string,
  x: F64,
  activation: 'tanh' | 'identity' = 'identity',
): F64 {
  const bias = take(parameters, `${name}.bias`);
  return matmul(x, take(parameters, `${name}.weight`), { transposeB: true, bias, activation });
}

/** `[a | b]`; row r of the result has row r mod rows(b) of b. */
function beside(a: F64, b: F64): F64 {
  const [rows, left, right] = [size(a, 0), size(a, 1), size(b, 1)];
  const joined = zeros([rows, left + right]);
  for (let r = 0; r < rows; r++) {
    const other = (r % size(b, 0)) * right;
    joined.values.set(a.values.subarray(r * left, (r + 1) * left), r * (left + right));
    joined.values.set(b.values.subarray(other, other + right), r * (left + right) + left);
  }
  return joined;
}

/** Mean and log-variance of p(z | c), `f64[B, 2K]`: the layer `prior.0` with tanh, then `prior.moments`. */
export function priorMoments(parameters: Parameters, condition: F64): F64 {
  return linear(parameters, 'prior.moments', linear(parameters, 'prior.0', condition, 'tanh'));
}

/** log N(z; m, exp s) of one number. */
const logNormal = (z: number, m: number, s: number): number =>
  -((z - m) ** 2 / Math.exp(s) + s + Math.log(2 * Math.PI)) / 2;

/** KL(N(m, exp s) || N(n, exp t)) of one number. */
const divergence = (m: number, s: number, n: number, t: number): number =>
  (t - s + (Math.exp(s) + (m - n) ** 2) / Math.exp(t) - 1) / 2;

export interface ConditionalTerms {
  readonly elbo: number;
  readonly reconstruction: number;
  readonly kl: number;
}

/** Means over all rows for x `f64[B, D]` in [0, 1], a condition `f64[B, C]` and noise `f64[R, K]`, Bernoulli. */
export function conditionalTerms(
  parameters: Parameters,
  { x, condition, noise }: { x: F64; condition: F64; noise: F64 },
  { estimator, ownPrior }: { estimator: 'A' | 'B'; ownPrior: boolean },
): ConditionalTerms {
  const [B, R, K] = [size(x, 0), size(noise, 0), size(noise, 1)];
  const hidden = linear(parameters, 'encoder.0', beside(x, condition), 'tanh');
  const mean = linear(parameters, 'mean', hidden);
  const logVariance = linear(parameters, 'log_variance', hidden);
  const prior = ownPrior ? priorMoments(parameters, condition) : zeros([B, 2 * K]);
  const z = zeros([R, K]);
  let kl = 0;
  for (let r = 0; r < R; r++)
    for (let k = 0; k < K; k++) {
      const datum = r % B;
      const [m, s] = [mean.values[datum * K + k]!, logVariance.values[datum * K + k]!];
      const [n, t] = [prior.values[datum * 2 * K + k]!, prior.values[datum * 2 * K + K + k]!];
      const value = m + Math.exp(s / 2) * noise.values[r * K + k]!;
      z.values[r * K + k] = value;
      const sampled = logNormal(value, m, s) - logNormal(value, n, t);
      kl += (estimator === 'A' ? sampled : divergence(m, s, n, t)) / R;
    }
  const decoded = linear(parameters, 'decoder.0', beside(z, condition), 'tanh');
  const rows = logLikelihood('bernoulli', linear(parameters, 'decoder.2', decoded), x, undefined);
  const reconstruction = rows.values.reduce((sum, value) => sum + value / R, 0);
  return { elbo: reconstruction - kl, reconstruction, kl };
}
