/**
 * How far a normalization and its gradients may be from the float64 reference, derived from the two passes over a
 * group's numbers. A mean is a shift (the group's first number) plus the mean of `x - shift`, so its error is relative
 * to the deviations from the shift, not to the mean itself.
 */
import * as reference from '../reference/normalize.js';
import { map, zeros, type F64 } from '../reference/tensor.js';
import { tolerances, ULP } from '../tolerance.js';

/** Allowed errors of a group's statistics and of what is made from them, one of each an element of x. */
export interface Errors {
  readonly normal: F64;
  /** Relative error of 1 / deviation. */
  readonly inverse: F64;
  /** Of each group: absolute errors. */
  readonly means: Float64Array;
  readonly variances: Float64Array;
}

/** The errors of a normalization of x. */
export function errorsOf(x: F64, norm: reference.Norm): Errors {
  const { means, variances, count } = reference.statistics(x, norm);
  const group = (i: number): number => reference.groupOf(x.shape, norm, i);
  const first = new Map<number, number>();
  x.values.forEach((v, i) => first.has(group(i)) || first.set(group(i), v));
  const shifted = map(x, (v, i) => Math.abs(v - first.get(group(i))!));
  const spread = reference.groupMeans(x, norm, (i) => shifted.values[i]!).means;
  const offsets = spread.map((s) => tolerances.dot(count, s) + tolerances.rounded(4, s));
  const deviation = map(x, (v, i) => {
    const size = shifted.values[i]! + Math.abs(v - means[group(i)]!);
    return offsets[group(i)]! + tolerances.rounded(1, size);
  });
  const drift = reference.groupMeans(
    x,
    norm,
    (i) => 2 * Math.abs(x.values[i]! - means[group(i)]!) * deviation.values[i]! + deviation.values[i]! ** 2,
  ).means;
  const varianceErrors = variances.map(
    (v, g) => drift[g]! + tolerances.dot(count, v) + tolerances.rounded(4, v),
  );
  const inverse = map(
    x,
    (_, i) => varianceErrors[group(i)]! / (variances[group(i)]! + norm.epsilon) / 2 + 4 * ULP,
  );
  const exact = reference.normalized(x, norm);
  const normal = map(
    exact.normal,
    (n, i) => deviation.values[i]! * exact.inverse.values[i]! + Math.abs(n) * (inverse.values[i]! + ULP),
  );
  return {
    normal,
    inverse,
    means: offsets.map((offset, g) => offset + tolerances.rounded(2, Math.abs(means[g]!))),
    variances: varianceErrors,
  };
}

/** What an element-wise affine map makes of the error of `normal`. */
export function errorOfY(gamma: F64, beta: F64, normal: F64, errors: F64): F64 {
  const channels = gamma.values.length;
  return map(normal, (n, i) => {
    const [scale, shift] = [gamma.values[i % channels]!, beta.values[i % channels]!];
    const product = Math.abs(n * scale);
    return scale * errors.values[i]! + tolerances.rounded(3, product + Math.abs(shift));
  });
}

/** Of normalizeBackward's three results, for the cotangent of y. */
export function gradientErrors(
  x: F64,
  gamma: F64,
  norm: reference.Norm,
  cotangent: F64,
  errors: Errors,
): { x: Float64Array; gamma: Float64Array; beta: Float64Array } {
  const channels = gamma.values.length;
  const { normal, inverse } = reference.normalized(x, norm);
  const count = reference.statistics(x, norm).count;
  const group = (i: number): number => reference.groupOf(x.shape, norm, i);
  const all = x.values.length / (errors.means.length || 1);
  const h = map(cotangent, (g, i) => Math.abs(g * gamma.values[i % channels]!));
  const average = (f: (i: number) => number): Float64Array => reference.groupMeans(x, norm, f, true).means;
  const plain = average((i) => h.values[i]!);
  const product = average((i) => h.values[i]! * Math.abs(normal.values[i]!));
  const carried = average((i) => h.values[i]! * errors.normal.values[i]!);
  const plainError = plain.map(
    (p) => (tolerances.dot(all, p * count) + tolerances.rounded(3, p * count)) / count,
  );
  const productError = product.map(
    (p, g) => carried[g]! + (tolerances.dot(all, p * count) + tolerances.rounded(4, p * count)) / count,
  );
  const allowed = map(h, (value, i) => {
    const [n, g] = [Math.abs(normal.values[i]!), group(i)];
    const size = value + plain[g]! + n * product[g]!;
    const absolute =
      plainError[g]! +
      n * productError[g]! +
      errors.normal.values[i]! * product[g]! +
      tolerances.rounded(4, size);
    return inverse.values[i]! * (absolute + size * errors.inverse.values[i]!);
  });
  const rows = x.values.length / channels;
  const [gammaAllowed, betaAllowed] = [zeros([channels]), zeros([channels])];
  cotangent.values.forEach((g, i) => {
    const size = Math.abs(g * normal.values[i]!);
    gammaAllowed.values[i % channels]! +=
      tolerances.dot(rows, size) + 2 * ULP * size + Math.abs(g) * errors.normal.values[i]!;
    betaAllowed.values[i % channels]! += tolerances.dot(rows, Math.abs(g));
  });
  return { x: allowed.values, gamma: gammaAllowed.values, beta: betaAllowed.values };
}
