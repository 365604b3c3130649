/**
 * Pictures of any size as rows of a data set, without a canvas, so that a page, a worker and Node get the same
 * numbers. A picture is scaled until its shorter side fits (area average down, bilinear up), then the middle is
 * cut out. Opacity is laid on white; grey is the luma of ITU-R BT.601. All of it happens on the stored, gamma
 * encoded values, as in most data loaders.
 */
import { DataError } from '../../gpu/errors.js';
import type { Dataset } from './dataset.js';

/** A picture in memory, such as an `ImageData`: `u8[height, width, n]`. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** n is 1 (grey), 2 (grey and opacity), 3 (RGB) or 4 (RGBA, what a canvas gives); it follows from the length. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** `[H, W, C]` of a row: C is 1 (grey) or 3 (RGB). */
export type ImageShape = readonly [height: number, width: number, channels: 1 | 3];

const white = 255;
const luma = [0.299, 0.587, 0.114] as const;

/**
 * Pictures of any size as rows of one shape.
 *
 * @param shape `[H, W, C]` of a row
 * @returns `f32[N, H, W, C]` in [0, 1]
 * @throws DataError for no picture, a shape that is none, or a picture whose data do not fit its size
 */
export function fromPixels(images: readonly Pixels[], shape: ImageShape): Dataset {
  const [height, width, channels] = shape;
  if (images.length === 0 || !isSize(height) || !isSize(width) || (channels !== 1 && channels !== 3))
    throw new DataError(
      'fromPixels',
      `${images.length} images and the shape [${shape.join(', ')}] came; expected at least one image and ` +
        '[height, width, channels] with 1 or 3 channels; correct them',
    );
  const length = height * width * channels;
  const values = new Float32Array(images.length * length);
  for (const [i, image] of images.entries())
    fitInto(image, shape, values.subarray(i * length, (i + 1) * length), `fromPixels, image ${i}`);
  return { rows: images.length, shape: [...shape], values };
}

/**
 * Scales, crops and converts one picture.
 *
 * @param target receives `[H, W, C]`: values of 0 to 1 as floats, or of 0 to 255 rounded to bytes
 * @param where what error messages open with
 * @throws DataError when the picture's data do not fit its size
 */
export function fitInto(
  image: Pixels,
  [height, width, channels]: ImageShape,
  target: Float32Array | Uint8Array,
  where: string,
): void {
  checkPixels(image, where);
  const { rows, columns } = imageTaps(image, height, width);
  const lines = new Map<number, Float64Array>();
  const sum = new Float64Array(width * channels);
  for (const [y, { first, weights }] of rows.entries()) {
    sum.fill(0);
    for (const [i, weight] of weights.entries()) {
      const line = lines.get(first + i) ?? narrowLine(image, first + i, columns, channels);
      lines.set(first + i, line);
      for (let x = 0; x < sum.length; x++) sum[x]! += weight * line[x]!;
    }
    for (const done of lines.keys()) if (done < first) lines.delete(done);
    if (target instanceof Float32Array) target.set(sum.map(toUnit), y * sum.length);
    else target.set(sum.map(Math.round), y * sum.length);
  }
}

/** What every row and column of `height` x `width` is made of, when an image is scaled to it and its middle cut out. */
export function imageTaps(
  image: { readonly width: number; readonly height: number },
  height: number,
  width: number,
): { readonly rows: readonly Taps[]; readonly columns: readonly Taps[] } {
  const scale = Math.max(height / image.height, width / image.width);
  return {
    rows: axisTaps(image.height, scale, height),
    columns: axisTaps(image.width, scale, width),
  };
}

/** The inputs of one output along an axis: `weights[i]` belongs to input `first + i`; their sum is 1. */
export interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/** `kept` outputs in the middle of `length` inputs that were scaled, to at least `kept`. */
function axisTaps(length: number, scale: number, kept: number): Taps[] {
  const scaled = Math.max(kept, Math.round(length * scale));
  const step = length / scaled;
  const skipped = Math.floor((scaled - kept) / 2);
  const tapsAt = step > 1 ? areaTaps : linearTaps;
  return Array.from({ length: kept }, (_, i) => tapsAt((skipped + i) * step, step, length));
}

/** The mean over [from, from + step): whole inputs inside, parts of inputs at the ends. */
function areaTaps(from: number, step: number, length: number): Taps {
  const first = Math.floor(from);
  const last = Math.min(length, Math.ceil(from + step));
  const weights = Array.from(
    { length: last - first },
    (_, i) => (Math.min(first + i + 1, from + step) - Math.max(first + i, from)) / step,
  );
  return { first, weights };
}

/** Between the two inputs whose centres lie around the output's; beyond the outer centres the edge continues. */
function linearTaps(from: number, step: number, length: number): Taps {
  const centre = Math.min(length - 1, Math.max(0, from + step / 2 - 0.5));
  const first = Math.floor(centre);
  const share = centre - first;
  return { first, weights: share === 0 ? [1] : [1 - share, share] };
}

/** One line of the picture, scaled and cut along the width: `f64[W, C]` of 0 to 255. */
function narrowLine(image: Pixels, y: number, columns: readonly Taps[], channels: number): Float64Array {
  const from = columns[0]!.first;
  const { first: last, weights: lastWeights } = columns.at(-1)!;
  const wide = readLine(image, y, from, last + lastWeights.length, channels);
  const line = new Float64Array(columns.length * channels);
  for (const [x, { first, weights }] of columns.entries())
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * wide[(first - from + i) * channels + c]!;
      line[x * channels + c] = sum;
    }
  return line;
}

/** The pixels [from, to) of one line as grey or RGB of 0 to 255, on white. */
function readLine(
  { data, width, height }: Pixels,
  y: number,
  from: number,
  to: number,
  channels: number,
): Float64Array {
  const count = data.length / (width * height);
  const colours = count > 2 ? 3 : 1;
  const line = new Float64Array((to - from) * channels);
  for (let x = from; x < to; x++) {
    const at = (y * width + x) * count;
    const opacity = count > colours ? data[at + colours]! / white : 1;
    const red = white + opacity * (data[at]! - white);
    const green = colours === 1 ? red : white + opacity * (data[at + 1]! - white);
    const blue = colours === 1 ? red : white + opacity * (data[at + 2]! - white);
    const place = (x - from) * channels;
    if (channels === 1) {
      line[place] = colours === 1 ? red : luma[0] * red + luma[1] * green + luma[2] * blue;
    } else {
      line[place] = red;
      line[place + 1] = green;
      line[place + 2] = blue;
    }
  }
  return line;
}

function checkPixels({ data, width, height }: Pixels, where: string): void {
  const count = data.length / (width * height);
  if (isSize(width) && isSize(height) && isSize(count) && count <= 4) return;
  throw new DataError(
    where,
    `the picture is ${width}x${height} with ${data.length} bytes; expected 1 to 4 bytes a pixel; ` +
      'pass what getImageData gives',
  );
}

function toUnit(byte: number): number {
  return byte / white;
}

function isSize(size: number): boolean {
  return Number.isInteger(size) && size > 0;
}
