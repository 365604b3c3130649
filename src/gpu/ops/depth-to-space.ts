/**
 * Channels to pixels and back (shaders/depth_to_space.wgsl): the two directions are each other's gradient. A
 * stride-1 convolution to r*r times the channels and this make a deconvolution (Shi et al. 2016, "sub-pixel
 * convolution"); channels are ordered (ry, rx, o), where PyTorch's PixelShuffle has (o, ry, rx).
 */
import { dispatch, elementGrid, type Dispatch } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { applyOne, streamingCost, type OpDefinition, type Step, type Tensor } from '../graph.js';
import { checkCount, describeShape, elementCount, imageSizes, type Shape } from '../shape.js';

export interface DepthToSpaceAttributes {
  /** r: one pixel becomes r x r pixels. */
  readonly block: number;
  /** `space`: channels to pixels; `depth`: pixels to channels. */
  readonly to: 'space' | 'depth';
}

/** MODE of the kernel, which also repeats pixels for upsample. */
const modes = { space: 0, depth: 1, repeat: 2 } as const;

export const depthToSpaceOp: OpDefinition<DepthToSpaceAttributes> = {
  name: 'depthToSpace',
  shapes([x], { block, to }) {
    const where = to === 'space' ? 'depthToSpace' : 'spaceToDepth';
    const [B, H, W, C] = imageSizes(x, where);
    checkCount(block, 'the block size', where);
    const square = block * block;
    if (to === 'space' && C % square !== 0)
      throw new ShapeError(
        where,
        `input is ${describeShape(x!)}; blocks of ${block} x ${block} need a multiple of ${square} channels`,
      );
    if (to === 'depth' && (H % block !== 0 || W % block !== 0))
      throw new ShapeError(
        where,
        `input is ${describeShape(x!)}; blocks of ${block} x ${block} need a height and width that are multiples of ${block}; pad() the image`,
      );
    return to === 'space' ? [[B, H * block, W * block, C / square]] : [[B, H / block, W / block, C * square]];
  },
  cost: (step) => streamingCost(step, 0),
  forward(step) {
    const { block, to } = step.attributes;
    const high = to === 'space' ? step.outputs[0]! : step.inputs[0]!;
    return [moveDispatch(step, to, high.shape, block)];
  },
  backward(node, [cotangent]) {
    const { block, to } = node.attributes;
    return [cotangent && (to === 'space' ? spaceToDepth : depthToSpace)(cotangent, block)];
  },
};

/** The dispatch that moves `step`'s input to its output; `high` is the shape of the higher resolution. */
export function moveDispatch(step: Step, mode: keyof typeof modes, high: Shape, block: number): Dispatch {
  const [, , width, channels] = high as [number, number, number, number];
  const count = elementCount(high);
  return dispatch('depth_to_space', {
    bindings: { x: step.inputs[0]!, y: step.outputs[0]! },
    overrides: { MODE: modes[mode] },
    parameters: { count, width, channels, factor: block },
    workgroups: elementGrid(count),
    cost: step.op.cost(step),
  });
}

/**
 * f32[B, H, W, r*r*O] -> f32[B, H*r, W*r, O]: y[b, h*r + ry, w*r + rx, o] = x[b, h, w, (ry*r + rx)*O + o].
 * @throws ShapeError when the channels are no multiple of r*r
 */
export function depthToSpace(x: Tensor, block: number): Tensor {
  return applyOne(depthToSpaceOp, [x], { block, to: 'space' });
}

/**
 * f32[B, H*r, W*r, O] -> f32[B, H, W, r*r*O], the inverse of depthToSpace.
 * @throws ShapeError when height or width is no multiple of r
 */
export function spaceToDepth(x: Tensor, block: number): Tensor {
  return applyOne(depthToSpaceOp, [x], { block, to: 'depth' });
}
