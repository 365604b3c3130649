/** A model whose latents can be written into a file. */
import { denseSpec } from '../src/vae/presets.js';

interface DenseShape {
  readonly input: readonly [number, number, number];
  readonly hidden: number;
  readonly latent: number;
}

/** A rate-distortion autoencoder with a hidden layer on either side. */
export function lossySpecOf(shape: DenseShape) {
  return {
    ...denseSpec({ ...shape, likelihood: { type: 'gaussian', scale: 0.1 } }),
    posterior: 'uniform',
    prior: { type: 'factorized' },
  } as const;
}
