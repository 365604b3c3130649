/**
 * The KL term split by the aggregate posterior q(z) = 1/N sum_n q(z | x_n), the exact mixture over the rows at hand:
 * mutual information E log q(z|x)/q(z), total correlation E log q(z)/prod q(z_k), dimension-wise KL
 * E sum log q(z_k) - log p(z). Hoffman and Johnson 2016; Chen, Li, Grosse and Duvenaud 2018, equation 2. By Monte Carlo
 * over z in float64; of N rows it takes N^2 K exponentials. With its own row in the mixture, the information is at
 * most log N.
 */
import { integer } from '../../gpu/check.js';
import { ShapeError } from '../../gpu/errors.js';
import { standardNormal } from '../../gpu/threefry.js';
import { LOG_2PI, logSumExp, standardNormalLogDensity } from '../float64/log-density.js';
import { checkMatrix, type Matrix } from './matrix.js';

/** The KL in three parts, nats (Chen et al. 2018, equation 2). */
export interface KlSplit {
  /** Their sum: the Monte Carlo KL, nats per datum. */
  readonly kl: number;
  readonly mutualInformation: number;
  readonly totalCorrelation: number;
  readonly dimensionWise: number;
}

/** How the split is estimated. */
export interface KlSplitOptions {
  readonly seed?: number;
  /** Draws of z a row: 1. */
  readonly samples?: number;
  /** log p(z) of a row in nats; N(0, I) by default. */
  readonly logPrior?: (z: Float64Array) => number;
}

/** Stream of the draws, away from other uses of a seed ("ks"). */
const STREAM = 0x6b730000;

/**
 * Splits the KL of diagonal posteriors.
 *
 * @param mean `f32[N, K]`
 * @param logVariance `f32[N, K]`, or `f32[N, 1]` of isotropic posteriors
 * @throws ShapeError when the two do not fit, DataError for a value that is not finite
 */
export function splitKl(mean: Matrix, logVariance: Matrix, options: KlSplitOptions = {}): KlSplit {
  const { seed = 0, samples = 1, logPrior = standardNormalLogDensity } = options;
  integer(samples, 'splitKl.samples', 1, 1e6);
  const posteriors = new Posteriors(mean, logVariance);
  const { rows, K } = posteriors;
  const sums = { mutualInformation: 0, totalCorrelation: 0, dimensionWise: 0 };
  for (let sample = 0; sample < samples; sample++) {
    const noise = standardNormal(rows * K, seed, STREAM + sample);
    for (let n = 0; n < rows; n++) {
      const z = posteriors.draw(n, noise.subarray(n * K, (n + 1) * K));
      const { own, joint, marginals } = posteriors.logDensities(z, n);
      sums.mutualInformation += own - joint;
      sums.totalCorrelation += joint - marginals;
      sums.dimensionWise += marginals - logPrior(z);
    }
  }
  const average = (value: number): number => value / (rows * samples);
  const { mutualInformation, totalCorrelation, dimensionWise } = sums;
  return {
    kl: average(mutualInformation + totalCorrelation + dimensionWise),
    mutualInformation: average(mutualInformation),
    totalCorrelation: average(totalCorrelation),
    dimensionWise: average(dimensionWise),
  };
}

/** q(z | x_n) of all rows. */
class Posteriors {
  readonly rows: number;
  readonly K: number;
  readonly #mean: ArrayLike<number>;
  /** `f64[N, K]`: 1/sigma, and log of the density at the mean. */
  readonly #scales: Float64Array;
  readonly #peaks: Float64Array;

  constructor(mean: Matrix, logVariance: Matrix) {
    this.rows = checkMatrix(mean, 'splitKl');
    this.K = mean.columns;
    const { columns } = logVariance;
    if (checkMatrix(logVariance, 'splitKl') !== this.rows || (columns !== this.K && columns !== 1))
      throw new ShapeError(
        'splitKl',
        `means are f32[${this.rows}, ${this.K}], log-variances ${logVariance.values.length} values in ${columns} columns; expected as many rows and ${this.K} columns or 1; pass what encode() returns`,
      );
    const s = (i: number): number => logVariance.values[columns === 1 ? Math.floor(i / this.K) : i]!;
    this.#mean = mean.values;
    this.#scales = Float64Array.from({ length: this.rows * this.K }, (_, i) => Math.exp(-s(i) / 2));
    this.#peaks = Float64Array.from({ length: this.rows * this.K }, (_, i) => -(s(i) + LOG_2PI) / 2);
  }

  /** mean + sigma * noise of a row. */
  draw(n: number, noise: Float32Array): Float64Array {
    const at = n * this.K;
    return Float64Array.from(noise, (epsilon, k) => this.#mean[at + k]! + epsilon / this.#scales[at + k]!);
  }

  /** log q(z | x_n), log q(z), and sum_k log q(z_k). */
  logDensities(z: Float64Array, n: number): { own: number; joint: number; marginals: number } {
    const { rows, K } = this;
    const perRow = new Float64Array(rows);
    let marginals = 0;
    const column = new Float64Array(rows);
    for (let k = 0; k < K; k++) {
      for (let m = 0, at = k; m < rows; m++, at += K) {
        const distance = (z[k]! - this.#mean[at]!) * this.#scales[at]!;
        const density = this.#peaks[at]! - (distance * distance) / 2;
        column[m] = density;
        perRow[m]! += density;
      }
      marginals += logMeanExp(column);
    }
    return { own: perRow[n]!, joint: logMeanExp(perRow), marginals };
  }
}

function logMeanExp(values: Float64Array): number {
  return logSumExp(values) - Math.log(values.length);
}
