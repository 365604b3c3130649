/**
 * First and second moments of a data set, which are all that a linear Gaussian model is fitted to: the mean and the
 * variances in float64 on the CPU, products with the covariance `S = 1/N sum (x - mean)(x - mean)'` on the GPU. Either
 * S is made once (one product over the data), or every product with it streams over the data and S is never there.
 */
import type { Device } from '../../gpu/device.js';
import { input } from '../../gpu/ops/constant.js';
import { matmul } from '../../gpu/ops/matmul.js';
import { elementCount } from '../../gpu/shape.js';
import { checkDataset, type Dataset } from '../data/dataset.js';
import { matrix, multiply, transpose, type Matrix } from '../float64/matrix.js';
import { defaultBatchSize, ResidentRows } from './resident-rows.js';

/** How products with the covariance are made; `auto` takes what is cheaper over many of them. */
export type Statistics = 'auto' | 'covariance' | 'stream';

export interface MomentsOptions {
  /** Rows a dispatch. */
  readonly batchSize?: number;
  /** The centre of the moments, `f64[D]`; by default the mean of the data. */
  readonly centre?: Float64Array;
}

/** A D x D matrix in float64 takes 32 MiB at this size, and a product with it 20 ms a latent on a CPU. */
export const MOST_COVARIANCE_COLUMNS = 2048;

export class DataMoments {
  #covariance: Matrix | undefined;

  private constructor(
    readonly rows: number,
    /** D */
    readonly width: number,
    /** `f64[D]` */
    readonly centre: Float64Array,
    /** The diagonal of S: `f64[D]` */
    readonly variances: Float64Array,
    readonly resident: ResidentRows,
  ) {}

  /** @throws DataError for data that are none, not finite, or of one row; DeviceError or OutOfMemoryError */
  static async create(device: Device, data: Dataset, options: MomentsOptions = {}): Promise<DataMoments> {
    checkDataset(data, 'data');
    const centre = options.centre ?? columnMeans(data);
    const batchSize = Math.min(data.rows, options.batchSize ?? defaultBatchSize(data));
    const resident = await ResidentRows.create(device, data, batchSize, centre);
    const width = elementCount(data.shape);
    return new DataMoments(data.rows, width, centre, columnSpreads(data, centre), resident);
  }

  /** tr S, the variance of all columns together. */
  get totalVariance(): number {
    return this.variances.reduce((sum, value) => sum + value, 0);
  }

  /** Whether the covariance is small enough to be held. */
  get holdsCovariance(): boolean {
    return this.width <= MOST_COVARIANCE_COLUMNS;
  }

  /** S, `f64[D, D]`, made once: float32 products within a batch, float64 sums over batches. */
  async covariance(): Promise<Matrix> {
    this.#covariance ??= await this.#makeCovariance();
    return this.#covariance;
  }

  async #makeCovariance(): Promise<Matrix> {
    const D = this.width;
    const sums = await this.resident.sum({ name: 'covariance', build: (x) => matmul(x, x, 'TN') });
    const S = matrix(D, D);
    for (let i = 0; i < D; i++)
      for (let j = 0; j < D; j++)
        S.values[i * D + j] =
          i === j ? this.variances[i]! : (sums[i * D + j]! + sums[j * D + i]!) / (2 * this.rows);
    return S;
  }

  /** Makes the covariance now where that is cheaper than many streamed products, or is asked for. */
  async prepare(statistics: Statistics): Promise<void> {
    const isCheaper = this.rows > this.width && this.holdsCovariance;
    if (statistics === 'covariance' || (statistics === 'auto' && isCheaper)) await this.covariance();
  }

  /** `S B'` for B `f64[K, D]`, as `f64[D, K]`. */
  async times(projection: Matrix): Promise<Matrix> {
    // S is symmetric, and B S runs along its rows
    if (this.#covariance) return transpose(multiply(projection, this.#covariance));
    const [K, D] = [projection.rows, this.width];
    const sums = await this.resident.sum({
      name: `project ${K}`,
      // the codes of the batch, then their products with it: X' (X B')
      build: (x) => matmul(x, matmul(x, input('projection', [K, D]), 'NT'), 'TN'),
      inputs: { projection: Float32Array.from(projection.values) },
    });
    return matrix(
      D,
      K,
      sums.map((value) => value / this.rows),
    );
  }

  destroy(): void {
    this.resident.destroy();
  }
}

/** The numbers of a data set as the GPU sees them: bytes are divided by 255 in float32. */
function numbersOf({ values }: Dataset): (index: number) => number {
  if (!(values instanceof Uint8Array)) return (index) => values[index]!;
  const table = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);
  return (index) => table[values[index]!]!;
}

function columnMeans(data: Dataset): Float64Array {
  const numberAt = numbersOf(data);
  const D = elementCount(data.shape);
  const sums = new Float64Array(D);
  for (let first = 0; first < data.values.length; first += D)
    for (let j = 0; j < D; j++) sums[j]! += numberAt(first + j);
  return sums.map((sum) => sum / data.rows);
}

/** `1/N sum (x - centre)^2`, a column. */
function columnSpreads(data: Dataset, centre: Float64Array): Float64Array {
  const numberAt = numbersOf(data);
  const D = centre.length;
  const sums = new Float64Array(D);
  for (let first = 0; first < data.values.length; first += D)
    for (let j = 0; j < D; j++) sums[j]! += (numberAt(first + j) - centre[j]!) ** 2;
  return sums.map((sum) => sum / data.rows);
}
