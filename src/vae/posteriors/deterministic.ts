/** A point: z is the mean, there is no noise, no density and no KL. A plain autoencoder, or hard EM. */
import { constant } from '../../gpu/ops/constant.js';
import { repeatRows } from '../rows.js';
import type { Posterior } from './posterior.js';

export function deterministic(latent: number): Posterior {
  return {
    momentsWidth: latent,
    isPoint: true,
    logVarianceWidth: 0,
    draw(moments, { samples }) {
      const z = repeatRows(moments, samples);
      return { z, logDensity: constant([z.shape[0]!], 0) };
    },
    drawWithKl(moments, { samples }) {
      const z = repeatRows(moments, samples);
      return { z, kl: constant([z.shape[0]!], 0) };
    },
    summary: (moments) => moments,
  };
}
