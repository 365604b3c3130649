/** A point: z is the mean, there is no noise, no density and no KL. A plain autoencoder, or hard EM. */
import { constant, reshape } from '../../gpu/ops/constant.js';
import { broadcastTo } from '../../gpu/ops/binary.js';
import type { Tensor } from '../../gpu/graph.js';
import type { Posterior } from './posterior.js';

export function deterministic(latent: number): Posterior {
  const repeated = (moments: Tensor, samples: number): Tensor => {
    const [batch] = moments.shape as [number];
    if (samples === 1) return moments;
    return reshape(broadcastTo(reshape(moments, [1, batch, latent]), [samples, batch, latent]), [
      samples * batch,
      latent,
    ]);
  };
  return {
    momentsWidth: latent,
    isPoint: true,
    logVarianceWidth: 0,
    draw(moments, { samples }) {
      const z = repeated(moments, samples);
      return { z, logDensity: constant([z.shape[0]!], 0) };
    },
    drawWithKl(moments, { samples }) {
      const z = repeated(moments, samples);
      return { z, kl: constant([z.shape[0]!], 0) };
    },
    summary: (moments) => moments,
  };
}
