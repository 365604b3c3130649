/** What a training may be asked for, what it is fed and what it tells. */
import { SpecError } from '../gpu/errors.js';
import type { TrainingFile } from './checkpoint/training-file.js';
import { checkEstimator, type EstimatorSpec } from './estimator-spec.js';
import { completeOptimizer, type OptimizerSpec } from './optimizers/optimizer.js';
import { checkSchedule, type Schedule } from './schedule.js';
import type { Terms } from './terms.js';
import { schemeSpec, type SchemeSpec } from './training-plan.js';

/** What a training is made with; all of it may be left out. */
export interface TrainerOptions {
  readonly batchSize?: number;
  /** Fixed or by step. */
  readonly learningRate?: Schedule;
  readonly optimizer?: OptimizerSpec;
  /** Weight of the KL term, fixed or by step; for objectives that leave it open. */
  readonly beta?: Schedule;
  /** How the bound and its gradient are estimated: `B`, the KL in closed form, by default. */
  readonly estimator?: EstimatorSpec;
  /** Whether all weights learn in every step. */
  readonly scheme?: SchemeSpec;
  /** Latent samples a datum. */
  readonly samples?: number;
  readonly seed?: number;
  /** Draw every pixel anew as 0 or 1 in every step. */
  readonly binarize?: boolean;
  /** Pipelines compiled so far and in all. */
  readonly onCompile?: (done: number, total: number) => void;
  /**
   * A checkpoint of `Trainer.save()` or `onSave` to go on from: the model takes its weights, and options that are left out
   * are its own. Those that are given have to be the same. Bytes, or what `readTrainingFile` made of them.
   */
  readonly resume?: Uint8Array | TrainingFile;
}

/** The options that decide the numbers of a training, all of them stated. */
export type CompleteOptions = Required<Omit<TrainerOptions, 'onCompile' | 'resume'>>;

/** A schedule in a file, which cannot hold a function but knows that there was one. */
type SavedSchedule = Exclude<Schedule, (step: number) => number> | { readonly type: 'function' };

/** The same as plain data. */
export type TrainingSettings = Omit<CompleteOptions, 'learningRate' | 'beta'> & {
  readonly learningRate: SavedSchedule;
  readonly beta: SavedSchedule;
};

/** A batch written by the caller: x f32[B, D], noise f32[S*B, K], and the class of each row if there is a condition. */
export interface FedBatch {
  readonly x: Float32Array;
  readonly noise: Float32Array;
  readonly labels?: ArrayLike<number>;
}

/** The terms of one step. */
export interface StepTerms extends Terms {
  readonly step: number;
  /** Valid rows in the step's batch. */
  readonly rows: number;
}

/** Checks the options and states those left out. @throws SpecError naming the option */
export function completeOptions(options: TrainerOptions): CompleteOptions {
  const { batchSize = 128, learningRate = 1e-3, optimizer = { type: 'adam' }, beta = 1 } = options;
  const { estimator = 'B', scheme = { type: 'joint' }, samples = 1, seed = 0, binarize = false } = options;
  checkOptions(options, batchSize);
  return {
    batchSize,
    learningRate: checkSchedule(learningRate, 'learningRate'),
    optimizer: completeOptimizer(optimizer),
    beta: checkSchedule(beta, 'beta'),
    estimator: checkEstimator(estimator, samples),
    scheme: schemeSpec(scheme),
    samples,
    seed,
    binarize,
  };
}

export function savedSettings(options: CompleteOptions): TrainingSettings {
  return { ...options, learningRate: saved(options.learningRate), beta: saved(options.beta) };
}

function saved(schedule: Schedule): SavedSchedule {
  return typeof schedule === 'function' ? { type: 'function' } : schedule;
}

/** The options that training and evaluation share. @throws SpecError naming the option */
export function checkOptions(options: TrainerOptions, batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new SpecError('batchSize', `is ${batchSize}; expected an integer >= 1`);
  const { learningRate = 1e-3, estimator = 'B', samples = 1, beta = 1, seed = 0, scheme } = options;
  if (!Number.isInteger(samples) || samples < 1)
    throw new SpecError('samples', `is ${samples}; expected an integer >= 1`);
  if (typeof learningRate !== 'number') checkSchedule(learningRate, 'learningRate');
  else if (!(learningRate > 0 && learningRate < 1e3))
    throw new SpecError('learningRate', `is ${learningRate}; expected a number > 0`);
  checkEstimator(estimator, samples);
  checkSchedule(beta, 'beta');
  if (scheme) schemeSpec(scheme);
  if (typeof estimator === 'object' && beta !== 1)
    throw new SpecError('beta', `the estimator ${estimator.type} has no weight on its KL; leave beta out`);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new SpecError('seed', `is ${seed}; expected an integer from 0 to 2^53 - 1`);
}
