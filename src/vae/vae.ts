/** A variational autoencoder on a GPU: the model's weights, and everything one does with them. */
import { BufferGroup } from '../gpu/buffer-group.js';
import { Device } from '../gpu/device.js';
import { DataError, ShapeError, SpecError } from '../gpu/errors.js';
import { Executable } from '../gpu/executable.js';
import type { Tensor } from '../gpu/graph.js';
import { input } from '../gpu/ops/constant.js';
import { makePlan } from '../gpu/plan.js';
import { readBuffer } from '../gpu/readback.js';
import { Scheduler } from '../gpu/scheduler.js';
import type { Shape } from '../gpu/shape.js';
import { standardNormal } from '../gpu/threefry.js';
import { readModelSpec, readModelValues, writeModelFile, type ModelValues } from './checkpoint/model-file.js';
import type { Dataset } from './data/dataset.js';
import { evaluate, type EvaluateOptions } from './evaluate.js';
import { Model } from './model.js';
import { completeSpec, type CompleteSpec, type VaeSpec } from './spec.js';
import type { Terms } from './terms.js';
import { train, type TrainOptions, type TrainReport } from './train.js';
import { Trainer, type TrainerOptions } from './trainer.js';

export interface CreateOptions {
  /** A GPUDevice of the caller's (never destroyed here), or a Device shared between models. */
  readonly device?: GPUDevice | Device;
  /** Seed of the initial weights. */
  readonly seed?: number;
}

/**
 * Rows of the plans of encode and decode. A call takes the smallest that holds its rows, so that one image costs what
 * one image costs; few sizes, because every one is compiled and keeps its buffers.
 */
const INFERENCE_BATCHES = [1, 8, 32, 128] as const;
const LARGEST_BATCH = 128;

/** Stream of the noise of prior samples, away from training and evaluation. */
const SAMPLE_STREAM = 0x70726900;

export class Vae {
  readonly spec: CompleteSpec;
  readonly #ownsDevice: boolean;
  #isDestroyed = false;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #inference = new Map<string, Promise<Executable>>();

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
  }

  /**
   * A model with fresh weights.
   * @throws SpecError for a specification that cannot be built; DeviceError when there is no adapter
   */
  static async create(spec: VaeSpec, options: CreateOptions = {}): Promise<Vae> {
    const { seed = 0 } = options;
    checkSeed(seed);
    const model = new Model(completeSpec(spec));
    const { weights } = model;
    const values = { weights: weights.initialValues(seed), state: weights.initialState() };
    return Vae.#build(model, values, options);
  }

  /** A model from `save()`'s bytes. @throws CheckpointError when they are broken or of another format */
  static async load(bytes: Uint8Array, options: CreateOptions = {}): Promise<Vae> {
    const model = new Model(await readModelSpec(bytes));
    return Vae.#build(model, await readModelValues(model, bytes), options);
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
    return train(this, data, options);
  }

  /** A trainer for callers with a loop of their own; without `data`, batches are fed to `step()`. */
  async trainer(data: Dataset | undefined, options: TrainerOptions = {}): Promise<Trainer> {
    this.#checkAlive();
    return Trainer.create(this, data, options);
  }

  /** Mean terms over all rows of `data`, nats per datum. */
  async evaluate(data: Dataset, options: EvaluateOptions = {}): Promise<Terms> {
    this.#checkAlive();
    return evaluate(this, data, options);
  }

  /** f32[N, D] -> the posterior's mean and log-variance, f32[N, K] each (log-variance f32[N, 1] if isotropic). */
  async encode(rows: Float32Array): Promise<{ mean: Float32Array; logVariance: Float32Array }> {
    const { momentsWidth, width } = this.model;
    const moments = await this.#infer('encode', width, momentsWidth, rows, (x) => this.model.encode(x));
    const { latent } = this.spec;
    const count = moments.length / momentsWidth;
    const mean = new Float32Array(count * latent);
    const logVariance = new Float32Array(count * (momentsWidth - latent));
    for (let row = 0; row < count; row++) {
      const values = moments.subarray(row * momentsWidth, (row + 1) * momentsWidth);
      mean.set(values.subarray(0, latent), row * latent);
      logVariance.set(values.subarray(latent), row * (momentsWidth - latent));
    }
    return { mean, logVariance };
  }

  /** f32[N, K] -> the mean of p(x | z), f32[N, D]. */
  decode(z: Float32Array): Promise<Float32Array> {
    const { latent } = this.spec;
    return this.#infer('decode', latent, this.model.width, z, (value) =>
      this.model.likelihood.mean(this.model.decode(value)),
    );
  }

  /** decode(encode(rows).mean): f32[N, D] -> f32[N, D]. */
  async reconstruct(rows: Float32Array): Promise<Float32Array> {
    const { mean } = await this.encode(rows);
    return this.decode(mean);
  }

  /** decode(z) with z from the prior N(0, I): f32[count, D]. The same seed gives the same samples. */
  async sample(count: number, { seed = 0 }: { seed?: number } = {}): Promise<Float32Array> {
    checkSeed(seed);
    if (!Number.isInteger(count) || count < 1)
      throw new SpecError('sample', `count is ${count}; expected an integer >= 1`);
    return this.decode(standardNormal(count * this.spec.latent, seed, SAMPLE_STREAM));
  }

  /** The flat weights, read back. */
  async readWeights(): Promise<Float32Array> {
    this.#checkAlive();
    return new Float32Array(await readBuffer(this.device, this.weightBuffer, 0, 4 * this.weightLength));
  }

  async #readState(): Promise<Float32Array> {
    const { length } = this.model.weights.state;
    if (length === 0) return new Float32Array();
    return new Float32Array(await readBuffer(this.device, this.stateBuffer, 0, 4 * length));
  }

  /** The model as safetensors bytes under PyTorch's names and layouts, the specification in the metadata. */
  async save(): Promise<Uint8Array> {
    const reads = [this.readWeights(), this.#readState()] as const;
    await Promise.allSettled(reads); // when one fails, the other still has a buffer to give back
    const [weights, state] = await Promise.all(reads);
    return writeModelFile(this.model, { weights, state });
  }

  /** Frees the model's buffers, and the device if the model opened it. */
  destroy(): void {
    this.#isDestroyed = true;
    for (const executable of this.#inference.values())
      void executable.then((value) => value.destroy()).catch(() => undefined);
    this.#inference.clear();
    for (const buffer of Object.values(this.resources)) this.device.destroyBuffer(buffer);
    if (this.#ownsDevice) this.device.destroy();
  }

  #checkAlive(): void {
    if (this.#isDestroyed) throw new SpecError('vae', 'it was destroyed; create or load another');
  }

  /** Inference calls made at the same time run one after the other: they share a plan's buffers. */
  #infer(
    label: string,
    inputWidth: number,
    outputWidth: number,
    rows: Float32Array,
    build: (x: Tensor) => Tensor,
  ): Promise<Float32Array> {
    const result = this.#turn.then(() => this.#inferInTurn(label, inputWidth, outputWidth, rows, build));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Runs `build` over rows in batches of a plan that is made once for its size. */
  async #inferInTurn(
    label: string,
    inputWidth: number,
    outputWidth: number,
    rows: Float32Array,
    build: (x: Tensor) => Tensor,
  ): Promise<Float32Array> {
    this.#checkAlive();
    checkRows(label, rows);
    const count = rows.length / inputWidth;
    if (!Number.isInteger(count) || count < 1)
      throw new ShapeError(
        label,
        `got ${rows.length} values; expected a multiple of ${inputWidth}, one row or more`,
      );
    const batch = INFERENCE_BATCHES.find((size) => size >= count) ?? LARGEST_BATCH;
    const executable = await this.#inferenceExecutable(label, [batch, inputWidth], build);
    const scheduler = new Scheduler(this.device);
    const result = new Float32Array(count * outputWidth);
    const padded = new Float32Array(batch * inputWidth);
    for (let first = 0; first < count; first += batch) {
      const last = Math.min(first + batch, count);
      padded.set(rows.subarray(first * inputWidth, last * inputWidth));
      executable.write('x', padded);
      await scheduler.run(executable, {});
      const output = await executable.read('y');
      result.set(output.subarray(0, (last - first) * outputWidth), first * outputWidth);
    }
    return result;
  }

  #inferenceExecutable(label: string, shape: Shape, build: (x: Tensor) => Tensor): Promise<Executable> {
    const key = `${label} ${shape[0]}`;
    let executable = this.#inference.get(key);
    if (!executable) {
      const y = build(input('x', shape));
      const { set, state } = this.model.weights;
      const request = { label, outputs: { y }, parameters: set, state };
      const plan = makePlan(request, this.device.adapterClass, this.device.tuning);
      executable = Executable.create(this.device, plan, { resources: this.resources });
      this.#inference.set(key, executable);
      executable.catch(() => this.#inference.delete(key));
    }
    return executable;
  }
}

function checkSeed(seed: number): void {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new SpecError('seed', `is ${seed}; expected an integer from 0 to 2^53 - 1`);
}

/** Values that a kernel would launder (relu makes 0 of a NaN) are refused before they get there. */
function checkRows(label: string, rows: unknown): asserts rows is Float32Array {
  if (!(rows instanceof Float32Array))
    throw new ShapeError(
      label,
      `got ${(rows as object | null)?.constructor.name ?? String(rows)}; expected Float32Array`,
    );
  const index = rows.findIndex((value) => !Number.isFinite(value));
  if (index >= 0) throw new DataError(label, `value ${index} is ${rows[index]}; every value must be finite`);
}
