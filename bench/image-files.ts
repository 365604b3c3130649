/**
 * Sizes of JPEG and PNG files of a set of grey images, each image a file of its own or all in one sheet. Headers and
 * tables take most of a JPEG file of 28 x 28 pixels; the sheet shares them as a .wvae file does. jpeg-js writes three
 * components, of which two are empty here and take some 0.1 bits per pixel.
 */
import { encode as encodePng } from 'fast-png';
import jpeg from 'jpeg-js';
import type { Dataset } from '../src/vae/data/dataset.js';

export interface CurvePoint {
  readonly bitsPerPixel: number;
  /** Decibels, of the mean squared error over all images. */
  readonly psnr: number;
}

export interface JpegPoint extends CurvePoint {
  readonly quality: number;
}

export interface JpegCurves {
  /** A file an image. */
  readonly files: readonly JpegPoint[];
  readonly sheet: readonly JpegPoint[];
}

const sheetQualities = [1, 5, 10, 20, 35, 50, 75, 90] as const;
/** Fewer, because jpeg-js builds its tables anew for each of the files. */
const fileQualities = [1, 30, 90] as const;
/** Images in a row of the sheet. */
const columns = 40;

interface Grey {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

function singles({ rows, shape, values }: Dataset): Grey[] {
  const [height, width] = shape as [number, number];
  const size = height * width;
  return Array.from({ length: rows }, (_, row) => ({
    width,
    height,
    pixels: Uint8Array.from(values.subarray(row * size, (row + 1) * size)),
  }));
}

function sheetOf(images: readonly Grey[]): Grey {
  const [{ width, height }] = images as [Grey];
  const sheetWidth = width * columns;
  const sheetHeight = height * Math.ceil(images.length / columns);
  const pixels = new Uint8Array(sheetWidth * sheetHeight);
  for (const [index, image] of images.entries())
    for (let y = 0; y < height; y++)
      pixels.set(
        image.pixels.subarray(y * width, (y + 1) * width),
        (Math.floor(index / columns) * height + y) * sheetWidth + (index % columns) * width,
      );
  return { width: sheetWidth, height: sheetHeight, pixels };
}

function jpegOf(images: readonly Grey[], quality: number): CurvePoint {
  let [bytes, error, count] = [0, 0, 0];
  for (const { width, height, pixels } of images) {
    const data = Uint8Array.from({ length: 4 * pixels.length }, (_, i) =>
      i % 4 === 3 ? 255 : pixels[i >> 2]!,
    );
    const file = jpeg.encode({ width, height, data }, quality).data;
    const decoded = jpeg.decode(file, { useTArray: true }).data;
    bytes += file.length;
    count += pixels.length;
    pixels.forEach((value, i) => (error += (decoded[4 * i]! - value) ** 2));
  }
  return { bitsPerPixel: (8 * bytes) / count, psnr: 10 * Math.log10(255 ** 2 / (error / count)) };
}

export function jpegCurves(data: Dataset): JpegCurves {
  const images = singles(data);
  const sheet = [sheetOf(images)];
  return {
    files: fileQualities.map((quality) => ({ quality, ...jpegOf(images, quality) })),
    sheet: sheetQualities.map((quality) => ({ quality, ...jpegOf(sheet, quality) })),
  };
}

/** Bits per pixel of PNG, which is lossless; `depth` 1 packs eight black and white pixels into a byte. */
export function pngSizes(
  data: Dataset,
  depth: 1 | 8 = 8,
): { filesBitsPerPixel: number; sheetBitsPerPixel: number } {
  const images = singles(data);
  const pixels = data.values.length;
  const bits = (set: readonly Grey[]): number =>
    set.reduce((sum, image) => sum + 8 * pngLength(image, depth), 0) / pixels;
  return { filesBitsPerPixel: bits(images), sheetBitsPerPixel: bits([sheetOf(images)]) };
}

function pngLength({ width, height, pixels }: Grey, depth: 1 | 8): number {
  if (depth === 8) return encodePng({ width, height, channels: 1, depth: 8, data: pixels }).length;
  const stride = Math.ceil(width / 8);
  const data = new Uint8Array(stride * height);
  pixels.forEach((value, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    if (value > 0) data[y * stride + (x >> 3)]! |= 0x80 >> (x & 7);
  });
  return encodePng({ width, height, channels: 1, depth: 1, data }).length;
}
