/**
 * Choices: the column of a row's smallest value, classes as one-hot rows, and from both the nearest codeword of a
 * codebook (van den Oord et al. 2017, section 3.1). A choice is a step function: its gradient is zero wherever it
 * exists, so that straight-through estimators are made around it.
 */
import { dispatch, elementGrid, rowGrid, rowLanes } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { applyOne, streamingCost, type OpDefinition, type Tensor } from '../graph.js';
import { checkCount, describeShape, elementCount } from '../shape.js';
import { add } from './binary.js';
import { matmul } from './matmul.js';
import { sum } from './sum.js';
import { affine, square } from './unary.js';

export const lowestOp: OpDefinition<null> = {
  name: 'lowest',
  shapes([x]) {
    if (x?.length !== 2)
      throw new ShapeError(
        'lowest',
        `input is ${describeShape(x ?? [])}; expected rows f32[R, C]; reshape() it`,
      );
    return [[x[0]!]];
  },
  cost: (step) => streamingCost(step, 0),
  forward(step, { adapterClass }) {
    const [x] = step.inputs as [Tensor];
    const [y] = step.outputs as [Tensor];
    const [rows, width] = x.shape as [number, number];
    return [
      dispatch('lowest', {
        bindings: { x, y },
        overrides: { WORKGROUP: rowLanes(width, adapterClass) },
        parameters: { rows, width },
        workgroups: rowGrid(rows),
        cost: this.cost(step),
      }),
    ];
  },
  backward: () => [],
};

export const oneHotOp: OpDefinition<{ readonly classes: number }> = {
  name: 'oneHot',
  shapes([x], { classes }) {
    checkCount(classes, 'classes', 'oneHot');
    return [[...x!, classes]];
  },
  cost: (step) => streamingCost(step, 0),
  forward(step) {
    const [x] = step.inputs as [Tensor];
    const [y] = step.outputs as [Tensor];
    const count = elementCount(y.shape);
    return [
      dispatch('one_hot', {
        bindings: { x, y },
        parameters: { count, classes: step.attributes.classes },
        workgroups: elementGrid(count),
        cost: this.cost(step),
      }),
    ];
  },
  backward: () => [],
};

/** The column of the smallest value of every row, f32[R, C] -> f32[R]; of equal values the first. Its gradient is zero. */
export function lowest(x: Tensor): Tensor {
  return applyOne(lowestOp, [x], null);
}

/**
 * Classes 0 to `classes` - 1 as whole numbers f32[...S] -> f32[...S, classes] of zeros and a one; another number gives
 * zeros only. Its gradient is zero.
 */
export function oneHot(x: Tensor, classes: number): Tensor {
  return applyOne(oneHotOp, [x], { classes });
}

/**
 * The codeword nearest to every row by squared distance, x f32[R, D], codebook f32[C, D] -> one-hot f32[R, C]; of equal
 * codewords the first. The gradient is zero. The quantised rows are matmul(y, codebook), the codewords' counts
 * sum(y, [0]), the sums of their rows matmul(y, x, 'TN').
 */
export function nearest(x: Tensor, codebook: Tensor): Tensor {
  // |x - e|^2 less |x|^2, which is the same for every codeword
  const scores = add(affine(matmul(x, codebook, 'NT'), -2, 0), sum(square(codebook), [1]));
  return oneHot(lowest(scores), codebook.shape[0]!);
}
