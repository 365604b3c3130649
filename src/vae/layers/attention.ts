/**
 * Self-attention over the pixels of an image with a residual sum, as in the attention blocks of diffusion models
 * without their norm (put a groupNorm before it): x + output(attention(query(x), key(x), value(x))).
 */
import { scoped, type Tensor } from '../../gpu/graph.js';
import { attention as attentionOp } from '../../gpu/ops/attention.js';
import { add } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { affineMap } from './dense.js';
import { imageOf, nameAt, pointwise, type Extent, type Layer, type Site } from './layer.js';

const parts = ['query', 'key', 'value', 'output'] as const;

/** [H, W, C] to itself; its weights are the Linears `name.query.weight`, ... of C to C. */
export function attention(extent: Extent, site: Site): Layer {
  const [H, W, C] = imageOf(extent, site);
  const name = nameAt(site);
  const [query, key, value, output] = parts.map((part) => {
    const weights = site.weights.linear(`${name}.${part}`, [C], [C]);
    return (x: Tensor): Tensor => scoped(part, () => affineMap(x, weights));
  }) as [LinearMap, LinearMap, LinearMap, LinearMap];
  const apply = (x: Tensor): Tensor => {
    const B = x.shape[0]!;
    const pixels = reshape(x, [B * H * W, C]);
    const rows = (map: LinearMap): Tensor => reshape(map(pixels), [B, H * W, C]);
    const y = attentionOp(rows(query), rows(key), rows(value));
    return reshape(add(pixels, output(reshape(y, pixels.shape))), x.shape);
  };
  return pointwise(extent, 1, (x) => scoped(name, () => apply(x)));
}

type LinearMap = (x: Tensor) => Tensor;
