/**
 * Products with lower triangular matrices, one a datum, and the systems that they pose, by substitution (Golub and Van
 * Loan, Matrix Computations, section 3.1). Dimensions: B data, S samples a datum, K the matrix's size; row r of [S*B, K]
 * takes the matrix of datum r mod B. Below the diagonal a matrix is packed row after row.
 */
import { size, zeros, type F64 } from './tensor.js';

export interface TriangularForm {
  solve?: boolean;
  transposed?: boolean;
}

/** The matrix of one datum, as rows, from its diagonal `f64[B, K]` and what lies below, `f64[B, K (K - 1) / 2]`. */
export function dense(diagonal: F64, lower: F64, datum: number): number[][] {
  const K = size(diagonal, 1);
  const places = Array.from({ length: K }, (_, i) => i);
  let packed = datum * ((K * (K - 1)) / 2);
  return places.map((i) =>
    places.map((j) => {
      if (j < i) return lower.values[packed++]!;
      return j === i ? diagonal.values[datum * K + i]! : 0;
    }),
  );
}

/** `L v` of every row `f64[S*B, K]`, or as the form says `L' v`, or the y of `L y = v`. */
export function triangular(diagonal: F64, lower: F64, v: F64, form: TriangularForm = {}): F64 {
  const [B, K] = [size(diagonal, 0), size(diagonal, 1)];
  const y = zeros(v.shape);
  for (let row = 0; row < size(v, 0); row++) {
    const L = dense(diagonal, lower, row % B);
    const entry = (i: number, j: number): number => (form.transposed ? L[j]![i]! : L[i]![j]!);
    const inner = (i: number, x: F64): number => {
      let total = 0;
      for (let j = 0; j < K; j++) if (j !== i) total += entry(i, j) * x.values[row * K + j]!;
      return total;
    };
    const order = Array.from({ length: K }, (_, i) => (form.transposed ? K - 1 - i : i));
    for (const i of order) {
      const at = row * K + i;
      // when solving, what is not known yet is 0 in y and has no entry in the matrix
      y.values[at] = form.solve
        ? (v.values[at]! - inner(i, y)) / entry(i, i)
        : entry(i, i) * v.values[at]! + inner(i, v);
    }
  }
  return y;
}

/** Below the diagonal, packed, of the sum over samples of `a b'`: `f64[B, K (K - 1) / 2]` of rows `f64[S*B, K]`. */
export function triangularOuter(a: F64, b: F64, batch: number): F64 {
  const K = size(a, 1);
  const count = (K * (K - 1)) / 2;
  const result = zeros([batch, count]);
  for (let row = 0; row < size(a, 0); row++)
    for (let i = 0; i < K; i++)
      for (let j = 0; j < i; j++)
        result.values[(row % batch) * count + (i * (i - 1)) / 2 + j]! +=
          a.values[row * K + i]! * b.values[row * K + j]!;
  return result;
}

/** The same on the diagonal: `f64[B, K]`. */
export function diagonalOuter(a: F64, b: F64, batch: number): F64 {
  const K = size(a, 1);
  const result = zeros([batch, K]);
  a.values.forEach((value, i) => (result.values[i % (batch * K)]! += value * b.values[i]!));
  return result;
}

/** Vector-Jacobian products, in the order of the arguments. */
export function triangularBackward(
  diagonal: F64,
  lower: F64,
  v: F64,
  form: TriangularForm,
  yGradient: F64,
): [diagonal: F64, lower: F64, v: F64] {
  const B = size(diagonal, 0);
  const vGradient = triangular(diagonal, lower, yGradient, { ...form, transposed: !form.transposed });
  let [left, right] = [yGradient, v];
  if (form.solve) {
    left = { shape: v.shape, values: vGradient.values.map((value) => -value) };
    right = triangular(diagonal, lower, v, form);
  }
  const pair = form.transposed ? ([right, left] as const) : ([left, right] as const);
  return [diagonalOuter(left, right, B), triangularOuter(...pair, B), vGradient];
}
