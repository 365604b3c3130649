/**
 * Convolution (strictly: cross-correlation) and its two gradients, as the loops that define them. Images are
 * channels-last, weights `f64[KH, KW, C, O]`. All three forms visit the same triples of an image pixel, a tap of the
 * kernel and an output pixel; they differ in which of the three they add up, from the product of the other two.
 */
import { ShapeError } from '../../src/gpu/errors.js';
import { size, zeros, type F64 } from './tensor.js';

/** Stride and padding of a convolution: vertical before horizontal. */
export interface ConvWindow {
  readonly stride: readonly [number, number];
  readonly padding: readonly [top: number, bottom: number, left: number, right: number];
}

/** Where a window stands: what pixel of the image meets what tap of the kernel for what pixel of the output. */
interface Tap {
  readonly imageRow: number;
  readonly imageColumn: number;
  readonly kernelRow: number;
  readonly kernelColumn: number;
  readonly outputRow: number;
  readonly outputColumn: number;
}

/** Output pixels along one axis: `floor((pixels + padding - kernel) / stride) + 1`. */
function outputSize(pixels: number, kernel: number, stride: number, before: number, after: number): number {
  return Math.floor((pixels + before + after - kernel) / stride) + 1;
}

/**
 * TensorFlow's 'same': `ceil(size / stride)` outputs, and an odd pixel of padding at the bottom or the right.
 * @returns the padding of both axes
 */
export function samePadding(
  image: readonly [number, number],
  kernel: readonly [number, number],
  stride: readonly [number, number],
): [top: number, bottom: number, left: number, right: number] {
  const [vertical, horizontal] = [0, 1].map((axis) => {
    const outputs = Math.ceil(image[axis]! / stride[axis]!);
    const total = Math.max((outputs - 1) * stride[axis]! + kernel[axis]! - image[axis]!, 0);
    return [Math.floor(total / 2), Math.ceil(total / 2)] as const;
  }) as [readonly [number, number], readonly [number, number]];
  return [...vertical, ...horizontal];
}

/** `f64[B, OH, OW, O]` of an image `f64[B, H, W, C]` under a weight `f64[KH, KW, C, O]`. */
export function convOutputShape(
  image: readonly number[],
  weight: readonly number[],
  { stride, padding: [top, bottom, left, right] }: ConvWindow,
): [number, number, number, number] {
  const [B, H, W, C] = image as [number, number, number, number];
  const [KH, KW, weightC, O] = weight as [number, number, number, number];
  const rows = outputSize(H, KH, stride[0], top, bottom);
  const columns = outputSize(W, KW, stride[1], left, right);
  if (image.length !== 4 || weight.length !== 4 || C !== weightC || rows < 1 || columns < 1)
    throw new ShapeError(
      'reference conv',
      `image f64[${image.join(', ')}] and weight f64[${weight.join(', ')}] came; expected f64[B, H, W, C] and ` +
        'f64[KH, KW, C, O] with a kernel no larger than the padded image',
    );
  return [B, rows, columns, O];
}

/** Visits every pair of an output pixel and a tap that lies inside the image; the padding is zero and adds nothing. */
function forEachTap(
  image: readonly number[],
  kernel: readonly number[],
  output: readonly number[],
  { stride, padding: [top, , left] }: ConvWindow,
  visit: (tap: Tap) => void,
): void {
  for (let outputRow = 0; outputRow < output[1]!; outputRow++)
    for (let outputColumn = 0; outputColumn < output[2]!; outputColumn++)
      for (let kernelRow = 0; kernelRow < kernel[0]!; kernelRow++)
        for (let kernelColumn = 0; kernelColumn < kernel[1]!; kernelColumn++) {
          const imageRow = outputRow * stride[0] + kernelRow - top;
          const imageColumn = outputColumn * stride[1] + kernelColumn - left;
          if (imageRow < 0 || imageRow >= image[1]! || imageColumn < 0 || imageColumn >= image[2]!) continue;
          visit({ imageRow, imageColumn, kernelRow, kernelColumn, outputRow, outputColumn });
        }
}

/** Flat index of element `[a, b, c, d]` of a tensor with four axes. */
export function at([, B, C, D]: readonly number[], a: number, b: number, c: number, d: number): number {
  return ((a * B! + b) * C! + c) * D! + d;
}

/**
 * Adds every product into one of the three tensors, of shapes `f64[B, H, W, C]`, `f64[KH, KW, C, O]` and
 * `f64[B, OH, OW, O]`; what is added is the product of the other two.
 */
function accumulate(
  image: F64,
  weight: F64,
  output: F64,
  window: ConvWindow,
  into: 'image' | 'weight' | 'output',
): F64 {
  const [x, w, y] = [image.values, weight.values, output.values];
  const [C, O] = [size(weight, 2), size(weight, 3)];
  forEachTap(image.shape, weight.shape, output.shape, window, (tap) => {
    for (let b = 0; b < size(image, 0); b++)
      for (let c = 0; c < C; c++)
        for (let o = 0; o < O; o++) {
          const i = at(image.shape, b, tap.imageRow, tap.imageColumn, c);
          const k = at(weight.shape, tap.kernelRow, tap.kernelColumn, c, o);
          const j = at(output.shape, b, tap.outputRow, tap.outputColumn, o);
          if (into === 'output') y[j]! += x[i]! * w[k]!;
          else if (into === 'image') x[i]! += y[j]! * w[k]!;
          else w[k]! += x[i]! * y[j]!;
        }
  });
  return { image, weight, output }[into];
}

/**
 * `y[b, oy, ox, o] = sum_(ky, kx, c) x[b, oy sy + ky - top, ox sx + kx - left, c] weight[ky, kx, c, o]`,
 * with zeros around the image: `f64[B, H, W, C]`, `f64[KH, KW, C, O]` -> `f64[B, OH, OW, O]`.
 * @throws ShapeError when the channels differ or the kernel is larger than the padded image.
 */
export function conv2d(x: F64, weight: F64, window: ConvWindow): F64 {
  return accumulate(x, weight, zeros(convOutputShape(x.shape, weight.shape, window)), window, 'output');
}

/** The gradient of `conv2d` by its image, and the transposed convolution: `f64[B, OH, OW, O]` -> `f64[B, ...image, C]`. */
export function convInputGradient(
  g: F64,
  weight: F64,
  image: readonly [number, number],
  window: ConvWindow,
): F64 {
  return accumulate(zeros([size(g, 0), ...image, size(weight, 2)]), weight, g, window, 'image');
}

/** The gradient of `conv2d` by its weight: `f64[KH, KW, C, O]` from `x` `f64[B, H, W, C]` and `g` `f64[B, OH, OW, O]`. */
export function convWeightGradient(
  x: F64,
  g: F64,
  kernel: readonly [number, number],
  window: ConvWindow,
): F64 {
  return accumulate(x, zeros([...kernel, size(x, 3), size(g, 3)]), g, window, 'weight');
}
