/**
 * The regularised autoencoder: in place of noise, codes are kept small and the decoder smooth, by its weights or by its
 * gradient. Ghosh et al. 2020, "From variational to deterministic autoencoders", section 4, equation 11.
 */
import { vectorJacobian } from '../../gpu/gradient.js';
import type { Tensor } from '../../gpu/graph.js';
import { add, multiply } from '../../gpu/ops/binary.js';
import { noise } from '../../gpu/ops/noise.js';
import { sum } from '../../gpu/ops/sum.js';
import { affine, square } from '../../gpu/ops/unary.js';
import { squaredRows } from '../rows.js';
import type { ObjectiveOf } from './objective-spec.js';
import type { Objective, ObjectiveContext } from './objective.js';

/** Separates the directions of the gradient penalty from other noise of a step ('rae' in ASCII). */
const DIRECTION_NOISE = 0x72616500;

/** -elbo + latentWeight E[1/2 |z|^2] + weight times the sum of the decoder's squared weights, or E[|d mean / d z|^2]. */
export function regularized(spec: ObjectiveOf<'l2' | 'gradient-penalty'>): Objective {
  return {
    usesBound: true,
    penalty(context) {
      const { bound, mean, weight } = context;
      const latent = affine(mean(squaredRows(bound.z)), 0.5, 0);
      const isL2 = spec.type === 'l2';
      const smoothness = isL2 ? decoderNorm(context) : mean(squaredJacobian(context));
      const loss = add(
        multiply(weight('objective.latentWeight', spec.latentWeight), latent),
        multiply(weight('objective.weight', spec.weight), smoothness),
      );
      return {
        loss,
        terms: { latent, ...(isL2 ? { squaredWeights: smoothness } : { squaredJacobian: smoothness }) },
      };
    },
  };
}

/** The sum of all squares in `decoder.*`. */
function decoderNorm({ model }: ObjectiveContext): Tensor {
  const squares = model.weights.set.entries
    .filter(({ name }) => name.startsWith('decoder.'))
    .map(({ tensor }) => sum(square(tensor)));
  return squares.reduce(add);
}

/**
 * |v' d mean / d z|^2 of every row with v of N(0, I), f32[R]: its mean is the squared Frobenius norm of the Jacobian, for the
 * price of one gradient (Hutchinson 1990).
 */
function squaredJacobian({ model, bound }: ObjectiveContext): Tensor {
  const image = model.likelihood.mean(bound.output);
  const [pulled] = vectorJacobian([image], [noise(image.shape, DIRECTION_NOISE)], [bound.z]);
  return squaredRows(pulled!);
}
