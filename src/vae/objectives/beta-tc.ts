/**
 * The KL taken apart: mutual information of data and latents, total correlation of the latents, and what is left, latent by
 * latent. Chen et al. 2018, "Isolating sources of disentanglement", equation 2 and appendix C.2.
 */
import type { Tensor } from '../../gpu/graph.js';
import { add, binary, divide, multiply, subtract } from '../../gpu/ops/binary.js';
import { constant, reshape } from '../../gpu/ops/constant.js';
import { logSumExp } from '../../gpu/ops/log-sum-exp.js';
import { sum } from '../../gpu/ops/sum.js';
import { affine, exp, log, square } from '../../gpu/ops/unary.js';
import { repeatRows, sumRows } from '../rows.js';
import { batchRows, identityMatrix } from './batch.js';
import { gaussianMoments, requireGaussian } from './gaussian-moments.js';
import type { ObjectiveOf } from './objective-spec.js';
import type { Objective, ObjectiveContext, ObjectiveSite } from './objective.js';

/** Log weight of padding: exp of it is 0, and sums with it stay finite. */
const NOTHING = 1e30;

/** -rec + alpha MI + beta TC + gamma dimension-wise KL. @throws SpecError unless the posterior is Gaussian latent by latent */
export function betaTc({ alpha, beta, gamma }: ObjectiveOf<'beta-tc'>, { spec }: ObjectiveSite): Objective {
  requireGaussian(spec);
  return {
    beta: 1,
    usesBound: false,
    penalty(context) {
      const { mean, weight, bound } = context;
      const terms = klParts(context);
      const weighted = [
        multiply(weight('objective.alpha', alpha), terms.mutualInformation),
        multiply(weight('objective.beta', beta), terms.totalCorrelation),
        multiply(weight('objective.gamma', gamma), terms.dimensionKl),
      ].reduce(add);
      return { loss: subtract(weighted, mean(bound.reconstruction)), terms };
    },
  };
}

/** The three parts, f32[1] each; their sum is the mean of log q(z | x) - log p(z). */
function klParts(
  context: ObjectiveContext,
): Record<'mutualInformation' | 'totalCorrelation' | 'dimensionKl', Tensor> {
  const { model, bound, condition, samples, rows, mean } = context;
  const { z, moments } = bound;
  const [R, B] = [z.shape[0]!, moments.shape[0]!];
  const density = pairLogDensity(context); // f32[R, B, K]
  const weights = pairLogWeights(B, samples, rows);
  const joint = logSumExp(add(reshape(sum(density, [2]), [R, B]), weights), [1]);
  const marginals = logSumExp(add(density, reshape(weights, [R, B, 1])), [1]); // f32[R, K]
  const product = sumRows(marginals);
  const own = model.posterior.logDensity!(z, moments);
  return {
    mutualInformation: mean(subtract(own, joint)),
    totalCorrelation: mean(subtract(joint, product)),
    dimensionKl: mean(subtract(product, model.prior.logDensity(z, condition))),
  };
}

/** log q(z_rk | x_j) of every sample r, datum j and latent k: f32[R, B, K]. */
function pairLogDensity(context: ObjectiveContext): Tensor {
  const { z } = context.bound;
  const { mean, logVariance } = gaussianMoments(context);
  const [[R, K], B] = [z.shape as [number, number], mean.shape[0]!];
  const s = reshape(logVariance, [1, B, K]);
  const difference = subtract(reshape(z, [R, 1, K]), reshape(mean, [1, B, K]));
  return affine(add(divide(square(difference), exp(s)), s), -0.5, -0.5 * Math.log(2 * Math.PI));
}

/**
 * Log of what datum j counts for in q(z) at a sample of datum i, f32[S*B, B], with n data of the set's N in the batch: 1 / N
 * for its own, (N - 1) / (N (n - 1)) for each other. That is the mean of the paper's stratified weights over which of the
 * others is the one that weighs (N - M) / (N M): as unbiased, less noisy, and the same for every order of the batch.
 */
function pairLogWeights(batch: number, samples: number, rows: number): Tensor {
  const { valid, count } = batchRows(batch);
  const others = binary('maximum', affine(count, 1, -1), constant([1], 1));
  const other = affine(log(others), -1, Math.log1p(-1 / Math.max(2, rows)));
  const own = identityMatrix(batch);
  const ownOrOther = add(affine(own, -Math.log(rows), 0), multiply(affine(own, -1, 1), other));
  const weights = add(ownOrOther, reshape(affine(valid, NOTHING, -NOTHING), [1, batch]));
  return repeatRows(weights, samples);
}
