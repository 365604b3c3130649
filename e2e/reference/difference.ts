/**
 * Numerical derivatives, against which every backward of the reference is checked. The five-point stencil
 * has an error of h^4 f'''''/30, so with h = 1e-3 both truncation and rounding stay near 1e-12, where the usual
 * two-point difference stops at 1e-9. Inputs must lie further than 2h from a kink (relu, abs, maximum).
 */
import { zeros, type F64 } from './tensor.js';

const STEP = 1e-3;

/**
 * Gradient of a scalar function by central differences:
 * `f'(x) ~ (8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h`, one element at a time.
 * `x` is changed in place while `f` runs and restored. Source: Abramowitz and Stegun 25.3.6.
 */
export function centralDifference(f: () => number, x: F64, step = STEP): F64 {
  const gradient = zeros(x.shape);
  for (let i = 0; i < x.values.length; i++) {
    const centre = x.values[i]!;
    const at = (offset: number): number => {
      x.values[i] = centre + offset;
      return f();
    };
    gradient.values[i] = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
    x.values[i] = centre;
  }
  return gradient;
}

/** Largest `|a - b| / max(1, |b|)` over the elements: absolute for small numbers, relative for large ones. */
export function largestError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!));
    if (!(error <= largest)) largest = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return largest;
}
