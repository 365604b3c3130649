/** p(z), or p(z | c), as pieces of a graph. */
import { SpecError } from '../../gpu/errors.js';
import type { Tensor } from '../../gpu/graph.js';
import { affine } from '../../gpu/ops/unary.js';
import type { Shape } from '../../gpu/shape.js';
import type { Posterior } from '../posteriors/posterior.js';
import { squaredRows } from '../rows.js';
import type { WeightFactory } from '../weights.js';
import { conditional } from './conditional.js';
import { factorized } from './factorized.js';
import { hierarchical } from './hierarchical.js';
import { mixture } from './mixture.js';
import type { PriorSpec } from './prior-spec.js';
import { vamp } from './vamp.js';

export interface Prior {
  /** True for N(0, I), which posteriors know their divergence from. */
  readonly isStandardNormal: boolean;
  /** True where weights of inference are part of this density: estimators that know them only in log q cannot have it. */
  readonly sharesInference?: boolean;
  /** log p(z | c) in nats, f32[S*B], of z f32[S*B, K] with the condition f32[B, C] where the model has one. */
  logDensity(z: Tensor, condition?: Tensor): Tensor;
  /** Mean and log-variance f32[B, 2K], where p(z | c) is a diagonal Gaussian that is not N(0, I). */
  moments?(condition: Tensor): Tensor;
  /** Columns of standard normal noise that a sample is made of. */
  readonly noiseWidth: number;
  /** Samples f32[R, K] from noise f32[R, noiseWidth] and the condition f32[R, C] of each. */
  draw(noise: Tensor, condition?: Tensor): Tensor;
}

/** What a prior may be made of. */
export interface PriorSite {
  readonly latent: number;
  /** Columns of the condition, 0 where the model has none. */
  readonly conditionWidth: number;
  readonly weights: WeightFactory;
  /** Names of its weights begin with this: `prior`, or `prior.prior` within a hierarchical one. */
  readonly prefix: string;
  /** What z is the latent of: the shape of a datum, and q(z | x) with its moments f32[R, W] of data f32[R, D]. */
  readonly level: {
    readonly datum: Shape;
    readonly posterior: Posterior;
    readonly encode: (x: Tensor) => Tensor;
  };
}

/** @throws SpecError for a prior that the model has no condition for */
export function buildPrior(spec: PriorSpec, site: PriorSite): Prior {
  switch (spec.type) {
    case 'standard-normal':
      return standardNormal(site.latent);
    case 'factorized':
      return factorized(site);
    case 'mixture':
      return mixture(spec.components, site);
    case 'vamp':
      return vamp(spec.pseudoInputs, site);
    case 'hierarchical':
      return hierarchical(spec, site, buildPrior);
    case 'conditional':
      if (site.conditionWidth === 0)
        throw new SpecError(
          'spec.prior',
          'conditional is p(z | c), and the model has no condition; add spec.condition or use standard-normal',
        );
      return conditional(spec.layers, site);
  }
}

/** log N(z; 0, I), f32[R], of z f32[R, K]. */
export function standardNormalLogDensity(z: Tensor): Tensor {
  return affine(squaredRows(z), -0.5, (-z.shape[1]! / 2) * Math.log(2 * Math.PI));
}

function standardNormal(latent: number): Prior {
  return {
    isStandardNormal: true,
    logDensity: standardNormalLogDensity,
    noiseWidth: latent,
    draw: (noise) => noise,
  };
}
