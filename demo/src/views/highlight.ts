/** A posterior that the latent space shows as a ring: whoever encodes something sets it, and takes it away again. */
import { signal } from '@preact/signals';

export interface Posterior {
  /** f32[K] */
  readonly mean: Float32Array;
  /** f32[K], or f32[1] of an isotropic posterior. */
  readonly logVariance: Float32Array;
}

/** Drawn as the ellipse of two standard deviations in the axes that are shown. */
export const highlight = signal<Posterior | undefined>(undefined);
