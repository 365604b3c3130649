/** A variational autoencoder on a GPU: the model's weights, and everything one does with them. */
import { BufferGroup } from '../gpu/buffer-group.js';
import { Device } from '../gpu/device.js';
import { SpecError } from '../gpu/errors.js';
import { readBuffer, snapshot, type BufferRange } from '../gpu/readback.js';
import { standardNormal } from '../gpu/threefry.js';
import {
  modelValues,
  openModelFile,
  writeModelFile,
  type ModelFile,
  type ModelValues,
} from './checkpoint/model-file.js';
import { conditionRows } from './condition.js';
import type { Dataset } from './data/dataset.js';
import { evaluate, type EvaluateOptions } from './evaluate.js';
import type { Extensions } from './extensions.js';
import { Inference, type InferenceCall } from './inference.js';
import { Model } from './model.js';
import { decodeCall, drawCall, encodeCall, type ModelCall } from './model-calls.js';
import { checkNames } from './option-names.js';
import { completeSpec, type CompleteSpec, type VaeSpec } from './spec.js';
import type { Terms } from './terms.js';
import { train, type TrainOptions, type TrainReport } from './train.js';
import { Trainer } from './trainer.js';
import type { TrainerOptions } from './trainer-options.js';

/** What a model is made with. */
export interface CreateOptions extends Extensions {
  /** A GPUDevice of the caller's (never destroyed here), or a Device shared between models. */
  readonly device?: GPUDevice | Device;
  /** Seed of the initial weights. */
  readonly seed?: number;
}

/** What a model with a condition needs beside its rows. */
export interface Conditioned {
  /** The class of each row. */
  readonly labels?: ArrayLike<number>;
}

/** Stream of the noise of prior samples, away from training and evaluation. */
export const SAMPLE_STREAM = 0x70726900;

/** A variational autoencoder whose weights are on a GPU. */
export class Vae {
  readonly spec: CompleteSpec;
  readonly #ownsDevice: boolean;
  readonly #inference: Inference;
  #isDestroyed = false;

  private constructor(
    readonly device: Device,
    /** The graph pieces; for code that builds its own objectives. */
    readonly model: Model,
    /** The flat weights on the GPU, laid out as `model.weights.set` says. */
    readonly weightBuffer: GPUBuffer,
    /** The flat state (running statistics), laid out as `model.weights.state` says. */
    readonly stateBuffer: GPUBuffer,
    ownsDevice: boolean,
  ) {
    this.spec = model.spec;
    this.#ownsDevice = ownsDevice;
    this.#inference = new Inference(device, model.weights, this.resources);
  }

  /**
   * A model with fresh weights.
   * @throws SpecError for a specification that cannot be built; DeviceError when there is no adapter
   */
  static async create(spec: VaeSpec, options: CreateOptions = {}): Promise<Vae> {
    checkNames('create', options);
    const { seed = 0 } = options;
    checkSeed(seed);
    const model = new Model(completeSpec(spec), options);
    const { weights } = model;
    const values = { weights: weights.initialValues(seed), state: weights.initialState(seed) };
    return Vae.#build(model, values, options);
  }

  /**
   * A model from `save()`'s bytes, or from what `readModelFile` made of them.
   * @throws CheckpointError when they are broken or of another format
   */
  static async load(source: Uint8Array | ModelFile, options: CreateOptions = {}): Promise<Vae> {
    checkNames('load', options);
    const file = await openModelFile(source);
    const model = new Model(file.spec, options);
    return Vae.#build(model, modelValues(model, file.tensors), options);
  }

  static async #build(
    model: Model,
    { weights, state }: ModelValues,
    { device: given }: CreateOptions,
  ): Promise<Vae> {
    const device = given instanceof Device ? given : given ? Device.borrow(given) : await Device.open();
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const owned = !(given instanceof Device);
    const buffers = new BufferGroup(device, 'model');
    try {
      const buffer = buffers.create('weights', 4 * weights.length, usage);
      const stateBuffer = buffers.create('state', 4 * state.length, usage);
      await buffers.settled();
      device.gpu.queue.writeBuffer(buffer, 0, weights as Float32Array<ArrayBuffer>);
      device.gpu.queue.writeBuffer(stateBuffer, 0, state as Float32Array<ArrayBuffer>);
      return new Vae(device, model, buffer, stateBuffer, owned);
    } catch (error) {
      if (owned) device.destroy();
      throw error;
    }
  }

  /** Trainable numbers. */
  get parameterCount(): number {
    return this.model.weights.set.count;
  }

  /** What plans of this model bind by name. */
  get resources(): { weights: GPUBuffer; state: GPUBuffer } {
    return { weights: this.weightBuffer, state: this.stateBuffer };
  }

  /** Elements of the flat weight buffer. */
  get weightLength(): number {
    return this.model.weights.set.length;
  }

  /** Trains on all rows of `data`, shuffled every epoch. */
  async train(data: Dataset, options: TrainOptions): Promise<TrainReport> {
    this.#checkAlive();
    checkNames('train', options);
    return train(this, data, options);
  }

  /** A trainer for callers with a loop of their own; without `data`, batches are fed to `step()`. */
  async trainer(data: Dataset | undefined, options: TrainerOptions = {}): Promise<Trainer> {
    this.#checkAlive();
    checkNames('trainer', options);
    return Trainer.create(this, data, options);
  }

  /** Mean terms over all rows of `data`, nats per datum. */
  async evaluate(data: Dataset, options: EvaluateOptions = {}): Promise<Terms> {
    this.#checkAlive();
    return evaluate(this, data, options);
  }

  /**
   * f32[N, D] -> the posterior's mean f32[N, K] and log-variance f32[N, K] (f32[N, 1] if isotropic, empty for a family
   * without one).
   */
  async encode(
    rows: Float32Array,
    { labels }: Conditioned = {},
  ): Promise<{ mean: Float32Array; logVariance: Float32Array }> {
    const { model, spec } = this;
    const { logVarianceWidth } = model.posterior;
    const width = spec.latent + logVarianceWidth;
    const summary = await this.#infer(encodeCall(model), rows, labels);
    const count = summary.length / width;
    const mean = new Float32Array(count * spec.latent);
    const logVariance = new Float32Array(count * logVarianceWidth);
    for (let row = 0; row < count; row++) {
      const values = summary.subarray(row * width, (row + 1) * width);
      mean.set(values.subarray(0, spec.latent), row * spec.latent);
      logVariance.set(values.subarray(spec.latent), row * logVarianceWidth);
    }
    return { mean, logVariance };
  }

  /** f32[N, K] -> the mean of p(x | z), f32[N, D]. */
  decode(z: Float32Array, { labels }: Conditioned = {}): Promise<Float32Array> {
    return this.#infer(decodeCall(this.model), z, labels);
  }

  /** decode(encode(rows).mean): f32[N, D] -> f32[N, D]. */
  async reconstruct(rows: Float32Array, conditioned: Conditioned = {}): Promise<Float32Array> {
    const { mean } = await this.encode(rows, conditioned);
    return this.decode(mean, conditioned);
  }

  /** decode(z) with z from the prior: f32[count, D]. The same seed gives the same samples. */
  async sample(count: number, options: { readonly seed?: number } & Conditioned = {}): Promise<Float32Array> {
    const { labels } = options;
    const z = await this.sampleLatents(count, options);
    return this.decode(z, { ...(labels && { labels }) });
  }

  /** z from the prior, f32[count, K]. The same seed gives the same samples. */
  async sampleLatents(
    count: number,
    { seed = 0, labels }: { readonly seed?: number } & Conditioned = {},
  ): Promise<Float32Array> {
    checkSeed(seed);
    if (!Number.isInteger(count) || count < 1)
      throw new SpecError('sample', `count is ${count}; expected an integer >= 1`);
    const { prior } = this.model;
    const noise = standardNormal(count * prior.noiseWidth, seed, SAMPLE_STREAM);
    if (prior.isStandardNormal) return noise;
    return this.#infer(drawCall(this.model), noise, labels);
  }

  /** The flat weights, read back. */
  async readWeights(): Promise<Float32Array> {
    this.#checkAlive();
    return new Float32Array(await readBuffer(this.device, this.weightBuffer, 0, 4 * this.weightLength));
  }

  /** The flat weights and state on the GPU. */
  get ranges(): readonly BufferRange[] {
    const lengths = [this.weightLength, this.model.weights.state.length];
    return [this.weightBuffer, this.stateBuffer].map((buffer, index) => ({
      buffer,
      byteOffset: 0,
      byteLength: 4 * lengths[index]!,
    }));
  }

  /** The model as safetensors bytes under PyTorch's names and layouts, the specification in the metadata. */
  async save(): Promise<Uint8Array> {
    this.#checkAlive();
    const read = await snapshot(this.device, this.ranges);
    const [weights, state] = (await read()).map((bytes) => new Float32Array(bytes));
    return writeModelFile(this.model, { weights: weights!, state: state! });
  }

  /** Frees the model's buffers, and the device if the model opened it. */
  destroy(): void {
    this.#isDestroyed = true;
    this.#inference.destroy();
    for (const buffer of Object.values(this.resources)) this.device.destroyBuffer(buffer);
    if (this.#ownsDevice) this.device.destroy();
  }

  #checkAlive(): void {
    if (this.#isDestroyed) throw new SpecError('vae', 'it was destroyed; create or load another');
  }

  /** A function of rows, with the condition of each where the model has one. */
  #infer(
    call: ModelCall,
    values: Float32Array,
    labels: ArrayLike<number> | undefined,
  ): Promise<Float32Array> {
    this.#checkAlive();
    const { label, width } = call;
    const x = { values, width };
    const condition = conditionRows(this.spec, labels, Math.ceil(values.length / width), label);
    const rows = {
      x,
      ...(condition && { condition: { values: condition, width: this.model.conditionWidth } }),
    };
    return this.#inference.run({ ...call, rows } as InferenceCall<'x' | 'condition'>);
  }
}

function checkSeed(seed: number): void {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new SpecError('seed', `is ${seed}; expected an integer from 0 to 2^53 - 1`);
}
