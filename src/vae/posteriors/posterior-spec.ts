/** Posteriors as plain data. */
import { record, show } from '../../gpu/check.js';
import { SpecError } from '../../gpu/errors.js';

/**
 * - `diagonal`: a Gaussian with a variance a latent; `isotropic`: with one variance a datum.
 * - `deterministic`: z is the encoder's output; no noise and no KL (a plain autoencoder).
 * - `uniform`: z is the encoder's output with U(-1/2, 1/2) added, which stands for rounding (rate-distortion).
 */
export type PosteriorSpec = { readonly type: 'diagonal' | 'isotropic' | 'deterministic' | 'uniform' };

export type PosteriorType = PosteriorSpec['type'];

/** A specification, or the name of a family that needs no further numbers. */
export type PosteriorInput = PosteriorSpec | PosteriorType;

const types: readonly PosteriorType[] = ['diagonal', 'isotropic', 'deterministic', 'uniform'];

/** @throws SpecError for what is not a posterior */
export function posteriorSpec(value: unknown): PosteriorSpec {
  const spec = typeof value === 'string' ? { type: value } : value;
  const { type } = record(spec, 'spec.posterior', ['type']);
  const known = types.find((name) => name === type);
  if (!known)
    throw new SpecError(
      'spec.posterior',
      `is ${show(value)}; expected ${types.map((name) => `'${name}'`).join(', ')}`,
    );
  return { type: known };
}
