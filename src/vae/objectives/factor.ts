/**
 * The total correlation of q(z) as a penalty, its density ratio estimated by a discriminator that tells samples of q(z) from
 * the same samples with every latent shuffled over the batch. Kim and Mnih 2018, equation 2 and algorithm 1.
 */
import { multiply } from '../../gpu/ops/binary.js';
import { stopGradient } from '../../gpu/ops/constant.js';
import { permuteColumns } from '../../gpu/ops/permute-columns.js';
import { slice } from '../../gpu/ops/window.js';
import { adversary, discriminator } from './discriminator.js';
import type { ObjectiveOf } from './objective-spec.js';
import type { Objective, ObjectiveContext, ObjectiveSite } from './objective.js';
import type { Tensor } from '../../gpu/graph.js';

/** Separates the shuffle from other randomness of a step ('fac' in ASCII). */
const SHUFFLE = 0x66616300;

/** -elbo + weight E[log q(z) - log prod_k q(z_k)], the logit standing for the log ratio. */
export function factor(spec: ObjectiveOf<'factor'>, site: ObjectiveSite): Objective {
  const network = discriminator(spec, [site.latent], site);
  const logit = (z: Tensor): Tensor => network.logit(network.features(z));
  return {
    usesBound: true,
    penalty({ bound, mean, weight }) {
      const totalCorrelation = mean(logit(bound.z));
      return {
        loss: multiply(weight('objective.weight', spec.weight), totalCorrelation),
        terms: { totalCorrelation },
      };
    },
    adversary: adversary(spec, (context) => {
      const z = firstSamples(context);
      return { first: logit(z), second: [logit(permuteColumns(z, SHUFFLE))] };
    }),
  };
}

/** One sample of every datum, f32[B, K]: the samples of one datum are not independent draws of q(z). */
function firstSamples({ bound }: ObjectiveContext): Tensor {
  return stopGradient(slice(bound.z, 0, 0, bound.moments.shape[0]!));
}
