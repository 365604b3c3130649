/** report.json: everything about a run that a program may want to know afterwards. */
import type { CompleteSpec } from '../../vae/spec.js';
import type { Terms } from '../../vae/terms.js';
import type { Spread, TrainReport } from '../../vae/train.js';
import type { TrainSettings } from './options.js';
import type { StepProfile } from './profile.js';

/** Terms are in nats per datum; what is unknown, or not finite, is null in the file. */
export interface RunReport {
  readonly version: string;
  readonly adapter: string;
  readonly data: {
    readonly name: string;
    /** Training images. */
    readonly rows: number;
    readonly testRows: number;
    /** `[H, W, C]` */
    readonly shape: readonly number[];
  };
  readonly model: CompleteSpec;
  readonly parameterCount: number;
  readonly seed: number;
  /** Completed. */
  readonly epochs: number;
  readonly steps: number;
  /** Mean over the last epoch, complete or not, while the weights were changing. */
  readonly train: Terms | null;
  /** Of the final weights on the test part. */
  readonly test: Terms | null;
  readonly stepTimeMs: Spread | null;
  readonly compileTimeMs: number | null;
  readonly dispatchesPerStep: number | null;
  readonly submitsPerStep: number | null;
  readonly gpuByteLength: number | null;
  readonly imagesPerSecond: number | null;
  /** Spent on training steps. */
  readonly seconds: number | null;
  /** Whether the run ended before its last epoch did. */
  readonly stopped: boolean;
  /** What ended it, where that was an error. */
  readonly error?: string;
  readonly options: RunOptions;
  readonly profile?: StepProfile['dispatches'];
  /** What the adapter could do when the profile was taken. */
  readonly roof?: StepProfile['roof'];
}

/** The options as asked; `epochs` may be more than were completed. */
export type RunOptions = Omit<TrainSettings, 'json' | 'profile' | 'adapter' | 'resume'>;

type Outcome = Pick<
  RunReport,
  | 'epochs'
  | 'steps'
  | 'train'
  | 'stepTimeMs'
  | 'compileTimeMs'
  | 'dispatchesPerStep'
  | 'submitsPerStep'
  | 'gpuByteLength'
  | 'imagesPerSecond'
  | 'seconds'
  | 'stopped'
>;

/** The part of a report that training knows. */
export function outcomeOf(report: TrainReport): Outcome {
  return report;
}

/** The same for a run that an error ended, as far as it was seen. */
export function brokenOutcome(epochs: number, steps: number, train: Terms | null): Outcome {
  const unknown = { stepTimeMs: null, compileTimeMs: null, dispatchesPerStep: null, submitsPerStep: null };
  return {
    ...unknown,
    epochs,
    steps,
    train,
    gpuByteLength: null,
    imagesPerSecond: null,
    seconds: null,
    stopped: true,
  };
}

/** The options that belong into a report: what is only about this terminal stays out. */
export function runOptions(settings: TrainSettings): RunOptions {
  const { json: _json, profile: _profile, adapter: _adapter, resume: _resume, ...options } = settings;
  return options;
}
