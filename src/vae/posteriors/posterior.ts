/** q(z | x) as pieces of a graph: its moments come from the encoder, samples and their densities from the moments. */
import type { Tensor } from '../../gpu/graph.js';
import type { Estimator } from '../../gpu/ops/reparameterize.js';
import type { Penalty } from '../objectives/objective.js';
import type { Prior } from '../priors/prior.js';
import type { WeightFactory } from '../weights.js';
import { deterministic } from './deterministic.js';
import { planar, radial } from './flow.js';
import { full } from './full.js';
import { gaussian } from './gaussian.js';
import { inverseAutoregressive } from './iaf.js';
import type { PosteriorSpec } from './posterior-spec.js';
import { uniform } from './uniform.js';
import { vectorQuantized } from './vector-quantized.js';

export interface DrawOptions {
  /** S samples a datum; row r of z belongs to datum r mod B. */
  readonly samples: number;
  /** f32[S*B, K] in place of the kernel's own noise. */
  readonly noise?: Tensor;
}

/** Samples and what they weigh. */
export interface Draw {
  /** f32[S*B, K] */
  readonly z: Tensor;
  /** log q(z | x), f32[S*B] nats; a family without a density has 0. */
  readonly logDensity: Tensor;
  /** What training adds to every loss for this draw, given a mean over the batch's data of rows f32[B]. */
  readonly penalty?: (mean: (rows: Tensor) => Tensor) => Penalty;
}

export interface Posterior {
  /** Columns W of the moments, the encoder's output. */
  readonly momentsWidth: number;
  /** What the moments hold behind the mean and the log-variance: columns by the name that files have for them. */
  readonly furtherMoments?: Readonly<Record<string, number>>;
  /** True for a family without density: its KL counts as 0 under every prior. */
  readonly isPoint?: boolean;
  /** Columns of the log-variance that `summary` tells: K, 1, or 0 for a family that has none. */
  readonly logVarianceWidth: number;
  /** Samples of q with their densities, from moments f32[B, W]. */
  draw(moments: Tensor, options: DrawOptions): Draw;
  /** Samples and KL(q || N(0, I)) in nats, f32[S*B] each row: where one kernel makes both. */
  drawWithKl?(moments: Tensor, options: DrawOptions, estimator: Estimator): { z: Tensor; kl: Tensor };
  /** log q(z | x) of any z f32[S*B, K], f32[S*B]: where the family can be evaluated anywhere. */
  logDensity?(z: Tensor, moments: Tensor): Tensor;
  /** KL(q || p) in closed form, f32[B], with p a diagonal Gaussian of moments f32[B, 2K] (mean, log-variance). */
  klToDiagonal?(moments: Tensor, prior: Tensor): Tensor;
  /** Mean and log-variance side by side, f32[B, K + logVarianceWidth]. */
  summary(moments: Tensor): Tensor;
  /** p(z), where the family comes with its own. */
  readonly prior?: Prior;
}

/** What a posterior may be made of. */
export interface PosteriorSite {
  readonly latent: number;
  readonly weights: WeightFactory;
}

/** The columns of the moments by the name that files have for them. */
export function momentColumns(posterior: Posterior, latent: number): Readonly<Record<string, number>> {
  const { momentsWidth, furtherMoments = {} } = posterior;
  const further = Object.values(furtherMoments).reduce((sum, count) => sum + count, 0);
  const logVariance = momentsWidth - latent - further;
  return { mean: latent, ...(logVariance > 0 && { log_variance: logVariance }), ...furtherMoments };
}

/** The posterior of a specification; its own weights are named `posterior.*`. */
export function buildPosterior(spec: PosteriorSpec, { latent, weights }: PosteriorSite): Posterior {
  switch (spec.type) {
    case 'diagonal':
    case 'isotropic':
      return gaussian(spec.type, latent);
    case 'full':
      return full(latent);
    case 'planar':
      return planar(spec.steps, latent);
    case 'radial':
      return radial(spec.steps, latent);
    case 'iaf':
      return inverseAutoregressive(spec, latent, weights);
    case 'deterministic':
      return deterministic(latent);
    case 'uniform':
      return uniform(latent);
    case 'vector-quantized':
      return vectorQuantized(spec, { latent, weights });
  }
}
