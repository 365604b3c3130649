/**
 * What a training step computes: one phase for the model (two that take turns in an alternating scheme), and one for the
 * second network of an adversarial objective. A phase is a plan of its own and trains weights of its own.
 */
import { integer, oneOf, record } from '../gpu/check.js';
import { SpecError } from '../gpu/errors.js';
import { gradient } from '../gpu/gradient.js';
import type { Tensor } from '../gpu/graph.js';
import { add } from '../gpu/ops/binary.js';
import { constant, input } from '../gpu/ops/constant.js';
import { gather } from '../gpu/ops/gather.js';
import type { MovingAverage } from '../gpu/ops/moving-average.js';
import type { ParameterEntry } from '../gpu/parameters.js';
import type { PlanRequest } from '../gpu/plan.js';
import { boundLosses, isInference, meanOfRows, type OwnedLoss } from './bound.js';
import { checkEstimator, type EstimatorSpec } from './estimator-spec.js';
import type { Dataset } from './data/dataset.js';
import type { Model } from './model.js';
import type { Adversary, ObjectiveContext, Penalty } from './objectives/objective.js';
import { buildOptimizer, type Optimizer } from './optimizers/optimizer.js';
import type { Schedule } from './schedule.js';

/**
 * `joint` trains all weights in every step. `alternating` takes `encoderSteps` steps of the encoder alone (E), then
 * `decoderSteps` of everything else (M); with a deterministic posterior that is hard EM.
 */
export type SchemeSpec =
  | { readonly type: 'joint' }
  | { readonly type: 'alternating'; readonly encoderSteps: number; readonly decoderSteps: number };

/** @throws SpecError for what is not a scheme */
export function schemeSpec(value: unknown): SchemeSpec {
  const spec = record(value, 'scheme', ['type', 'encoderSteps', 'decoderSteps']);
  const type = oneOf(spec['type'], 'scheme.type', ['joint', 'alternating']);
  if (type === 'joint') return { type };
  return {
    type,
    encoderSteps: integer(spec['encoderSteps'], 'scheme.encoderSteps', 1, 1e6),
    decoderSteps: integer(spec['decoderSteps'], 'scheme.decoderSteps', 1, 1e6),
  };
}

/** The phase of the model that a step (0, 1, ...) runs, and which of that phase's steps it is (1, 2, ...): Adam's t. */
export function turnOf(scheme: SchemeSpec, step: number): { phase: number; t: number } {
  if (scheme.type === 'joint') return { phase: 0, t: step + 1 };
  const { encoderSteps, decoderSteps } = scheme;
  const cycle = encoderSteps + decoderSteps;
  const [round, place] = [Math.floor(step / cycle), step % cycle];
  if (place < encoderSteps) return { phase: 0, t: round * encoderSteps + place + 1 };
  return { phase: 1, t: round * decoderSteps + place - encoderSteps + 1 };
}

/** A weight of the loss that the trainer writes into an input before every step. */
export interface ScheduledWeight {
  readonly name: string;
  readonly input: string;
  readonly schedule: Schedule;
}

export interface PhasePlan {
  readonly request: PlanRequest;
  readonly optimizer: Optimizer;
  readonly weights: readonly ScheduledWeight[];
  readonly adversary?: Adversary;
}

export interface TrainingPlan {
  /** The model's phases, of which a step runs one. */
  readonly model: readonly PhasePlan[];
  /** Run behind the model's phase in every step. */
  readonly adversary?: PhasePlan;
  /** The names of the terms behind elbo, reconstruction and kl; outputs of every model phase. */
  readonly termNames: readonly string[];
}

export interface TrainingPlanOptions {
  readonly estimator?: EstimatorSpec;
  readonly samples?: number;
  readonly binarize?: boolean;
  readonly scheme?: SchemeSpec;
}

/** Output of a plan that holds the term `name`. */
export const termOutput = (name: string): string => `term ${name}`;

/** Plans training of `model` on `data`, or on batches fed as inputs `x`, `noise` and `condition`. */
export function trainingPlan(
  model: Model,
  data: Dataset | undefined,
  batchSize: number,
  options: TrainingPlanOptions,
  optimizer: Optimizer,
): TrainingPlan {
  const { scheme = { type: 'joint' }, samples = 1 } = options;
  const estimator = checkEstimator(options.estimator ?? 'B', samples);
  if (typeof estimator === 'object' && !model.objective.usesBound)
    throw new SpecError(
      'estimator',
      `is ${estimator.type}, and the objective ${model.spec.objective.type} has a loss of its own; use 'A' or 'B'`,
    );
  const pass = new TrainingPass(model, data, batchSize, { ...options, samples, estimator });
  const { losses, outputs, termNames, averages } = pass.modelLosses();
  const phase = (label: string, owned: readonly OwnedLoss[]): PhasePlan => ({
    request: { ...phaseRequest(model, label, outputs, owned, optimizer), averages },
    optimizer,
    weights: pass.weights,
  });
  const { adversary } = model.objective;
  const isModels = (weight: string): boolean => !adversary || !weight.startsWith(adversary.prefix);
  const own = only(losses, isModels);
  const phases =
    scheme.type === 'joint'
      ? [phase('train', own)]
      : [
          phase('train encoder', only(own, isInference)),
          phase(
            'train decoder',
            only(own, (weight) => !isInference(weight)),
          ),
        ];
  return { model: phases, termNames, ...(adversary && { adversary: pass.adversaryPhase(adversary) }) };
}

function bothPenalties(objective: Penalty | undefined, posterior: Penalty | undefined): Penalty | undefined {
  if (!objective || !posterior) return objective ?? posterior;
  const loss = add(objective.loss, posterior.loss);
  return { ...objective, ...posterior, loss, terms: { ...objective.terms, ...posterior.terms } };
}

/** The losses with what the objective adds to them; its own alone where there are none. */
function withPenalty(losses: readonly OwnedLoss[], penalty: Penalty | undefined): readonly OwnedLoss[] {
  if (!penalty) return losses;
  const { loss: added, generative } = penalty;
  const whole =
    losses.length === 0
      ? [{ loss: added, owns: () => true }]
      : losses.map(({ loss, owns }) => ({ loss: add(loss, added), owns }));
  if (!generative) return whole;
  const more = whole.map(({ loss, owns }) => ({ loss: add(loss, generative), owns }));
  return [...only(whole, isInference), ...only(more, (weight) => !isInference(weight))];
}

/** Losses of which only the weights that `predicate` names learn. */
function only(losses: readonly OwnedLoss[], predicate: (weight: string) => boolean): OwnedLoss[] {
  return losses.map(({ loss, owns }) => ({ loss, owns: (weight) => predicate(weight) && owns(weight) }));
}

function phaseRequest(
  model: Model,
  label: string,
  outputs: Readonly<Record<string, Tensor>>,
  losses: readonly OwnedLoss[],
  optimizer: Optimizer,
): PlanRequest {
  const { set, state } = model.weights;
  const trained: ParameterEntry[] = [];
  const gradients: Tensor[] = [];
  for (const { loss, owns } of losses) {
    const entries = set.entries.filter(
      ({ name }) => owns(name) && !trained.some((entry) => entry.name === name),
    );
    trained.push(...entries);
    gradients.push(
      ...gradient(
        loss,
        entries.map(({ tensor }) => tensor),
      ),
    );
  }
  if (trained.length === 0)
    throw new SpecError('scheme', `the phase '${label}' has no weights to train; use { type: 'joint' }`);
  return { label, outputs, parameters: set, state, trained, gradients, update: optimizer.settings };
}

/** One batch through the model, as the phases of a step share it. */
class TrainingPass {
  readonly weights: ScheduledWeight[] = [];
  readonly #context: ObjectiveContext;

  constructor(
    readonly model: Model,
    data: Dataset | undefined,
    readonly batchSize: number,
    readonly options: TrainingPlanOptions & { readonly samples: number; readonly estimator: EstimatorSpec },
  ) {
    const { samples, estimator, binarize = false } = options;
    const x = data
      ? gatherFrom(data, batchSize, model.width, { shuffle: true, binarize })
      : input('x', [batchSize, model.width]);
    const condition = conditionInput(model, data, batchSize, true);
    const noise = data ? undefined : input('noise', [samples * batchSize, model.spec.latent]);
    const bound = model.bound(x, {
      estimator,
      samples,
      training: true,
      ...(noise && { noise }),
      ...(condition && { condition }),
    });
    this.#context = {
      model,
      x,
      samples,
      rows: data?.rows ?? batchSize,
      bound,
      ...(condition && { condition }),
      mean: (rows) => meanOfRows(rows, batchSize),
      weight: (name, schedule) => this.#weight(name, schedule),
    };
  }

  /** The model's losses and what its phases put out. */
  modelLosses(): {
    losses: readonly OwnedLoss[];
    outputs: Record<string, Tensor>;
    termNames: string[];
    averages: readonly MovingAverage[];
  } {
    const { model, batchSize, options } = this;
    const { losses, terms, multiSample } = boundLosses(this.#context.bound, batchSize, options.estimator);
    const { bound, mean } = this.#context;
    const penalty = bothPenalties(model.objective.penalty?.(this.#context), bound.penalty?.(mean));
    const all = withPenalty(model.objective.usesBound ? losses : [], penalty);
    const others: Record<string, Tensor> = { ...(multiSample && { multiSample }), ...penalty?.terms };
    const named = Object.entries(others).map(([name, tensor]) => [termOutput(name), tensor] as const);
    return {
      losses: all,
      outputs: { loss: all[0]!.loss, terms, ...Object.fromEntries(named) },
      termNames: Object.keys(others),
      averages: penalty?.averages ?? [],
    };
  }

  /** The second network's phase, on the same batch, which has moved the state, with the weights as the model's phase left them. */
  adversaryPhase(adversary: Adversary): PhasePlan {
    const loss = adversary.loss(this.#context);
    const owns = (weight: string): boolean => weight.startsWith(adversary.prefix);
    const label = `train ${adversary.name}`;
    const optimizer = buildOptimizer(adversary.optimizer);
    const request = phaseRequest(this.model, label, { loss }, [{ loss, owns }], optimizer);
    return { request: { ...request, movesState: false }, optimizer, weights: this.weights, adversary };
  }

  #weight(name: string, schedule: Schedule): Tensor {
    if (typeof schedule === 'number') return constant([1], schedule);
    const scheduled = { name, input: `weight ${name}`, schedule };
    this.weights.push(scheduled);
    return input(scheduled.input, [1]);
  }
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

/** The one-hot condition of a batch f32[B, C], from the resource `condition` or fed; undefined for a model without one. */
export function conditionInput(
  model: Model,
  data: Dataset | undefined,
  batch: number,
  shuffle: boolean,
): Tensor | undefined {
  const width = model.conditionWidth;
  if (width === 0) return undefined;
  if (!data) return input('condition', [batch, width]);
  const { rows } = data;
  return gather({ batch, width, rows, format: 'bytes', shuffle, binarize: false, resource: 'condition' });
}
