/** Nearest-neighbour upsampling as a layer; it has no weights. */
import { scoped, type Tensor } from '../../gpu/graph.js';
import { upsample as upsampleOp } from '../../gpu/ops/upsample.js';

/** f32[B, H, W, C] -> f32[B, H*factor, W*factor, C]: every pixel factor x factor times. */
export function upsample(name: string, factor: number): (x: Tensor) => Tensor {
  return (x) => scoped(name, () => upsampleOp(x, factor));
}
