/**
 * VampPrior: p(z) = 1/P sum_p q(z | u_p), the posteriors of P learned data u_p, which are in the units of the data and bound
 * by nothing. Tomczak and Welling 2018, section 3, equation 9.
 */
import { SpecError } from '../../gpu/errors.js';
import type { Tensor } from '../../gpu/graph.js';
import { broadcastTo } from '../../gpu/ops/binary.js';
import { reshape, table } from '../../gpu/ops/constant.js';
import { matmul } from '../../gpu/ops/matmul.js';
import { slice } from '../../gpu/ops/window.js';
import { chooseOne, mixed } from './mixture.js';
import type { Prior, PriorSite } from './prior.js';

/**
 * Its weight is `pseudo_inputs` f32[P, D] behind the site's prefix, at first uniform in [0, 1).
 * @throws SpecError for a posterior that has no density at any z, and for a model with a condition
 */
export function vamp(count: number, { latent, weights, prefix, conditionWidth, level }: PriorSite): Prior {
  const { posterior, datum, encode } = level;
  const where = `spec.${prefix}`;
  if (!posterior.logDensity)
    throw new SpecError(
      where,
      'vamp needs log q(z | x) at any z, which this posterior does not have; use a diagonal or full one, or mixture',
    );
  if (conditionWidth > 0)
    throw new SpecError(
      where,
      'vamp is made of data without a condition, and the model has one; use conditional, or remove spec.condition',
    );
  const data = weights.rows(`${prefix}.pseudo_inputs`, count, datum, 0, 1);
  return {
    isStandardNormal: false,
    sharesInference: true,
    logDensity(z) {
      const [rows] = z.shape as [number];
      // row r P + p meets the posterior of pseudo-input p
      const repeated = broadcastTo(reshape(z, [rows, 1, latent]), [rows, count, latent]);
      const densities = posterior.logDensity!(reshape(repeated, [rows * count, latent]), encode(data));
      return mixed(reshape(densities, [rows, count]), -Math.log(count));
    },
    noiseWidth: latent + 1,
    draw(noise) {
      const chosen = chooseOne(slice(noise, 1, latent, 1), equalShares(count));
      const moments = matmul(chosen, encode(data));
      return posterior.draw(moments, { samples: 1, noise: slice(noise, 1, 0, latent) }).z;
    },
  };
}

/** f32[1, P], the shares before each. */
function equalShares(count: number): Tensor {
  return table(
    [1, count],
    Float32Array.from({ length: count }, (_, i) => i / count),
  );
}
