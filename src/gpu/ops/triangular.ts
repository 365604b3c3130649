/**
 * Products with small lower triangular matrices, one a datum, and the systems that they pose (shaders/triangular.wgsl).
 * Below the diagonal a matrix is packed row after row: L_ij at i (i - 1) / 2 + j. Each gradient is the transposed product or
 * system, and an outer product (shaders/triangular_outer.wgsl) for the matrix.
 */
import { dispatch, elementGrid } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { applyOne, totalElements, type Cost, type OpDefinition, type Step, type Tensor } from '../graph.js';
import { describeShape, sameShape, type Shape } from '../shape.js';
import { multiply } from './binary.js';
import { constant, reshape } from './constant.js';
import { sum } from './sum.js';
import { negate } from './unary.js';

/** Which product with L is meant. */
export interface TriangularForm {
  /** y with L y = v instead of y = L v. */
  readonly solve?: boolean;
  /** L' in place of L. */
  readonly transposed?: boolean;
}

/** inputs [diagonal f32[B, K], lower f32[B, K (K - 1) / 2], v f32[S*B, K]], output f32[S*B, K]. */
export const triangularOp: OpDefinition<TriangularForm> = {
  name: 'triangular',
  shapes([diagonal, lower, v]) {
    const [batch, size] = matrixShape('triangular', v, diagonal?.[0]);
    if (!sameShape(diagonal!, [batch, size]) || !sameShape(lower!, [batch, (size * (size - 1)) / 2]))
      throw new ShapeError(
        'triangular',
        `v is ${describeShape(v!)}, diagonal ${describeShape(diagonal!)}, lower ${describeShape(lower!)}; ` +
          `expected f32[B, ${size}] and f32[B, ${(size * (size - 1)) / 2}] of the same B, which divides v's rows`,
      );
    return [[...v!]];
  },
  cost: (step) => cost(step, step.inputs[2]!),
  forward(step) {
    const [diagonal, lower, v] = step.inputs as [Tensor, Tensor, Tensor];
    const { solve = false, transposed = false } = step.attributes;
    const [rows, size] = v.shape as [number, number];
    const count = solve ? rows : rows * size;
    return [
      dispatch('triangular', {
        bindings: { diagonal, lower, v, y: step.outputs[0]! },
        overrides: { SOLVE: solve, TRANSPOSED: transposed },
        parameters: { count, batch: diagonal.shape[0]!, size },
        workgroups: elementGrid(count),
        cost: this.cost(step),
      }),
    ];
  },
  backward({ inputs, outputs: [y], attributes }, [g]) {
    if (!g) return [];
    const [diagonal, lower, v] = inputs as [Tensor, Tensor, Tensor];
    const { solve = false, transposed = false } = attributes;
    const vGradient = triangular(diagonal, lower, g, { solve, transposed: !transposed });
    // <g, dL v>, or with L y = v: dy = -L^-1 dL y
    const [left, right] = solve ? [negate(vGradient), y!] : [g, v];
    const [batch, size] = diagonal.shape as [number, number];
    const products = reshape(multiply(left, right), [v.shape[0]! / batch, batch, size]);
    const lowerGradient = triangularOuter(transposed ? right : left, transposed ? left : right, batch);
    return [reshape(sum(products, [0]), [batch, size]), lowerGradient, vGradient];
  },
};

/** inputs [a f32[S*B, K], b f32[S*B, K]], output f32[B, K (K - 1) / 2]. */
export const triangularOuterOp: OpDefinition<{ readonly batch: number }> = {
  name: 'triangularOuter',
  shapes([a, b], { batch }) {
    const [, size] = matrixShape('triangularOuter', a, batch);
    if (!b || !sameShape(a!, b))
      throw new ShapeError(
        'triangularOuter',
        `a is ${describeShape(a!)}, b ${describeShape(b ?? [])}; expected one shape`,
      );
    return [[batch, (size * (size - 1)) / 2]];
  },
  cost: (step) => cost(step, step.inputs[0]!),
  forward(step) {
    const [a, b] = step.inputs as [Tensor, Tensor];
    const { batch } = step.attributes;
    const [rows, size] = a.shape as [number, number];
    return [
      dispatch('triangular_outer', {
        bindings: { a, b, result: step.outputs[0]! },
        parameters: { batch, samples: rows / batch, size },
        workgroups: elementGrid(batch * size * size),
        cost: this.cost(step),
      }),
    ];
  },
  backward({ inputs, attributes: { batch } }, [g]) {
    if (!g) return [];
    const [a, b] = inputs as [Tensor, Tensor];
    const nothing = constant([batch, a.shape[1]!], 0);
    return [triangular(nothing, g, b), triangular(nothing, g, a, { transposed: true })];
  },
};

/** B and K of rows f32[S*B, K]. A matrix of one element has nothing below its diagonal, which no tensor can hold. */
function matrixShape(name: string, rows: Shape | undefined, batch: number | undefined): [number, number] {
  if (rows?.length === 2 && rows[1]! >= 2 && batch !== undefined && rows[0]! % batch === 0)
    return [batch, rows[1]!];
  throw new ShapeError(
    name,
    `rows are ${describeShape(rows ?? [])}; expected f32[S * ${batch ?? 'B'}, K] with K of 2 or more`,
  );
}

/** Half of a dense product. */
function cost(step: Step, { shape }: Tensor): Cost {
  const [rows, size] = shape as [number, number];
  return {
    flops: rows * size * (size + 1),
    bytesRead: 4 * totalElements(step.inputs),
    bytesWritten: 4 * totalElements(step.outputs),
  };
}

/**
 * L v of every row, or as `form` says L' v, or the y of L y = v.
 * @param diagonal f32[B, K]
 * @param lower f32[B, K (K - 1) / 2], packed row after row
 * @param v f32[S*B, K], sample-major
 * @returns f32[S*B, K]. @throws ShapeError
 */
export function triangular(diagonal: Tensor, lower: Tensor, v: Tensor, form: TriangularForm = {}): Tensor {
  return applyOne(triangularOp, [diagonal, lower, v], form);
}

/** Below the diagonal of sum over samples of a b', packed: f32[B, K (K - 1) / 2] of a and b f32[S*B, K]. @throws ShapeError */
export function triangularOuter(a: Tensor, b: Tensor, batch: number): Tensor {
  return applyOne(triangularOuterOp, [a, b], { batch });
}
