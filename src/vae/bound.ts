/**
 * The bound log p(x) >= E_q[log p(x | z) + log p(z) - log q(z | x)] of a batch: its pieces row by row, and the losses that
 * each estimator makes of them.
 */
import type { Tensor } from '../gpu/graph.js';
import { add, multiply, subtract } from '../gpu/ops/binary.js';
import { reshape, stopGradient } from '../gpu/ops/constant.js';
import { logSumExp } from '../gpu/ops/log-sum-exp.js';
import { objective, rowWeights } from '../gpu/ops/objective.js';
import { sum } from '../gpu/ops/sum.js';
import { affine, exp, negate, square } from '../gpu/ops/unary.js';
import type { EstimatorSpec } from './estimator-spec.js';
import type { Draw } from './posteriors/posterior.js';

/** One pass through the model. Rows are sample-major: row r belongs to datum r mod B. */
export interface Bound {
  /** f32[B, W], the posterior's moments. */
  readonly moments: Tensor;
  /** f32[S*B, K] */
  readonly z: Tensor;
  /** The decoder's output, f32[S*B, ...]. */
  readonly output: Tensor;
  /** log p(x | z), f32[S*B] nats. */
  readonly reconstruction: Tensor;
  /** log q(z | x) - log p(z), or the KL in closed form, f32[S*B] nats. */
  readonly kl: Tensor;
  /** log q(z | x) of the sample held fixed, f32[S*B]; for the score function only. */
  readonly score?: Tensor;
  /** What training adds to every loss for the posterior's sake. */
  readonly penalty?: Draw['penalty'];
}

/** A loss, and the weights that learn from it. */
export interface OwnedLoss {
  /** f32[1] */
  readonly loss: Tensor;
  readonly owns: (weight: string) => boolean;
}

export interface BoundLosses {
  readonly losses: readonly OwnedLoss[];
  /** f32[3]: elbo, reconstruction, kl in nats per datum. */
  readonly terms: Tensor;
  /** The bound of several samples, f32[1], where the estimator has one. */
  readonly multiSample?: Tensor;
}

/** True for the weights of q(z | x), and of q(z2 | z) in a hierarchy. */
export function isInference(weight: string): boolean {
  return /^(encoder|moments|(prior\.)*posterior)\./.test(weight);
}

const everything = (): boolean => true;
const generative = (weight: string): boolean => !isInference(weight);

/** Mean over the valid rows of a batch, f32[1], of rows f32[S*B]. */
export function meanOfRows(rows: Tensor, batch: number): Tensor {
  const weights = rowWeights(batch, rows.shape[0]! / batch).reconstruction; // minus one over the valid rows
  return negate(sum(multiply(rows, weights)));
}

/** The losses of an estimator; `beta` weighs the KL of estimators A and B through the step block, and is 1 elsewhere. */
export function boundLosses(bound: Bound, batch: number, estimator: EstimatorSpec): BoundLosses {
  const { reconstruction, kl } = bound;
  const samples = kl.shape[0]! / batch;
  const { loss, terms } = objective(reconstruction, kl, rowWeights(batch, samples));
  if (estimator === 'A' || estimator === 'B') return { losses: [{ loss, owns: everything }], terms };
  if (estimator.type === 'score-function')
    return { losses: scoreLosses(bound, batch, samples, estimator.baseline === 'leave-one-out'), terms };
  const logWeights = subtract(reconstruction, kl);
  const losses = multiSampleLosses(logWeights, batch, samples, estimator);
  const whole = groupedBound(logWeights, batch, samples, 1);
  return { losses, terms, multiSample: meanOfRows(whole, batch) };
}

/** Mean over groups of log(mean of exp(log w)) within a group: f32[B] from log weights f32[S*B]. */
function groupedBound(logWeights: Tensor, batch: number, samples: number, groups: number): Tensor {
  const size = samples / groups;
  const cube = reshape(logWeights, [groups, size, batch]);
  const bounds = affine(logSumExp(cube, [1]), 1, -Math.log(size)); // f32[groups, B]
  return reshape(affine(sum(bounds, [0]), 1 / groups, 0), [batch]);
}

function multiSampleLosses(
  logWeights: Tensor,
  batch: number,
  samples: number,
  estimator: Exclude<EstimatorSpec, 'A' | 'B' | { type: 'score-function' }>,
): OwnedLoss[] {
  const lossOf = (rows: Tensor): Tensor => negate(meanOfRows(rows, batch));
  const bound = (groups: number): Tensor => lossOf(groupedBound(logWeights, batch, samples, groups));
  if (estimator.type === 'ciwae') {
    const elbo = lossOf(logWeights);
    return [
      { loss: add(affine(elbo, estimator.mix, 0), affine(bound(1), 1 - estimator.mix, 0)), owns: everything },
    ];
  }
  const groups = estimator.type === 'iwae' ? 1 : estimator.groups;
  const inference = estimator.doubly
    ? lossOf(doublyWeighted(logWeights, batch, samples, groups))
    : bound(groups);
  const generation = bound(estimator.type === 'piwae' ? 1 : groups);
  if (!estimator.doubly && estimator.type !== 'piwae') return [{ loss: generation, owns: everything }];
  return [
    { loss: generation, owns: generative },
    { loss: inference, owns: isInference },
  ];
}

/**
 * Sum of normalized weights squared times log w, f32[B]; with log q's moments held fixed its gradient by the encoder is the
 * doubly reparameterized one (Tucker et al. 2018, equation 8).
 */
function doublyWeighted(logWeights: Tensor, batch: number, samples: number, groups: number): Tensor {
  const cube = reshape(logWeights, [groups, samples / groups, batch]);
  const share = exp(subtract(cube, logSumExp(cube, [1], true)));
  const weighted = multiply(stopGradient(square(share)), cube);
  return affine(reshape(sum(weighted, [0, 1]), [batch]), 1 / groups, 0);
}

function scoreLosses(
  { reconstruction, kl, score }: Bound,
  batch: number,
  samples: number,
  leaveOneOut: boolean,
): OwnedLoss[] {
  const worth = subtract(reconstruction, kl);
  const cube = reshape(worth, [samples, batch]);
  const others = affine(subtract(sum(cube, [0], true), cube), 1 / Math.max(1, samples - 1), 0);
  const advantage = leaveOneOut ? reshape(subtract(cube, others), worth.shape) : worth;
  return [
    { loss: negate(meanOfRows(worth, batch)), owns: generative },
    { loss: negate(meanOfRows(multiply(stopGradient(advantage), score!), batch)), owns: isInference },
  ];
}
