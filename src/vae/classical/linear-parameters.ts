/** What a linear Gaussian model is made of, in memory and in its file. */
import type { Matrix } from '../float64/matrix.js';

/** Which linear model. */
export type LinearFamily = 'pca' | 'ppca' | 'factor-analysis';

/** The numbers of a model. */
export interface LinearParameters {
  readonly family: LinearFamily;
  /** Of a datum, without N. */
  readonly shape: readonly number[];
  /** `f64[D]` */
  readonly mean: Float64Array;
  /** W, `f64[D, K]` */
  readonly weight: Matrix;
  /** The diagonal of Psi: `f64[D]`. */
  readonly noiseVariance: Float64Array;
}
