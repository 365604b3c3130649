/**
 * Float64 matrices on the CPU: the small products, factorisations and solves of classical models and samplers. The loops run
 * along rows, which lie in one piece, so that 784 x 784 costs what its arithmetic costs.
 * Source: Golub and Van Loan, Matrix Computations, section 4.2 (Cholesky).
 */
import { NumericError, ShapeError } from '../../gpu/errors.js';

/** `f64[rows, columns]`, row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

/** A matrix of the values, zeros by default. @throws ShapeError when their number is not rows x columns */
export function matrix(
  rows: number,
  columns: number,
  values: Float64Array = new Float64Array(rows * columns),
): Matrix {
  if (values.length !== rows * columns)
    throw new ShapeError(
      'matrix',
      `${values.length} values came; f64[${rows}, ${columns}] takes ${rows * columns}`,
    );
  return { rows, columns, values };
}

/** A row as a view. */
export function rowOf({ columns, values }: Matrix, row: number): Float64Array {
  return values.subarray(row * columns, (row + 1) * columns);
}

/** `f64[M, N]` -> `f64[N, M]`. */
export function transpose({ rows, columns, values }: Matrix): Matrix {
  const result = matrix(columns, rows);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) result.values[j * rows + i] = values[i * columns + j]!;
  return result;
}

/** a `f64[M, K]` b `f64[K, N]` -> `f64[M, N]`. @throws ShapeError when the inner sizes differ */
export function multiply(a: Matrix, b: Matrix): Matrix {
  if (a.columns !== b.rows)
    throw new ShapeError(
      'multiply',
      `f64[${a.rows}, ${a.columns}] and f64[${b.rows}, ${b.columns}] came; the inner sizes must be equal`,
    );
  const result = matrix(a.rows, b.columns);
  for (let i = 0; i < a.rows; i++) {
    const target = rowOf(result, i);
    for (let k = 0; k < a.columns; k++) addScaled(target, a.values[i * a.columns + k]!, rowOf(b, k));
  }
  return result;
}

/** `target += factor * source`, element by element. */
export function addScaled(target: Float64Array, factor: number, source: Float64Array): void {
  if (factor === 0) return;
  for (let i = 0; i < target.length; i++) target[i]! += factor * source[i]!;
}

/** `sum_i a_i b_i`, in four sums side by side, because one alone waits for every addition before the next. */
export function dot(a: Float64Array, b: Float64Array): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  const { length } = a;
  const whole = length - (length % 4);
  for (let i = 0; i < whole; i += 4) {
    s0 += a[i]! * b[i]!;
    s1 += a[i + 1]! * b[i + 1]!;
    s2 += a[i + 2]! * b[i + 2]!;
    s3 += a[i + 3]! * b[i + 3]!;
  }
  for (let i = whole; i < length; i++) s0 += a[i]! * b[i]!;
  return s0 + s1 + (s2 + s3);
}

/**
 * The lower triangle L of a symmetric matrix, `a = L L'`: `f64[N, N]` -> `f64[N, N]`, zeros above the diagonal.
 *
 * @param a symmetric; only its lower triangle is read
 * @throws NumericError when a is not positive definite, with the row that says so
 */
export function cholesky(a: Matrix): Matrix {
  const N = a.rows;
  const l = matrix(N, N);
  for (let i = 0; i < N; i++) {
    for (let j = 0; j <= i; j++) {
      const rest = a.values[i * N + j]! - dot(rowOf(l, i).subarray(0, j), rowOf(l, j).subarray(0, j));
      l.values[i * N + j] = i === j ? Math.sqrt(rest) : rest / l.values[j * N + j]!;
    }
    const pivot = l.values[i * N + i]!;
    if (!(pivot > 0 && pivot < Infinity))
      throw new NumericError(
        'cholesky',
        `the pivot of row ${i} is ${pivot}; expected a positive definite matrix; raise varianceFloor or lower latent`,
      );
  }
  return l;
}

/** The solution x of `L L' x = b`, `f64[N, M]`, for L `f64[N, N]` of `cholesky` and b `f64[N, M]`. */
export function choleskySolve(l: Matrix, b: Matrix): Matrix {
  const N = l.rows;
  const x = matrix(N, b.columns, b.values.slice());
  const divide = (i: number): void => {
    const row = rowOf(x, i);
    for (let m = 0; m < row.length; m++) row[m]! /= l.values[i * N + i]!;
  };
  for (let i = 0; i < N; i++) {
    for (let k = 0; k < i; k++) addScaled(rowOf(x, i), -l.values[i * N + k]!, rowOf(x, k));
    divide(i);
  }
  for (let i = N - 1; i >= 0; i--) {
    for (let k = i + 1; k < N; k++) addScaled(rowOf(x, i), -l.values[k * N + i]!, rowOf(x, k));
    divide(i);
  }
  return x;
}

/** `log |L L'|` */
export function logDeterminant(l: Matrix): number {
  let sum = 0;
  for (let i = 0; i < l.rows; i++) sum += 2 * Math.log(l.values[i * l.rows + i]!);
  return sum;
}

/** Ones on the diagonal: `f64[size, size]`. */
export function identity(size: number): Matrix {
  const result = matrix(size, size);
  for (let i = 0; i < size; i++) result.values[i * size + i] = 1;
  return result;
}

/** a plus ones on its diagonal: `f64[N, N]` -> `f64[N, N]`. */
export function addIdentity(a: Matrix): Matrix {
  const result = matrix(a.rows, a.columns, a.values.slice());
  for (let i = 0; i < a.rows; i++) result.values[i * a.columns + i]! += 1;
  return result;
}

/** `(a + a') / 2` of what rounding made unsymmetric: `f64[N, N]` -> `f64[N, N]`. */
export function symmetrize(a: Matrix): Matrix {
  const other = transpose(a);
  return matrix(
    a.rows,
    a.columns,
    a.values.map((value, i) => (value + other.values[i]!) / 2),
  );
}

/** Makes independent rows orthonormal in place, by Gram and Schmidt; a row of zeros stays one. */
export function orthonormalize(rows: Matrix): void {
  for (let k = 0; k < rows.rows; k++) {
    const row = rowOf(rows, k);
    for (let i = 0; i < k; i++) addScaled(row, -dot(row, rowOf(rows, i)), rowOf(rows, i));
    const length = Math.sqrt(dot(row, row));
    if (length > 0) row.forEach((value, j) => (row[j] = value / length));
  }
}
