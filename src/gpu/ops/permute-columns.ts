/**
 * The columns of a batch shuffled independently of each other: samples of the product of its marginals
 * (shaders/permute_columns.wgsl). Kim and Mnih 2018, algorithm 1.
 */
import { dispatch, elementGrid } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { applyOne, streamingCost, type OpDefinition, type Tensor } from '../graph.js';
import { describeShape, elementCount } from '../shape.js';

interface PermuteColumnsAttributes {
  /** Separates it from other randomness of a step. */
  readonly tag: number;
}

export const permuteColumnsOp: OpDefinition<PermuteColumnsAttributes> = {
  name: 'permuteColumns',
  shapes([x]) {
    if (x?.length !== 2)
      throw new ShapeError('permuteColumns', `input is ${describeShape(x ?? [])}; expected f32[B, K]`);
    return [[...x]];
  },
  cost: (step) => streamingCost(step, 250),
  forward(step) {
    const [x] = step.inputs as [Tensor];
    const [rows, columns] = x.shape as [number, number];
    return [
      dispatch('permute_columns', {
        bindings: { x, y: step.outputs[0]! },
        parameters: { rows, columns, noise_tag: step.attributes.tag },
        workgroups: elementGrid(elementCount(x.shape)),
        cost: this.cost(step),
      }),
    ];
  },
  backward: { none: 'shuffled samples train a discriminator, for which they are data; use stopGradient' },
};

/** f32[B, K] with every column's valid rows in an order of its own, made anew in every step. @throws ShapeError */
export function permuteColumns(x: Tensor, tag = 0): Tensor {
  return applyOne(permuteColumnsOp, [x], { tag });
}
