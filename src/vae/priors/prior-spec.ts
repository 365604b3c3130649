/** Priors as plain data. */
import { record, show } from '../../gpu/check.js';
import { SpecError } from '../../gpu/errors.js';
import { layers, type LayerSpec } from '../layer-spec.js';

/**
 * - `standard-normal`: N(0, I).
 * - `factorized`: a learned mixture of logistics a latent, as the mass of the unit bin around z (rate-distortion).
 * - `conditional`: p(z | c), a diagonal Gaussian whose moments a network of `layers` makes of the condition.
 */
export type PriorSpec =
  | { readonly type: 'standard-normal' | 'factorized' }
  | { readonly type: 'conditional'; readonly layers: readonly LayerSpec[] };

export type PriorType = PriorSpec['type'];

const types: readonly PriorType[] = ['standard-normal', 'factorized', 'conditional'];

/** @throws SpecError for what is not a prior */
export function priorSpec(value: unknown): PriorSpec {
  const spec = typeof value === 'string' ? { type: value } : value;
  const fields = record(spec, 'spec.prior', ['type', 'layers']);
  switch (fields['type']) {
    case 'standard-normal':
    case 'factorized':
      if (fields['layers'] !== undefined)
        throw new SpecError('spec.prior', `${fields['type']} has no layers; remove them`);
      return { type: fields['type'] };
    case 'conditional':
      return { type: 'conditional', layers: layers(fields['layers'] ?? [], 'spec.prior.layers') };
    default:
      throw new SpecError(
        'spec.prior',
        `is ${show(value)}; expected ${types.map((name) => `'${name}'`).join(', ')}`,
      );
  }
}
