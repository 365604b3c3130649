/** Statistics of a batch, whose last rows may be padding that must not count. */
import type { Tensor } from '../../gpu/graph.js';
import { multiply } from '../../gpu/ops/binary.js';
import { constant, reshape } from '../../gpu/ops/constant.js';
import { rowWeights } from '../../gpu/ops/objective.js';
import { sum } from '../../gpu/ops/sum.js';
import { negate, unary } from '../../gpu/ops/unary.js';
import { pad, slice } from '../../gpu/ops/window.js';

export interface BatchRows {
  /** f32[B]: 1 for a datum, 0 for padding. */
  readonly valid: Tensor;
  /** f32[B]: valid over the data of the batch, so that its sum is 1. */
  readonly share: Tensor;
  /** f32[1]: n, the data of the batch. */
  readonly count: Tensor;
}

export function batchRows(batch: number): BatchRows {
  const share = negate(rowWeights(batch, 1).reconstruction);
  const valid = unary('positive', share);
  return { valid, share, count: sum(valid) };
}

/** The mean of the batch's data f32[B, K] as f32[1, K]. */
export function batchMean(x: Tensor, { share }: BatchRows): Tensor {
  return sum(multiply(x, reshape(share, [x.shape[0]!, 1])), [0], true);
}

/** f32[n, n] with ones on the diagonal: a column of ones before n columns of zeros, read n to a row. */
export function identityMatrix(n: number): Tensor {
  if (n === 1) return constant([1, 1], 1);
  const ones = pad(constant([n, 1], 1), 1, 0, n);
  return reshape(slice(reshape(ones, [n * (n + 1)]), 0, 0, n * n), [n, n]);
}
