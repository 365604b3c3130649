/**
 * product = op(a) op(b) for the three transpositions a dense layer and its gradients need. The planner may
 * grow a step by a bias row, an activation, the derivative of one, or the column sums of b (a bias gradient).
 * Kernels: shaders/matmul_{registers,workgroup}[_any].wgsl.
 */
import { dispatch, elementGrid, type Dispatch, type DispatchContext, type Workgroups } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { applyOne, totalElements, type OpDefinition, type Step, type Tensor } from '../graph.js';
import { alignUp, ceilDivide, describeShape } from '../shape.js';
import { activationCodes, type Activation } from './activation.js';
import { chooseVariant, splitCount, type MatmulVariant } from './matmul-variants.js';
import { sumDispatches } from './sum.js';

/** `NN`: a[M,K] b[K,N]; `TN`: a[K,M]' b[K,N]; `NT`: a[M,K] b[N,K]'. */
export type Transposition = 'NN' | 'TN' | 'NT';

export interface MatmulAttributes {
  readonly transposition: Transposition;
  /** Set by the planner's fusion only; inputs grow to [a, b, bias?, saved?], outputs to [product, columnSum?]. */
  readonly fused?: MatmulFusion;
}

export interface MatmulFusion {
  readonly bias?: boolean;
  readonly activation?: Activation;
  /** multiply by this activation's derivative at `saved` */
  readonly derivative?: Activation;
  /** also sum the rows of b */
  readonly columnSum?: boolean;
}

interface Sizes {
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
}

export const matmulOp: OpDefinition<MatmulAttributes> = {
  name: 'matmul',
  shapes([a, b], { transposition }) {
    if (a?.length !== 2 || b?.length !== 2)
      throw new ShapeError(
        'matmul',
        `a is ${describeShape(a ?? [])}, b is ${describeShape(b ?? [])}; both need 2 axes`,
      );
    const { rows, columns, inner } = sizes(a, b, transposition);
    const innerB = transposition === 'NT' ? b[1] : b[0];
    if (inner !== innerB)
      throw new ShapeError(
        'matmul',
        `a is ${describeShape(a)} and b is ${describeShape(b)} (${transposition}); the inner sizes ${inner} and ${innerB} differ`,
      );
    return [[rows, columns]];
  },
  cost(step) {
    const { rows, columns, inner } = stepSizes(step);
    return {
      flops: 2 * rows * columns * inner,
      bytesRead: 4 * totalElements(step.inputs),
      bytesWritten: 4 * totalElements(step.outputs),
    };
  },
  forward(step, context) {
    const { rows, columns, inner } = stepSizes(step);
    const variant = chooseVariant(context.adapterClass, rows, columns, inner, step.attributes.transposition);
    const splits = splitCount(context.adapterClass, variant, rows, columns, inner);
    if (splits === 1) return [matmulDispatch(step, variant, inner, step.outputs[0]!, step.outputs[1], true)];
    return splitDispatches(step, variant, splits, context);
  },
  backward(node, [g]) {
    if (!g) return [undefined, undefined];
    const [a, b] = node.inputs as [Tensor, Tensor];
    switch (node.attributes.transposition) {
      case 'NN':
        return [matmul(g, b, 'NT'), matmul(a, g, 'TN')];
      case 'TN':
        return [matmul(b, g, 'NT'), matmul(a, g, 'NN')];
      case 'NT':
        return [matmul(g, b, 'NN'), matmul(g, a, 'TN')];
    }
  },
};

function sizes(a: readonly number[], b: readonly number[], transposition: Transposition): Sizes {
  const [a0, a1] = a as [number, number];
  const [b0, b1] = b as [number, number];
  if (transposition === 'TN') return { rows: a1, columns: b1, inner: a0 };
  return { rows: a0, columns: transposition === 'NT' ? b0 : b1, inner: a1 };
}

function stepSizes(step: Step<MatmulAttributes>): Sizes {
  return sizes(step.inputs[0]!.shape, step.inputs[1]!.shape, step.attributes.transposition);
}

/** One matmul dispatch into `product`; `finish` applies the fused epilogue. */
function matmulDispatch(
  step: Step<MatmulAttributes>,
  variant: MatmulVariant,
  splitLength: number,
  product: Tensor,
  columnSum: Tensor | undefined,
  finish: boolean,
): Dispatch {
  const { transposition, fused = {} } = step.attributes;
  const { rows, columns, inner } = stepSizes(step);
  const [a, b] = step.inputs as [Tensor, Tensor];
  const { bias, saved } = epilogueOperands(step);
  const grid: Workgroups = [
    ceilDivide(columns, variant.tileColumns),
    ceilDivide(rows, variant.tileRows),
    ceilDivide(inner, splitLength),
  ];
  return dispatch(variant.kernel, {
    bindings: {
      a,
      b,
      bias: (finish && bias) || 'unused',
      saved: (finish && saved) || 'unused',
      product,
      column_sum: columnSum ?? 'unused',
    },
    overrides: {
      ...variant.overrides,
      TRANSPOSE_A: transposition === 'TN',
      TRANSPOSE_B: transposition === 'NT',
      COLUMN_SUM: columnSum !== undefined,
      ...(finish ? epilogueOverrides(fused) : {}),
    },
    parameters: { rows, columns, inner, split_length: splitLength },
    workgroups: grid,
    cost: matmulOp.cost(step),
  });
}

/** Pieces of the inner axis into partial products, which a sum adds in order and finishes. */
function splitDispatches(
  step: Step<MatmulAttributes>,
  variant: MatmulVariant,
  splits: number,
  context: DispatchContext,
): Dispatch[] {
  const { rows, columns, inner } = stepSizes(step);
  const [product, columnSum] = step.outputs as [Tensor, Tensor | undefined];
  const splitLength = alignUp(ceilDivide(inner, splits), 4);
  const pieces = ceilDivide(inner, splitLength);
  const partials = context.temporary([pieces, rows, columns]);
  const columnPartials = columnSum && context.temporary([pieces, columns]);
  const { bias, saved } = epilogueOperands(step);
  const count = rows * columns;
  const finish = dispatch('sum', {
    bindings: { x: partials, bias: bias ?? 'unused', saved: saved ?? 'unused', y: product },
    overrides: epilogueOverrides(step.attributes.fused ?? {}),
    parameters: { outer: 1, reduced: pieces, inner: count, piece: pieces, columns },
    workgroups: elementGrid(count),
    cost: { flops: pieces * count, bytesRead: 4 * pieces * count, bytesWritten: 4 * count },
  });
  return [
    matmulDispatch(step, variant, splitLength, partials, columnPartials, false),
    finish,
    ...(columnSum && columnPartials
      ? sumDispatches(columnPartials, columnSum, 1, pieces, columns, context)
      : []),
  ];
}

function epilogueOverrides({
  bias = false,
  activation = 'identity',
  derivative = 'identity',
}: MatmulFusion): {
  HAS_BIAS: boolean;
  ACTIVATION: number;
  DERIVATIVE: number;
} {
  return { HAS_BIAS: bias, ACTIVATION: activationCodes[activation], DERIVATIVE: activationCodes[derivative] };
}

/** bias and saved among the inputs of a fused step. */
function epilogueOperands(step: Step<MatmulAttributes>): { bias?: Tensor; saved?: Tensor } {
  const { bias, derivative } = step.attributes.fused ?? {};
  const rest = step.inputs.slice(2);
  const operands: { bias?: Tensor; saved?: Tensor } = {};
  if (bias) operands.bias = rest.shift()!;
  if (derivative) operands.saved = rest.shift()!;
  return operands;
}

/** f32[M, N], by default a[M, K] b[K, N]. @throws ShapeError unless both have 2 axes and inner sizes agree. */
export function matmul(a: Tensor, b: Tensor, transposition: Transposition = 'NN'): Tensor {
  return applyOne(matmulOp, [a, b], { transposition });
}
