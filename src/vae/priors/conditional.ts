/** p(z | c): a diagonal Gaussian whose moments a network makes of the condition. Sohn et al. 2015, section 4.1. */
import { scoped, type Tensor } from '../../gpu/graph.js';
import { add, multiply } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { affine, exp } from '../../gpu/ops/unary.js';
import type { LayerSpec } from '../layer-spec.js';
import { affineMap } from '../layers/dense.js';
import { stack } from '../layers/stack.js';
import { diagonalParts, gaussianLogDensity } from '../posteriors/gaussian.js';
import type { Prior, PriorSite } from './prior.js';

/** Its weights are `N`, the layers, and `moments`, the Linear behind them, all behind the site's prefix. */
export function conditional(
  layers: readonly LayerSpec[],
  { latent, conditionWidth, weights, prefix }: PriorSite,
): Prior {
  const site = { weights, prefix, where: `spec.${prefix}.layers` };
  const network = stack(layers, { shape: [conditionWidth] }, site);
  const head = weights.linear(`${prefix}.moments`, network.flattened ?? network.shape, [2 * latent]);
  const moments = (condition: Tensor): Tensor =>
    scoped(prefix, () => affineMap(network.apply(condition), head));
  return {
    isStandardNormal: false,
    moments,
    logDensity(z, condition) {
      const [rows] = z.shape as [number];
      const [batch] = condition!.shape as [number];
      const { mean, s } = diagonalParts(moments(condition!), latent);
      return gaussianLogDensity(reshape(z, [rows / batch, batch, latent]), mean, s, rows);
    },
    noiseWidth: latent,
    draw(noise, condition) {
      const { mean, s } = diagonalParts(moments(condition!), latent);
      const epsilon = reshape(noise, mean.shape);
      return reshape(add(mean, multiply(exp(affine(s, 0.5, 0)), epsilon)), noise.shape);
    },
  };
}
