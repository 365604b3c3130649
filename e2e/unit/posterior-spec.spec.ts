/**
 * Plan: posteriors and priors as plain data, without a GPU.
 * | axis      | control        | cases                                                             |
 * | defaults  | the full data  | a name, an object without numbers; twice through JSON is the same |
 * | refusals  | -              | another name, field, number; parts that do not fit each other     |
 */
import { expect, test } from '@playwright/test';
import { SpecError } from '../../src/gpu/errors.js';
import { isInference } from '../../src/vae/bound.js';
import { Model } from '../../src/vae/model.js';
import { posteriorSpec, posteriorTypes } from '../../src/vae/posteriors/posterior-spec.js';
import { priorSpec, priorTypes } from '../../src/vae/priors/prior-spec.js';
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
  [
    'vector-quantized',
    { type: 'vector-quantized', codes: 128, dimension: 4, commitment: 0.25, codebook: 'loss', decay: 0.99 },
  ],
  [
    { type: 'vector-quantized', codes: 9, codebook: 'ema', decay: 0.9 },
    { type: 'vector-quantized', codes: 9, dimension: 4, commitment: 0.25, codebook: 'ema', decay: 0.9 },
  ],
];

for (const [given, complete] of posteriors)
  test(`the posterior ${JSON.stringify(given)}`, () => {
    const spec = posteriorSpec(given);
    expect(spec).toEqual(complete);
    expect(posteriorSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });

const priors: readonly [given: unknown, complete: object][] = [
  ['standard-normal', { type: 'standard-normal' }],
  ['mixture', { type: 'mixture', components: 10 }],
  [{ type: 'vamp' }, { type: 'vamp', pseudoInputs: 50 }],
  [
    { type: 'hierarchical', latent: 2, encoder: [], decoder: [{ type: 'activation', activation: 'tanh' }] },
    {
      type: 'hierarchical',
      latent: 2,
      encoder: [],
      decoder: [{ type: 'activation', activation: 'tanh' }],
      prior: { type: 'standard-normal' },
    },
  ],
];

for (const [given, complete] of priors)
  test(`the prior ${JSON.stringify(given)}`, () => {
    const spec = priorSpec(given);
    expect(spec).toEqual(complete);
    expect(priorSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });

const names = posteriorTypes.map((name) => `'${name}'`).join(', ');

const priorNames = priorTypes.map((name) => `'${name}'`).join(', ');
const level = { type: 'hierarchical', latent: 2, encoder: [], decoder: [] };

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
  [
    { posterior: 'planar', objective: 'fisher', likelihood: { type: 'gaussian', scale: 1 } },
    '[spec.objective] fisher needs log q(z | x) at any z, which a planar posterior does not have; use a diagonal one',
  ],
  [
    { posterior: { type: 'vector-quantized', codebook: 'moving' } },
    '[spec.posterior.codebook] is "moving"; expected one of loss, ema',
  ],
  [
    { posterior: { type: 'vector-quantized', codebook: 'ema', decay: 1 } },
    '[spec.posterior.decay] is 1; expected a number of at least 0 and below 1',
  ],
  [{ prior: 'cubic' }, `[spec.prior] is "cubic"; expected ${priorNames}`],
  [{ prior: { type: 'mixture', layers: [] } }, "[spec.prior] has the unknown field 'layers'"],
  [{ prior: { type: 'mixture', components: 0 } }, '[spec.prior.components] is 0; expected an integer from 1'],
  [{ prior: { ...level, latent: 0 } }, '[spec.prior.latent] is 0; expected an integer from 1 to 4096'],
  [{ prior: 'hierarchical' }, '[spec.prior.latent] is undefined; expected an integer from 1 to 4096'],
  [
    { prior: { ...level, encoder: [{ type: 'residual', layers: [{ type: 'batchNorm' }] }] } },
    '[spec.prior.encoder] has a batchNorm, which training and evaluation treat differently; use layerNorm, or leave it out',
  ],
  [
    { prior: { ...level, decoder: [{ type: 'conv', channels: 2, kernel: 3 }] } },
    '[spec.prior.decoder[0]] conv gets a vector [2]; expected an image',
  ],
  [
    { prior: { ...level, prior: 'factorized' } },
    '[spec.prior.prior] is factorized, which is a mass of bins; expected a density; use standard-normal',
  ],
  [
    { prior: Array.from({ length: 9 }).reduce((prior: object) => ({ ...level, prior }), level) },
    'is more than 8 levels above the first; expected fewer',
  ],
  [
    { prior: 'vamp', posterior: 'planar' },
    '[spec.prior] vamp needs log q(z | x) at any z, which this posterior does not have; use a diagonal or full one, or mixture',
  ],
  [
    { prior: 'vamp', condition: { classes: 2 } },
    '[spec.prior] vamp is made of data without a condition, and the model has one; use conditional, or remove spec.condition',
  ],
  [
    { prior: 'mixture', posterior: 'deterministic' },
    '[spec.prior] is mixture, and a deterministic posterior has no KL that it could learn from; use standard-normal',
  ],
];

for (const [parts, message] of refusals)
  test(`refused: ${JSON.stringify(parts)}`, () => {
    expect(refusal(parts)).toContain(message);
  });

test('weights of inference are those of q, on every level', () => {
  const q = ['encoder.0.weight', 'moments.bias', 'posterior.1.gate.weight', 'prior.posterior.moments.weight'];
  const p = ['decoder.0.weight', 'prior.moments.weight', 'prior.decoder.0.bias', 'prior.pseudo_inputs'];
  expect(q.filter(isInference)).toEqual(q);
  expect(isInference('prior.prior.posterior.0.bias')).toBe(true);
  expect(p.filter(isInference)).toEqual([]);
  const prior = { ...level, prior: level };
  const { weights } = new Model(completeSpec({ ...base, prior }));
  const own = weights.set.entries.map(({ name }) => name).filter(isInference);
  expect(own).toEqual([
    'moments.weight',
    'moments.bias',
    'prior.posterior.moments.weight',
    'prior.posterior.moments.bias',
    'prior.prior.posterior.moments.weight',
    'prior.prior.posterior.moments.bias',
  ]);
});
