/** What the fits of linear Gaussian models have in common: their options, their refusals, their result. */
import type { Device } from '../../gpu/device.js';
import { DataError, SpecError } from '../../gpu/errors.js';
import { elementCount } from '../../gpu/shape.js';
import { checkDataset, type Dataset } from '../data/dataset.js';
import { DataMoments } from './data-moments.js';
import type { LinearGaussian } from './linear-gaussian.js';

/** What every linear model is fitted with. */
export interface FitOptions {
  /** K, from 1 to the elements of a datum. */
  readonly latent: number;
  /**
   * Least noise variance of a column, in squared units of the data; by default 1e-4 of the mean variance of a column.
   * A column that never changes has the noise variance 0 and the density infinity; the floor keeps both finite.
   */
  readonly varianceFloor?: number;
  /** Rows a dispatch; by default up to 1024. */
  readonly batchSize?: number;
}

/** A fitted model and how it came about. */
export interface LinearFit {
  readonly model: LinearGaussian;
  /**
   * log p(x) of the data, exact, in nats per datum: of the first model and after every iteration; one value for a closed
   * form, none for PCA.
   */
  readonly history: readonly number[];
  /** Whether the last iteration gained less than the tolerance; true for a closed form. */
  readonly converged: boolean;
  readonly varianceFloor: number;
  /** Columns whose noise variance is the floor. */
  readonly flooredColumns: number;
}

const RELATIVE_FLOOR = 1e-4;

/**
 * Checks data and options, and measures the data.
 * @throws SpecError, DataError; DeviceError or OutOfMemoryError when the data do not fit on the device
 */
export async function openMoments(
  device: Device,
  data: Dataset,
  { latent, batchSize }: FitOptions,
): Promise<DataMoments> {
  checkDataset(data, 'data');
  const D = elementCount(data.shape);
  if (!Number.isSafeInteger(latent) || latent < 1 || latent > D)
    throw new SpecError(
      'latent',
      `is ${latent}; expected a whole number from 1 to ${D}, the elements of a datum [${data.shape.join(', ')}]`,
    );
  if (batchSize !== undefined && (!Number.isSafeInteger(batchSize) || batchSize < 1))
    throw new SpecError('batchSize', `is ${batchSize}; expected a whole number of at least 1`);
  if (data.rows < 2) throw new DataError('data', 'has 1 row; a covariance needs at least 2; pass more rows');
  const moments = await DataMoments.create(device, data, batchSize === undefined ? {} : { batchSize });
  if (moments.totalVariance > 0) return moments;
  moments.destroy();
  throw new DataError(
    'data',
    `all ${data.rows} rows are equal; there is no variance to explain; pass other rows`,
  );
}

/** The floor asked for, or the default for these data. @throws SpecError for one that is not above 0 */
export function floorFor(moments: DataMoments, { varianceFloor }: FitOptions): number {
  const floor = varianceFloor ?? (RELATIVE_FLOOR * moments.totalVariance) / moments.width;
  if (floor > 0 && floor < Infinity) return floor;
  throw new SpecError(
    'varianceFloor',
    `is ${floor}; expected a number above 0; leave it out for ${RELATIVE_FLOOR} of the mean variance`,
  );
}

/** The result of a fit. */
export function fitOf(
  model: LinearGaussian,
  history: readonly number[],
  converged: boolean,
  varianceFloor: number,
): LinearFit {
  const flooredColumns = model.noiseVariance.filter((value) => value <= varianceFloor).length;
  return { model, history, converged, varianceFloor, flooredColumns };
}
