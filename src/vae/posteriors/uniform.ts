/**
 * z = m + U(-1/2, 1/2): what rounding to whole numbers does, made differentiable (Balle, Laparra and Simoncelli 2017,
 * "End-to-end optimized image compression", section 3). log q = 0, so that the KL estimate is the rate. In use z is
 * round(m): src/vae/coding/compress.ts.
 */
import type { Tensor } from '../../gpu/graph.js';
import { add } from '../../gpu/ops/binary.js';
import { constant, reshape } from '../../gpu/ops/constant.js';
import { uniformNoise } from '../../gpu/ops/noise.js';
import { affine } from '../../gpu/ops/unary.js';
import { LATENT_NOISE } from './gaussian.js';
import type { Posterior } from './posterior.js';

/** Noise given in place of the kernel's own is taken as it is: U(-1/2, 1/2). */
export function uniform(latent: number): Posterior {
  return {
    momentsWidth: latent,
    logVarianceWidth: 0,
    draw(moments, { samples, noise }) {
      const [batch] = moments.shape as [number];
      const rows = samples * batch;
      const own = (): Tensor => affine(uniformNoise([rows, latent], LATENT_NOISE), 1, -0.5);
      const shifts = reshape(noise ?? own(), [samples, batch, latent]);
      const z = add(shifts, reshape(moments, [1, batch, latent]));
      return { z: reshape(z, [rows, latent]), logDensity: constant([rows], 0) };
    },
    summary: (moments) => moments,
  };
}
