/** A posterior that the latent space shows as a ring: whoever encodes something sets it, and takes it away again. */
import { signal } from '@preact/signals';

export interface Posterior {
  /** K numbers. */
  readonly mean: ArrayLike<number>;
  /** K numbers, or one of an isotropic posterior. */
  readonly logVariance: ArrayLike<number>;
}

/** Drawn as the ellipse of two standard deviations in the axes that are shown. */
export const highlight = signal<Posterior | undefined>(undefined);
