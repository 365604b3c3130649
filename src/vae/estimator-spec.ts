/** Estimators of the bound and of its gradient as plain data. */
import { integer, numberIn, oneOf, record, show } from '../gpu/check.js';
import { SpecError } from '../gpu/errors.js';

/**
 * - `A`: full Monte Carlo. `B`: the KL in closed form where posterior and prior have one, A elsewhere.
 * - `iwae`: log of the mean weight of all samples (Burda et al. 2015).
 * - `miwae`: the mean of that bound over `groups` groups of samples; `piwae`: the decoder learns from `iwae`, the encoder
 *   from `miwae`; `ciwae`: `mix` times the elbo and 1 - `mix` times `iwae` (Rainforth et al. 2018).
 * - `score-function`: the encoder learns from log q, weighted by what each sample is worth, and needs no gradient of the
 *   decoder by z (Williams 1992); the baseline is the mean of a datum's other samples (Kool et al. 2019).
 *
 * `doubly` reparameterizes twice, which takes the score out of the encoder's gradient (DReG, Tucker et al. 2018).
 */
export type EstimatorSpec =
  | 'A'
  | 'B'
  | { readonly type: 'iwae'; readonly doubly?: boolean }
  | { readonly type: 'miwae'; readonly groups: number; readonly doubly?: boolean }
  | { readonly type: 'piwae'; readonly groups: number; readonly doubly?: boolean }
  | { readonly type: 'ciwae'; readonly mix: number }
  | { readonly type: 'score-function'; readonly baseline?: 'none' | 'leave-one-out' };

export const estimatorTypes = ['iwae', 'miwae', 'piwae', 'ciwae', 'score-function'] as const;

/** What each type may say. */
const fields: Readonly<Record<(typeof estimatorTypes)[number], readonly string[]>> = {
  iwae: ['type', 'doubly'],
  miwae: ['type', 'groups', 'doubly'],
  piwae: ['type', 'groups', 'doubly'],
  ciwae: ['type', 'mix'],
  'score-function': ['type', 'baseline'],
};

/** Checks an estimator against the samples that it is given. @throws SpecError naming the field */
export function checkEstimator(value: unknown, samples: number): EstimatorSpec {
  if (value === 'A' || value === 'B') return value;
  if (typeof value !== 'object' || value === null)
    throw new SpecError(
      'estimator',
      `is ${show(value)}; expected 'A', 'B' or { type } with ${estimatorTypes.join(', ')}`,
    );
  const spec = record(value, 'estimator', ['type', 'groups', 'mix', 'doubly', 'baseline']);
  const type = oneOf(spec['type'], 'estimator.type', estimatorTypes);
  const doubly = spec['doubly'] ?? false;
  if (typeof doubly !== 'boolean')
    throw new SpecError('estimator.doubly', `is ${show(doubly)}; expected true or false`);
  const foreign = Object.keys(spec).find((key) => !fields[type].includes(key));
  if (foreign)
    throw new SpecError(
      'estimator',
      `${type} has no ${foreign}; it may have ${fields[type].join(', ')}; remove it, or choose another type`,
    );
  switch (type) {
    case 'iwae':
      return { type, doubly };
    case 'miwae':
    case 'piwae': {
      const groups = integer(spec['groups'], 'estimator.groups', 1, samples);
      if (samples % groups !== 0)
        throw new SpecError('estimator.groups', `is ${groups}; expected a divisor of the ${samples} samples`);
      return { type, groups, doubly };
    }
    case 'ciwae':
      return { type, mix: numberIn(spec['mix'], 'estimator.mix', 0, 1 + 1e-9) };
    case 'score-function': {
      const baseline = oneOf(spec['baseline'] ?? 'none', 'estimator.baseline', ['none', 'leave-one-out']);
      if (baseline === 'leave-one-out' && samples < 2)
        throw new SpecError(
          'estimator.baseline',
          `leave-one-out needs 2 samples or more, samples is ${samples}; raise samples or use 'none'`,
        );
      return { type, baseline };
    }
  }
}
