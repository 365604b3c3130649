/**
 * Pooling over windows of images `f64[B, H, W, C]` as torch.nn.AvgPool2d (count_include_pad) and MaxPool2d: window
 * (i, j) holds the pixels (i s + a - p, j s' + b - p') for a < k, b < k' that lie in the image.
 */
import { offsetOf, zeros, type F64 } from './tensor.js';

export type PoolFunction = 'sum' | 'average' | 'max';

/** Height and width of each. */
export interface PoolWindows {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
}

/** Calls `visit` with every window's place in the result and its pixels' places in the image, row-major. */
function forEachWindow(
  shape: readonly number[],
  { kernel, stride, padding }: PoolWindows,
  visit: (window: number, pixels: number[]) => void,
): number[] {
  const [B, H, W, C] = shape as [number, number, number, number];
  const count = (size: number, axis: 0 | 1): number =>
    Math.floor((size + 2 * padding[axis] - kernel[axis]) / stride[axis]) + 1;
  const windows = [B, count(H, 0), count(W, 1), C];
  for (let w = 0; w < windows.reduce((a, b) => a * b); w++) {
    const c = w % C;
    const j = Math.floor(w / C) % windows[2]!;
    const i = Math.floor(w / (C * windows[2]!)) % windows[1]!;
    const b = Math.floor(w / (C * windows[2]! * windows[1]!));
    const pixels: number[] = [];
    for (let y = i * stride[0] - padding[0]; y < i * stride[0] - padding[0] + kernel[0]; y++)
      for (let x = j * stride[1] - padding[1]; x < j * stride[1] - padding[1] + kernel[1]; x++)
        if (y >= 0 && y < H && x >= 0 && x < W) pixels.push(offsetOf([b, y, x, c], shape));
    visit(w, pixels);
  }
  return windows;
}

/** The pixel of the window that is largest, the first of equal ones. */
function largestOf(x: F64, pixels: readonly number[]): number {
  return pixels.reduce((best, pixel) => (x.values[pixel]! > x.values[best]! ? pixel : best));
}

/** `f64[B, H, W, C] -> f64[B, H', W', C]`. */
export function pool(name: PoolFunction, x: F64, options: PoolWindows): F64 {
  const [area, values] = [options.kernel[0] * options.kernel[1], [] as number[]];
  const shape = forEachWindow(x.shape, options, (window, pixels) => {
    const total = pixels.reduce((sum, pixel) => sum + x.values[pixel]!, 0);
    values[window] = name === 'max' ? x.values[largestOf(x, pixels)]! : name === 'sum' ? total : total / area;
  });
  return { shape, values: Float64Array.from(values) };
}

/** Vector-Jacobian product of `pool`. */
export function poolBackward(name: PoolFunction, x: F64, options: PoolWindows, yGradient: F64): F64 {
  const area = options.kernel[0] * options.kernel[1];
  const xGradient = zeros(x.shape);
  forEachWindow(x.shape, options, (window, pixels) => {
    const cotangent = yGradient.values[window]! / (name === 'average' ? area : 1);
    for (const pixel of name === 'max' ? [largestOf(x, pixels)] : pixels)
      xGradient.values[pixel]! += cotangent;
  });
  return xGradient;
}
