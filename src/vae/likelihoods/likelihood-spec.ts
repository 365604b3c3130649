/** Likelihoods as plain data: what each may state, and the check of what comes from a file. */
import { integer, oneOf, record, show } from '../../gpu/check.js';
import { SpecError } from '../../gpu/errors.js';

/** A scale: fixed, learned as one number, or learned one a pixel. */
export type ScaleSpec = number | 'learned' | 'per-pixel';

/** `scale` is sigma for gaussian and b for laplace, in the units of the data; `decoder`: a function of z, one a pixel. */
export type LikelihoodSpec =
  | { readonly type: 'bernoulli' }
  | { readonly type: 'gaussian'; readonly scale: ScaleSpec | 'decoder' }
  | { readonly type: 'laplace'; readonly scale: ScaleSpec }
  /** 256 levels 0, 1/255, ..., 1. */
  | { readonly type: 'discretized-logistic-mixture'; readonly components: number }
  /** Classes 0 to `classes` - 1, stored as numbers. */
  | { readonly type: 'categorical'; readonly classes: number }
  /** Counts 0, 1, ...; how their mean is made of the decoder's output. */
  | { readonly type: 'negative-binomial'; readonly mean: 'exp' | 'softplus' }
  /** 256 levels 0, 1/255, ..., 1. */
  | { readonly type: 'beta-binomial' };

/** The fields of each type beside it. */
const fields: Readonly<Record<LikelihoodSpec['type'], readonly string[]>> = {
  bernoulli: [],
  gaussian: ['scale'],
  laplace: ['scale'],
  'discretized-logistic-mixture': ['components'],
  categorical: ['classes'],
  'negative-binomial': ['mean'],
  'beta-binomial': [],
};

export const likelihoodTypes = Object.keys(fields) as LikelihoodSpec['type'][];

/** @throws SpecError naming the field, what came, what was expected */
export function likelihoodSpec(value: unknown): LikelihoodSpec {
  const where = 'spec.likelihood';
  const spec = record(value, where, ['type', ...new Set(Object.values(fields).flat())]);
  const type = oneOf(spec['type'], `${where}.type`, likelihoodTypes);
  const strange = Object.keys(spec).find((key) => key !== 'type' && !fields[type].includes(key));
  if (strange !== undefined) throw new SpecError(where, `${type} has no ${strange}; remove it`);
  switch (type) {
    case 'bernoulli':
    case 'beta-binomial':
      return { type };
    case 'gaussian':
      return { type, scale: spec['scale'] === 'decoder' ? 'decoder' : scaleOf(spec['scale'], ", 'decoder'") };
    case 'laplace':
      return { type, scale: scaleOf(spec['scale']) };
    case 'discretized-logistic-mixture':
      return { type, components: integer(spec['components'], `${where}.components`, 1, 100) };
    case 'categorical':
      return { type, classes: integer(spec['classes'], `${where}.classes`, 2, 65536) };
    case 'negative-binomial':
      return { type, mean: oneOf(spec['mean'], `${where}.mean`, ['exp', 'softplus']) };
  }
}

function scaleOf(scale: unknown, more = ''): ScaleSpec {
  if (scale === 'learned' || scale === 'per-pixel') return scale;
  if (typeof scale !== 'number' || !(scale >= 1e-4 && scale <= 1e4))
    throw new SpecError(
      'spec.likelihood.scale',
      `is ${show(scale)}; expected a number from 1e-4 to 1e4${more}, 'learned' or 'per-pixel'`,
    );
  return scale;
}

/** Numbers that a decoder ends in for one element of the data. */
export function outputsPerElement(spec: LikelihoodSpec): number {
  switch (spec.type) {
    case 'bernoulli':
    case 'laplace':
    case 'negative-binomial':
      return 1;
    case 'gaussian':
      return spec.scale === 'decoder' ? 2 : 1;
    case 'beta-binomial':
      return 2;
    case 'discretized-logistic-mixture':
      return spec.components === 1 ? 2 : 3 * spec.components; // one logistic needs no weight
    case 'categorical':
      return spec.classes;
  }
}
