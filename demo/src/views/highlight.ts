/** The posterior of what the visitor draws, for the view of the latent space. */
import { signal } from '@preact/signals';

export const highlight = signal<{ mean: number[]; logVariance: number[] } | undefined>(undefined);
