/** Holds a product to float64: every seventh row, which meets all offsets inside a tile of 4, 8, 16 or 32. */
import type { MatmulTask } from '../task.js';

const ROW_STRIDE = 7;

/**
 * Largest difference between `product` f32[M, N] and the float64 product, over the largest truth.
 * Infinity for a product of the wrong size or with a NaN.
 */
export function productError(task: MatmulTask, product: Float32Array): number {
  const [M = 0, K = 0] = task.left.shape;
  const N = task.right.shape[1] ?? 0;
  if (product.length !== M * N) return Infinity;
  let worst = 0;
  let largest = 0;
  for (let row = 0; row < M; row += ROW_STRIDE) {
    const truth = truthRow(task, row, K, N);
    for (let column = 0; column < N; column++) {
      const expected = truth[column] ?? NaN;
      const difference = Math.abs((product[row * N + column] ?? NaN) - expected);
      if (Number.isNaN(difference)) return Infinity;
      worst = Math.max(worst, difference);
      largest = Math.max(largest, Math.abs(expected));
    }
  }
  return worst / largest;
}

function truthRow(task: MatmulTask, row: number, K: number, N: number): Float64Array {
  const truth = new Float64Array(N);
  for (let k = 0; k < K; k++) {
    const factor = task.left.values[row * K + k] ?? NaN;
    for (let column = 0; column < N; column++) {
      truth[column] = (truth[column] ?? NaN) + factor * (task.right.values[k * N + column] ?? NaN);
    }
  }
  return truth;
}
