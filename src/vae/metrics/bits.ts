/** Bits per dimension, the unit in which likelihoods of images are compared. Theis et al. 2016, section 3.1. */
import { SpecError } from '../../gpu/errors.js';

/**
 * `-log p(x) / (D log 2)`, comparable between likelihoods of the same levels (discretized logistics, beta-binomial,
 * categorical); a density's depends on the data's units. A density of values in [0, 1] that stand for levels 0 to L-1 is
 * brought to the mass of a level by adding `log2 L`, which then bounds the bits of the discrete data from above if
 * training added uniform noise.
 *
 * @param logLikelihood log p(x) or a bound of it, nats per datum
 * @param dimensions D, numbers in a datum
 * @param levels L of a density (gaussian, laplace); leave out where p is a mass (bernoulli, discretised logistic)
 * @throws SpecError for dimensions or levels below 1
 */
export function bitsPerDimension(logLikelihood: number, dimensions: number, levels = 1): number {
  if (!(dimensions >= 1 && levels >= 1))
    throw new SpecError(
      'bitsPerDimension',
      `dimensions is ${dimensions}, levels is ${levels}; expected at least 1 each; pass the numbers in a datum`,
    );
  return -logLikelihood / (dimensions * Math.LN2) + Math.log2(levels);
}
