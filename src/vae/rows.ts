/** Rows of several samples a datum are sample-major: row r belongs to datum r mod B. */
import type { Tensor } from '../gpu/graph.js';
import { broadcastTo } from '../gpu/ops/binary.js';
import { reshape } from '../gpu/ops/constant.js';
import { sum } from '../gpu/ops/sum.js';
import { square } from '../gpu/ops/unary.js';
import { elementCount } from '../gpu/shape.js';

/** f32[B, ...] -> f32[S*B, ...]. */
export function repeatRows(x: Tensor, samples: number): Tensor {
  if (samples === 1) return x;
  const [batch, ...rest] = x.shape as [number, ...number[]];
  const spread = broadcastTo(reshape(x, [1, batch * elementCount(rest)]), [
    samples,
    batch * elementCount(rest),
  ]);
  return reshape(spread, [samples * batch, ...rest]);
}

/** f(a, b) of a f32[S*B, K] and b f32[B, K], b the same for every sample: f32[S*B, K]. */
export function spreadRows(f: (a: Tensor, b: Tensor) => Tensor, a: Tensor, b: Tensor): Tensor {
  const [rows, columns] = a.shape as [number, number];
  const [batch] = b.shape as [number];
  const cube = reshape(a, [rows / batch, batch, columns]);
  return reshape(f(cube, reshape(b, [1, batch, columns])), [rows, columns]);
}

/** The sum of every row, f32[R, K] -> f32[R]. */
export function sumRows(x: Tensor): Tensor {
  return reshape(sum(x, [1]), [x.shape[0]!]);
}

/** |x_r|^2 of every row, f32[R, K] -> f32[R]. */
export function squaredRows(x: Tensor): Tensor {
  return sumRows(square(x));
}
