/**
 * GroupNorm, LayerNorm over the last axis, and BatchNorm as torch.nn defines them, channels last: a group of elements
 * has a mean and a biased variance, and `y = (x - mean) / sqrt(variance + epsilon) * gamma_c + beta_c`.
 * Elements of rows from `rowCount` on (of every batch) are padding: normalized with the others' statistics.
 */
import { full, map, size, zeros, type F64 } from './tensor.js';

export type Norm = { readonly epsilon: number } & (
  | { readonly kind: 'groupNorm'; readonly groups: number }
  | { readonly kind: 'layerNorm' }
  | { readonly kind: 'batchNorm'; readonly batch: number; readonly rowCount: number }
);

/** The group of element `i` of a tensor of `shape` [B, ..., C]: counted from 0, in the order of their first elements. */
export function groupOf(shape: readonly number[], norm: Norm, i: number): number {
  const channels = shape.at(-1)!;
  if (norm.kind === 'layerNorm') return Math.floor(i / channels);
  if (norm.kind === 'batchNorm') return i % channels;
  const inGroup = channels / norm.groups;
  return rowOf(shape, i) * norm.groups + Math.floor((i % channels) / inGroup);
}

/** False for the elements of padding rows. */
export function isCounted(shape: readonly number[], norm: Norm, i: number): boolean {
  return norm.kind !== 'batchNorm' || rowOf(shape, i) % norm.batch < norm.rowCount;
}

function rowOf(shape: readonly number[], i: number): number {
  return Math.floor(i / shape.slice(1).reduce((product, length) => product * length, 1));
}

/** `f(element i)` averaged over the counted elements of each group; `count` elements a group. */
export function groupMeans(
  x: F64,
  norm: Norm,
  f: (i: number) => number,
  everyElement = false,
): { means: Float64Array; count: number } {
  const groups = groupOf(x.shape, norm, x.values.length - 1) + 1;
  const [sums, counts] = [new Float64Array(groups), new Float64Array(groups)];
  x.values.forEach((_, i) => {
    const group = groupOf(x.shape, norm, i);
    const counted = isCounted(x.shape, norm, i);
    if (counted) counts[group]!++;
    if (counted || everyElement) sums[group]! += f(i);
  });
  return { means: sums.map((sum, group) => sum / counts[group]!), count: counts[0]! };
}

/** Mean and biased variance of each group, and the elements that they come from. */
export function statistics(
  x: F64,
  norm: Norm,
): { means: Float64Array; variances: Float64Array; count: number } {
  const { means, count } = groupMeans(x, norm, (i) => x.values[i]!);
  const squares = groupMeans(x, norm, (i) => (x.values[i]! - means[groupOf(x.shape, norm, i)]!) ** 2);
  return { means, variances: squares.means, count };
}

/** `(x - mean) / sqrt(variance + epsilon)`, and `1 / sqrt(variance + epsilon)` of each element's group. */
export function normalized(x: F64, norm: Norm): { normal: F64; inverse: F64 } {
  const { means, variances } = statistics(x, norm);
  const group = (i: number): number => groupOf(x.shape, norm, i);
  const inverse = map(x, (_, i) => 1 / Math.sqrt(variances[group(i)]! + norm.epsilon));
  return { normal: map(x, (v, i) => (v - means[group(i)]!) * inverse.values[i]!), inverse };
}

/** x f64[B, ..., C], gamma and beta f64[C] -> y of x's shape. */
export function normalize(x: F64, gamma: F64, beta: F64, norm: Norm): F64 {
  return affine(normalized(x, norm).normal, gamma, beta);
}

function affine(normal: F64, gamma: F64, beta: F64): F64 {
  const channels = size(gamma, 0);
  return map(normal, (v, i) => v * gamma.values[i % channels]! + beta.values[i % channels]!);
}

export interface NormGradients {
  xGradient: F64;
  gammaGradient: F64;
  betaGradient: F64;
}

/**
 * Vector-Jacobian product of `normalize`. With `h = yGradient gamma` and n the normalized x:
 * `xGradient = (h - mean h - n mean(h n)) / sqrt(variance + epsilon)`, the means' sums over all elements of a group;
 * padding took no part in the statistics, so there `xGradient = h / sqrt(variance + epsilon)`.
 */
export function normalizeBackward(x: F64, gamma: F64, norm: Norm, yGradient: F64): NormGradients {
  const channels = size(gamma, 0);
  const { normal, inverse } = normalized(x, norm);
  const h = map(yGradient, (g, i) => g * gamma.values[i % channels]!);
  const plain = groupMeans(x, norm, (i) => h.values[i]!, true).means;
  const product = groupMeans(x, norm, (i) => h.values[i]! * normal.values[i]!, true).means;
  const xGradient = map(h, (value, i) => {
    const group = groupOf(x.shape, norm, i);
    const share = isCounted(x.shape, norm, i) ? plain[group]! + normal.values[i]! * product[group]! : 0;
    return (value - share) * inverse.values[i]!;
  });
  return { xGradient, ...affineBackward(normal, yGradient, channels) };
}

function affineBackward(
  normal: F64,
  yGradient: F64,
  channels: number,
): { gammaGradient: F64; betaGradient: F64 } {
  const [gammaGradient, betaGradient] = [zeros([channels]), zeros([channels])];
  yGradient.values.forEach((g, i) => {
    gammaGradient.values[i % channels]! += g * normal.values[i]!;
    betaGradient.values[i % channels]! += g;
  });
  return { gammaGradient, betaGradient };
}

/** BatchNorm's running statistics f64[2C + 1]: mean and (unbiased) variance of every channel, batches seen. */
export function initialRunning(channels: number): F64 {
  const running = full([2 * channels + 1], 0);
  running.values.fill(1, channels, 2 * channels);
  return running;
}

/** The running statistics after another batch: `running + momentum (batch's - running)`. One value moves nothing. */
export function updateRunning(running: F64, x: F64, norm: Norm, momentum: number): F64 {
  const { means, variances, count } = statistics(x, norm);
  const channels = means.length;
  if (count <= 1) return running;
  const fresh = [...means, ...variances.map((v) => (v * count) / (count - 1))];
  return map(running, (old, i) => (i < 2 * channels ? old + momentum * (fresh[i]! - old) : old + 1));
}

/** `x` normalized by the running statistics instead of its own. */
export function normalizedByRunning(x: F64, running: F64, epsilon: number): { normal: F64; inverse: F64 } {
  const channels = x.shape.at(-1)!;
  const { values } = running;
  const inverse = map(x, (_, i) => 1 / Math.sqrt(values[channels + (i % channels)]! + epsilon));
  return { normal: map(x, (v, i) => (v - values[i % channels]!) * inverse.values[i]!), inverse };
}

/** Inference: `normalize` by the running statistics. */
export function normalizeByRunning(x: F64, gamma: F64, beta: F64, running: F64, epsilon: number): F64 {
  return affine(normalizedByRunning(x, running, epsilon).normal, gamma, beta);
}

/** Vector-Jacobian product of `normalizeByRunning`. */
export function normalizeByRunningBackward(
  x: F64,
  gamma: F64,
  running: F64,
  epsilon: number,
  yGradient: F64,
): NormGradients {
  const channels = size(gamma, 0);
  const { normal, inverse } = normalizedByRunning(x, running, epsilon);
  const xGradient = map(yGradient, (g, i) => g * gamma.values[i % channels]! * inverse.values[i]!);
  return { xGradient, ...affineBackward(normal, yGradient, channels) };
}
