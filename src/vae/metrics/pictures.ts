/**
 * How near reconstructed images are to the originals: PSNR, and SSIM (Wang, Bovik, Sheikh and Simoncelli 2004) with the
 * settings of its reference program: an 11 x 11 Gaussian window of sigma 1.5 that stays inside the image.
 */
import { ShapeError } from '../../gpu/errors.js';
import { elementCount } from '../../gpu/shape.js';

const WINDOW = 11;
const SIGMA = 1.5;
/** `(K1 L)^2` and `(K2 L)^2` with K1 = 0.01, K2 = 0.03 and values in [0, 1], so L = 1. */
const [C1, C2] = [0.01 ** 2, 0.03 ** 2];

/**
 * `10 log10(1 / mean squared error)` of every image in decibels, `[N]`; Infinity where they are equal.
 *
 * @param a `f32[N, ...shape]`, values in [0, 1]
 * @throws ShapeError when the two are not as many whole images
 */
export function psnr(a: Float32Array, b: Float32Array, shape: readonly number[]): number[] {
  const size = elementCount(shape);
  return Array.from({ length: countImages(a, b, size, 'psnr') }, (_, n) => {
    let sum = 0;
    for (let i = n * size; i < (n + 1) * size; i++) sum += (a[i]! - b[i]!) ** 2;
    return -10 * Math.log10(sum / size);
  });
}

/**
 * Mean structural similarity of every image, `[N]`, each at most 1; colours are compared channel by channel.
 *
 * @param a `f32[N, H, W, C]`, values in [0, 1]
 * @throws ShapeError when the two are not as many whole images, or a side is less than the window
 */
export function ssim(a: Float32Array, b: Float32Array, shape: readonly number[]): number[] {
  const [H = 0, W = 0, C = 1] = shape;
  if (shape.length < 2 || H < WINDOW || W < WINDOW)
    throw new ShapeError(
      'ssim',
      `images are [${shape.join(', ')}]; the window is ${WINDOW} x ${WINDOW}; pass images of at least that size, or use psnr`,
    );
  const count = countImages(a, b, H * W * C, 'ssim');
  return Array.from({ length: count }, (_, n) => {
    let sum = 0;
    for (let c = 0; c < C; c++) {
      const plane = (values: Float32Array): Float64Array =>
        Float64Array.from({ length: H * W }, (_unused, i) => values[(n * H * W + i) * C + c]!);
      sum += planeSimilarity(plane(a), plane(b), H, W);
    }
    return sum / C;
  });
}

/** Equations 13 to 16 of the paper, averaged over every place of the window. */
function planeSimilarity(a: Float64Array, b: Float64Array, H: number, W: number): number {
  const smooth = (value: (i: number) => number): Float64Array =>
    blur(
      a.map((_, i) => value(i)),
      H,
      W,
    );
  const meanA = smooth((i) => a[i]!);
  const meanB = smooth((i) => b[i]!);
  const squareA = smooth((i) => a[i]! ** 2);
  const squareB = smooth((i) => b[i]! ** 2);
  const product = smooth((i) => a[i]! * b[i]!);
  let sum = 0;
  for (let i = 0; i < meanA.length; i++) {
    const [ma, mb] = [meanA[i]!, meanB[i]!];
    const [va, vb, covariance] = [squareA[i]! - ma * ma, squareB[i]! - mb * mb, product[i]! - ma * mb];
    const luminance = (2 * ma * mb + C1) / (ma * ma + mb * mb + C1);
    sum += luminance * ((2 * covariance + C2) / (va + vb + C2));
  }
  return sum / meanA.length;
}

/** The window's weights along one axis; the square window is their product. */
const gaussian = Array.from({ length: WINDOW }, (_, i) =>
  Math.exp(-((i - (WINDOW - 1) / 2) ** 2) / (2 * SIGMA ** 2)),
);
const total = gaussian.reduce((sum, weight) => sum + weight, 0);

/** Weighted means of every window inside an image: f64[H, W] -> f64[H - 10, W - 10], first along rows. */
function blur(plane: Float64Array, H: number, W: number): Float64Array {
  const [h, w] = [H - WINDOW + 1, W - WINDOW + 1];
  const rows = windowMeans(plane, H * w, (i) => [Math.floor(i / w) * W + (i % w), 1]);
  return windowMeans(rows, h * w, (i) => [i, w]);
}

/** Element i is the weighted mean of the window that `place` tells: where it starts, and its step. */
function windowMeans(
  values: Float64Array,
  count: number,
  place: (i: number) => readonly [start: number, step: number],
): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    const [start, step] = place(i);
    let sum = 0;
    for (let j = 0; j < WINDOW; j++) sum += gaussian[j]! * values[start + j * step]!;
    return sum / total;
  });
}

function countImages(a: Float32Array, b: Float32Array, size: number, where: string): number {
  const count = a.length / size;
  if (a.length === b.length && Number.isInteger(count) && count > 0) return count;
  throw new ShapeError(
    where,
    `${a.length} and ${b.length} values came; expected as many whole images of ${size} values; pass originals and their reconstructions`,
  );
}
