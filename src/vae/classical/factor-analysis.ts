/**
 * Factor analysis: `x = W z + mean + noise` with a noise variance of its own in every column, fitted by EM.
 * Source: Rubin and Thayer, "EM algorithms for ML factor analysis" (1982).
 */
import type { Device } from '../../gpu/device.js';
import type { Dataset } from '../data/dataset.js';
import { runEm, type EmOptions } from './expectation-maximization.js';
import { openMoments, type LinearFit } from './fit.js';

/**
 * Fits factor analysis by maximum likelihood.
 *
 * @param data `u8[N, ...]` or `f32[N, ...]`, N at least 2
 * @throws SpecError, DataError, DeviceError, OutOfMemoryError, NumericError
 */
export async function fitFactorAnalysis(
  device: Device,
  data: Dataset,
  options: EmOptions,
): Promise<LinearFit> {
  const moments = await openMoments(device, data, options);
  try {
    return await runEm(moments, data.shape, 'factor-analysis', options);
  } finally {
    moments.destroy();
  }
}
