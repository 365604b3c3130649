/**
 * Posterior and marginal of a linear Gaussian model, with `A = W' Psi^-1` and `P = I + A W`:
 *
 *   p(z given x) = N(P^-1 A (x - mean), P^-1)
 *   log p(x) = -1/2 (D log 2 pi + log|P| + log|Psi| + (x - mean)' Psi^-1 (x - mean) - m' P m),  m the posterior's mean
 *
 * Averages over data need their second moments only: the variances s (`f64[D]`) and the products `Y = S B'` of the
 * covariance with the projection `B = P^-1 A`.
 */
import { SpecError } from '../../gpu/errors.js';
import type { LinearParameters } from './linear-parameters.js';
import {
  addIdentity,
  cholesky,
  choleskySolve,
  dot,
  identity,
  logDeterminant,
  matrix,
  multiply,
  rowOf,
  symmetrize,
  transpose,
  type Matrix,
} from '../float64/matrix.js';

/** p(z given x) = N(projection (x - mean), covariance), the same covariance for every x. */
export interface Posterior {
  /** B, `f64[K, D]` */
  readonly projection: Matrix;
  /** G, `f64[K, K]` */
  readonly covariance: Matrix;
  /** P, `f64[K, K]`; undefined for PCA, where it is infinite. */
  readonly precision: Matrix | undefined;
  /** `log |W W' + Psi|`; -infinity for PCA. */
  readonly logDeterminant: number;
}

type Parameters = Pick<LinearParameters, 'weight' | 'noiseVariance'>;

/** @throws NumericError when Psi is so small that P is not positive definite in float64 */
export function posteriorOf({ weight, noiseVariance }: Parameters): Posterior {
  if (noiseVariance.every((value) => value === 0)) return principalProjection(weight);
  const scaled = transpose(weight); // becomes A
  for (let k = 0; k < scaled.rows; k++) {
    const row = rowOf(scaled, k);
    for (let j = 0; j < row.length; j++) row[j]! /= noiseVariance[j]!;
  }
  const precision = addIdentity(symmetrize(multiply(scaled, weight)));
  const factor = cholesky(precision);
  return {
    projection: choleskySolve(factor, scaled),
    covariance: symmetrize(choleskySolve(factor, identity(weight.columns))),
    precision,
    logDeterminant: logDeterminant(factor) + noiseVariance.reduce((sum, value) => sum + Math.log(value), 0),
  };
}

/** The limit Psi -> 0 for orthogonal columns: least squares, and nothing along a column of zeros. */
function principalProjection(weight: Matrix): Posterior {
  const K = weight.columns;
  const projection = transpose(weight);
  for (let k = 0; k < K; k++) {
    const row = rowOf(projection, k);
    const length = dot(row, row);
    if (length > 0) row.forEach((value, j) => (row[j] = value / length));
  }
  return { projection, covariance: matrix(K, K), precision: undefined, logDeterminant: -Infinity };
}

/** log p(x) in nats of one row `f64[D]`, centred. @throws SpecError for PCA */
export function rowLogLikelihood(
  model: Parameters & { readonly posterior: Posterior },
  centred: Float64Array,
): number {
  const { projection, precision, logDeterminant: logVolume } = model.posterior;
  const P = checkDensity(precision);
  const mean = multiply(projection, matrix(centred.length, 1, centred)).values;
  const explained = dot(mean, multiply(P, matrix(mean.length, 1, mean)).values);
  const distance = centred.reduce((sum, value, j) => sum + value ** 2 / model.noiseVariance[j]!, 0);
  return -(centred.length * Math.log(2 * Math.PI) + logVolume + distance - explained) / 2;
}

/**
 * Mean of log p(x) in nats per datum, from the data's moments about the model's mean.
 *
 * @param variances s, `f64[D]`
 * @param cross Y = S B', `f64[D, K]`
 * @throws SpecError for PCA, which has no density
 */
export function meanLogLikelihood(
  model: Parameters & { readonly posterior: Posterior },
  variances: Float64Array,
  cross: Matrix,
): number {
  const { projection, precision, logDeterminant: logVolume } = model.posterior;
  const P = checkDensity(precision);
  const explained = dot(P.values, codeMoments(projection, cross).values);
  const distance = variances.reduce((sum, value, j) => sum + value / model.noiseVariance[j]!, 0);
  return -(variances.length * Math.log(2 * Math.PI) + logVolume + distance - explained) / 2;
}

/** Mean of `|x - W B x|^2` over centred rows: `tr S - 2 tr W'Y + tr W'W B Y`. */
export function meanSquaredError(
  { weight, posterior }: { readonly weight: Matrix; readonly posterior: Posterior },
  variances: Float64Array,
  cross: Matrix,
): number {
  const total = variances.reduce((sum, value) => sum + value, 0);
  const explained = dot(weight.values, cross.values);
  const back = multiply(transpose(weight), weight);
  const reconstructed = dot(back.values, codeMoments(posterior.projection, cross).values);
  return Math.max(0, total - 2 * explained + reconstructed); // rounding may pass 0 where nothing is left over
}

/** Second moments of the posterior's means: `B S B'`, `f64[K, K]`. */
export function codeMoments(projection: Matrix, cross: Matrix): Matrix {
  return symmetrize(multiply(projection, cross));
}

function checkDensity(precision: Matrix | undefined): Matrix {
  if (precision) return precision;
  throw new SpecError(
    'logLikelihood',
    'pca has no density: its noise is 0; fit ppca, which adds the noise that is left over',
  );
}
