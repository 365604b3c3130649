/**
 * The covariance of the latents is pulled to the identity: that of the means (I) or that of q(z) (II), both over the batch.
 * Kumar, Sattigeri and Balakrishnan 2018, equations 6 and 7.
 */
import type { Tensor } from '../../gpu/graph.js';
import { add, multiply, subtract } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { matmul } from '../../gpu/ops/matmul.js';
import { sum } from '../../gpu/ops/sum.js';
import { affine, exp, square } from '../../gpu/ops/unary.js';
import { batchMean, batchRows, identityMatrix } from './batch.js';
import { gaussianMoments, requireGaussian } from './gaussian-moments.js';
import type { ObjectiveOf } from './objective-spec.js';
import type { Objective, ObjectiveContext, ObjectiveSite } from './objective.js';

/** -elbo + offDiagonal sum_{i != j} Cov_ij^2 + diagonal sum_i (Cov_ii - 1)^2. @throws SpecError for another posterior */
export function dip(
  { variant, offDiagonal, diagonal }: ObjectiveOf<'dip'>,
  { spec, latent }: ObjectiveSite,
): Objective {
  requireGaussian(spec);
  return {
    usesBound: true,
    penalty(context) {
      const { weight } = context;
      const covariance = covarianceOf(context, variant);
      const identity = identityMatrix(latent);
      const terms = {
        offDiagonal: sum(square(multiply(covariance, affine(identity, -1, 1)))),
        diagonal: sum(square(multiply(affine(covariance, 1, -1), identity))),
      };
      const loss = add(
        multiply(weight('objective.offDiagonal', offDiagonal), terms.offDiagonal),
        multiply(weight('objective.diagonal', diagonal), terms.diagonal),
      );
      return { loss, terms };
    },
  };
}

/** Cov(E[z | x]), with E[Var(z | x)] on the diagonal for II; f32[K, K]. */
function covarianceOf(context: ObjectiveContext, variant: 'I' | 'II'): Tensor {
  const { mean, logVariance } = gaussianMoments(context);
  const [batch, latent] = mean.shape as [number, number];
  const rows = batchRows(batch);
  const centred = subtract(mean, batchMean(mean, rows));
  const shared = multiply(centred, reshape(rows.share, [batch, 1]));
  const ofMeans = matmul(shared, centred, 'TN');
  if (variant === 'I') return ofMeans;
  const noise = batchMean(exp(logVariance), rows); // f32[1, K]
  return add(ofMeans, multiply(identityMatrix(latent), noise));
}
