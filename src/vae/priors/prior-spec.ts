/** Priors as plain data. */
import { record, show } from '../../gpu/check.js';
import { SpecError } from '../../gpu/errors.js';
import { layers, type LayerSpec } from '../layer-spec.js';

/**
 * - `standard-normal`: N(0, I).
 * - `conditional`: p(z | c), a diagonal Gaussian whose moments a network of `layers` makes of the condition.
 */
export type PriorSpec =
  | { readonly type: 'standard-normal' }
  | { readonly type: 'conditional'; readonly layers: readonly LayerSpec[] };

export type PriorType = PriorSpec['type'];

const types: readonly PriorType[] = ['standard-normal', 'conditional'];

/** @throws SpecError for what is not a prior */
export function priorSpec(value: unknown): PriorSpec {
  const spec = typeof value === 'string' ? { type: value } : value;
  const fields = record(spec, 'spec.prior', ['type', 'layers']);
  switch (fields['type']) {
    case 'standard-normal':
      if (fields['layers'] !== undefined)
        throw new SpecError('spec.prior', 'standard-normal has no layers; remove them');
      return { type: 'standard-normal' };
    case 'conditional':
      return { type: 'conditional', layers: layers(fields['layers'] ?? [], 'spec.prior.layers') };
    default:
      throw new SpecError(
        'spec.prior',
        `is ${show(value)}; expected ${types.map((name) => `'${name}'`).join(', ')}`,
      );
  }
}
