/** `y = log sum exp x` over axes, shifted by the largest of the summed values, and its gradient `g exp(x - y)`. */
import { broadcastTo, sum } from './reduce.js';
import { coordinatesOf, map, offsetOf, type F64 } from './tensor.js';

/** Over `axes`, which stay with size 1 when `keepAxes` is true. */
export function logSumExp(x: F64, axes: readonly number[], keepAxes = false): F64 {
  const kept = x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
  const place = (i: number): number => offsetOf(coordinatesOf(i, x.shape), kept);
  const largest = sum(x, axes, true).values.fill(-Infinity);
  x.values.forEach((value, i) => (largest[place(i)] = Math.max(largest[place(i)]!, value)));
  const totals = sum(
    map(x, (value, i) => Math.exp(value - largest[place(i)]!)),
    axes,
    keepAxes,
  );
  return map(totals, (total, i) => largest[i]! + Math.log(total));
}

/** Vector-Jacobian product: every element gets its share of the cotangent, `exp(x - y)`. */
export function logSumExpBackward(x: F64, axes: readonly number[], yGradient: F64): F64 {
  const kept = x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
  const y = broadcastTo(logSumExp(x, axes, true), x.shape);
  const g = broadcastTo({ shape: kept, values: yGradient.values }, x.shape);
  return map(x, (value, i) => g.values[i]! * Math.exp(value - y.values[i]!));
}
