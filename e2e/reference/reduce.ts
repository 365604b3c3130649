/**
 * Sums and the ops that only move elements. They are each other's transposes: the backward of a sum is a
 * broadcast, of a slice a pad, of a transpose the inverse transpose.
 */
import { ShapeError } from '../../src/gpu/errors.js';
import { coordinatesOf, offsetOf, size, zeros, type F64 } from './tensor.js';

/** The shape with the summed axes set to 1. */
function keptShape(shape: readonly number[], axes: readonly number[]): number[] {
  return shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
}

/**
 * `y = sum of x over axes`. The summed axes stay with size 1 when `keepAxes` is true, else they are dropped
 * (a sum over all axes is then `f64[1]`).
 */
export function sum(x: F64, axes: readonly number[], keepAxes = false): F64 {
  const kept = keptShape(x.shape, axes);
  const y = zeros(kept);
  x.values.forEach((value, i) => (y.values[offsetOf(coordinatesOf(i, x.shape), kept)]! += value));
  const dropped = x.shape.filter((_, axis) => !axes.includes(axis));
  return { shape: keepAxes ? kept : dropped.length > 0 ? dropped : [1], values: y.values };
}

/** Vector-Jacobian product of `sum`: every summed element gets its sum's cotangent, `f64` of `xShape`. */
export function sumBackward(xShape: readonly number[], axes: readonly number[], yGradient: F64): F64 {
  return broadcastTo({ shape: keptShape(xShape, axes), values: yGradient.values }, xShape);
}

/**
 * `x` repeated to `shape` by numpy's rule (aligned at the last axis, axes of size 1 repeat).
 * @throws ShapeError when `x` does not broadcast to exactly that shape.
 */
export function broadcastTo(x: F64, shape: readonly number[]): F64 {
  const lead = shape.length - x.shape.length;
  if (lead < 0 || x.shape.some((length, axis) => length !== 1 && length !== shape[lead + axis]))
    throw new ShapeError(
      'reference broadcastTo',
      `f64[${x.shape.join(', ')}] came for f64[${shape.join(', ')}]; expected sizes equal or 1, aligned at the last axis`,
    );
  const y = zeros(shape);
  for (let i = 0; i < y.values.length; i++)
    y.values[i] = x.values[offsetOf(coordinatesOf(i, shape), x.shape)]!;
  return y;
}

/** Vector-Jacobian product of `broadcastTo`: the cotangents of all copies of an element, summed; `f64` of `xShape`. */
export function broadcastToBackward(xShape: readonly number[], yGradient: F64): F64 {
  const xGradient = zeros(xShape);
  yGradient.values.forEach((cotangent, i) => {
    xGradient.values[offsetOf(coordinatesOf(i, yGradient.shape), xShape)]! += cotangent;
  });
  return xGradient;
}

/** Elements `start` to `start + length - 1` of one axis. @throws ShapeError when they are not all there. */
export function slice(x: F64, axis: number, start: number, length: number): F64 {
  if (start < 0 || length < 1 || start + length > size(x, axis))
    throw new ShapeError(
      'reference slice',
      `elements ${start} to ${start + length - 1} of axis ${axis} of f64[${x.shape.join(', ')}]; expected a part of that axis`,
    );
  const y = zeros(x.shape.map((n, i) => (i === axis ? length : n)));
  for (let i = 0; i < y.values.length; i++) {
    const from = coordinatesOf(i, y.shape).map((c, k) => (k === axis ? c + start : c));
    y.values[i] = x.values[offsetOf(from, x.shape)]!;
  }
  return y;
}

/** Vector-Jacobian product of `slice`: the cotangent with zeros where nothing was taken, `f64` of `xShape`. */
export function sliceBackward(xShape: readonly number[], axis: number, start: number, yGradient: F64): F64 {
  return pad(yGradient, axis, start, xShape[axis]! - start - size(yGradient, axis));
}

/** `x` with `before` zeros in front of and `after` zeros behind one axis. */
export function pad(x: F64, axis: number, before: number, after: number): F64 {
  const y = zeros(x.shape.map((n, i) => (i === axis ? before + n + after : n)));
  x.values.forEach((value, i) => {
    const to = coordinatesOf(i, x.shape).map((c, k) => (k === axis ? c + before : c));
    // An axis of size 1 in y has coordinate 0 only, so offsetOf's broadcasting changes nothing here.
    y.values[offsetOf(to, y.shape)] = value;
  });
  return y;
}

/** Vector-Jacobian product of `pad`: the cotangent without the padding, `f64` of `xShape`. */
export function padBackward(xShape: readonly number[], axis: number, before: number, yGradient: F64): F64 {
  return slice(yGradient, axis, before, xShape[axis]!);
}

/** `tensors` one behind the other along an axis; its vector-Jacobian product is a `slice` for each. */
export function concat(tensors: readonly F64[], axis: number): F64 {
  const length = tensors.reduce((total, x) => total + size(x, axis), 0);
  const y = zeros(tensors[0]!.shape.map((n, i) => (i === axis ? length : n)));
  let start = 0;
  for (const x of tensors) {
    x.values.forEach((value, i) => {
      const to = coordinatesOf(i, x.shape);
      to[axis]! += start;
      y.values[offsetOf(to, y.shape)] = value;
    });
    start += size(x, axis);
  }
  return y;
}

/** Axes reordered: axis `i` of the result is axis `permutation[i]` of `x` (numpy's and PyTorch's permute). */
export function transpose(x: F64, permutation: readonly number[]): F64 {
  const y = zeros(permutation.map((axis) => size(x, axis)));
  for (let i = 0; i < y.values.length; i++) {
    const to = coordinatesOf(i, y.shape);
    const from = x.shape.map((_, axis) => to[permutation.indexOf(axis)]!);
    y.values[i] = x.values[offsetOf(from, x.shape)]!;
  }
  return y;
}

/** Vector-Jacobian product of `transpose`: the inverse reordering. */
export function transposeBackward(permutation: readonly number[], yGradient: F64): F64 {
  return transpose(
    yGradient,
    permutation.map((_, axis) => permutation.indexOf(axis)),
  );
}
