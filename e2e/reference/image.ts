/**
 * Image tensors `f64[B, H, W, C]` moved between resolutions: depth to space (y of pixel (h r + ry, w r + rx) and
 * channel o is x of pixel (h, w) and channel (ry r + rx) O + o) and nearest-neighbour upsampling.
 */
import { coordinatesOf, offsetOf, size, zeros, type F64 } from './tensor.js';

/** The element of `f64[B, H, W, r*r*O]` that stands at `(b, Y, X, o)` of the higher resolution. */
function lowCoordinates(coordinates: readonly number[], r: number, O: number): number[] {
  const [b, Y, X, o] = coordinates as [number, number, number, number];
  return [b, Math.floor(Y / r), Math.floor(X / r), ((Y % r) * r + (X % r)) * O + o];
}

/** `f64[B, H, W, r*r*O] -> f64[B, H*r, W*r, O]`. */
export function depthToSpace(x: F64, r: number): F64 {
  const O = size(x, 3) / (r * r);
  const y = zeros([size(x, 0), size(x, 1) * r, size(x, 2) * r, O]);
  for (let i = 0; i < y.values.length; i++)
    y.values[i] = x.values[offsetOf(lowCoordinates(coordinatesOf(i, y.shape), r, O), x.shape)]!;
  return y;
}

/** `f64[B, H*r, W*r, O] -> f64[B, H, W, r*r*O]`; the inverse and the vector-Jacobian product of depthToSpace. */
export function spaceToDepth(y: F64, r: number): F64 {
  const O = size(y, 3);
  const x = zeros([size(y, 0), size(y, 1) / r, size(y, 2) / r, r * r * O]);
  y.values.forEach((value, i) => {
    x.values[offsetOf(lowCoordinates(coordinatesOf(i, y.shape), r, O), x.shape)] = value;
  });
  return x;
}

/** Every pixel repeated `factor` times along height and width. */
export function upsample(x: F64, factor: number): F64 {
  const y = zeros([size(x, 0), size(x, 1) * factor, size(x, 2) * factor, size(x, 3)]);
  for (let i = 0; i < y.values.length; i++) {
    const [b, Y, X, c] = coordinatesOf(i, y.shape) as [number, number, number, number];
    const from = [b, Math.floor(Y / factor), Math.floor(X / factor), c];
    y.values[i] = x.values[offsetOf(from, x.shape)]!;
  }
  return y;
}

/** Vector-Jacobian product of `upsample`: the cotangents of all copies of a pixel, summed. */
export function upsampleBackward(yGradient: F64, factor: number): F64 {
  const [B, Y, X, C] = yGradient.shape as [number, number, number, number];
  const xGradient = zeros([B, Y / factor, X / factor, C]);
  yGradient.values.forEach((cotangent, i) => {
    const [b, y, x, c] = coordinatesOf(i, yGradient.shape) as [number, number, number, number];
    const to = [b, Math.floor(y / factor), Math.floor(x / factor), c];
    xGradient.values[offsetOf(to, xGradient.shape)]! += cotangent;
  });
  return xGradient;
}
