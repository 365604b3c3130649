/**
 * Probabilistic PCA: `x = W z + mean + noise` with the same noise variance in every column, fitted in closed form or by
 * EM. Source: Tipping and Bishop, "Probabilistic principal component analysis" (1999), section 3.2 and appendix B.
 */
import type { Device } from '../../gpu/device.js';
import { SpecError } from '../../gpu/errors.js';
import type { Dataset } from '../data/dataset.js';
import { runEm, type EmOptions } from './expectation-maximization.js';
import { fitOf, floorFor, openMoments, type LinearFit } from './fit.js';
import { LinearGaussian } from './linear-gaussian.js';
import { weightOf } from './pca.js';
import { meanLogLikelihood } from './posterior.js';
import { principalAxes } from './principal-axes.js';
import type { DataMoments } from './data-moments.js';

/** How probabilistic PCA is fitted. */
export interface PpcaOptions extends EmOptions {
  /** The options of EM have no effect on the closed form. */
  readonly method?: 'closed-form' | 'em';
}

/**
 * Fits probabilistic PCA by maximum likelihood.
 *
 * @param data `u8[N, ...]` or `f32[N, ...]`, N at least 2
 * @throws SpecError, DataError, DeviceError, OutOfMemoryError, NumericError
 */
export async function fitPpca(device: Device, data: Dataset, options: PpcaOptions): Promise<LinearFit> {
  const { method = 'closed-form' } = options;
  if (method !== 'closed-form' && method !== 'em')
    throw new SpecError('method', `is '${String(method)}'; expected 'closed-form' or 'em'`);
  const moments = await openMoments(device, data, options);
  try {
    if (method === 'em') return await runEm(moments, data.shape, 'ppca', options);
    return await closedForm(moments, data.shape, options);
  } finally {
    moments.destroy();
  }
}

/**
 * `sigma^2` = mean of the D - K smallest eigenvalues of the covariance, `W = U (L - sigma^2)^(1/2)` of the K largest.
 * Where the floor is above that mean, the same W is the best one for a noise of the floor.
 */
async function closedForm(
  moments: DataMoments,
  shape: readonly number[],
  options: PpcaOptions,
): Promise<LinearFit> {
  const { latent } = options;
  const floor = floorFor(moments, options);
  const found = await principalAxes(moments, latent);
  const rest = moments.totalVariance - found.variances.reduce((sum, value) => sum + value, 0);
  const noise = latent < moments.width ? Math.max(floor, rest / (moments.width - latent)) : floor;
  const model = new LinearGaussian({
    family: 'ppca',
    shape,
    mean: moments.centre,
    weight: weightOf(found, noise),
    noiseVariance: new Float64Array(moments.width).fill(noise),
  });
  const cross = await moments.times(model.posterior.projection);
  return fitOf(model, [meanLogLikelihood(model, moments.variances, cross)], true, floor);
}
