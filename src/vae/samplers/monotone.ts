/**
 * A rising function of one variable that brings numbers to a standard normal: straight between their quantiles and those of
 * N(0, 1), and on straight beyond the ends. Known with its slope and its inverse, so it can be a layer of a flow.
 */
import { normalQuantile } from '../coding/exact-math.js';

/** Knots closer than this share of the range are moved apart, where many numbers are equal. */
const LEAST_GAP = 1e-6;

export interface Monotone {
  /** Where the pieces meet, rising: the numbers' quantiles, and what they become. */
  readonly from: Float64Array;
  readonly to: Float64Array;
}

/** Fits knots at the levels (i + 1/2) / count, and at the least and the largest number, which hold the tails. */
export function fitMonotone(values: Float64Array, count: number): Monotone {
  const sorted = values.toSorted();
  const edge = 0.5 / sorted.length;
  const inner = Array.from({ length: count }, (_, i) => (i + 0.5) / count);
  const levels = [edge, ...inner.filter((level) => level > edge && level < 1 - edge), 1 - edge];
  const from = Float64Array.from(levels, (level) => quantile(sorted, level));
  const gap = LEAST_GAP * Math.max(sorted.at(-1)! - sorted[0]!, 1e-6);
  for (let i = 1; i < from.length; i++) from[i] = Math.max(from[i]!, from[i - 1]! + gap);
  return { from, to: Float64Array.from(levels, normalQuantile) };
}

/** Value and log slope at x. */
export function evaluate({ from, to }: Monotone, x: number): { y: number; logSlope: number } {
  const slope = (i: number): number => (to[i + 1]! - to[i]!) / (from[i + 1]! - from[i]!);
  const last = from.length - 1;
  // Beyond the ends the slope of the whole is steadier than that of the outermost piece.
  const outer = (to[last]! - to[0]!) / (from[last]! - from[0]!);
  if (x < from[0]!) return { y: to[0]! + outer * (x - from[0]!), logSlope: Math.log(outer) };
  if (x >= from[last]!) return { y: to[last]! + outer * (x - from[last]!), logSlope: Math.log(outer) };
  const i = pieceOf(from, x);
  return { y: to[i]! + slope(i) * (x - from[i]!), logSlope: Math.log(slope(i)) };
}

/** The function that undoes it; its knots the other way round. */
export function inverse({ from, to }: Monotone): Monotone {
  return { from: to, to: from };
}

/** Index of the piece that holds x, by halving. */
function pieceOf(from: Float64Array, x: number): number {
  let [low, high] = [0, from.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (from[middle]! <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Between the sorted numbers, straight. */
function quantile(sorted: Float64Array, level: number): number {
  const place = Math.min(sorted.length - 1, Math.max(0, level * sorted.length - 0.5));
  const i = Math.min(sorted.length - 1, Math.floor(place));
  const next = sorted[Math.min(sorted.length - 1, i + 1)]!;
  return sorted[i]! + (place - i) * (next - sorted[i]!);
}
