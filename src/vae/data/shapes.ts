/**
 * Two-dimensional shapes drawn from known factors, as in the dSprites set (Matthey et al. 2017; Higgins et al. 2017,
 * appendix A.3): kind, scale, orientation and position of one white shape on black, every combination once. Drawn here
 * by our own rule, so pixels differ from the published file; unlike there, the last orientation is not the first again.
 */
import { SpecError } from '../../gpu/errors.js';
import { integer } from '../../gpu/check.js';
import type { Dataset } from './dataset.js';
import type { Factor, FactorTable } from './factors.js';
import { permutation } from './permutation.js';

/** The grid of factors and the part of it to draw. Defaults are those of the paper; of one scale it is the full, of one position the middle. */
export interface ShapesOptions {
  /** Pixels a side: 64. */
  readonly side?: number;
  /** From half the size to the full one: 6. */
  readonly scales?: number;
  /** Around the full turn: 40. */
  readonly orientations?: number;
  /** Along x, and as many along y: 32. */
  readonly positions?: number;
  /** Images to draw, without repeats; all of the grid by default. */
  readonly rows?: number;
  /** Images of the same order to pass over first, so that parts of one seed share none: 0. */
  readonly skip?: number;
  /** Of the order. Without `rows`, `skip` and `seed` the images come in the grid's order. */
  readonly seed?: number;
}

/** Images and what made them. */
export interface ShapesDataset extends Dataset {
  readonly factors: FactorTable;
}

/** Kinds, in the order of the factor's values; every one fits the unit circle. */
const kinds = [isInSquare, isInEllipse, isInHeart] as const;

/** Half the extent of the largest shape, in sides of the image. */
const RADIUS = 0.2;
const SMALLEST_SCALE = 0.5;
/** Distance of the heart's farthest point from where it turns, found on a grid of 1/1000. */
const HEART_RADIUS = 1.282;
const HEART_CENTRE = 0.2;
const MAX_BYTES = 2 ** 30;

/** kind 3, scale, orientation, x, y; the last changes fastest in the grid's order. */
export function shapeFactors(options: ShapesOptions = {}): Factor[] {
  const { scales = 6, orientations = 40, positions = 32 } = options;
  return [
    { name: 'shape', size: kinds.length, ordered: false },
    { name: 'scale', size: axis(scales, 'scales'), ordered: true },
    { name: 'orientation', size: axis(orientations, 'orientations'), ordered: true },
    { name: 'x', size: axis(positions, 'positions'), ordered: true },
    { name: 'y', size: axis(positions, 'positions'), ordered: true },
  ];
}

/** A number of values of a factor. */
function axis(value: number, name: string): number {
  return integer(value, `shapes.${name}`, 1, 1024);
}

/**
 * Draws images `u8[N, side, side, 1]` of 0 and 255, with the kind as label and all factors beside them.
 * @throws SpecError for an option out of range, or more bytes than one array should have
 */
export function drawShapes(options: ShapesOptions = {}): ShapesDataset {
  const { side = 64, seed, skip = 0 } = options;
  integer(side, 'shapes.side', 8, 1024);
  const factors = shapeFactors(options);
  const total = factors.reduce((product, { size }) => product * size, 1);
  integer(skip, 'shapes.skip', 0, total - 1);
  const rows = integer(options.rows ?? total - skip, 'shapes.rows', 1, total - skip);
  if (rows * side * side > MAX_BYTES)
    throw new SpecError(
      'shapes.rows',
      `${rows} images of ${side} x ${side} are ${rows * side * side} bytes; at most ${MAX_BYTES} are drawn; set rows or side lower`,
    );
  const isWhole = options.rows === undefined && skip === 0 && seed === undefined;
  const order = isWhole ? (i: number) => i : permutation(total, seed ?? 0);
  const values = new Uint8Array(rows * side * side);
  const table = new Uint16Array(rows * factors.length);
  const labels = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) {
    const point = table.subarray(row * factors.length, (row + 1) * factors.length);
    pointOf(order(skip + row), factors, point);
    drawShape(point, factors, values.subarray(row * side * side, (row + 1) * side * side), side);
    labels[row] = point[0]!;
  }
  return { rows, shape: [side, side, 1], values, labels, factors: { factors, values: table } };
}

/** The factors' values of a place in the grid's order. */
function pointOf(index: number, factors: readonly Factor[], point: Uint16Array): void {
  let rest = index;
  for (let f = factors.length - 1; f >= 0; f--) {
    point[f] = rest % factors[f]!.size;
    rest = Math.floor(rest / factors[f]!.size);
  }
}

/** Sets the pixels whose centre lies in the shape; only the square around the shape is looked at. */
function drawShape(point: Uint16Array, factors: readonly Factor[], pixels: Uint8Array, side: number): void {
  const [kind, scale, orientation, x, y] = point as unknown as [number, number, number, number, number];
  const radius = RADIUS * side * (SMALLEST_SCALE + (1 - SMALLEST_SCALE) * share(scale, factors[1]!, 1));
  const angle = (2 * Math.PI * orientation) / factors[2]!.size;
  const [cosine, sine] = [Math.cos(angle) / radius, Math.sin(angle) / radius];
  const centre = (position: number): number => side * (RADIUS + (1 - 2 * RADIUS) * position);
  const [centreX, centreY] = [centre(share(x, factors[3]!, 0.5)), centre(share(y, factors[4]!, 0.5))];
  const isInside = kinds[kind as 0 | 1 | 2];
  for (let row = Math.floor(centreY - radius); row <= centreY + radius; row++)
    for (let column = Math.floor(centreX - radius); column <= centreX + radius; column++) {
      const [dx, dy] = [column + 0.5 - centreX, row + 0.5 - centreY];
      if (isInside(cosine * dx + sine * dy, cosine * dy - sine * dx)) pixels[row * side + column] = 255;
    }
}

/** Where a value lies between the first (0) and the last (1) of its factor; `only` where there is one. */
function share(value: number, { size }: Factor, only: number): number {
  return size > 1 ? value / (size - 1) : only;
}

function isInSquare(x: number, y: number): boolean {
  return Math.max(Math.abs(x), Math.abs(y)) <= Math.SQRT1_2;
}

function isInEllipse(x: number, y: number): boolean {
  return x * x + 4 * y * y <= 1;
}

/** (x^2 + y^2 - 1)^3 <= x^2 y^3, upright where rows grow downwards. */
function isInHeart(x: number, y: number): boolean {
  const [u, v] = [HEART_RADIUS * x, HEART_CENTRE - HEART_RADIUS * y];
  return (u * u + v * v - 1) ** 3 <= u * u * v ** 3;
}
