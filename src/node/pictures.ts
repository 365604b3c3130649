/**
 * Pictures of what a model sees and makes, as PNG files: a grid of samples, originals above their
 * reconstructions, and the plane of a two-dimensional latent space (Kingma & Welling 2013, figure 4).
 */
import { encode } from 'fast-png';
import { ShapeError, SpecError } from '../gpu/errors.js';

/** A raster in memory; `pixels` is `u8[height, width, channels]`. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** 1 is grey, 3 is RGB, 4 is RGB with opacity. */
  readonly channels: 1 | 3 | 4;
  readonly pixels: Uint8Array;
}

/** How a grid is laid out. */
export interface GridOptions {
  /** Images in a row; by default the grid is as square as the count allows. */
  readonly columns?: number | undefined;
  /** Background pixels between images and around the grid, after scaling; 2 by default. */
  readonly gap?: number | undefined;
  /** Each image pixel becomes a square of scale x scale; 2 by default, so that 28 x 28 images can be seen. */
  readonly scale?: number | undefined;
}

type Channels = Picture['channels'];

interface ImageShape {
  readonly H: number;
  readonly W: number;
  readonly C: Channels;
  /** H W C */
  readonly elementCount: number;
}

interface Layout {
  readonly columns: number;
  readonly gap: number;
  readonly scale: number;
}

const defaultGap = 2;
const defaultScale = 2;
const background = 255;

/** A viewer's limit is near this in most programs, and a typing mistake in `scale` lands far above. */
const maxPixels = 2 ** 28;

/**
 * Lays images out in rows, left to right and top to bottom. Values are clamped to [0, 1]; NaN is black.
 *
 * @param images `f32[N, H, W, C]` in [0, 1]
 * @param shape `[H, W, C]`, with C 1, 3 or 4
 * @throws ShapeError if images and shape do not fit; SpecError if an option is out of range
 */
export function imageGrid(
  images: Float32Array,
  shape: readonly number[],
  options: GridOptions = {},
): Picture {
  const where = 'imageGrid';
  const imageShape = readShape(shape, where);
  const count = countImages(images, imageShape, where);
  const layout = layoutOf(options, options.columns ?? Math.ceil(Math.sqrt(count)), where);
  const cells = Array.from({ length: count }, (_, i) => imageAt(images, imageShape, i));
  return drawCells(cells, imageShape, layout, where);
}

/**
 * Lays originals out in rows, each row above the row of its reconstructions.
 *
 * @param originals `f32[N, H, W, C]` in [0, 1]
 * @param reconstructions `f32[N, H, W, C]` in [0, 1]
 * @param shape `[H, W, C]`, with C 1, 3 or 4
 * @param options columns is 10 by default, or N where that is less
 * @throws ShapeError if the counts differ or do not fit the shape; SpecError if an option is out of range
 */
export function reconstructionPairs(
  originals: Float32Array,
  reconstructions: Float32Array,
  shape: readonly number[],
  options: GridOptions = {},
): Picture {
  const where = 'reconstructionPairs';
  const imageShape = readShape(shape, where);
  const count = countImages(originals, imageShape, where);
  if (reconstructions.length !== originals.length) {
    throw new ShapeError(
      where,
      `${originals.length} values of originals and ${reconstructions.length} of reconstructions came; ` +
        'expected as many of each; pass the reconstructions of exactly these images',
    );
  }
  const layout = layoutOf(options, options.columns ?? Math.min(count, 10), where);
  const cells: Cell[] = [];
  for (let first = 0; first < count; first += layout.columns) {
    for (const images of [originals, reconstructions]) {
      for (let i = first; i < first + layout.columns; i++) {
        cells.push(i < count ? imageAt(images, imageShape, i) : null);
      }
    }
  }
  return drawCells(cells, imageShape, layout, where);
}

/**
 * The latent points whose decoded images make manifoldGrid's picture: two coordinates run over the
 * quantiles (i + 1/2) / side of the standard normal prior, the rest are 0, so that each cell of the
 * picture stands for the same probability. z_0 grows to the right, z_1 upwards.
 *
 * @param side images a row and a column
 * @param latent K, at least 2
 * @returns `f32[side * side, K]`
 * @throws SpecError if side is no whole number of at least 1 or latent is less than 2
 */
export function manifoldCodes(side: number, latent: number): Float32Array {
  checkWhole('manifoldCodes', 'side', side, 1);
  checkWhole('manifoldCodes', 'latent', latent, 2);
  const z = new Float32Array(side * side * latent);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const at = (row * side + column) * latent;
      z[at] = normalQuantile((column + 0.5) / side);
      z[at + 1] = normalQuantile((side - row - 0.5) / side);
    }
  }
  return z;
}

/**
 * The decoded images of manifoldCodes as one seamless square.
 *
 * @param images `f32[side * side, H, W, C]` in [0, 1], in the order of manifoldCodes
 * @param shape `[H, W, C]`, with C 1, 3 or 4
 * @throws ShapeError if the number of images is no square; SpecError if scale is out of range
 */
export function manifoldGrid(
  images: Float32Array,
  shape: readonly number[],
  options: { readonly scale?: number | undefined } = {},
): Picture {
  const count = countImages(images, readShape(shape, 'manifoldGrid'), 'manifoldGrid');
  const side = Math.round(Math.sqrt(count));
  if (side * side !== count) {
    throw new ShapeError(
      'manifoldGrid',
      `${count} images came; expected a square number; decode what manifoldCodes returns`,
    );
  }
  return imageGrid(images, shape, { columns: side, gap: 0, scale: options.scale });
}

/**
 * A picture as the bytes of a PNG file, 8 bits a channel.
 *
 * @throws RangeError from the encoder if pixels does not fit width, height and channels
 */
export function encodePng(picture: Picture): Uint8Array {
  const { width, height, channels, pixels } = picture;
  return encode({ width, height, channels, depth: 8, data: pixels });
}

/** One image, `f32[H, W, C]`, or an empty place. */
type Cell = Float32Array | null;

function imageAt(images: Float32Array, { elementCount }: ImageShape, index: number): Float32Array {
  return images.subarray(index * elementCount, (index + 1) * elementCount);
}

function drawCells(cells: readonly Cell[], shape: ImageShape, layout: Layout, where: string): Picture {
  const { H, W, C } = shape;
  const { columns, gap, scale } = layout;
  const stepX = W * scale + gap;
  const stepY = H * scale + gap;
  const width = Math.min(columns, cells.length) * stepX + gap;
  const height = Math.ceil(cells.length / columns) * stepY + gap;
  if (width * height > maxPixels) {
    throw new SpecError(
      where,
      `the picture would be ${width} x ${height}; at most ${maxPixels} pixels are drawn; lower scale or draw fewer images`,
    );
  }
  const pixels = new Uint8Array(width * height * C).fill(background);
  for (const [i, cell] of cells.entries()) {
    const left = gap + (i % columns) * stepX;
    const top = gap + Math.floor(i / columns) * stepY;
    if (cell) drawImage(cell, shape, scale, { pixels, stride: width * C, offset: (top * width + left) * C });
  }
  return { width, height, channels: C, pixels };
}

interface Target {
  readonly pixels: Uint8Array;
  /** Bytes a row of the picture. */
  readonly stride: number;
  /** Where the image's first byte goes. */
  readonly offset: number;
}

/** Nearest neighbour: the first row of each block is written value by value, the others are copies of it. */
function drawImage(image: Float32Array, { H, W, C }: ImageShape, scale: number, target: Target): void {
  const { pixels, stride, offset } = target;
  for (let y = 0; y < H; y++) {
    const start = offset + y * scale * stride;
    for (let x = 0; x < W * scale; x++) {
      const from = (y * W + Math.floor(x / scale)) * C;
      for (let c = 0; c < C; c++) pixels[start + x * C + c] = toByte(image[from + c]!);
    }
    for (let copy = 1; copy < scale; copy++) {
      pixels.copyWithin(start + copy * stride, start, start + W * scale * C);
    }
  }
}

/** NaN passes through all three functions, and a Uint8Array stores it as 0. */
function toByte(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * 255);
}

function readShape(shape: readonly number[], where: string): ImageShape {
  const [H = 0, W = 0, C = 0] = shape;
  if (shape.length === 3 && isSize(H) && isSize(W) && isChannels(C))
    return { H, W, C, elementCount: H * W * C };
  throw new ShapeError(
    where,
    `shape is [${shape.join(', ')}]; expected [height, width, channels] with 1, 3 or 4 channels; ` +
      'pass the shape of one image, e.g. [28, 28, 1]',
  );
}

function isSize(size: number): boolean {
  return Number.isInteger(size) && size > 0;
}

function isChannels(count: number): count is Channels {
  return count === 1 || count === 3 || count === 4;
}

function countImages(images: Float32Array, { H, W, C, elementCount }: ImageShape, where: string): number {
  const count = images.length / elementCount;
  if (isSize(count)) return count;
  throw new ShapeError(
    where,
    `${images.length} values came; expected one or more images of ${elementCount} values each ` +
      `(f32[N, ${H}, ${W}, ${C}]); pass whole images, or their own shape`,
  );
}

function layoutOf(options: GridOptions, columns: number, where: string): Layout {
  const { gap = defaultGap, scale = defaultScale } = options;
  checkWhole(where, 'columns', columns, 1);
  checkWhole(where, 'gap', gap, 0);
  checkWhole(where, 'scale', scale, 1);
  return { columns, gap, scale };
}

function checkWhole(where: string, name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new SpecError(
    where,
    `${name} is ${value}; expected a whole number of at least ${least}; change ${name}`,
  );
}

/**
 * The standard normal quantile for 0 < p < 1, within 4.5e-4, which no eye can see in a picture.
 * Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.23.
 */
function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p === 0.5) return 0; // the formula is off by 4e-4 there and the middle should be the origin
  const t = Math.sqrt(-2 * Math.log(p));
  const above = 2.515517 + t * (0.802853 + t * 0.010328);
  const below = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));
  return above / below - t;
}
