/**
 * An autoencoder whose q(z) is matched to p(z) by a discriminator in place of a KL. Makhzani et al. 2015, section 2; with a
 * deterministic posterior as there, or with noise.
 */
import type { Tensor } from '../../gpu/graph.js';
import { multiply, subtract } from '../../gpu/ops/binary.js';
import { noise } from '../../gpu/ops/noise.js';
import { adversary, discriminator, missFirst } from './discriminator.js';
import type { ObjectiveOf } from './objective-spec.js';
import type { Objective, ObjectiveSite } from './objective.js';

/** Separates the prior's samples from other noise of a step ('adv' in ASCII). */
const PRIOR_NOISE = 0x61647600;

/** -rec + weight E[-log D(z)]: the encoder wants its z to pass for samples of p(z). The trained logit is log p(z) - log q(z). */
export function adversarial(spec: ObjectiveOf<'adversarial'>, site: ObjectiveSite): Objective {
  const network = discriminator(spec, [site.latent], site);
  const logit = (z: Tensor): Tensor => network.logit(network.features(z));
  return {
    beta: 1,
    usesBound: false,
    penalty({ bound, mean, weight }) {
      const fooling = mean(missFirst(logit(bound.z)));
      const strength = weight('objective.weight', spec.weight);
      return {
        loss: subtract(multiply(strength, fooling), mean(bound.reconstruction)),
        terms: { fooling },
      };
    },
    adversary: adversary(spec, ({ model, bound, condition }) => {
      const { prior } = model;
      const drawn = prior.draw(noise([bound.moments.shape[0]!, prior.noiseWidth], PRIOR_NOISE), condition);
      return { first: logit(drawn), second: [logit(bound.z)] };
    }),
  };
}
