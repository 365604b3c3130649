/**
 * VAE-GAN: reconstruction is likeness in the features of a discriminator, which the decoder also has to fool with
 * reconstructions and with samples. Larsen et al. 2016, equations 8 and 9 and algorithm 1; the decoder's part of the GAN loss
 * is the non-saturating one of Goodfellow et al. 2014, section 3.
 */
import type { Tensor } from '../../gpu/graph.js';
import { add, multiply, subtract } from '../../gpu/ops/binary.js';
import { noise } from '../../gpu/ops/noise.js';
import { affine } from '../../gpu/ops/unary.js';
import { repeatRows, squaredRows } from '../rows.js';
import { adversary, discriminator, missFirst } from './discriminator.js';
import type { ObjectiveOf } from './objective-spec.js';
import type { Objective, ObjectiveContext, ObjectiveSite } from './objective.js';

/** Separates the prior's samples from other noise of a step ('gan' in ASCII). */
const PRIOR_NOISE = 0x67616e00;

/** Images of one step: data f32[B, D], reconstructions f32[S*B, D], samples f32[B, D]. */
interface Images {
  readonly real: Tensor;
  readonly reconstructed: Tensor;
  readonly sampled: Tensor;
}

/**
 * Encoder: KL + 1/2 |F(x) - F(x~)|^2 with the features F. Decoder: `weight` times that likeness, and -log D of its images.
 * The reported reconstruction is still log p(x | z).
 */
export function vaeGan(spec: ObjectiveOf<'vae-gan'>, site: ObjectiveSite): Objective {
  const network = discriminator(spec, site.datum, site);
  const logit = (x: Tensor): Tensor => network.logit(network.features(x));
  return {
    beta: 1,
    usesBound: false,
    penalty(context) {
      const { bound, mean, weight, samples } = context;
      const { real, reconstructed, sampled } = imagesOf(context);
      const [features, sampledFeatures] = [network.features(reconstructed), network.features(sampled)];
      const missed = subtract(repeatRows(network.features(real), samples), features);
      const likeness = affine(mean(squaredRows(missed)), 0.5, 0);
      const fooling = affine(
        add(mean(missFirst(network.logit(features))), mean(missFirst(network.logit(sampledFeatures)))),
        0.5,
        0,
      );
      const rate = mean(bound.kl);
      const strength = weight('objective.weight', spec.weight);
      const loss = add(rate, likeness);
      return {
        loss,
        // what the decoder's weights minimise, less what everything does
        generative: subtract(add(multiply(strength, likeness), fooling), loss),
        terms: { likeness, fooling },
      };
    },
    adversary: adversary(spec, (context) => {
      const { real, reconstructed, sampled } = imagesOf(context);
      return { first: logit(real), second: [logit(reconstructed), logit(sampled)] };
    }),
  };
}

function imagesOf({ model, bound, condition, x }: ObjectiveContext): Images {
  const { prior, likelihood } = model;
  const drawn = prior.draw(noise([x.shape[0]!, prior.noiseWidth], PRIOR_NOISE), condition);
  return {
    real: x,
    reconstructed: likelihood.mean(bound.output),
    sampled: likelihood.mean(model.decode(drawn, condition, { batch: x.shape[0]! })),
  };
}
