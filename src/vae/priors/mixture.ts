/**
 * p(z) = sum_m w_m N(z; mean_m, exp s_m), all of it learned. Of a sample's noise one further number chooses the component, so
 * that a sample is a function of its noise. Tomczak and Welling 2018, section 2 ("mixture of Gaussians").
 */
import type { Tensor } from '../../gpu/graph.js';
import { add, multiply, subtract } from '../../gpu/ops/binary.js';
import { reshape, table } from '../../gpu/ops/constant.js';
import { logSumExp } from '../../gpu/ops/log-sum-exp.js';
import { matmul } from '../../gpu/ops/matmul.js';
import { clampLogVariance } from '../../gpu/ops/reparameterize.js';
import { softmax } from '../../gpu/ops/softmax.js';
import { affine, exp, unary } from '../../gpu/ops/unary.js';
import { pad, slice } from '../../gpu/ops/window.js';
import { gaussianLogDensity } from '../posteriors/gaussian.js';
import { normalCdf } from './normal-cdf.js';
import type { Prior, PriorSite } from './prior.js';

/** Its weights are `logit` f32[M], `mean` f32[M, K] and `log_variance` f32[M, K] behind the site's prefix. */
export function mixture(components: number, { latent, weights, prefix }: PriorSite): Prior {
  const logits = weights.filled(`${prefix}.logit`, [components], 0);
  const means = weights.rows(`${prefix}.mean`, components, [latent], -1, 1);
  const logVariances = weights.rows(`${prefix}.log_variance`, components, [latent], 0, 0);
  return {
    isStandardNormal: false,
    logDensity(z) {
      const [rows] = z.shape as [number];
      const cube = (x: Tensor): Tensor => reshape(x, [1, components, latent]);
      const s = clampLogVariance(cube(logVariances));
      const densities = gaussianLogDensity(reshape(z, [rows, 1, latent]), cube(means), s, rows * components);
      return mixed(reshape(densities, [rows, components]), subtract(logits, logSumExp(logits)));
    },
    noiseWidth: latent + 1,
    draw(noise) {
      const before = matmul(reshape(softmax(logits), [1, components]), strictlyUpper(components));
      const chosen = chooseOne(slice(noise, 1, latent, 1), before);
      const s = clampLogVariance(matmul(chosen, logVariances));
      const spread = multiply(exp(affine(s, 0.5, 0)), slice(noise, 1, 0, latent));
      return add(matmul(chosen, means), spread);
    },
  };
}

/** log sum_m exp(log w_m + density), f32[R], of the components' densities f32[R, M] and log w f32[M] or a number. */
export function mixed(densities: Tensor, logShares: Tensor | number): Tensor {
  const weighted =
    typeof logShares === 'number' ? affine(densities, 1, logShares) : add(densities, logShares);
  return reshape(logSumExp(weighted, [1]), [densities.shape[0]!]);
}

/**
 * One of M for every row, as ones and zeros f32[R, M]: that in whose share the noise's place in N(0, 1) falls.
 * @param noise f32[R, 1]
 * @param before f32[1, M], what the shares of the earlier ones add up to
 */
export function chooseOne(noise: Tensor, before: Tensor): Tensor {
  const count = before.shape[1]!;
  const first = table(
    [1, count],
    Float32Array.from({ length: count }, (_, i) => (i === 0 ? 1 : 0)),
  );
  if (count === 1) return add(affine(noise, 0, 0), first);
  const passed = unary('positive', subtract(normalCdf(noise), slice(before, 1, 1, count - 1)));
  return add(subtract(pad(passed, 1, 1, 0), pad(passed, 1, 0, 1)), first);
}

/** f32[M, M] that adds up what comes before. */
function strictlyUpper(size: number): Tensor {
  const values = Float32Array.from({ length: size * size }, (_, i) =>
    Math.floor(i / size) < i % size ? 1 : 0,
  );
  return table([size, size], values);
}
