/** The columns of a batch in orders of their own, as the shuffle contract of permutation.ts with keys for every column. */
import { permute } from './permutation.js';
import { size, zeros, type F64 } from './tensor.js';
import { threefry, type Seed } from './threefry.js';

/**
 * `y[i, k] = x[order_k(i), k]` for i below `count`, and x itself from there on. Column k's six round keys are the words of
 * `threefry(seed, (3k + pair, stream))` for the pairs 0, 1, 2.
 */
export function permuteColumns(x: F64, count: number, seed: Seed, stream: number): F64 {
  const [rows, columns] = [size(x, 0), size(x, 1)];
  const y = zeros(x.shape);
  for (let k = 0; k < columns; k++) {
    const keys = [0, 1, 2].flatMap((pair) => threefry(seed, [3 * k + pair, stream]));
    for (let i = 0; i < rows; i++) {
      const source = i < count ? permute(i, count, keys) : i;
      y.values[i * columns + k] = x.values[source * columns + k]!;
    }
  }
  return y;
}
