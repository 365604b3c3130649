/** The model that the page opens with: small, so that it loads at once, with a latent plane that can be looked at whole. */
import type { VaeSpec } from 'webgpu-vae';

export const pretrainedSpec = {
  input: [28, 28, 1],
  latent: 2,
  encoder: [
    { type: 'dense', units: 256, activation: 'relu' },
    { type: 'dense', units: 128, activation: 'relu' },
  ],
  decoder: [
    { type: 'dense', units: 128, activation: 'relu' },
    { type: 'dense', units: 256, activation: 'relu' },
  ],
} as const satisfies VaeSpec;
