/** What a training may be asked for, what it is fed and what it tells. */
import { SpecError } from '../gpu/errors.js';
import { checkEstimator, type EstimatorSpec } from './estimator-spec.js';
import type { OptimizerSpec } from './optimizers/optimizer.js';
import { checkSchedule, type Schedule } from './schedule.js';
import type { Terms } from './terms.js';
import { schemeSpec, type SchemeSpec } from './training-plan.js';

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
}

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
