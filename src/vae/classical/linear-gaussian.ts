/**
 * The linear Gaussian model of PCA, probabilistic PCA and factor analysis alike:
 *
 *   z ~ N(0, I_K),  x given z ~ N(W z + mean, Psi),  Psi diagonal
 *
 * Psi is free in factor analysis, `sigma^2 I` in probabilistic PCA, and its limit 0 in PCA. Posterior and marginal are
 * Gaussian in closed form; by Woodbury's identity nothing larger than K x K is factorised.
 * Source: Roweis and Ghahramani, "A unifying review of linear Gaussian models" (1999), sections 3 and 4.
 */
import { ShapeError, SpecError } from '../../gpu/errors.js';
import type { Device } from '../../gpu/device.js';
import { elementCount, sameShape } from '../../gpu/shape.js';
import { standardNormal } from '../../gpu/threefry.js';
import { checkDataset, type Dataset } from '../data/dataset.js';
import { countRows } from '../data/number-rows.js';
import { DataMoments } from './data-moments.js';
import { addScaled, dot, rowOf, type Matrix } from '../float64/matrix.js';
import type { LinearFamily, LinearParameters } from './linear-parameters.js';
import { readLinearFile, writeLinearFile } from './model-file.js';
import {
  meanLogLikelihood,
  meanSquaredError,
  posteriorOf,
  rowLogLikelihood,
  type Posterior,
} from './posterior.js';

/** Means over the rows of a data set. */
export interface LinearTerms {
  /** `log p(x)`, exact, in nats per datum; undefined for PCA, which has no density. */
  readonly logLikelihood: number | undefined;
  /** `|x - reconstruct(x)|^2`, summed over the D elements. */
  readonly squaredError: number;
}

/** Streams of samples, away from those of the VAE's. */
const SAMPLE_STREAM = 0x6c696e00;
const NOISE_STREAM = 0x6c696e01;

export class LinearGaussian implements LinearParameters {
  readonly family: LinearFamily;
  readonly shape: readonly number[];
  readonly mean: Float64Array;
  readonly weight: Matrix;
  readonly noiseVariance: Float64Array;
  #posterior: Posterior | undefined;

  /** @throws ShapeError when the sizes do not fit together; SpecError for a variance below 0 */
  constructor({ family, shape, mean, weight, noiseVariance }: LinearParameters) {
    const D = elementCount(shape);
    if (mean.length !== D || weight.rows !== D || noiseVariance.length !== D)
      throw new ShapeError(
        family,
        `mean has ${mean.length} values, weight ${weight.rows} rows, noiseVariance ${noiseVariance.length} values; ` +
          `a datum of [${shape.join(', ')}] needs ${D} of each`,
      );
    const low = noiseVariance.findIndex((value) => !(family === 'pca' ? value === 0 : value > 0));
    if (low >= 0)
      throw new SpecError(
        family,
        `noiseVariance ${low} is ${noiseVariance[low]}; expected ${family === 'pca' ? '0' : 'a number above 0'}`,
      );
    this.family = family;
    this.shape = [...shape];
    this.mean = mean;
    this.weight = weight;
    this.noiseVariance = noiseVariance;
  }

  /** K */
  get latent(): number {
    return this.weight.columns;
  }

  /** p(z given x) without x: made once, in float64. */
  get posterior(): Posterior {
    this.#posterior ??= posteriorOf(this);
    return this.#posterior;
  }

  /**
   * p(z given x): f32[N, D] -> mean f32[N, K], and the covariance f64[K, K] that all rows share (0 for PCA).
   * @throws ShapeError, DataError for values that are not finite
   */
  encode(rows: Float32Array): { mean: Float32Array; covariance: Matrix } {
    const { projection, covariance } = this.posterior;
    const K = this.latent;
    const count = countRows('encode', { rows: { values: rows, width: this.mean.length } });
    const mean = new Float32Array(count * K);
    for (let n = 0; n < count; n++) {
      const centred = this.#centred(rows, n);
      for (let k = 0; k < K; k++) mean[n * K + k] = dot(rowOf(projection, k), centred);
    }
    return { mean, covariance };
  }

  /** The mean of p(x given z): f32[N, K] -> f32[N, D]. @throws ShapeError, DataError */
  decode(z: Float32Array): Float32Array {
    const [D, K] = [this.mean.length, this.latent];
    const count = countRows('decode', { z: { values: z, width: K } });
    const result = new Float32Array(count * D);
    for (let n = 0; n < count; n++) {
      const code = Float64Array.from(z.subarray(n * K, (n + 1) * K));
      for (let j = 0; j < D; j++) result[n * D + j] = this.mean[j]! + dot(rowOf(this.weight, j), code);
    }
    return result;
  }

  /** decode(encode(rows).mean): f32[N, D] -> f32[N, D]. */
  reconstruct(rows: Float32Array): Float32Array {
    return this.decode(this.encode(rows).mean);
  }

  /**
   * decode(z) with z from the prior: f32[count, D]; with `noise`, a draw of p(x given z) instead of its mean.
   * The same seed gives the same samples.
   */
  sample(count: number, { seed = 0, noise = false }: { seed?: number; noise?: boolean } = {}): Float32Array {
    if (!Number.isInteger(count) || count < 1)
      throw new SpecError('sample', `count is ${count}; expected an integer >= 1`);
    const x = this.decode(standardNormal(count * this.latent, seed, SAMPLE_STREAM));
    if (!noise) return x;
    const D = this.mean.length;
    const normals = standardNormal(x.length, seed, NOISE_STREAM);
    return x.map((value, i) => value + Math.sqrt(this.noiseVariance[i % D]!) * normals[i]!);
  }

  /**
   * log p(x) of every row, in nats, in float64 on the CPU: f32[N, D] -> f64[N].
   * @throws SpecError for PCA, which has no density; ShapeError, DataError
   */
  logLikelihood(rows: Float32Array): Float64Array {
    const count = countRows('logLikelihood', { rows: { values: rows, width: this.mean.length } });
    return Float64Array.from({ length: count }, (_, n) => rowLogLikelihood(this, this.#centred(rows, n)));
  }

  /**
   * Means over all rows of a data set, streamed on the GPU. Float32 products there leave the likelihood right to about
   * 1e-6 of its terms: 2e-4 nats on 28 x 28 images whose terms are a few hundred nats.
   * @throws ShapeError when a row has another shape; DataError, DeviceError, OutOfMemoryError
   */
  async evaluate(
    device: Device,
    data: Dataset,
    options: { readonly batchSize?: number } = {},
  ): Promise<LinearTerms> {
    checkDataset(data, 'data');
    if (!sameShape(data.shape, this.shape) && elementCount(data.shape) !== this.mean.length)
      throw new ShapeError(
        'data',
        `a row is [${data.shape.join(', ')}]; the model was fitted to [${this.shape.join(', ')}]; pass data of that shape`,
      );
    const moments = await DataMoments.create(device, data, { ...options, centre: this.mean });
    try {
      const cross = await moments.times(this.posterior.projection);
      return {
        logLikelihood: this.family === 'pca' ? undefined : meanLogLikelihood(this, moments.variances, cross),
        squaredError: meanSquaredError(this, moments.variances, cross),
      };
    } finally {
      moments.destroy();
    }
  }

  /** The model as safetensors bytes: `mean` f32[D], `weight` f32[D, K], `noise_variance` f32[D], rounded to float32. */
  save(): Promise<Uint8Array> {
    return writeLinearFile(this);
  }

  /** A model from `save()`'s bytes. @throws CheckpointError when they are broken or of another format */
  static async load(bytes: Uint8Array): Promise<LinearGaussian> {
    return new LinearGaussian(await readLinearFile(bytes));
  }

  #centred(rows: Float32Array, row: number): Float64Array {
    const D = this.mean.length;
    const centred = Float64Array.from(rows.subarray(row * D, (row + 1) * D));
    addScaled(centred, -1, this.mean);
    return centred;
  }
}
