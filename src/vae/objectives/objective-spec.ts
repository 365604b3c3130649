/** Objectives as plain data. */
import { record, show } from '../../gpu/check.js';
import { SpecError } from '../../gpu/errors.js';

/** - `elbo`: the negative bound, its KL weighted by the training option `beta`. */
export type ObjectiveSpec = { readonly type: 'elbo' };

export type ObjectiveType = ObjectiveSpec['type'];

/** @throws SpecError for what is not an objective */
export function objectiveSpec(value: unknown): ObjectiveSpec {
  const spec = typeof value === 'string' ? { type: value } : value;
  const { type } = record(spec, 'spec.objective', ['type']);
  if (type !== 'elbo') throw new SpecError('spec.objective', `is ${show(value)}; expected 'elbo'`);
  return { type };
}
