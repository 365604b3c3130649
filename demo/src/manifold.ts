/** The plane of two latents as a grid of images. */
import type { Drawing } from './studio/protocol.js';

/** Latents are shown from -RANGE to RANGE; of a standard normal prior that is nearly all. */
const RANGE = 3;
/** Pixels of images side by side. */
const SIDE_PIXELS = 400;

/** Two latents run over the plane, the first across and the second up; the others stay as in `z`. */
export function manifoldDrawing(
  z: readonly number[],
  [across, up]: readonly [number, number],
  [height = 28, width = 28]: readonly number[],
  classes?: number,
): Drawing {
  const side = Math.min(14, Math.max(2, Math.floor(SIDE_PIXELS / Math.max(height, width))));
  const decode = Float32Array.from({ length: side * side * z.length }, (_, i) => {
    const [cell, k] = [Math.floor(i / z.length), i % z.length];
    if (k === across) return valueAt(cell % side, side);
    return k === up ? -valueAt(Math.floor(cell / side), side) : z[k]!;
  });
  return { columns: side, decode, ...(classes && { labels: Array.from({ length: side * side }, () => 0) }) };
}

/** The middle of cell i of n. */
function valueAt(i: number, n: number): number {
  return RANGE * ((2 * i + 1) / n - 1);
}
