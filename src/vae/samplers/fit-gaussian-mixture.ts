/**
 * A Gaussian mixture fitted to latents after training, to be sampled instead of the prior where the two differ (Ghosh et
 * al. 2020, section 4.1). EM (Bishop 2006, section 9.2.2) from a k-means++ start (Arthur and Vassilvitskii 2007). Variances
 * have a floor; raising the eigenvalues below it is the best covariance above it, so the likelihood never falls.
 */
import { integer, numberIn, oneOf } from '../../gpu/check.js';
import { DataError } from '../../gpu/errors.js';
import { drawIndex, uniformDraws } from '../float64/draws.js';
import { logSumExp } from '../float64/log-density.js';
import { symmetricEigen } from '../float64/symmetric-eigen.js';
import { checkMatrix, type Matrix } from '../metrics/matrix.js';
import { GaussianMixture, jointLogDensities, type Component } from './gaussian-mixture.js';

/** How a mixture is fitted by EM. */
export interface GaussianMixtureOptions {
  /** 10. */
  readonly components?: number;
  /** `full` by default. */
  readonly covariance?: 'full' | 'diagonal';
  readonly seed?: number;
  /** Passes at most: 100. */
  readonly iterations?: number;
  /** Ends when a pass gains less, in nats a row: 1e-6. */
  readonly tolerance?: number;
  /** Least variance along any direction: 1e-6. */
  readonly floor?: number;
}

/** Stream of the start, away from other uses of a seed ("gm"). */
const START_STREAM = 0x676d0000;

/**
 * Fits a mixture to codes, usually the posterior's means (f32[N, K]) over the training data.
 * @throws DataError for fewer rows than components, SpecError for an option out of range
 */
export function fitGaussianMixture(codes: Matrix, options: GaussianMixtureOptions = {}): GaussianMixture {
  const { components: count = 10, seed = 0, iterations = 100, tolerance = 1e-6 } = options;
  const rows = checkMatrix(codes, 'gaussianMixture');
  integer(count, 'gaussianMixture.components', 1, 4096);
  integer(iterations, 'gaussianMixture.iterations', 1, 1e6);
  if (count > rows)
    throw new DataError(
      'gaussianMixture',
      `${rows} rows came; ${count} components need at least as many; pass more rows or fewer components`,
    );
  const shape = { covariance: options.covariance ?? 'full', floor: options.floor ?? 1e-6 };
  oneOf(shape.covariance, 'gaussianMixture.covariance', ['full', 'diagonal']);
  numberIn(shape.floor, 'gaussianMixture.floor', Number.MIN_VALUE, 1e6);
  let components = maximize(codes, rows, startingShares(codes, rows, count, seed), shape);
  const history: number[] = [];
  for (let pass = 0; pass <= iterations; pass++) {
    const { shares, logLikelihood } = expect(components, codes, rows);
    const gain = logLikelihood - (history.at(-1) ?? -Infinity);
    history.push(logLikelihood);
    if (gain < tolerance || pass === iterations) break;
    components = maximize(codes, rows, shares, shape);
  }
  return new GaussianMixture(components, history);
}

interface CovarianceShape {
  readonly covariance: 'full' | 'diagonal';
  readonly floor: number;
}

/** E-step: each component's share of every row, and the mean log-likelihood. */
function expect(
  components: readonly Component[],
  codes: Matrix,
  rows: number,
): { shares: Float64Array[]; logLikelihood: number } {
  const shares = jointLogDensities(components, codes, rows);
  let total = 0;
  for (let n = 0; n < rows; n++) {
    const logDensity = logSumExp(shares.map((values) => values[n]!));
    for (const values of shares) values[n] = Math.exp(values[n]! - logDensity);
    total += logDensity;
  }
  return { shares, logLikelihood: total / rows };
}

/** M-step: weight, mean and covariance of the rows by their shares. A component without rows gets a weight of 0. */
function maximize(
  codes: Matrix,
  rows: number,
  shares: readonly Float64Array[],
  { covariance, floor }: CovarianceShape,
): Component[] {
  return shares.map((share) => {
    const mass = share.reduce((sum, value) => sum + value, 0);
    const weights = share.map((value) => value / (mass || 1));
    const mean = weightedMean(codes, weights);
    const spread = weightedCovariance(codes, weights, mean, covariance);
    const { columns: K } = codes;
    const { values, vectors } = symmetricEigen({ rows: K, columns: K, values: spread });
    const variances = values.map((value) => Math.max(value, floor));
    return { weight: mass / rows, mean, variances, axes: vectors.values };
  });
}

function weightedMean({ columns: K, values }: Matrix, weights: Float64Array): Float64Array {
  const mean = new Float64Array(K);
  for (let n = 0; n < weights.length; n++)
    for (let k = 0; k < K; k++) mean[k]! += weights[n]! * values[n * K + k]!;
  return mean;
}

/** `sum_n w_n (z_n - mean)(z_n - mean)'`, f64[K, K], or its diagonal alone. */
function weightedCovariance(
  { columns: K, values }: Matrix,
  weights: Float64Array,
  mean: Float64Array,
  covariance: CovarianceShape['covariance'],
): Float64Array {
  const result = new Float64Array(K * K);
  const row = new Float64Array(K);
  for (let n = 0; n < weights.length; n++) {
    const weight = weights[n]!;
    if (weight === 0) continue;
    for (let k = 0; k < K; k++) row[k] = values[n * K + k]! - mean[k]!;
    for (let i = 0; i < K; i++) {
      const first = covariance === 'full' ? 0 : i;
      for (let j = first; j <= i; j++) result[i * K + j]! += weight * row[i]! * row[j]!;
    }
  }
  for (let i = 0; i < K; i++) for (let j = 0; j < i; j++) result[j * K + i] = result[i * K + j]!;
  return result;
}

/** k-means++: centres drawn by squared distance to the nearest so far; each row belongs to its nearest one. */
function startingShares(
  { columns: K, values }: Matrix,
  rows: number,
  count: number,
  seed: number,
): Float64Array[] {
  const draw = uniformDraws(seed, START_STREAM);
  const distances = new Float64Array(rows).fill(1);
  const owners = new Uint32Array(rows);
  for (let c = 0; c < count; c++) {
    const centre = drawIndex(distances, draw());
    for (let n = 0; n < rows; n++) {
      let distance = 0;
      for (let k = 0; k < K; k++) distance += (values[n * K + k]! - values[centre * K + k]!) ** 2;
      if (c > 0 && distance >= distances[n]!) continue;
      distances[n] = distance;
      owners[n] = c;
    }
  }
  return Array.from({ length: count }, (_, c) => Float64Array.from(owners, (owner) => (owner === c ? 1 : 0)));
}
