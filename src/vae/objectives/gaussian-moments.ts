/** The diagonal Gaussians that a batch's posteriors are, for the objectives that look at single latents. */
import { SpecError } from '../../gpu/errors.js';
import type { Tensor } from '../../gpu/graph.js';
import { broadcastTo } from '../../gpu/ops/binary.js';
import { clampLogVariance } from '../../gpu/ops/reparameterize.js';
import { slice } from '../../gpu/ops/window.js';
import type { CompleteSpec } from '../spec.js';
import type { ObjectiveContext } from './objective.js';

/** @throws SpecError unless q(z | x) has a mean and a variance a latent and nothing else */
export function requireGaussian({ posterior, objective }: CompleteSpec): void {
  if (posterior.type === 'diagonal' || posterior.type === 'isotropic') return;
  throw new SpecError(
    'spec.objective',
    `${objective.type} looks at each latent's own Gaussian, which a ${posterior.type} posterior does not have; use a diagonal or an isotropic one`,
  );
}

/** Mean and log-variance, f32[B, K] each. */
export function gaussianMoments({ model, bound }: ObjectiveContext): { mean: Tensor; logVariance: Tensor } {
  const { latent } = model.spec;
  const { moments } = bound;
  const [batch, width] = moments.shape as [number, number];
  const logVariance = clampLogVariance(slice(moments, 1, latent, width - latent));
  return { mean: slice(moments, 1, 0, latent), logVariance: broadcastTo(logVariance, [batch, latent]) };
}
