/**
 * Bounds of several samples in float64, each written as its paper defines it: the log weights of all samples first,
 * then a number for the batch. Gradients are central differences of these numbers. Rows are sample-major: row r
 * belongs to datum r mod B. Dimensions: B data, S samples, R = S*B rows, K latent.
 */
import { size, zeros, type F64 } from './tensor.js';
import { vaeForward, type DenseVaeSpec, type Parameters } from './vae.js';

const LOG_2PI = Math.log(2 * Math.PI);

/** `log N(z; 0, I)` of a row of z. */
function logPrior(z: F64, row: number): number {
  const K = size(z, 1);
  let sum = 0;
  for (let k = 0; k < K; k++) sum -= (z.values[row * K + k]! ** 2 + LOG_2PI) / 2;
  return sum;
}

/** `log N(z; m, exp s)` of every row of z `f64[R, K]`, with moments `f64[B, 2K]` or `f64[B, K + 1]`: `f64[R]`. */
export function logPosterior(z: F64, moments: F64): F64 {
  const [R, K, B, W] = [size(z, 0), size(z, 1), size(moments, 0), size(moments, 1)];
  const result = zeros([R]);
  for (let r = 0; r < R; r++)
    for (let k = 0; k < K; k++) {
      const first = (r % B) * W;
      const mean = moments.values[first + k]!;
      const s = moments.values[first + K + (W === K + 1 ? 0 : k)]!;
      result.values[r]! -= ((z.values[r * K + k]! - mean) ** 2 / Math.exp(s) + s + LOG_2PI) / 2;
    }
  return result;
}

/**
 * `log w = log p(x | z) + log p(z) - log q(z | x)`, `f64[R]`, with z from the noise `f64[R, K]`. `density` are the
 * parameters that log q is evaluated at, where they are not those that z is made with.
 */
export function logWeights(
  spec: DenseVaeSpec,
  parameters: Parameters,
  x: F64,
  noise: F64,
  density: Parameters = parameters,
): F64 {
  const { z, reconstruction, moments } = vaeForward(spec, parameters, x, noise);
  const fixed = density === parameters ? moments : vaeForward(spec, density, x, noise).moments;
  const logQ = logPosterior(z, fixed);
  const values = reconstruction.values.map((value, row) => value + logPrior(z, row) - logQ.values[row]!);
  return { shape: [values.length], values };
}

/** The log weights of a datum's samples in one group: samples [g * S/G, (g + 1) * S/G). */
function groupOf(logW: F64, batch: number, groups: number, datum: number, group: number): number[] {
  const length = logW.values.length / batch / groups;
  return Array.from({ length }, (_, i) => logW.values[(group * length + i) * batch + datum]!);
}

/** `log 1/n sum exp`, with the largest taken out. */
function logMeanExp(values: readonly number[]): number {
  const largest = Math.max(...values);
  const sum = values.reduce((total, value) => total + Math.exp(value - largest), 0);
  return largest + Math.log(sum / values.length);
}

/** Mean over data and groups of `f` of a group's log weights. */
function meanOverGroups(
  logW: F64,
  batch: number,
  groups: number,
  f: (values: number[], datum: number, group: number) => number,
): number {
  let total = 0;
  for (let datum = 0; datum < batch; datum++)
    for (let group = 0; group < groups; group++)
      total += f(groupOf(logW, batch, groups, datum, group), datum, group);
  return total / (batch * groups);
}

/** The elbo by estimator A: the mean of log w. */
export function meanBound(logW: F64): number {
  return logW.values.reduce((sum, value) => sum + value, 0) / logW.values.length;
}

/** `log 1/k sum_i w_i` of k samples, the mean over `groups` groups and the data. Burda et al. 2015, equation 8. */
export function importanceBound(logW: F64, batch: number, groups = 1): number {
  return meanOverGroups(logW, batch, groups, logMeanExp);
}

/**
 * `sum_i W_i^2 log w_i` with the normalized weights `W` of `frozen`, the mean over groups and data. Where `logW` has
 * log q at fixed parameters, its gradient by phi is `sum_i W_i^2 dlog w_i/dz_i dz_i/dphi`: Tucker et al. 2018, equation 8.
 */
export function doublyReparameterized(logW: F64, frozen: F64, batch: number, groups = 1): number {
  return meanOverGroups(logW, batch, groups, (values, datum, group) => {
    const fixed = groupOf(frozen, batch, groups, datum, group);
    const logSum = logMeanExp(fixed) + Math.log(fixed.length);
    return values.reduce((sum, value, i) => sum + Math.exp(fixed[i]! - logSum) ** 2 * value, 0);
  });
}

/**
 * `1/(S B) sum_r (f_r - b_r) log q(z_r)` with fixed f and z, whose gradient by phi is the score function's; the
 * baseline b is 0, or the mean f of a datum's other samples. Williams 1992; Kool et al. 2019, equation 8.
 */
export function scoreSurrogate(f: F64, logQ: F64, batch: number, leaveOneOut: boolean): number {
  const R = f.values.length;
  const S = R / batch;
  let total = 0;
  for (let row = 0; row < R; row++) {
    let others = 0;
    for (let s = 0; s < S; s++) {
      const other = s * batch + (row % batch);
      if (other !== row) others += f.values[other]! / (S - 1);
    }
    total += (f.values[row]! - (leaveOneOut ? others : 0)) * logQ.values[row]!;
  }
  return total / R;
}
