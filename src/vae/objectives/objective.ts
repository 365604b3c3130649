/** What a model is trained on beyond its bound: penalties added to the negative bound, and second networks. */
import type { Tensor } from '../../gpu/graph.js';
import type { MovingAverage } from '../../gpu/ops/moving-average.js';
import type { Bound } from '../bound.js';
import type { Extensions } from '../extensions.js';
import type { Model } from '../model.js';
import { ownCode } from '../own-spec.js';
import type { Posterior } from '../posteriors/posterior.js';
import type { OptimizerSpec } from '../optimizers/optimizer.js';
import type { Schedule } from '../schedule.js';
import type { CompleteSpec } from '../spec.js';
import type { WeightFactory } from '../weights.js';
import { adversarial } from './adversarial.js';
import { betaTc } from './beta-tc.js';
import { capacity, freeBits } from './capacity.js';
import { dip } from './dip.js';
import { factor } from './factor.js';
import { fisher } from './fisher.js';
import { infoVae } from './mmd.js';
import { regularized } from './regularized.js';
import { vaeGan } from './vae-gan.js';

/** What an objective sees of a training step. */
export interface ObjectiveContext {
  readonly model: Model;
  /** f32[B, D] */
  readonly x: Tensor;
  /** f32[B, C], where the model has a condition. */
  readonly condition?: Tensor;
  readonly samples: number;
  /** N, the data of the whole set; the batch's where batches are fed. */
  readonly rows: number;
  /** The pieces of the bound on this batch. */
  readonly bound: Bound;
  /** Mean over the batch's valid rows, f32[1], of rows f32[B] or f32[S*B]. */
  readonly mean: (rows: Tensor) => Tensor;
  /** A term's weight at this step, f32[1]; `name` is what warnings call it. */
  readonly weight: (name: string, schedule: Schedule) => Tensor;
}

/** What an objective adds to the loss. */
export interface Penalty {
  /** f32[1], weighted, added to the loss. */
  readonly loss: Tensor;
  /** f32[1], added to the loss of every weight but those of q(z | x). */
  readonly generative?: Tensor;
  /** f32[1] each, for reports; not weighted. */
  readonly terms: Readonly<Record<string, Tensor>>;
  /** What the step moves in the model's state. */
  readonly averages?: readonly MovingAverage[];
}

/** A second network, trained on a loss of its own after the model in every step. */
export interface Adversary {
  readonly name: string;
  /** Its weights' names begin with this. */
  readonly prefix: string;
  readonly optimizer: OptimizerSpec;
  readonly learningRate: number;
  /** f32[1]; the model counts as fixed. */
  loss(context: ObjectiveContext): Tensor;
}

/** An objective for one model: what it adds to the bound, or sets in its place. */
export interface Objective {
  /** The weight on the KL in the reported elbo, where the objective decides it and the training option may not. */
  readonly beta?: number;
  /** False where the penalty is the whole loss; estimators of several samples have no part in it then. */
  readonly usesBound: boolean;
  /** Called once a plan, with the pieces of the bound as tensors. */
  penalty?(context: ObjectiveContext): Penalty;
  readonly adversary?: Adversary;
}

/** What an objective may be made of. */
export interface ObjectiveSite {
  /** The whole model, for members that need a certain posterior, prior or likelihood. */
  readonly spec: CompleteSpec;
  readonly posterior: Posterior;
  readonly latent: number;
  /** The shape of a datum, as the decoder makes it. */
  readonly datum: readonly number[];
  readonly weights: WeightFactory;
}

/** The objective of a specification; its own weights are named `objective.*`. @throws SpecError when the model does not fit it */
export function buildObjective(site: ObjectiveSite, own?: Extensions['objectives']): Objective {
  const { objective } = site.spec;
  switch (objective.type) {
    case 'elbo':
      return { usesBound: true };
    case 'capacity':
      return capacity(objective);
    case 'free-bits':
      return freeBits(objective, site);
    case 'beta-tc':
      return betaTc(objective, site);
    case 'mmd':
      return infoVae(objective);
    case 'dip':
      return dip(objective, site);
    case 'factor':
      return factor(objective, site);
    case 'adversarial':
      return adversarial(objective, site);
    case 'vae-gan':
      return vaeGan(objective, site);
    case 'l2':
    case 'gradient-penalty':
      return regularized(objective);
    case 'fisher':
      return fisher(site);
    case 'own':
      return ownCode(objective, own, 'spec.objective.name', 'objectives')(site, objective.options);
  }
}
