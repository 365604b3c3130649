/**
 * N(m, L L') with a lower triangular L a datum, whose diagonal is exp(s / 2). z = m + L eps, and
 * KL to N(0, I) = 1/2 (sum L_ij^2 + sum m^2 - K - sum s). Kingma and Welling 2019, section 2.5.1.
 */
import type { Tensor } from '../../gpu/graph.js';
import { add, divide, subtract } from '../../gpu/ops/binary.js';
import { constant } from '../../gpu/ops/constant.js';
import { noise as noiseTensor } from '../../gpu/ops/noise.js';
import { clampLogVariance } from '../../gpu/ops/reparameterize.js';
import { triangular } from '../../gpu/ops/triangular.js';
import { affine, exp, log, square, unary } from '../../gpu/ops/unary.js';
import { concat } from '../../gpu/ops/concat.js';
import { slice } from '../../gpu/ops/window.js';
import { repeatRows, spreadRows, sumRows } from '../rows.js';
import { gaussian, LATENT_NOISE } from './gaussian.js';
import type { Posterior } from './posterior.js';

/** The moments as f32[B, K], f32[B, K] and, packed row after row, f32[B, K (K - 1) / 2]. */
interface Parts {
  readonly mean: Tensor;
  readonly s: Tensor;
  readonly deviation: Tensor;
  readonly lower: Tensor;
}

/** Its moments are mean, log-variance (of z_i given z_1 .. z_(i-1)) and what lies below L's diagonal. */
export function full(latent: number): Posterior {
  if (latent === 1) return gaussian('diagonal', latent); // nothing lies below the diagonal
  const below = (latent * (latent - 1)) / 2;
  const parts = (moments: Tensor): Parts => {
    const s = clampLogVariance(slice(moments, 1, latent, latent));
    return {
      mean: slice(moments, 1, 0, latent),
      s,
      deviation: exp(affine(s, 0.5, 0)),
      lower: slice(moments, 1, 2 * latent, below),
    };
  };
  /** -1/2 sum(eps^2 + s + log 2 pi), f32[S*B]. */
  const density = (epsilon: Tensor, s: Tensor): Tensor =>
    affine(
      add(sumRows(square(epsilon)), repeatRows(sumRows(s), epsilon.shape[0]! / s.shape[0]!)),
      -0.5,
      (-latent / 2) * Math.log(2 * Math.PI),
    );
  const sample = (
    moments: Tensor,
    samples: number,
    noise: Tensor | undefined,
  ): Parts & { z: Tensor; epsilon: Tensor } => {
    const own = parts(moments);
    const epsilon = noise ?? noiseTensor([samples * moments.shape[0]!, latent], LATENT_NOISE);
    return { ...own, epsilon, z: spreadRows(add, triangular(own.deviation, own.lower, epsilon), own.mean) };
  };
  return {
    momentsWidth: 2 * latent + below,
    furtherMoments: { lower: below },
    logVarianceWidth: latent,
    draw(moments, { samples, noise }) {
      const { z, epsilon, s } = sample(moments, samples, noise);
      return { z, logDensity: density(epsilon, s) };
    },
    drawWithKl(moments, { samples, noise }, estimator) {
      const { z, epsilon, s, mean, lower } = sample(moments, samples, noise);
      if (estimator === 'A') {
        const ofSample = sumRows(subtract(square(z), square(epsilon)));
        return { z, kl: affine(subtract(ofSample, repeatRows(sumRows(s), samples)), 0.5, 0) };
      }
      const onDiagonal = sumRows(add(subtract(unary('expm1', s), s), square(mean)));
      return { z, kl: repeatRows(affine(add(onDiagonal, sumRows(square(lower))), 0.5, 0), samples) };
    },
    logDensity(z, moments) {
      const { mean, s, deviation, lower } = parts(moments);
      const epsilon = triangular(deviation, lower, spreadRows(subtract, z, mean), { solve: true });
      return density(epsilon, s);
    },
    klToDiagonal(moments, prior) {
      const own = parts(moments);
      const priorMean = slice(prior, 1, 0, latent);
      const priorS = clampLogVariance(slice(prior, 1, latent, latent));
      // 1/2 sum(s_p - s - 1 + (variance + (m - m_p)^2) / exp(s_p))
      const moved = add(variances(own), square(subtract(own.mean, priorMean)));
      const element = add(subtract(priorS, own.s), divide(moved, exp(priorS)));
      return affine(sumRows(element), 0.5, -latent / 2);
    },
    summary(moments) {
      const own = parts(moments);
      return concat([own.mean, log(variances(own))], 1);
    },
  };
}

/** The variances of L L', f32[B, K]. */
function variances({ deviation, lower, mean }: Parts): Tensor {
  return triangular(square(deviation), square(lower), constant(mean.shape, 1));
}
