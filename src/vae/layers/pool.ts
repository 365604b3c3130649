/** Pooling layers: torch.nn.AvgPool2d and MaxPool2d over channels-last images. They have no weights. */
import { scoped, type Tensor } from '../../gpu/graph.js';
import { averagePool as averagePoolOp, maxPool as maxPoolOp, type PoolOptions } from '../../gpu/ops/pool.js';

/** f32[B, H, W, C] -> f32[B, H', W', C] with H' = floor((H + 2 padding - kernel) / stride) + 1. */
export interface PoolLayer {
  (x: Tensor): Tensor;
}

/** The mean of every window, padding counted as zeros. */
export function averagePool(name: string, options: PoolOptions): PoolLayer {
  return (x) => scoped(name, () => averagePoolOp(x, options));
}

/** The largest of every window. */
export function maxPool(name: string, options: PoolOptions): PoolLayer {
  return (x) => scoped(name, () => maxPoolOp(x, options));
}
