/** A model that lives in a worker, with the methods of a Vae; and a canvas that the worker draws it on. */
import type { Dataset } from '../data/dataset.js';
import type { ModelCanvas, ModelCanvasOptions } from '../interop/model-canvas.js';
import type { CompleteSpec } from '../spec.js';
import type { TrainOptions, TrainReport } from '../train.js';
import type { TrainerOptions } from '../trainer-options.js';
import type { Vae } from '../vae.js';
import type { Channel } from './channel.js';
import { buffersOf, type ModelFacts, type SentPicture, type TrainEvent, type VaeMethod } from './protocol.js';
import type { Transfer } from './transfer.js';
import { WorkerTrainer } from './worker-trainer.js';

/** As on the main thread; to pause, see `pause()`. */
export type WorkerTrainOptions = Omit<TrainOptions, 'beforeStep'> & Transfer;

type FirstOf<M extends VaeMethod> = Parameters<Vae[M]>[0];
type OptionsOf<M extends VaeMethod> = NonNullable<Parameters<Vae[M]>[1]> & Transfer;
type Answer<M extends VaeMethod> = ReturnType<Vae[M]>;

const events = ['onCompile', 'onEpoch', 'onStep', 'onWarning'] as const satisfies readonly TrainEvent[];

/** Each method throws what the Vae's method throws, of the same class. */
export class WorkerVae implements Pick<Vae, VaeMethod | 'spec' | 'parameterCount'> {
  readonly spec: CompleteSpec;
  /** Trainable numbers. */
  readonly parameterCount: number;
  readonly #channel: Channel;
  readonly #model: number;

  /** Made by `GpuWorker.create` and `load`. */
  constructor(channel: Channel, { model, spec, parameterCount }: ModelFacts) {
    this.#channel = channel;
    this.#model = model;
    this.spec = spec;
    this.parameterCount = parameterCount;
  }

  /** Trains on all rows; callbacks run here, and `onEpoch` is awaited by the worker. */
  train(data: Dataset, options: WorkerTrainOptions): Promise<TrainReport> {
    const { onCompile, onEpoch, onStep, onWarning, signal, transfer, ...rest } = options;
    const given = { onCompile, onEpoch, onStep, onWarning };
    const wanted = events.filter((name) => given[name]);
    const listeners = Object.fromEntries(wanted.map((name) => [name, given[name]!]));
    return this.#channel.call(
      'train',
      { model: this.#model, data, options: rest, events: wanted },
      { signal, listeners, transfer: transfer ? buffersOf(data) : [] },
    );
  }

  /** A trainer for callers with a loop of their own; without `data`, batches are sent to `step()`. */
  async trainer(data: Dataset | undefined, options: TrainerOptions & Transfer = {}): Promise<WorkerTrainer> {
    const { onCompile, transfer, ...rest } = options;
    const facts = await this.#channel.call(
      'trainer',
      { model: this.#model, data, options: rest, events: onCompile ? ['onCompile'] : [] },
      { listeners: { ...(onCompile && { onCompile }) }, transfer: transfer ? buffersOf(data) : [] },
    );
    return new WorkerTrainer(this.#channel, facts);
  }

  /** Holds what `train()` does to this model before its next step. */
  pause(): Promise<void> {
    return this.#channel.call('hold', { model: this.#model, isHeld: true });
  }

  /** Lets them go on. */
  resume(): Promise<void> {
    return this.#channel.call('hold', { model: this.#model, isHeld: false });
  }

  /** Mean terms over all rows of `data`, nats per datum. */
  evaluate(data: Dataset, options: OptionsOf<'evaluate'> = {}): Answer<'evaluate'> {
    return this.#run('evaluate', data, options);
  }

  /** f32[N, D] -> the posterior's mean f32[N, K] and log-variance. */
  encode(rows: Float32Array, options: OptionsOf<'encode'> = {}): Answer<'encode'> {
    return this.#run('encode', rows, options);
  }

  /** f32[N, K] -> the mean of p(x | z), f32[N, D]. */
  decode(z: Float32Array, options: OptionsOf<'decode'> = {}): Answer<'decode'> {
    return this.#run('decode', z, options);
  }

  /** decode(encode(rows).mean): f32[N, D] -> f32[N, D]. */
  reconstruct(rows: Float32Array, options: OptionsOf<'reconstruct'> = {}): Answer<'reconstruct'> {
    return this.#run('reconstruct', rows, options);
  }

  /** decode(z) with z from the prior: f32[count, D]. */
  sample(count: number, options: OptionsOf<'sample'> = {}): Answer<'sample'> {
    return this.#run('sample', count, options);
  }

  /** z from the prior, f32[count, K]. */
  sampleLatents(count: number, options: OptionsOf<'sampleLatents'> = {}): Answer<'sampleLatents'> {
    return this.#run('sampleLatents', count, options);
  }

  /** The flat weights. */
  readWeights(): Promise<Float32Array> {
    return this.#run('readWeights');
  }

  /** The model as safetensors bytes. */
  save(): Promise<Uint8Array> {
    return this.#run('save');
  }

  /**
   * Hands the canvas to the worker, which draws on it without this thread.
   * @param canvas without a context; its size becomes that of the grid of images
   */
  async show(
    canvas: HTMLCanvasElement | OffscreenCanvas,
    options: ModelCanvasOptions = {},
  ): Promise<WorkerCanvas> {
    const offscreen = 'transferControlToOffscreen' in canvas ? canvas.transferControlToOffscreen() : canvas;
    const takes = { model: this.#model, canvas: offscreen, options };
    return new WorkerCanvas(
      this.#channel,
      await this.#channel.call('canvas', takes, { transfer: [offscreen] }),
    );
  }

  /** Frees the model in the worker; the worker stays. */
  destroy(): Promise<void> {
    return this.#channel.call('destroy', { model: this.#model });
  }

  #run<M extends VaeMethod>(method: M, first?: FirstOf<M>, options: Transfer = {}): Answer<M> {
    const { transfer, ...rest } = options;
    const takes = { model: this.#model, method, args: [first, rest] };
    const moved = transfer ? buffersOf(first) : [];
    return this.#channel.call('run', takes, { transfer: moved }) as Answer<M>;
  }
}

/** A canvas that a worker draws on. Resolves when it is drawn. */
export class WorkerCanvas implements Pick<ModelCanvas, 'decode' | 'sample'> {
  readonly #channel: Channel;
  readonly #canvas: number;

  constructor(channel: Channel, canvas: number) {
    this.#channel = channel;
    this.#canvas = canvas;
  }

  /** Shows the decoded z, f32[rows, K]. */
  decode(z: Float32Array): Promise<void> {
    return this.#channel.call('draw', { canvas: this.#canvas, decode: z });
  }

  /** Shows samples of the prior. */
  sample(options: { readonly seed?: number } = {}): Promise<void> {
    return this.#channel.call('draw', { canvas: this.#canvas, sample: options });
  }

  /** Shows reconstructions of pictures, one a row. Bitmaps and frames are moved to the worker, which closes them. */
  reconstruct(...pictures: readonly SentPicture[]): Promise<void> {
    const transfer = pictures.filter((picture) => !('data' in picture));
    return this.#channel.call('draw', { canvas: this.#canvas, reconstruct: pictures }, { transfer });
  }

  /** Frees what the drawing needed; the canvas keeps its last picture. */
  destroy(): Promise<void> {
    return this.#channel.call('close', { part: this.#canvas });
  }
}
