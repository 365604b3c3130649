/** Nearest-neighbour upsampling (the repeating mode of shaders/depth_to_space.wgsl). */
import { applyOne, streamingCost, type OpDefinition, type Tensor } from '../graph.js';
import { checkCount, imageSizes } from '../shape.js';
import { moveDispatch } from './depth-to-space.js';
import { sumPool } from './pool.js';

export interface UpsampleAttributes {
  readonly factor: number;
}

export const upsampleOp: OpDefinition<UpsampleAttributes> = {
  name: 'upsample',
  shapes([x], { factor }) {
    const [B, H, W, C] = imageSizes(x, 'upsample');
    checkCount(factor, 'factor', 'upsample');
    return [[B, H * factor, W * factor, C]];
  },
  cost: (step) => streamingCost(step, 0),
  forward: (step) => [moveDispatch(step, 'repeat', step.outputs[0]!.shape, step.attributes.factor)],
  backward: (node, [cotangent]) => [cotangent && sumPool(cotangent, { kernel: node.attributes.factor })],
};

/** f32[B, H, W, C] -> f32[B, H*factor, W*factor, C]: y[b, h, w] = x[b, h div factor, w div factor]. */
export function upsample(x: Tensor, factor: number): Tensor {
  return applyOne(upsampleOp, [x], { factor });
}
