/**
 * Principal component analysis: the K orthogonal directions with the least squared error of reconstruction.
 * Source: Hotelling, "Analysis of a complex of statistical variables into principal components" (1933); as the limit of
 * a linear Gaussian model: Roweis, "EM algorithms for PCA and SPCA" (1997), section 2.
 */
import type { Device } from '../../gpu/device.js';
import type { Dataset } from '../data/dataset.js';
import { openMoments, type FitOptions, type LinearFit } from './fit.js';
import { LinearGaussian } from './linear-gaussian.js';
import type { LinearFamily } from './linear-parameters.js';
import { matrix, rowOf, type Matrix } from '../float64/matrix.js';
import { principalAxes, type PrincipalAxes } from './principal-axes.js';

/**
 * Fits PCA: `W = U L^(1/2)` with the K largest eigenvalues L and eigenvectors U of the covariance, and no noise. Codes are
 * whitened: `z = L^(-1/2) U' (x - mean)` has variance 1.
 *
 * @param data `u8[N, ...]` or `f32[N, ...]`, N at least 2
 * @throws SpecError, DataError, DeviceError, OutOfMemoryError
 */
export async function fitPca(
  device: Device,
  data: Dataset,
  options: Omit<FitOptions, 'varianceFloor'>,
): Promise<LinearFit> {
  const moments = await openMoments(device, data, options);
  try {
    const found = await principalAxes(moments, options.latent);
    const model = new LinearGaussian({
      family: 'pca' satisfies LinearFamily,
      shape: data.shape,
      mean: moments.centre,
      weight: weightOf(found, 0),
      noiseVariance: new Float64Array(moments.width),
    });
    return { model, history: [], converged: true, varianceFloor: 0, flooredColumns: 0 };
  } finally {
    moments.destroy();
  }
}

/** `U (L - noise)^(1/2)`, `f64[D, K]`; an axis with no more variance than the noise explains nothing. */
export function weightOf({ variances, axes }: PrincipalAxes, noise: number): Matrix {
  const [K, D] = [axes.rows, axes.columns];
  const weight = matrix(D, K);
  for (let k = 0; k < K; k++) {
    const scale = Math.sqrt(Math.max(0, variances[k]! - noise));
    rowOf(axes, k).forEach((value, j) => (weight.values[j * K + k] = scale * value));
  }
  return weight;
}
