/**
 * The maximum mean discrepancy of q(z) and p(z) in place of the KL or beside it. InfoVAE: Zhao et al. 2017, equation 7; WAE:
 * Tolstikhin et al. 2018, section 4. The estimator is the U-statistic of pairs, Gretton et al. 2012, lemma 6 (equation 4).
 */
import { ShapeError } from '../../gpu/errors.js';
import type { Tensor } from '../../gpu/graph.js';
import { add, binary, divide, multiply, subtract } from '../../gpu/ops/binary.js';
import { constant, reshape } from '../../gpu/ops/constant.js';
import { matmul } from '../../gpu/ops/matmul.js';
import { noise } from '../../gpu/ops/noise.js';
import { sum } from '../../gpu/ops/sum.js';
import { affine, exp, square, unary } from '../../gpu/ops/unary.js';
import { slice } from '../../gpu/ops/window.js';
import { batchRows, identityMatrix, type BatchRows } from './batch.js';
import type { KernelName, ObjectiveOf } from './objective-spec.js';
import type { Objective } from './objective.js';

/** Separates the prior's samples from other noise of a step ('mmd' in ASCII). */
const PRIOR_NOISE = 0x6d6d6400;

/** -rec + (1 - alpha) KL + (alpha + lambda - 1) MMD; alpha = 1 is WAE-MMD. */
export function infoVae({ alpha, lambda, kernel, scale }: ObjectiveOf<'mmd'>): Objective {
  return {
    beta: 1,
    usesBound: false,
    penalty({ model, bound, condition, mean, weight }) {
      const [batch] = bound.moments.shape as [number];
      const { prior } = model;
      const drawn = prior.draw(noise([batch, prior.noiseWidth], PRIOR_NOISE), condition);
      // one sample a datum: samples of one datum are not independent draws of q(z)
      const z = slice(bound.z, 0, 0, batch);
      const distance = discrepancy(z, drawn, batchRows(batch), kernel, scale);
      const strength = affine(weight('objective.lambda', lambda), 1, alpha - 1);
      const rate = affine(mean(bound.kl), 1 - alpha, 0);
      const loss = add(subtract(rate, mean(bound.reconstruction)), multiply(strength, distance));
      return { loss, terms: { mmd: distance } };
    },
  };
}

/**
 * 1/(n (n-1)) sum over i != j of k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(x_j, y_i), f32[1], for x and y f32[B, K] of which
 * the valid rows count: 0 for y = x, and unbiased. @throws ShapeError when x and y differ in shape
 */
export function discrepancy(
  x: Tensor,
  y: Tensor,
  rows: BatchRows,
  kernel: KernelName,
  scale: number,
): Tensor {
  const [batch, latent] = x.shape as [number, number];
  if (y.shape[0] !== batch || y.shape[1] !== latent)
    throw new ShapeError('mmd', `x is ${String(x)} and y is ${String(y)}; expected the same shape`);
  const k = (a: Tensor, b: Tensor): Tensor => similarity(squaredDistances(a, b), kernel, latent, scale);
  const within = add(k(x, x), k(y, y));
  return sum(multiply(subtract(within, affine(k(x, y), 2, 0)), pairShares(batch, rows)));
}

/** 1 / (n (n - 1)) for every pair of different data, f32[B, B]. */
function pairShares(batch: number, { share, count }: BatchRows): Tensor {
  const pairs = multiply(reshape(share, [batch, 1]), reshape(share, [1, batch]));
  const others = binary('maximum', affine(count, 1, -1), constant([1], 1));
  return multiply(multiply(pairs, affine(identityMatrix(batch), -1, 1)), divide(count, others));
}

/** |a_i - b_j|^2, f32[B, B]. */
function squaredDistances(a: Tensor, b: Tensor): Tensor {
  const norms = add(sum(square(a), [1], true), reshape(sum(square(b), [1]), [1, b.shape[0]!]));
  return subtract(norms, affine(matmul(a, b, 'NT'), 2, 0));
}

/** With d2 = 2K scale^2, the mean squared distance of two draws of N(0, scale^2 I): rbf exp(-d / d2), imq d2 / (d2 + d). */
function similarity(distances: Tensor, kernel: KernelName, latent: number, scale: number): Tensor {
  const typical = 2 * latent * scale ** 2;
  const relative = affine(distances, 1 / typical, 0);
  return kernel === 'rbf' ? exp(affine(relative, -1, 0)) : unary('reciprocal', affine(relative, 1, 1));
}
