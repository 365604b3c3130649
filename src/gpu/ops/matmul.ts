/**
 * product = op(a) op(b) for the three transpositions a dense layer and its gradients need. The planner may
 * grow a step by a bias row, an activation, the derivative of one, or the column sums of b (a bias gradient).
 * Kernels: shaders/matmul_*.wgsl.
 */
import { dispatch } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { applyOne, totalElements, type OpDefinition, type Step, type Tensor } from '../graph.js';
import { describeShape } from '../shape.js';
import { productDispatches, type Epilogue } from './product.js';

/** `NN`: a[M,K] b[K,N]; `TN`: a[K,M]' b[K,N]; `NT`: a[M,K] b[N,K]'. */
export type Transposition = 'NN' | 'TN' | 'NT';

export interface MatmulAttributes {
  readonly transposition: Transposition;
  readonly fused?: Epilogue;
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
    const { transposition } = step.attributes;
    const TRANSPOSE_A = transposition === 'TN';
    const TRANSPOSE_B = transposition === 'NT';
    const whole = {
      inner: inner % 4 === 0 && (!TRANSPOSE_A || rows % 4 === 0),
      columns: columns % 4 === 0,
      store: columns % 4 === 0,
    };
    const aligned = whole.inner && whole.columns;
    return productDispatches(
      step,
      { family: 'matmul', rows, columns, inner, aligned, whole },
      context,
      (part) =>
        dispatch(`matmul_${part.skeleton}`, {
          ...part,
          overrides: { ...part.overrides, TRANSPOSE_A, TRANSPOSE_B },
          parameters: { rows, columns, inner, split_length: part.splitLength },
        }),
    );
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

/** f32[M, N], by default a[M, K] b[K, N]. @throws ShapeError unless both have 2 axes and inner sizes agree. */
export function matmul(a: Tensor, b: Tensor, transposition: Transposition = 'NN'): Tensor {
  return applyOne(matmulOp, [a, b], { transposition });
}
