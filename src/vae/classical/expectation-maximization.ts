/**
 * EM for factor analysis and probabilistic PCA. With x centred, S the covariance, and averages over the N rows:
 *
 *   E: G = (I + W' Psi^-1 W)^-1,  B = G W' Psi^-1,  E[z] = B x,  mean of E[zz'] = G + B S B'
 *   M: W = S B' (G + B S B')^-1,  Psi = diag(S - W (S B')')
 *
 * The sums over the data that this needs (`sum x E[z]'` = N S B') are matrix products on the GPU; what is K x K is
 * inverted in float64 on the CPU. The log-likelihood of the model before each M step comes out of the E step.
 * Source: Ghahramani and Hinton, "The EM algorithm for mixtures of factor analyzers" (1996), section 2; the isotropic
 * noise of PPCA is the mean of Psi: Tipping and Bishop (1999), appendix B.
 */
import { SpecError, ShapeError } from '../../gpu/errors.js';
import { standardNormal } from '../../gpu/threefry.js';
import type { DataMoments, Statistics } from './data-moments.js';
import { fitOf, floorFor, type FitOptions, type LinearFit } from './fit.js';
import { LinearGaussian } from './linear-gaussian.js';
import {
  addScaled,
  cholesky,
  choleskySolve,
  dot,
  matrix,
  rowOf,
  transpose,
  type Matrix,
} from '../float64/matrix.js';
import { codeMoments, meanLogLikelihood } from './posterior.js';

/** When EM ends, and whom it tells. */
export interface EmOptions extends FitOptions {
  /** M steps at most; 200 by default. */
  readonly maxIterations?: number;
  /** Ends when an iteration gains less than this many nats per datum; 1e-4 by default. */
  readonly tolerance?: number;
  /** Of the first weights. */
  readonly seed?: number;
  /** Begins with this model instead, such as that of a run that was stopped. */
  readonly initial?: LinearGaussian;
  /** How products with the covariance are made; `auto` by default. */
  readonly statistics?: Statistics;
  /** Ends after the iteration in flight; the result is the model by then. */
  readonly signal?: AbortSignal;
  /** Told after every iteration. */
  readonly onIteration?: (progress: EmProgress) => void;
}

/** Where EM is. */
export interface EmProgress {
  /** M steps so far: 0, 1, ... */
  readonly iteration: number;
  /** Exact, in nats per datum. */
  readonly logLikelihood: number;
}

type Family = 'ppca' | 'factor-analysis';

/** Stream of the first weights, away from those of samples. */
const INITIAL_STREAM = 0x6c696e02;

/** What a fit is about, besides its options. */
interface Task {
  readonly moments: DataMoments;
  readonly shape: readonly number[];
  readonly family: Family;
  readonly floor: number;
}

/** Fits by EM. @throws SpecError for options that make no sense; NumericError, DeviceError */
export async function runEm(
  moments: DataMoments,
  shape: readonly number[],
  family: Family,
  options: EmOptions,
): Promise<LinearFit> {
  const { maxIterations = 200, tolerance = 1e-4, signal, onIteration, initial } = options;
  checkOptions(maxIterations, tolerance);
  const task = { moments, shape, family, floor: floorFor(moments, options) };
  let model = initial ? continued(task, initial, options.latent) : randomModel(task, options);
  await moments.prepare(options.statistics ?? 'auto');
  const history: number[] = [];
  for (let iteration = 0; ; iteration++) {
    const cross = await moments.times(model.posterior.projection);
    const logLikelihood = meanLogLikelihood(model, moments.variances, cross);
    const gain = logLikelihood - (history.at(-1) ?? -Infinity);
    history.push(logLikelihood);
    onIteration?.({ iteration, logLikelihood });
    const converged = gain < tolerance;
    if (converged || iteration === maxIterations || signal?.aborted)
      return fitOf(model, history, converged, task.floor);
    model = maximize(task, model, cross);
  }
}

function checkOptions(maxIterations: number, tolerance: number): void {
  if (!Number.isSafeInteger(maxIterations) || maxIterations < 1)
    throw new SpecError('maxIterations', `is ${maxIterations}; expected a whole number of at least 1`);
  if (!(tolerance >= 0 && tolerance < Infinity))
    throw new SpecError('tolerance', `is ${tolerance}; expected a number of nats of at least 0`);
}

/** Half of each variance is given to random weights, half to the noise. */
function randomModel(task: Task, { latent: K, seed = 0 }: EmOptions): LinearGaussian {
  const { width: D, totalVariance, variances } = task.moments;
  const spread = task.family === 'ppca' ? new Float64Array(D).fill(totalVariance / D) : variances;
  const normals = standardNormal(D * K, seed, INITIAL_STREAM);
  const weights = Float64Array.from(
    normals,
    (value, i) => value * Math.sqrt(spread[Math.floor(i / K)]! / (2 * K)),
  );
  return modelOf(
    task,
    matrix(D, K, weights),
    spread.map((value) => value / 2),
  );
}

/** A given model with the mean of these data, which is the best one. @throws ShapeError when its sizes are others */
function continued(task: Task, { weight, noiseVariance }: LinearGaussian, K: number): LinearGaussian {
  const { width: D } = task.moments;
  if (weight.rows === D && weight.columns === K) return modelOf(task, weight, noiseVariance);
  throw new ShapeError(
    'initial',
    `its weight is f64[${weight.rows}, ${weight.columns}]; these data and latent need f64[${D}, ${K}]; ` +
      'pass a model of these sizes',
  );
}

/** The M step. The best noise above the floor is the floor where the best of all is below it. */
function maximize(task: Task, { posterior }: LinearGaussian, cross: Matrix): LinearGaussian {
  const codes = codeMoments(posterior.projection, cross);
  addScaled(codes.values, 1, posterior.covariance.values);
  const weight = transpose(choleskySolve(cholesky(codes), transpose(cross)));
  const noise = task.moments.variances.map((value, j) => value - dot(rowOf(weight, j), rowOf(cross, j)));
  return modelOf(task, weight, noise);
}

function modelOf(
  { moments, shape, family, floor }: Task,
  weight: Matrix,
  noise: Float64Array,
): LinearGaussian {
  const shared = noise.reduce((sum, value) => sum + value, 0) / noise.length;
  const noiseVariance = noise.map((value) => Math.max(floor, family === 'ppca' ? shared : value));
  return new LinearGaussian({ family, shape, mean: moments.centre, weight, noiseVariance });
}
