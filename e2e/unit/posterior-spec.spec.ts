/**
 * Plan: posteriors and priors as plain data, without a GPU.
 * | axis      | control        | cases                                                             |
 * | defaults  | the full data  | a name, an object without numbers; twice through JSON is the same |
 * | refusals  | -              | another name, field, number; parts that do not fit each other     |
 */
import { expect, test } from '@playwright/test';
import { SpecError } from '../../src/gpu/errors.js';
import { Model } from '../../src/vae/model.js';
import { posteriorSpec, posteriorTypes } from '../../src/vae/posteriors/posterior-spec.js';
import { completeSpec } from '../../src/vae/spec.js';

const base = { input: [6], latent: 3, encoder: [], decoder: [] };

/** The message that refuses `parts` of a model. */
function refusal(parts: object): string {
  try {
    const model = new Model(completeSpec({ ...base, ...parts }));
    return `accepted, ${model.width} numbers`;
  } catch (error) {
    expect(error).toBeInstanceOf(SpecError);
    return (error as SpecError).message;
  }
}

const posteriors: readonly [given: unknown, complete: object][] = [
  ['diagonal', { type: 'diagonal' }],
  ['full', { type: 'full' }],
  ['planar', { type: 'planar', steps: 4 }],
  [{ type: 'radial' }, { type: 'radial', steps: 4 }],
  [
    { type: 'radial', steps: 7 },
    { type: 'radial', steps: 7 },
  ],
  ['iaf', { type: 'iaf', steps: 2, units: 64, context: 16 }],
  [
    { type: 'iaf', units: 5 },
    { type: 'iaf', steps: 2, units: 5, context: 16 },
  ],
];

for (const [given, complete] of posteriors)
  test(`the posterior ${JSON.stringify(given)}`, () => {
    const spec = posteriorSpec(given);
    expect(spec).toEqual(complete);
    expect(posteriorSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });

const names = posteriorTypes.map((name) => `'${name}'`).join(', ');

const refusals: readonly [parts: object, message: string][] = [
  [{ posterior: 'cubic' }, `[spec.posterior] is "cubic"; expected ${names}`],
  [{ posterior: 3 }, '[spec.posterior] is 3'],
  [
    { posterior: { type: 'full', steps: 2 } },
    "[spec.posterior] has the unknown field 'steps'; it may have type",
  ],
  [
    { posterior: { type: 'planar', steps: 0 } },
    '[spec.posterior.steps] is 0; expected an integer from 1 to 64',
  ],
];

for (const [parts, message] of refusals)
  test(`refused: ${JSON.stringify(parts)}`, () => {
    expect(refusal(parts)).toContain(message);
  });
