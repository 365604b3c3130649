/**
 * A prior that is a VAE: log p(z) is bounded below by one sample of its own latent z2,
 * log p(z | z2) + log p(z2) - log q(z2 | z), and generation goes top down. With a prior of this kind for z2 there are three
 * levels. Rezende et al. 2014; Burda et al. 2015, section 2 ("multiple stochastic layers").
 */
import { add, subtract } from '../../gpu/ops/binary.js';
import { noise as noiseTensor } from '../../gpu/ops/noise.js';
import { slice } from '../../gpu/ops/window.js';
import { gaussian } from '../posteriors/gaussian.js';
import { momentsNetwork, type MomentsSite } from './moments-network.js';
import type { HierarchicalSpec } from './prior-spec.js';
import type { Prior, PriorSite } from './prior.js';

/** Separates the noise of the levels from each other and from other noise: this, and the level. */
export const LEVEL_NOISE = 0x6c766c00;

/** Its weights: `posterior.*` of q(z2 | z), `decoder.*` of p(z | z2) and `prior.*`, behind the site's prefix. */
export function hierarchical(
  spec: HierarchicalSpec,
  site: PriorSite,
  build: (inner: HierarchicalSpec['prior'], site: PriorSite) => Prior,
): Prior {
  const { latent, prefix } = site;
  const above = spec.latent;
  const posterior = gaussian('diagonal', above);
  const family = gaussian('diagonal', latent); // of p(z | z2)
  const tag = LEVEL_NOISE + prefix.split('.').length;
  const siteOf = (name: string, field: string): MomentsSite => ({
    weights: site.weights,
    prefix: `${prefix}.${name}`,
    where: `spec.${prefix}.${field}`,
  });
  const encode = momentsNetwork(spec.encoder, latent, posterior.momentsWidth, siteOf('posterior', 'encoder'));
  const decode = momentsNetwork(spec.decoder, above, family.momentsWidth, siteOf('decoder', 'decoder'));
  const inner = build(spec.prior, {
    ...site,
    latent: above,
    prefix: `${prefix}.prior`,
    level: { datum: [latent], posterior, encode },
  });
  return {
    isStandardNormal: false,
    sharesInference: true,
    logDensity(z, condition) {
      const [rows] = z.shape as [number];
      const noise = noiseTensor([rows, above], tag);
      const drawn = posterior.draw(encode(z), { samples: 1, noise });
      const below = family.logDensity!(z, decode(drawn.z));
      return add(below, subtract(inner.logDensity(drawn.z, condition), drawn.logDensity));
    },
    noiseWidth: latent + inner.noiseWidth,
    draw(noise, condition) {
      const z = inner.draw(slice(noise, 1, latent, inner.noiseWidth), condition);
      return family.draw(decode(z), { samples: 1, noise: slice(noise, 1, 0, latent) }).z;
    },
  };
}
