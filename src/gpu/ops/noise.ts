/** Standard normal and uniform noise from the counter generator (shaders/noise.wgsl). */
import { dispatch, elementGrid } from '../dispatch.js';
import { applyOne, streamingCost, type OpDefinition, type Tensor } from '../graph.js';
import { elementCount, type Shape } from '../shape.js';

interface NoiseAttributes {
  readonly shape: Shape;
  /** Separates noise tensors of one step; mixed into the seed. */
  readonly tag: number;
  readonly isUniform: boolean;
}

export const noiseOp: OpDefinition<NoiseAttributes> = {
  name: 'noise',
  shapes: (_, { shape }) => [[...shape]],
  cost: (step) => streamingCost(step, 60),
  forward(step) {
    const [y] = step.outputs as [Tensor];
    const count = elementCount(y.shape);
    return [
      dispatch('noise', {
        bindings: { y },
        overrides: { IS_UNIFORM: step.attributes.isUniform },
        parameters: { count, noise_tag: step.attributes.tag },
        workgroups: elementGrid(count),
        cost: this.cost(step),
      }),
    ];
  },
  backward: { none: 'noise depends on no tensor' },
};

/** f32[...shape] of N(0, 1), made anew in every step from its seed and stream. */
export function noise(shape: Shape, tag = 0): Tensor {
  return applyOne(noiseOp, [], { shape, tag, isUniform: false });
}

/** f32[...shape] of U[0, 1) with 24 bits, made anew in every step; U(-1/2, 1/2) is `affine(u, 1, -0.5)`. */
export function uniformNoise(shape: Shape, tag = 0): Tensor {
  return applyOne(noiseOp, [], { shape, tag, isUniform: true });
}
