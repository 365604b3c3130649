/**
 * One training plan and its state: every `step()` submits one optimizer step and returns without waiting for
 * the GPU; the terms of past steps are read from a ring when asked for.
 */
import { NumericError, SpecError } from '../gpu/errors.js';
import { BufferGroup } from '../gpu/buffer-group.js';
import { Executable, type StepValues } from '../gpu/executable.js';
import { gradient } from '../gpu/gradient.js';
import { MetricRing, type MetricEntry } from '../gpu/metrics.js';
import { input } from '../gpu/ops/constant.js';
import { gather } from '../gpu/ops/gather.js';
import type { Estimator } from '../gpu/ops/reparameterize.js';
import { momentNames } from '../gpu/ops/update.js';
import { makePlan, type Plan, type PlanRequest } from '../gpu/plan.js';
import { Scheduler, type DispatchTime } from '../gpu/scheduler.js';
import { seedWords, shuffleKeys } from '../gpu/threefry.js';
import type { Tensor } from '../gpu/graph.js';
import { checkForModel } from './data/check.js';
import { checkRange, type Dataset } from './data/dataset.js';
import { uploadDataset, type ResidentDataset } from './data/resident.js';
import { buildOptimizer, type Optimizer, type OptimizerSpec } from './optimizers/optimizer.js';
import type { Terms } from './terms.js';
import type { Vae } from './vae.js';

export interface TrainerOptions {
  readonly batchSize?: number;
  readonly learningRate?: number;
  readonly optimizer?: OptimizerSpec;
  /** Weight of the KL term, or a function of the step (0, 1, ...). */
  readonly beta?: number | ((step: number) => number);
  /** B: analytic KL; A: full Monte Carlo. */
  readonly estimator?: Estimator;
  /** Latent samples a datum. */
  readonly samples?: number;
  readonly seed?: number;
  /** Draw every pixel anew as 0 or 1 in every step. */
  readonly binarize?: boolean;
  /** Pipelines compiled so far and in all. */
  readonly onCompile?: (done: number, total: number) => void;
}

/** A batch written by the caller: x f32[B, D] and noise f32[S*B, K]. */
export interface FedBatch {
  readonly x: Float32Array;
  readonly noise: Float32Array;
}

/** The terms of one step. */
export interface StepTerms extends Terms {
  readonly step: number;
  /** Valid rows in the step's batch. */
  readonly rows: number;
}

/** Words of a ring entry: elbo, reconstruction, kl, loss, refused index. */
const ENTRY_WORDS = 5;
const NOTHING_REFUSED = 0xffffffff;

interface TrainerParts {
  readonly executable: Executable;
  readonly optimizer: Optimizer;
  readonly ring: MetricRing;
  readonly data: ResidentDataset | undefined;
  readonly buffers: BufferGroup;
  readonly refused: GPUBuffer;
  readonly batchSize: number;
  readonly compileTimeMs: number;
}

export class Trainer {
  /** Steps submitted so far. */
  stepCount = 0;
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  readonly compileTimeMs: number;
  readonly scheduler: Scheduler;
  readonly #vae: Vae;
  readonly #executable: Executable;
  readonly #optimizer: Optimizer;
  readonly #ring: MetricRing;
  readonly #data: ResidentDataset | undefined;
  readonly #buffers: BufferGroup;
  readonly #refused: GPUBuffer;
  readonly #settings: Required<Pick<TrainerOptions, 'learningRate' | 'beta' | 'seed'>>;
  #firstUnread = 0;
  #isDestroyed = false;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(vae: Vae, parts: TrainerParts, options: TrainerOptions) {
    const { data, executable, optimizer, batchSize } = parts;
    this.#vae = vae;
    this.#executable = executable;
    this.#optimizer = optimizer;
    this.#ring = parts.ring;
    this.#data = data;
    this.#buffers = parts.buffers;
    this.#refused = parts.refused;
    this.batchSize = batchSize;
    this.stepsPerEpoch = data ? Math.ceil(data.rows / batchSize) : 1;
    this.compileTimeMs = parts.compileTimeMs;
    this.scheduler = new Scheduler(vae.device);
    const { learningRate = 1e-3, beta = 1, seed = 0 } = options;
    this.#settings = { learningRate, beta, seed };
  }

  /**
   * Plans and compiles training of `vae` on `data`, or on batches fed to `step()` when `data` is undefined.
   * @throws SpecError, DataError, OutOfMemoryError, ShaderError; nothing stays allocated then
   */
  static async create(vae: Vae, data: Dataset | undefined, options: TrainerOptions = {}): Promise<Trainer> {
    const { batchSize = 128, optimizer: optimizerSpec = { type: 'adam' } } = options;
    checkOptions(options, batchSize);
    if (data) checkForModel(data, vae.spec, batchSize);
    if (data && options.binarize) checkRange(data, 0, 1, 'data', 'binarize');
    const optimizer = buildOptimizer(optimizerSpec);
    const { device } = vae;
    const request = trainingRequest(vae, data, batchSize, options, optimizer);
    const plan = makePlan(request, device.adapterClass, device.tuning);
    const started = performance.now();
    const buffers = new BufferGroup(device, 'train');
    try {
      const resident = data && (await uploadDataset(buffers, data));
      const state = allocateState(vae, optimizer, buffers);
      const ring = new MetricRing(buffers, ENTRY_WORDS);
      await buffers.settled();
      device.gpu.queue.writeBuffer(state['refused']!, 0, new Uint32Array([NOTHING_REFUSED]));
      const resources = {
        ...state,
        ...vae.resources,
        ...(resident ? { dataset: resident.buffer } : {}),
      };
      const executable = await Executable.create(device, plan, {
        resources,
        ...(options.onCompile ? { onProgress: options.onCompile } : {}),
      });
      const refused = state['refused']!;
      const compileTimeMs = performance.now() - started;
      const parts = {
        executable,
        optimizer,
        ring,
        data: resident,
        buffers,
        refused,
        batchSize,
        compileTimeMs,
      };
      return new Trainer(vae, parts, options);
    } catch (error) {
      buffers.destroy();
      throw error;
    }
  }

  get plan(): Plan {
    return this.#executable.plan;
  }

  get dispatchesPerStep(): number {
    return this.#executable.dispatchCount;
  }

  /** Terms recorded and not yet read. */
  get pendingTerms(): number {
    return this.#ring.pending;
  }

  /** Valid rows of a step's batch; the last batch of an epoch may be smaller. */
  rowsOf(step: number): number {
    if (!this.#data) return this.batchSize;
    const first = (step % this.stepsPerEpoch) * this.batchSize;
    return Math.min(this.batchSize, this.#data.rows - first);
  }

  /** Submits one optimizer step. Resolves when submitted, at most two steps ahead of the GPU. */
  step(batch?: FedBatch): Promise<void> {
    return this.#inTurn(async () => {
      const { values, record } = this.#prepareStep(batch);
      await this.scheduler.run(this.#executable, values, record);
    });
  }

  /** One optimizer step with the time of each of its dispatches. Needs timestamp queries. */
  profile(batch?: FedBatch): Promise<DispatchTime[]> {
    return this.#inTurn(async () => {
      await this.scheduler.idle();
      const { values, record } = this.#prepareStep(batch);
      return this.scheduler.profile(this.#executable, values, record);
    });
  }

  /** Steps that are asked for at the same time run one after the other: they share the inputs' buffers. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #prepareStep(batch: FedBatch | undefined): {
    values: StepValues;
    record: (encoder: GPUCommandEncoder) => void;
  } {
    this.#checkAlive();
    if (!batch && !this.#data)
      throw new SpecError('trainer', 'step() got no batch; this trainer has no data set, pass { x, noise }');
    if (batch) {
      this.#executable.write('x', batch.x);
      this.#executable.write('noise', batch.noise);
    }
    if (this.#ring.pending >= this.#ring.capacity)
      throw new SpecError(
        'trainer',
        `${this.#ring.pending} steps have unread terms; call terms() at least that often`,
      );
    const sources = [this.#executable.output('terms'), this.#executable.output('loss')];
    const refused = { buffer: this.#refused, byteOffset: 0, byteLength: 4 };
    const values = this.#stepValues(this.stepCount++);
    return { values, record: (encoder) => this.#ring.record(encoder, [...sources, refused]) };
  }

  #stepValues(step: number): StepValues {
    const { learningRate, beta, seed } = this.#settings;
    const epoch = Math.floor(step / this.stepsPerEpoch);
    return {
      seed: seedWords(seed),
      stream: step,
      row_count: this.rowsOf(step),
      epoch,
      first_row: (step % this.stepsPerEpoch) * this.batchSize,
      beta: typeof beta === 'number' ? beta : scheduledBeta(beta, step),
      ...this.#optimizer.stepValues(step + 1, learningRate),
      shuffle_keys: shuffleKeys(seed, epoch),
    };
  }

  /**
   * The terms of all steps since the last call.
   * @throws NumericError naming the step and the weight when a gradient or the loss was not finite; the
   *   affected weights were left as they were
   */
  async terms(): Promise<StepTerms[]> {
    this.#checkAlive();
    await this.scheduler.idle();
    const entries = await this.#ring.read();
    const first = this.#firstUnread;
    this.#firstUnread += entries.length;
    return entries.map((entry, index) => this.#decodeEntry(entry, first + index));
  }

  #decodeEntry(entry: MetricEntry, step: number): StepTerms {
    const [elbo, reconstruction, kl, loss] = entry as unknown as [number, number, number, number];
    const refused = new Uint32Array(entry.buffer, entry.byteOffset, ENTRY_WORDS)[4]!;
    if (refused !== NOTHING_REFUSED) {
      const owner = this.#vae.model.weights.set.owner(refused);
      const element = refused - (owner?.offset ?? 0);
      throw new NumericError(
        `step ${step}`,
        `the update of ${owner?.name ?? 'a weight'} is not finite (element ${element}); that weight was left unchanged; lower the learning rate, clip with maxNorm, or check the data`,
      );
    }
    if (!Number.isFinite(loss))
      throw new NumericError(
        `step ${step}`,
        `the loss is ${loss}; lower the learning rate or check the data`,
      );
    return { step, rows: this.rowsOf(step), elbo, reconstruction, kl };
  }

  #checkAlive(): void {
    if (this.#isDestroyed)
      throw new SpecError('trainer', 'it was destroyed; make another with vae.trainer()');
  }

  /** Frees everything the training made; the model and its weights stay. */
  destroy(): void {
    this.#isDestroyed = true;
    this.#executable.destroy();
    this.#buffers.destroy();
  }
}

/** The value of a schedule at a step. @throws SpecError when it is not a weight */
function scheduledBeta(schedule: (step: number) => number, step: number): number {
  const beta = schedule(step);
  if (!(beta >= 0 && beta < 1e6))
    throw new SpecError('beta', `at step ${step} is ${beta}; expected a number >= 0`);
  return beta;
}

/** The flat buffers an optimizer keeps, by resource name. */
function allocateState(vae: Vae, { settings }: Optimizer, buffers: BufferGroup): Record<string, GPUBuffer> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const flat = ['gradients', ...momentNames(settings.rule)];
  const state = Object.fromEntries(
    flat.map((name) => [name, buffers.create(name, 4 * vae.weightLength, usage)]),
  );
  return { ...state, refused: buffers.create('refused', 4, usage) };
}

/** The options that training and evaluation share. @throws SpecError naming the option */
export function checkOptions(options: TrainerOptions, batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new SpecError('batchSize', `is ${batchSize}; expected an integer >= 1`);
  const { learningRate = 1e-3, estimator = 'B', samples = 1, beta = 1, seed = 0 } = options;
  if (!Number.isInteger(samples) || samples < 1)
    throw new SpecError('samples', `is ${samples}; expected an integer >= 1`);
  if (!(learningRate > 0 && learningRate < 1e3))
    throw new SpecError('learningRate', `is ${learningRate}; expected a number > 0`);
  if (estimator !== 'A' && estimator !== 'B')
    throw new SpecError('estimator', `is '${String(estimator)}'; expected 'A' or 'B'`);
  if (typeof beta === 'number' && !(beta >= 0 && beta < 1e6))
    throw new SpecError('beta', `is ${beta}; expected a number >= 0`);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new SpecError('seed', `is ${seed}; expected an integer from 0 to 2^53 - 1`);
}

/** What a training step computes, for the planner. */
export function trainingRequest(
  vae: Vae,
  data: Dataset | undefined,
  batchSize: number,
  options: TrainerOptions,
  optimizer: Optimizer,
): PlanRequest {
  const { model } = vae;
  const { estimator = 'B', samples = 1, binarize = false } = options;
  const x = data
    ? gatherFrom(data, batchSize, model.width, { shuffle: true, binarize })
    : input('x', [batchSize, model.width]);
  const noise = data ? undefined : input('noise', [samples * batchSize, vae.spec.latent]);
  const { loss, terms } = model.elbo(x, { estimator, samples, training: true, ...(noise ? { noise } : {}) });
  const { set, state } = model.weights;
  const gradients = gradient(
    loss,
    set.entries.map(({ tensor }) => tensor),
  );
  return {
    label: 'train',
    outputs: { loss, terms },
    parameters: set,
    state,
    gradients,
    update: optimizer.settings,
  };
}

/** The gather of a data set's batches. */
export function gatherFrom(
  data: Dataset,
  batch: number,
  width: number,
  options: { shuffle: boolean; binarize: boolean },
): Tensor {
  const format = data.values instanceof Float32Array ? 'floats' : 'bytes';
  return gather({ batch, width, rows: data.rows, format, ...options });
}
