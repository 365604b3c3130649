/**
 * What a page and its worker say to each other: calls with an id, their results or errors, events of a call that runs, and
 * the loss of the device. Plain data that `postMessage` clones; buffers of results are moved.
 */
import type { TuningOptions } from '../../gpu/device.js';
import {
  CheckpointError,
  DataError,
  DeviceError,
  NumericError,
  OutOfMemoryError,
  ShaderError,
  GradientError,
  ShapeError,
  SpecError,
  VaeError,
} from '../../gpu/errors.js';
import type { Dataset } from '../data/dataset.js';
import type { ModelCanvasOptions } from '../interop/model-canvas.js';
import type { CompleteSpec, VaeSpec } from '../spec.js';
import type { TrainOptions, TrainReport } from '../train.js';
import type { Trainer } from '../trainer.js';
import type { TrainerOptions } from '../trainer-options.js';
import type { Vae } from '../vae.js';

/** Methods of a Vae that take and give plain data. */
export type VaeMethod =
  'decode' | 'encode' | 'evaluate' | 'readWeights' | 'reconstruct' | 'sample' | 'sampleLatents' | 'save';

/** Methods of a Trainer that take and give plain data. */
export type TrainerMethod = 'profile' | 'save' | 'step' | 'terms';

/** Callbacks of training that are told to the page; `onEpoch` is waited for. */
export type TrainEvent = 'onCompile' | 'onEpoch' | 'onStep' | 'onWarning';

/** The device that a worker opens. */
export interface WorkerDeviceOptions extends TuningOptions {
  readonly powerPreference?: GPUPowerPreference;
}

/** A model in the worker, as the page knows it. */
export interface ModelFacts {
  readonly model: number;
  readonly spec: CompleteSpec;
  readonly parameterCount: number;
}

/** A trainer in the worker, as the page knows it. */
export interface TrainerFacts extends Pick<Trainer, 'batchSize' | 'stepsPerEpoch'> {
  readonly trainer: number;
  readonly now: TrainerState;
}

/** What of a trainer changes with a step. */
export type TrainerState = Pick<Trainer, 'dispatchesPerStep' | 'stepCount'>;

interface Of {
  readonly model: number;
}

/** What a picture on a worker's canvas may come from; all of it can be sent. */
export type SentPicture = ImageBitmap | VideoFrame | ImageData;

/** The calls of a worker: what they take and give. */
export interface WorkerCalls {
  open: { takes: WorkerDeviceOptions; gives: string };
  create: { takes: { readonly spec: VaeSpec; readonly seed: number }; gives: ModelFacts };
  load: { takes: { readonly bytes: Uint8Array }; gives: ModelFacts };
  train: {
    takes: Of & {
      readonly data: Dataset;
      readonly options: Omit<TrainOptions, TrainEvent | 'signal' | 'beforeStep'>;
      readonly events: readonly TrainEvent[];
    };
    gives: TrainReport;
  };
  trainer: {
    takes: Of & {
      readonly data: Dataset | undefined;
      readonly options: Omit<TrainerOptions, TrainEvent>;
      readonly events: readonly TrainEvent[];
    };
    gives: TrainerFacts;
  };
  advance: {
    takes: { readonly trainer: number; readonly method: TrainerMethod; readonly args: readonly unknown[] };
    gives: { readonly value: Awaited<ReturnType<Trainer[TrainerMethod]>>; readonly now: TrainerState };
  };
  /** Holds trainings of the model before their next step, or lets them go on. */
  hold: { takes: Of & { readonly isHeld: boolean }; gives: void };
  run: {
    takes: Of & { readonly method: VaeMethod; readonly args: readonly unknown[] };
    gives: Awaited<ReturnType<Vae[VaeMethod]>>;
  };
  canvas: {
    takes: Of & { readonly canvas: OffscreenCanvas; readonly options: ModelCanvasOptions };
    gives: number;
  };
  draw: { takes: { readonly canvas: number } & Drawing; gives: void };
  /** Frees a canvas or a trainer. */
  close: { takes: { readonly part: number }; gives: void };
  destroy: { takes: Of; gives: void };
}

export type Drawing =
  | { readonly decode: Float32Array }
  | { readonly sample: { readonly seed?: number } }
  | { readonly reconstruct: readonly SentPicture[] };

export type ToWorker =
  | { readonly id: number; readonly call: keyof WorkerCalls; readonly takes: unknown }
  | { readonly abort: number }
  | { readonly acknowledge: number };

export type FromWorker =
  | { readonly id: number; readonly gives: unknown }
  | { readonly id: number; readonly error: ErrorFacts }
  | { readonly id: number; readonly event: TrainEvent; readonly values: readonly unknown[] }
  | { readonly lost: string };

/** An error as data; `where` is that of a VaeError. */
export interface ErrorFacts {
  readonly name: string;
  readonly message: string;
  readonly where?: string;
  readonly stack?: string;
}

/** By names that a minifier leaves alone: page and worker may be bundled apart. */
const errorClasses = {
  CheckpointError,
  DataError,
  DeviceError,
  NumericError,
  OutOfMemoryError,
  ShaderError,
  GradientError,
  ShapeError,
  SpecError,
  VaeError,
} as const;

export function errorFacts(error: unknown): ErrorFacts {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { message, stack } = error;
  const ours = Object.entries(errorClasses).find(([, kind]) => error.constructor === kind);
  return {
    name: ours?.[0] ?? error.name,
    message,
    ...(stack !== undefined && { stack }),
    ...(error instanceof VaeError && { where: error.where }),
  };
}

/** The error that was thrown in the worker, of the same class where it is one of ours. */
export function errorFrom({ name, message, where, stack }: ErrorFacts): Error {
  const error = where === undefined ? new Error(message) : ourError(name, where, message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}

function ourError(name: string, where: string, message: string): VaeError {
  const Ours = (errorClasses as Readonly<Record<string, typeof VaeError>>)[name] ?? VaeError;
  return new Ours(where, message.slice(`[${where}] `.length));
}

/** The buffers of an array, or of the arrays in an object: what is moved instead of copied. */
export function buffersOf(value: unknown): ArrayBuffer[] {
  const parts: unknown[] = ArrayBuffer.isView(value) ? [value] : Object.values(value ?? {});
  const buffers = parts.flatMap((part) => (ArrayBuffer.isView(part) ? [part.buffer] : []));
  return [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer);
}
