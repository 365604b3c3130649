/** Geometry of the square that shows two latents: the first across, the second up, both from -RANGE to RANGE. */
import { RANGE } from './point.js';

/** Pixels of images side by side that are enough for the square. */
const SIDE_PIXELS = 420;

/** Images a side of the manifold: odd, so that one is of the origin; fewer where images are large. */
export function imagesPerSide([height = 28]: readonly number[]): number {
  return 2 * Math.round((Math.min(17, Math.max(5, SIDE_PIXELS / height)) - 1) / 2) + 1;
}

/** The value in the middle of cell i of n. */
export function cellValue(i: number, n: number): number {
  return RANGE * ((2 * i + 1) / n - 1);
}

/**
 * Codes of the manifold, row by row from the top: f32[n * n, K], or f32[n, K] for a single latent. Latents that are not
 * on an axis stay as in `z`.
 */
export function manifoldCodes(
  z: readonly number[],
  [across, up]: readonly [number, number],
  n: number,
): Float32Array {
  const K = z.length;
  const rows = K === 1 ? 1 : n;
  const codes = new Float32Array(rows * n * K);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < n; column++) {
      const at = (row * n + column) * K;
      codes.set(z, at);
      if (K > 1) codes[at + up] = -cellValue(row, n);
      codes[at + across] = cellValue(column, n);
    }
  return codes;
}

/** From -RANGE..RANGE to a share of the width, from the left. */
export function toShare(value: number): number {
  return (value / RANGE + 1) / 2;
}

/** From a share of the width to the value. */
export function fromShare(share: number): number {
  return RANGE * (2 * share - 1);
}

/** Places of codes f32[N, K] in the square, as shares from the left and the top. */
export type Places = Float32Array;

/** Shares f32[N, 2]; codes of a single latent get a lane for each label, and are spread within it. */
export function placesOf(
  mean: Float32Array,
  K: number,
  [across, up]: readonly [number, number],
  lane: (row: number) => number,
): Places {
  const places = new Float32Array((2 * mean.length) / K);
  for (let row = 0; row < mean.length / K; row++) {
    places[2 * row] = toShare(mean[row * K + across]!);
    places[2 * row + 1] = K === 1 ? lane(row) : 1 - toShare(mean[row * K + up]!);
  }
  return places;
}

/** The row whose place is nearest to a point of a square `width` by `height`, if it is within `most` pixels. */
export function nearestRow(
  places: Places,
  [x, y]: readonly [number, number],
  [width, height]: readonly [number, number],
  most: number,
): number | undefined {
  let [nearest, least]: [number | undefined, number] = [undefined, most];
  for (let row = 0; row < places.length / 2; row++) {
    const distance = Math.hypot(places[2 * row]! * width - x, places[2 * row + 1]! * height - y);
    if (distance <= least) [nearest, least] = [row, distance];
  }
  return nearest;
}
