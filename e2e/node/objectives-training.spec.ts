/**
 * Plan: every objective through the library's front door, from its name alone and its defaults.
 * - training on a set whose last batch is short, evaluation, samples, and the same weights and specification from a file;
 * - weights by step: what a term says at each step is what the schedule says, and a run that ends early warns;
 * - what cannot be built or trained is refused by name.
 */
import { expect, test } from '@playwright/test';
import { SpecError } from '../../src/gpu/errors.js';
import {
  objectiveNames,
  objectiveSpec,
  type ObjectiveInput,
} from '../../src/vae/objectives/objective-spec.js';
import { completeSpec, type VaeSpec } from '../../src/vae/spec.js';
import { Model } from '../../src/vae/model.js';
import { Vae } from '../../src/vae/vae.js';
import { nodeDevice } from '../node-device.js';
import { randomUniform } from '../reference/tensor.js';

const layer = { type: 'dense', units: 6, activation: 'tanh' } as const;
const spec = {
  input: [4, 4, 1],
  latent: 3,
  encoder: [layer],
  decoder: [layer],
  likelihood: { type: 'gaussian', scale: 0.5 },
} as const satisfies VaeSpec;
const data = {
  rows: 21,
  shape: [4, 4, 1],
  values: Float32Array.from(randomUniform([21, 16], 5, 0, 1).values),
};
const small = [{ type: 'dense', units: 8, activation: 'leakyRelu' }] as const;

/** The objective by its name, its discriminator made small. */
function named(type: (typeof objectiveNames)[number]): ObjectiveInput {
  return type === 'factor' || type === 'adversarial' || type === 'vae-gan' ? { type, layers: small } : type;
}

for (const type of objectiveNames)
  test(`trains, evaluates, saves and loads: ${type}`, async () => {
    const device = await nodeDevice();
    const vae = await Vae.create({ ...spec, objective: named(type) }, { device, seed: 2 });
    const start = await vae.readWeights();
    const report = await vae.train(data, { epochs: 2, batchSize: 8, learningRate: 0.01, seed: 1 });
    const weights = await vae.readWeights();
    for (const { name, offset } of vae.model.weights.set.entries)
      expect(weights[offset], name).not.toBe(start[offset]);
    expect(Object.values(report.train.others ?? {}).every(Number.isFinite)).toBe(true);
    const terms = await vae.evaluate(data, { batchSize: 8 });
    expect(terms.elbo).toBeCloseTo(terms.reconstruction - terms.kl, 3);
    const loaded = await Vae.load(await vae.save(), { device });
    expect(loaded.spec).toEqual(vae.spec);
    expect(loaded.spec.objective.type).toBe(type);
    expect(await loaded.readWeights()).toEqual(weights);
    expect((await loaded.sample(2)).every(Number.isFinite)).toBe(true);
    loaded.destroy();
    vae.destroy();
  });

test('a capacity grows by its schedule, and a run that ends before it does says so', async () => {
  const capacity = { type: 'linear', from: 1, to: 3, steps: 8 } as const;
  const objective = { type: 'capacity', capacity } as const;
  const vae = await Vae.create({ ...spec, objective }, { device: await nodeDevice() });
  const trainer = await vae.trainer(data, { batchSize: 8 });
  for (let step = 0; step < 10; step++) await trainer.step();
  const values = (await trainer.terms()).map(({ others }) => others!['capacity']);
  expect(values).toEqual([1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75, 3, 3]);
  expect(trainer.warnings(5)[0]).toMatch(/^objective\.capacity ends at 2\.00 and never reaches 3/);
  expect(trainer.warnings(10)).toEqual([]);
  trainer.destroy();
  vae.destroy();
});

/** What is refused, and the beginning of the message. */
const refusals: readonly [objective: unknown, more: object, says: string][] = [
  ['beta-vae', {}, `[spec.objective] is "beta-vae"; expected 'elbo', 'capacity'`],
  [7, {}, '[spec.objective] is 7; expected'],
  [
    { type: 'dip', lambda: 1 },
    {},
    "[spec.objective] has the unknown field 'lambda'; it may have type, variant",
  ],
  [{ type: 'dip', variant: 'III' }, {}, '[spec.objective.variant] is "III"; expected one of I, II'],
  [{ type: 'mmd', alpha: 2 }, {}, '[spec.objective.alpha] is 2; expected'],
  [{ type: 'free-bits', nats: () => 1 }, {}, '[spec.objective.nats] is a function, which no file can keep'],
  [{ type: 'factor', layers: 3 }, {}, '[spec.objective.layers] is 3; expected a list'],
  [
    'fisher',
    { likelihood: { type: 'bernoulli' } },
    '[spec.objective] fisher needs a gaussian likelihood of fixed scale',
  ],
  ['fisher', { posterior: 'planar' }, '[spec.objective] fisher needs log q(z | x)'],
  ['beta-tc', { posterior: 'deterministic' }, "[spec.objective] beta-tc looks at each latent's own Gaussian"],
  [
    'free-bits',
    { condition: { classes: 3 }, prior: { type: 'conditional' } },
    '[spec.objective] free-bits needs a KL for every latent',
  ],
];

for (const [objective, more, says] of refusals)
  test(`refused: ${says.slice(0, 60)}`, () => {
    let message = 'accepted';
    try {
      message = String(new Model(completeSpec({ ...spec, ...more, objective })).width);
    } catch (error) {
      expect(error).toBeInstanceOf(SpecError);
      message = (error as SpecError).message;
    }
    expect(message.slice(0, says.length)).toBe(says);
  });

test('training options that an objective leaves no room for are refused', async () => {
  const vae = await Vae.create({ ...spec, objective: 'mmd' }, { device: await nodeDevice() });
  const iwae = vae.trainer(data, { batchSize: 8, samples: 2, estimator: { type: 'iwae' } });
  await expect(iwae).rejects.toThrow(
    "[estimator] is iwae, and the objective mmd has a loss of its own; use 'A' or 'B'",
  );
  const beta = vae.trainer(data, { batchSize: 8, beta: 4 });
  await expect(beta).rejects.toThrow(
    '[beta] came with the objective mmd, which weighs the KL itself; leave beta out',
  );
  vae.destroy();
});

test('every objective is the same after JSON and back', () => {
  for (const type of objectiveNames) {
    const complete = objectiveSpec(type);
    expect(objectiveSpec(JSON.parse(JSON.stringify(complete)))).toEqual(complete);
  }
});
