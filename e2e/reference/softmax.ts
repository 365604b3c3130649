/** Softmax over the last axis: `y_i = exp(x_i - m) / sum_j exp(x_j - m)` with `m` the row's maximum. */
import { size, zeros, type F64 } from './tensor.js';

/** Calls `visit` with the first and one past the last index of every row. */
function forEachRow(x: F64, visit: (first: number, end: number) => void): void {
  const width = size(x, x.shape.length - 1);
  for (let first = 0; first < x.values.length; first += width) visit(first, first + width);
}

/** Softmax of every row, of `x`'s shape. */
export function softmax(x: F64): F64 {
  const y = zeros(x.shape);
  forEachRow(x, (first, end) => {
    const row = x.values.subarray(first, end);
    const largest = row.reduce((a, b) => Math.max(a, b));
    const powers = row.map((value) => Math.exp(value - largest));
    const total = powers.reduce((a, b) => a + b);
    y.values.set(
      powers.map((power) => power / total),
      first,
    );
  });
  return y;
}

/** Vector-Jacobian product: `y_i (g_i - sum_j g_j y_j)`. */
export function softmaxBackward(x: F64, yGradient: F64): F64 {
  const [y, xGradient] = [softmax(x), zeros(x.shape)];
  forEachRow(x, (first, end) => {
    let inner = 0;
    for (let i = first; i < end; i++) inner += yGradient.values[i]! * y.values[i]!;
    for (let i = first; i < end; i++) xGradient.values[i] = y.values[i]! * (yGradient.values[i]! - inner);
  });
  return xGradient;
}
