/** Sums over axes in a fixed order (shaders/sum.wgsl); a long axis is summed in pieces, then the pieces. */
import { dispatch, elementGrid, type Dispatch, type DispatchContext } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { applyOne, type OpDefinition, type Tensor } from '../graph.js';
import { ceilDivide, describeShape, elementCount, sameShape, type Shape } from '../shape.js';
import { broadcastTo } from './binary.js';
import { constant, constantValue, reshape } from './constant.js';

/** Contiguous axes [first, last] collapsed: the tensor is [outer, reduced, inner]. */
export interface SumAttributes {
  readonly outer: number;
  readonly reduced: number;
  readonly inner: number;
  readonly shape: Shape;
}

/**
 * An axis longer than this is cut into pieces of about its square root. One invocation adds a piece in
 * order, so this also bounds the rounding error (about PIECE_LIMIT / 2 units in the last place).
 */
const PIECE_LIMIT = 256;

export const sumOp: OpDefinition<SumAttributes> = {
  name: 'sum',
  shapes([x], { outer, reduced, inner, shape }) {
    if (!x || elementCount(x) !== outer * reduced * inner)
      throw new ShapeError(
        'sum',
        `input is ${describeShape(x ?? [])}; expected ${outer} x ${reduced} x ${inner} elements`,
      );
    return [[...shape]];
  },
  cost(step) {
    const { outer, reduced, inner } = step.attributes;
    return {
      flops: outer * reduced * inner,
      bytesRead: 4 * outer * reduced * inner,
      bytesWritten: 4 * outer * inner,
    };
  },
  forward(step, context) {
    const { outer, reduced, inner } = step.attributes;
    return sumDispatches(step.inputs[0]!, step.outputs[0]!, outer, reduced, inner, context);
  },
  backward(node, [cotangent]) {
    if (!cotangent) return [undefined];
    const { outer, reduced, inner } = node.attributes;
    const spread = broadcastTo(reshape(cotangent, [outer, 1, inner]), [outer, reduced, inner]);
    return [reshape(spread, node.inputs[0]!.shape)];
  },
};

/** Elements of an axis that one invocation adds: all of a short one. */
export function pieceLength(reduced: number): number {
  return reduced <= PIECE_LIMIT ? reduced : Math.max(PIECE_LIMIT / 4, Math.ceil(Math.sqrt(reduced)));
}

/** One dispatch for a short axis, otherwise pieces first. */
export function sumDispatches(
  x: Tensor,
  y: Tensor,
  outer: number,
  reduced: number,
  inner: number,
  context: DispatchContext,
): Dispatch[] {
  const piece = pieceLength(reduced);
  const pieces = ceilDivide(reduced, piece);
  if (pieces === 1) return [sumDispatch(x, y, outer, reduced, inner, piece)];
  const partials = context.temporary([outer, pieces, inner]);
  return [
    sumDispatch(x, partials, outer, reduced, inner, piece),
    ...sumDispatches(partials, y, outer, pieces, inner, context),
  ];
}

function sumDispatch(
  x: Tensor,
  y: Tensor,
  outer: number,
  reduced: number,
  inner: number,
  piece: number,
): Dispatch {
  const count = outer * ceilDivide(reduced, piece) * inner;
  return dispatch('sum', {
    bindings: { x, bias: 'unused', saved: 'unused', y },
    parameters: { outer, reduced, inner, piece, columns: 1 },
    workgroups: elementGrid(count),
    cost: { flops: outer * reduced * inner, bytesRead: 4 * outer * reduced * inner, bytesWritten: 4 * count },
  });
}

/**
 * A tensor seen as [outer, reduced, inner] and the shape that is left, for the op `name`.
 * @throws ShapeError unless `axes` are neighbours of `x`
 */
export function reduction(
  name: string,
  { shape: sizes }: Tensor,
  axes: readonly number[],
  keep: boolean,
): SumAttributes {
  const first = Math.min(...axes);
  const last = Math.max(...axes);
  if (axes.length === 0 || last - first + 1 !== new Set(axes).size || first < 0 || last >= sizes.length)
    throw new ShapeError(
      name,
      `axes are [${axes.join(', ')}] of ${describeShape(sizes)}; pass neighbouring axes`,
    );
  const kept = sizes.flatMap((size, axis) => (axis < first || axis > last ? [size] : keep ? [1] : []));
  return {
    shape: kept.length === 0 ? [1] : kept,
    outer: elementCount(sizes.slice(0, first)),
    reduced: elementCount(sizes.slice(first, last + 1)),
    inner: elementCount(sizes.slice(last + 1)),
  };
}

/**
 * Sum over `axes` (all by default), which must be neighbours; summed axes are kept with size 1 when `keep`.
 * A full sum without `keep` gives `f32[1]`.
 */
export function sum(
  x: Tensor,
  axes: readonly number[] = x.shape.map((_, axis) => axis),
  keep = false,
): Tensor {
  const { outer, reduced, inner, shape } = reduction('sum', x, axes, keep);
  const value = constantValue(x);
  if (value !== undefined) return constant(shape, value * reduced);
  if (reduced === 1) return reshape(x, shape);
  return applyOne(sumOp, [x], { outer, reduced, inner, shape });
}

/** Sums the axes along which `shape` was broadcast to `x`: the transpose of broadcastTo. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const padded = [...Array<number>(x.shape.length - shape.length).fill(1), ...shape];
  const isSpread = (axis: number): boolean => padded[axis] === 1 && x.shape[axis] !== 1;
  let result = x;
  // neighbouring axes are summed together
  for (let first = 0; first < padded.length; first++) {
    if (!isSpread(first)) continue;
    let last = first;
    while (last + 1 < padded.length && padded[last + 1] === 1) last++;
    const axes = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    result = sum(result, axes, true);
    first = last;
  }
  return reshape(result, shape);
}
