/**
 * log sum exp over neighbouring axes (shaders/log_sum_exp.wgsl), shifted by the maximum so that nothing overflows.
 * The gradient exp(x - y) is composed of other ops, so that it can be differentiated again.
 */
import {
  dispatch,
  elementGrid,
  rowGrid,
  rowLanes,
  type Dispatch,
  type DispatchContext,
} from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { applyOne, streamingCost, type OpDefinition, type Step, type Tensor } from '../graph.js';
import { ceilDivide, describeShape, elementCount } from '../shape.js';
import { multiply, subtract } from './binary.js';
import { constant, constantValue, reshape } from './constant.js';
import { pieceLength, reduction, type SumAttributes } from './sum.js';
import { exp } from './unary.js';

export const logSumExpOp: OpDefinition<SumAttributes> = {
  name: 'logSumExp',
  shapes([x], { outer, reduced, inner, shape }) {
    if (!x || elementCount(x) !== outer * reduced * inner)
      throw new ShapeError(
        'logSumExp',
        `input is ${describeShape(x ?? [])}; expected ${outer} x ${reduced} x ${inner} elements`,
      );
    return [[...shape]];
  },
  cost: (step) => ({ ...streamingCost(step, 0), flops: 10 * elementCount(step.inputs[0]!.shape) }),
  forward: (step, context) => logSumExpDispatches(step, step.inputs[0]!, step.attributes.reduced, context),
  backward({ attributes: { outer, reduced, inner }, inputs: [x], outputs: [y] }, [cotangent]) {
    if (!cotangent) return [undefined];
    const column = [outer, 1, inner];
    const share = exp(subtract(reshape(x!, [outer, reduced, inner]), reshape(y!, column)));
    return [reshape(multiply(share, reshape(cotangent, column)), x!.shape)];
  },
};

/** One dispatch for rows and for short axes; otherwise pieces first, and the same again for the pieces. */
function logSumExpDispatches(
  step: Step<SumAttributes>,
  x: Tensor,
  reduced: number,
  context: DispatchContext,
): Dispatch[] {
  const { outer, inner } = step.attributes;
  const isRow = inner === 1;
  const piece = isRow ? reduced : pieceLength(reduced);
  const pieces = ceilDivide(reduced, piece);
  const y = pieces === 1 ? step.outputs[0]! : context.temporary([outer, pieces, inner]);
  const count = outer * pieces * inner;
  const first = dispatch('log_sum_exp', {
    bindings: { x, y },
    overrides: { COOPERATIVE: isRow, ...(isRow && { WORKGROUP: rowLanes(reduced, context.adapterClass) }) },
    parameters: { outer, reduced, inner, piece },
    workgroups: isRow ? rowGrid(count) : elementGrid(count),
    cost: {
      flops: 10 * outer * reduced * inner,
      bytesRead: 8 * outer * reduced * inner,
      bytesWritten: 4 * count,
    },
  });
  return pieces === 1 ? [first] : [first, ...logSumExpDispatches(step, y, pieces, context)];
}

/**
 * log sum exp over `axes` (all by default), which must be neighbours; they are kept with size 1 when `keep`.
 * Of all axes without `keep` it gives f32[1]. @throws ShapeError when the axes are not neighbours of `x`
 */
export function logSumExp(
  x: Tensor,
  axes: readonly number[] = x.shape.map((_, axis) => axis),
  keep = false,
): Tensor {
  const attributes = reduction('logSumExp', x, axes, keep);
  const { shape, reduced } = attributes;
  const value = constantValue(x);
  if (value !== undefined) return constant(shape, value + Math.log(reduced));
  if (reduced === 1) return reshape(x, shape);
  return applyOne(logSumExpOp, [x], attributes);
}
