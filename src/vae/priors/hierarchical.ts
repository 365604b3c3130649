/**
 * A prior that is a VAE: log p(z) is bounded below by one sample of its own latent z2,
 * log p(z | z2) + log p(z2) - log q(z2 | z), and generation goes top down. With a prior of this kind for z2 there are three
 * levels. Rezende et al. 2014; Burda et al. 2015, section 2 ("multiple stochastic layers").
 */
import { scoped, type Tensor } from '../../gpu/graph.js';
import { add, multiply, subtract } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { noise as noiseTensor } from '../../gpu/ops/noise.js';
import { affine, exp } from '../../gpu/ops/unary.js';
import { slice } from '../../gpu/ops/window.js';
import type { LayerSpec } from '../layer-spec.js';
import { affineMap } from '../layers/dense.js';
import { stack } from '../layers/stack.js';
import { diagonalParts, gaussian, gaussianLogDensity } from '../posteriors/gaussian.js';
import type { HierarchicalSpec } from './prior-spec.js';
import type { Prior, PriorSite } from './prior.js';

/** Separates the noise of the levels from each other and from other noise: this, and the level. */
const LEVEL_NOISE = 0x6c766c00;

/** Its weights: `posterior.*` of q(z2 | z), `decoder.*` of p(z | z2) and `prior.*`, behind the site's prefix. */
export function hierarchical(
  spec: HierarchicalSpec,
  site: PriorSite,
  build: (inner: HierarchicalSpec['prior'], site: PriorSite) => Prior,
): Prior {
  const { latent, prefix } = site;
  const above = spec.latent;
  const posterior = gaussian('diagonal', above);
  const tag = LEVEL_NOISE + prefix.split('.').length;
  const encode = momentsNetwork(spec.encoder, latent, posterior.momentsWidth, site, 'posterior', 'encoder');
  const decode = momentsNetwork(spec.decoder, above, 2 * latent, site, 'decoder', 'decoder');
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
      const { mean, s } = diagonalParts(decode(drawn.z), latent);
      const below = gaussianLogDensity(reshape(z, [1, rows, latent]), mean, s, rows);
      return add(below, subtract(inner.logDensity(drawn.z, condition), drawn.logDensity));
    },
    noiseWidth: latent + inner.noiseWidth,
    draw(noise, condition) {
      const z = inner.draw(slice(noise, 1, latent, inner.noiseWidth), condition);
      const { mean, s } = diagonalParts(decode(z), latent);
      const epsilon = reshape(slice(noise, 1, 0, latent), mean.shape);
      return reshape(add(mean, multiply(exp(affine(s, 0.5, 0)), epsilon)), [noise.shape[0]!, latent]);
    },
  };
}

/** Layers and a Linear `moments` behind them: f32[R, inputs] -> f32[R, outputs]. */
function momentsNetwork(
  layers: readonly LayerSpec[],
  inputs: number,
  outputs: number,
  { weights, prefix }: PriorSite,
  name: string,
  field: string,
): (x: Tensor) => Tensor {
  const site = { weights, prefix: `${prefix}.${name}`, where: `spec.${prefix}.${field}` };
  const network = stack(layers, { shape: [inputs] }, site);
  const head = weights.linear(`${prefix}.${name}.moments`, network.flattened ?? network.shape, [outputs]);
  return (x) => scoped(`${prefix}.${name}`, () => affineMap(network.apply(x), head));
}
