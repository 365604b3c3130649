/** A row for every sample of it. */
import type { Tensor } from '../gpu/graph.js';
import { broadcastTo } from '../gpu/ops/binary.js';
import { reshape } from '../gpu/ops/constant.js';
import { elementCount } from '../gpu/shape.js';

/** f32[B, ...] -> f32[S*B, ...], sample-major. */
export function repeatRows(x: Tensor, samples: number): Tensor {
  if (samples === 1) return x;
  const [batch, ...rest] = x.shape as [number, ...number[]];
  const spread = broadcastTo(reshape(x, [1, batch * elementCount(rest)]), [
    samples,
    batch * elementCount(rest),
  ]);
  return reshape(spread, [samples * batch, ...rest]);
}
