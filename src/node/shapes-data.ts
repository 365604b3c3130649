/** `--data shapes`: a training and a test part of the shapes with known factors, drawn when asked for. */
import { drawShapes, shapeFactors, type ShapesDataset } from '../vae/data/shapes.js';

/** As many as `fashion` has; the grid holds 737,280. */
const partRows = { train: 20_000, test: 4000 } as const;

/**
 * @param options size: drawn at that size where it is square, since drawing beats scaling; limit: fewer images
 * @returns `u8[N, side, side, 1]` with factors; the parts share no image
 */
export function loadShapes(
  part: 'train' | 'test',
  options: {
    readonly size?: readonly [height: number, width: number] | undefined;
    readonly limit?: number | undefined;
  },
): ShapesDataset {
  const [height, width] = options.size ?? [];
  const rows = Math.min(partRows[part], options.limit ?? partRows[part]);
  const skip = part === 'train' ? 0 : partRows.train;
  return drawShapes({ rows, skip, ...(height !== undefined && height === width && { side: height }) });
}

/** `3 x 6 x 40 x 32 x 32` */
export function describeShapes(): string {
  return shapeFactors()
    .map(({ size }) => size)
    .join(' x ');
}
