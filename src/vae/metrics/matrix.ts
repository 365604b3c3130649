/** Rows of numbers as the measures take them, and the few sums that they share; everything in float64. */
import { DataError, ShapeError } from '../../gpu/errors.js';

/** `f64[N, K]` or `f32[N, K]`, row-major. */
export interface Matrix {
  readonly columns: number;
  readonly values: Float64Array | Float32Array;
}

/** Rows of a matrix. @throws ShapeError for values that are no whole rows, DataError for one that is not finite */
export function checkMatrix({ columns, values }: Matrix, where: string): number {
  const rows = values.length / columns;
  if (!Number.isInteger(columns) || columns < 1 || !Number.isInteger(rows) || rows < 1)
    throw new ShapeError(
      where,
      `${values.length} values in ${columns} columns came; expected one or more whole rows; pass f64[N, K] with its K`,
    );
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0)
    throw new DataError(
      where,
      `row ${Math.floor(wrong / columns)}, column ${wrong % columns} is ${values[wrong]}; expected finite numbers; look for the step that made it`,
    );
  return rows;
}

/** One column, `f64[N]`. */
export function columnOf({ columns, values }: Matrix, column: number): Float64Array {
  return Float64Array.from({ length: values.length / columns }, (_, n) => values[n * columns + column]!);
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** `1/N sum (x - mean)^2`. */
export function variance(values: ArrayLike<number>): number {
  const centre = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i]! - centre) ** 2;
  return sum / values.length;
}

/** Variance of every column, `[K]`. */
export function columnVariances(matrix: Matrix): number[] {
  return Array.from({ length: matrix.columns }, (_, k) => variance(columnOf(matrix, k)));
}

/** `-sum p log p` in nats of counts. */
export function entropyOfCounts(counts: ArrayLike<number>): number {
  const values = Array.from(counts);
  const total = values.reduce((sum, count) => sum + count, 0);
  return values.reduce(
    (sum, count) => (count > 0 ? sum - (count / total) * Math.log(count / total) : sum),
    0,
  );
}

/** The largest value less the second; the largest itself where there is only one. */
export function gapOfTop(values: readonly number[]): number {
  const [first = 0, second = 0] = values.toSorted((a, b) => b - a);
  return first - second;
}
