/**
 * The depth-to-space rearrangement and the deconvolution by reshape: a convolution to r*r times the channels, which
 * are divided among the r x r pixels of a finer image. Images are channels-last.
 */
import { at } from './conv.js';
import { elementCount, size, zeros, type F64 } from './tensor.js';

/** `y[b, y r + ry, x r + rx, o] = x[b, y, x, (ry r + rx) O + o]`: `f64[B, H, W, r*r*O]` -> `f64[B, r*H, r*W, O]`. */
export function depthToSpace(x: F64, r: number): F64 {
  const [B, H, W] = [size(x, 0), size(x, 1), size(x, 2)];
  const O = size(x, 3) / (r * r);
  const y = zeros([B, r * H, r * W, O]);
  forEachSubPixel(y.shape, r, (fine, b, row, column, channel) => {
    y.values[fine] = x.values[at(x.shape, b, row, column, channel)]!;
  });
  return y;
}

/** The inverse of `depthToSpace`, and so its gradient: `f64[B, r*H, r*W, O]` -> `f64[B, H, W, r*r*O]`. */
export function spaceToDepth(y: F64, r: number): F64 {
  const x = zeros([size(y, 0), size(y, 1) / r, size(y, 2) / r, r * r * size(y, 3)]);
  forEachSubPixel(y.shape, r, (fine, b, row, column, channel) => {
    x.values[at(x.shape, b, row, column, channel)] = y.values[fine]!;
  });
  return x;
}

/** Every element of the fine image, by flat index, with the coarse element that it comes from. */
function forEachSubPixel(
  shape: readonly number[],
  r: number,
  visit: (fine: number, b: number, row: number, column: number, channel: number) => void,
): void {
  const [, H, W, O] = shape as [number, number, number, number];
  for (let fine = 0; fine < elementCount(shape); fine++) {
    const o = fine % O;
    const column = Math.floor(fine / O) % W;
    const row = Math.floor(fine / (O * W)) % H;
    const b = Math.floor(fine / (O * W * H));
    const channel = ((row % r) * r + (column % r)) * O + o;
    visit(fine, b, Math.floor(row / r), Math.floor(column / r), channel);
  }
}

/**
 * Deconvolution by reshape, written as the lecture defines it: every pixel of the fine image takes the coarse
 * neighbourhood around its own coarse pixel, with weights of its own place `(ry, rx)` among the r x r.
 * `f64[B, H, W, C]`, weight `f64[KH, KW, C, r*r*O]`, bias `f64[r*r*O]` -> `f64[B, r*H, r*W, O]`; the kernel's
 * overhang is padded with zeros, an odd pixel of it at the bottom and the right.
 */
export function deconvolution(x: F64, weight: F64, bias: F64, r: number): F64 {
  const [B, H, W, C] = x.shape as [number, number, number, number];
  const [KH, KW, , channels] = weight.shape as [number, number, number, number];
  const y = zeros([B, r * H, r * W, channels / (r * r)]);
  const [top, left] = [Math.floor((KH - 1) / 2), Math.floor((KW - 1) / 2)];
  forEachSubPixel(y.shape, r, (fine, b, row, column, channel) => {
    let sum = bias.values[channel]!;
    for (let ky = 0; ky < KH; ky++)
      for (let kx = 0; kx < KW; kx++) {
        const [imageRow, imageColumn] = [row + ky - top, column + kx - left];
        if (imageRow < 0 || imageRow >= H || imageColumn < 0 || imageColumn >= W) continue;
        for (let c = 0; c < C; c++)
          sum +=
            x.values[at(x.shape, b, imageRow, imageColumn, c)]! *
            weight.values[at(weight.shape, ky, kx, c, channel)]!;
      }
    y.values[fine] = sum;
  });
  return y;
}
