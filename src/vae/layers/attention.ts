/**
 * Self-attention over the pixels of an image with a residual sum, as in the attention blocks of diffusion models
 * without their norm (put a groupNorm before it): x + output(attention(query(x), key(x), value(x))).
 */
import { scoped, type Tensor } from '../../gpu/graph.js';
import { attention as attentionOp } from '../../gpu/ops/attention.js';
import { add } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { imageSizes } from '../../gpu/shape.js';
import type { WeightFactory } from '../weights.js';
import { dense } from './dense.js';

/** f32[B, H, W, C] -> the same shape; weights `name.query.weight`, ... of query, key, value and output. */
export interface AttentionLayer {
  (x: Tensor): Tensor;
}

/** Makes the layer's weights now and applies them whenever it is called; the four are Linears of C to C. */
export function attention(weights: WeightFactory, name: string, channels: number): AttentionLayer {
  const project = (part: string): ((x: Tensor) => Tensor) =>
    dense(weights, `${name}.${part}`, channels, channels);
  const [query, key, value, output] = [project('query'), project('key'), project('value'), project('output')];
  return (x) => {
    const [B, H, W, C] = imageSizes(x.shape, name);
    const pixels = reshape(x, [B * H * W, C]);
    const [q, k, v] = [query, key, value].map((part) => reshape(part(pixels), [B, H * W, C])) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const y = scoped(name, () => attentionOp(q, k, v));
    const projected = output(reshape(y, pixels.shape));
    return scoped(name, () => reshape(add(pixels, projected), x.shape));
  };
}
