/**
 * N(m, diag(exp s)) with a log-variance a latent, or N(m, exp(s) I) with one a datum. Kingma and Welling 2013,
 * section 3 and appendix B.
 */
import type { Tensor } from '../../gpu/graph.js';
import { add, broadcastTo, divide, multiply, subtract } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { noise as noiseTensor } from '../../gpu/ops/noise.js';
import { clampLogVariance, reparameterize, type PosteriorFamily } from '../../gpu/ops/reparameterize.js';
import { sum } from '../../gpu/ops/sum.js';
import { affine, exp, square, unary } from '../../gpu/ops/unary.js';
import { slice } from '../../gpu/ops/window.js';
import type { DrawOptions, Posterior } from './posterior.js';

/** Separates the latent noise from other uses of a seed. */
export const LATENT_NOISE = 0;
const LOG_2PI = Math.log(2 * Math.PI);

export function gaussian(family: PosteriorFamily, latent: number): Posterior {
  const columns = family === 'isotropic' ? 1 : latent;
  /** Mean and log-variance as f32[1, B, K]. */
  const parts = (moments: Tensor): { mean: Tensor; s: Tensor } => {
    const [batch] = moments.shape as [number];
    const mean = reshape(slice(moments, 1, 0, latent), [1, batch, latent]);
    const s = reshape(clampLogVariance(slice(moments, 1, latent, columns)), [1, batch, columns]);
    return { mean, s: broadcastTo(s, [1, batch, latent]) };
  };
  return {
    momentsWidth: latent + columns,
    logVarianceWidth: columns,
    draw(moments, { samples, noise }) {
      const [batch] = moments.shape as [number];
      const rows = samples * batch;
      const { mean, s } = parts(moments);
      const epsilon = reshape(noise ?? noiseTensor([rows, latent], LATENT_NOISE), [samples, batch, latent]);
      const z = add(mean, multiply(exp(affine(s, 0.5, 0)), epsilon));
      // log q = -1/2 sum(eps^2 + s + log 2 pi)
      const logDensity = affine(sum(add(square(epsilon), s), [2]), -0.5, (-latent / 2) * LOG_2PI);
      return { z: reshape(z, [rows, latent]), logDensity: reshape(logDensity, [rows]) };
    },
    drawWithKl(moments, { samples, noise }: DrawOptions, estimator) {
      const attributes = { latent, samples, posterior: family, estimator, tag: LATENT_NOISE };
      return reparameterize(moments, attributes, noise);
    },
    logDensity(z, moments) {
      const [batch] = moments.shape as [number];
      const [rows] = z.shape as [number];
      const { mean, s } = parts(moments);
      return gaussianLogDensity(reshape(z, [rows / batch, batch, latent]), mean, s, rows);
    },
    klToDiagonal(moments, prior) {
      const { mean, s } = parts(moments);
      const other = diagonalParts(prior, latent);
      // 1/2 sum(s_p - s + (exp(s) + (m - m_p)^2) / exp(s_p) - 1)
      const gap = subtract(s, other.s);
      const squared = divide(square(subtract(mean, other.mean)), exp(other.s));
      const element = add(subtract(unary('expm1', gap), gap), squared);
      return affine(reshape(sum(element, [2]), [moments.shape[0]!]), 0.5, 0);
    },
    summary: (moments) => moments,
  };
}

/** Mean and clamped log-variance of moments f32[R, 2K], as f32[1, R, K] each. */
function diagonalParts(moments: Tensor, latent: number): { mean: Tensor; s: Tensor } {
  const [rows] = moments.shape as [number];
  return {
    mean: reshape(slice(moments, 1, 0, latent), [1, rows, latent]),
    s: reshape(clampLogVariance(slice(moments, 1, latent, latent)), [1, rows, latent]),
  };
}

/** log N(z; mean, exp s) summed over the last axis of broadcastable f32[S, B, K]: f32[rows]. */
export function gaussianLogDensity(z: Tensor, mean: Tensor, s: Tensor, rows: number): Tensor {
  const latent = z.shape.at(-1)!;
  const scaled = divide(square(subtract(z, mean)), exp(s));
  return affine(reshape(sum(add(scaled, s), [2]), [rows]), -0.5, (-latent / 2) * LOG_2PI);
}
