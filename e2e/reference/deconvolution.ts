/**
 * Deconvolution by reshape, written as the lecture defines it: a convolution to r*r times the channels, which are
 * divided among the r x r pixels of a finer image.
 */
import { at } from './conv.js';
import { zeros, type F64 } from './tensor.js';

/**
 * Every pixel of the fine image sees the coarse neighbourhood around its own coarse pixel, with the weights of its
 * place `(ry, rx)` among the r x r: `y[b, h r + ry, w r + rx, o] = bias[n] + sum_(ky, kx, c) x[b, h + ky - top,
 * w + kx - left, c] weight[ky, kx, c, n]` with `n = (ry r + rx) O + o` and zeros around the image.
 * `f64[B, H, W, C]`, weight `f64[KH, KW, C, r*r*O]`, bias `f64[r*r*O]` -> `f64[B, r*H, r*W, O]`. An even kernel reaches
 * one pixel further to the bottom and the right.
 */
export function deconvolution(x: F64, weight: F64, bias: F64, r: number): F64 {
  const [B, H, W] = x.shape as [number, number, number];
  const O = bias.values.length / (r * r);
  const y = zeros([B, r * H, r * W, O]);
  for (let b = 0; b < B; b++)
    for (let h = 0; h < H; h++)
      for (let w = 0; w < W; w++)
        for (let ry = 0; ry < r; ry++)
          for (let rx = 0; rx < r; rx++)
            for (let o = 0; o < O; o++) {
              const n = (ry * r + rx) * O + o;
              const value = bias.values[n]! + neighbourhood(x, weight, b, h, w, n);
              y.values[at(y.shape, b, h * r + ry, w * r + rx, o)] = value;
            }
  return y;
}

/** The products of the coarse pixels around `[b, h, w]` with the weights of channel `n`. */
function neighbourhood(x: F64, weight: F64, b: number, h: number, w: number, n: number): number {
  const [, H, W, C] = x.shape as [number, number, number, number];
  const [KH, KW] = weight.shape as [number, number];
  const [top, left] = [Math.floor((KH - 1) / 2), Math.floor((KW - 1) / 2)];
  let sum = 0;
  for (let ky = 0; ky < KH; ky++)
    for (let kx = 0; kx < KW; kx++) {
      const [row, column] = [h + ky - top, w + kx - left];
      if (row < 0 || row >= H || column < 0 || column >= W) continue;
      for (let c = 0; c < C; c++)
        sum += x.values[at(x.shape, b, row, column, c)]! * weight.values[at(weight.shape, ky, kx, c, n)]!;
    }
  return sum;
}
