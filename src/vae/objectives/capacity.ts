/** Weights on the KL that depend on the KL itself: a capacity to be held, and nats that cost nothing. */
import { SpecError } from '../../gpu/errors.js';
import { add, binary, broadcastTo, multiply, subtract } from '../../gpu/ops/binary.js';
import { sum } from '../../gpu/ops/sum.js';
import { affine, negate, square, unary } from '../../gpu/ops/unary.js';
import { batchMean, batchRows } from './batch.js';
import { gaussianMoments, requireGaussian } from './gaussian-moments.js';
import type { ObjectiveOf } from './objective-spec.js';
import type { Objective, ObjectiveSite } from './objective.js';

/** -rec + weight |KL - C(t)|, the KL being the batch's mean. Burgess et al. 2018, equation 8. */
export function capacity(spec: ObjectiveOf<'capacity'>): Objective {
  return {
    beta: 1,
    usesBound: false,
    penalty({ bound, mean, weight }) {
      const target = weight('objective.capacity', spec.capacity);
      const distance = unary('abs', subtract(mean(bound.kl), target));
      const loss = multiply(weight('objective.weight', spec.weight), distance);
      return { loss: subtract(loss, mean(bound.reconstruction)), terms: { capacity: target } };
    },
  };
}

/**
 * -rec + sum over latents of max(nats, KL of the latent averaged over the batch). Kingma et al. 2016, appendix C.8, with a
 * latent a group. @throws SpecError unless posterior and prior are Gaussians latent by latent
 */
export function freeBits({ nats }: ObjectiveOf<'free-bits'>, { spec, latent }: ObjectiveSite): Objective {
  requireGaussian(spec);
  if (spec.prior.type !== 'standard-normal')
    throw new SpecError(
      'spec.objective',
      `free-bits needs a KL for every latent, which a ${spec.prior.type} prior does not have; use standard-normal`,
    );
  return {
    beta: 1,
    usesBound: false,
    penalty(context) {
      const { bound, mean, weight } = context;
      const { mean: m, logVariance: s } = gaussianMoments(context);
      const element = affine(add(subtract(unary('expm1', s), s), square(m)), 0.5, 0);
      const byLatent = batchMean(element, batchRows(m.shape[0]!));
      const least = broadcastTo(weight('objective.nats', nats), [1, latent]);
      const paid = sum(binary('maximum', byLatent, least));
      return {
        loss: add(paid, negate(mean(bound.reconstruction))),
        terms: { paidKl: paid },
      };
    },
  };
}
