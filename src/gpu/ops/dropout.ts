/**
 * Dropout (Srivastava et al. 2014) with a mask from the counter generator (shaders/dropout.wgsl). It is linear in x
 * with a mask that no tensor holds: the gradient is the same op on the cotangent, which makes the mask again.
 */
import { dispatch, elementGrid } from '../dispatch.js';
import { ShapeError, SpecError } from '../errors.js';
import { applyOne, streamingCost, type OpDefinition, type Tensor } from '../graph.js';
import { ceilDivide, elementCount } from '../shape.js';

interface DropoutAttributes {
  readonly rate: number;
  /** Separates masks and noise tensors of one step; mixed into the seed. */
  readonly tag: number;
}

export const dropoutOp: OpDefinition<DropoutAttributes> = {
  name: 'dropout',
  shapes([x], { rate }) {
    if (!x) throw new ShapeError('dropout', 'has no input; pass one tensor');
    if (!(rate >= 0 && rate < 1))
      throw new SpecError('dropout', `rate is ${rate}; expected the dropped share, at least 0 and below 1`);
    return [[...x]];
  },
  cost: (step) => streamingCost(step, 50),
  forward(step) {
    const { rate, tag } = step.attributes;
    const [x] = step.inputs as [Tensor];
    const count = elementCount(x.shape);
    return [
      dispatch('dropout', {
        bindings: { x, y: step.outputs[0]! },
        parameters: {
          count,
          noise_tag: tag,
          threshold: Math.ceil(rate * 2 ** 24),
          scale: 1 / (1 - rate),
        },
        workgroups: elementGrid(ceilDivide(count, 2)),
        cost: this.cost(step),
      }),
    ];
  },
  backward: ({ attributes }, [cotangent]) => [cotangent && applyOne(dropoutOp, [cotangent], attributes)],
};

/**
 * x / (1 - rate) with a share `rate` of its elements set to 0, others in every step (its seed and stream) and for
 * every `tag`; for training only. @throws SpecError unless 0 <= rate < 1
 */
export function dropout(x: Tensor, rate: number, tag: number): Tensor {
  return rate === 0 ? x : applyOne(dropoutOp, [x], { rate, tag });
}
