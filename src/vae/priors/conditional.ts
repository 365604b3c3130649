/** p(z | c): a diagonal Gaussian whose moments a network makes of the condition. Sohn et al. 2015, section 4.1. */
import type { LayerSpec } from '../layer-spec.js';
import { gaussian } from '../posteriors/gaussian.js';
import { momentsNetwork } from './moments-network.js';
import type { Prior, PriorSite } from './prior.js';

/** Its weights are `N`, the layers, and `moments`, the Linear behind them, all behind the site's prefix. */
export function conditional(
  layers: readonly LayerSpec[],
  { latent, conditionWidth, weights, prefix }: PriorSite,
): Prior {
  const family = gaussian('diagonal', latent);
  const site = { weights, prefix, where: `spec.${prefix}.layers` };
  const moments = momentsNetwork(layers, conditionWidth, family.momentsWidth, site);
  return {
    isStandardNormal: false,
    moments,
    logDensity: (z, condition) => family.logDensity!(z, moments(condition!)),
    noiseWidth: latent,
    draw: (noise, condition) => family.draw(moments(condition!), { samples: 1, noise }).z,
  };
}
