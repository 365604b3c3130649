/**
 * Plan: layers and objectives of the caller's. One that does what the package's does trains to the same bits, within a
 * residual too; a file keeps name and options; what is missing, or what no file can keep, is refused by its place.
 */
import { expect, test } from '@playwright/test';
import { nameAt, Vae, type Extensions, type OwnLayer, type OwnObjective, type VaeSpec } from 'webgpu-vae';
import { activate, add, matmul, multiply, subtract, unary } from 'webgpu-vae/gpu';
import { SpecError } from '../../src/gpu/errors.js';
import { nodeDevice } from '../node-device.js';
import { seededData } from '../seeded-run.js';

const tanhDense: OwnLayer = ({ shape }, site, options) => {
  const { units } = options as { units: number };
  const { weight, bias } = site.weights.linear(nameAt(site), shape, [units]);
  return { shape: [units], places: 2, apply: (x) => activate(add(matmul(x, weight), bias), 'tanh') };
};

/** As the package's `capacity` with these numbers. */
const ownCapacity: OwnObjective = (_, options) => ({
  beta: 1,
  usesBound: false,
  penalty({ bound, mean, weight }) {
    const { capacity } = options as { capacity: number };
    const distance = unary('abs', subtract(mean(bound.kl), weight('capacity', capacity)));
    const loss = subtract(multiply(weight('factor', 5), distance), mean(bound.reconstruction));
    return { loss, terms: { distance } };
  },
});

const extensions: Extensions = { layers: { tanhDense }, objectives: { ownCapacity } };
const base = { input: [6, 6, 1], latent: 2 } as const;
const dense = { type: 'dense', units: 7, activation: 'tanh' } as const;
const own = { type: 'own', name: 'tanhDense', options: { units: 7 } } as const;

const theirs: VaeSpec = {
  ...base,
  encoder: [dense, dense],
  decoder: [dense],
  objective: { type: 'capacity', weight: 5, capacity: 2 },
};
const ours: VaeSpec = {
  ...base,
  encoder: [{ type: 'flatten' }, own, own],
  decoder: [own],
  objective: { type: 'own', name: 'ownCapacity', options: { capacity: 2 } },
};

async function trained(spec: VaeSpec): Promise<Vae> {
  const vae = await Vae.create(spec, { device: await nodeDevice(), seed: 2, ...extensions });
  await vae.train(seededData, { epochs: 2, batchSize: 8 });
  return vae;
}

test("the package's layer and objective, written outside, train to the same bits", async () => {
  const [a, b] = [await trained(theirs), await trained(ours)];
  expect(await b.readWeights()).toEqual(await a.readWeights());
  const loaded = await Vae.load(await b.save(), { device: await nodeDevice(), ...extensions });
  expect(loaded.spec).toEqual(b.spec);
  expect(await loaded.readWeights()).toEqual(await b.readWeights());
  expect(await loaded.sample(3)).toEqual(await a.sample(3));
  for (const vae of [a, b, loaded]) vae.destroy();
});

test('an own layer stands in a residual too', async () => {
  const twice: OwnLayer = ({ shape }) => ({ shape, places: 1, apply: (x) => add(x, x) });
  const residual = { type: 'residual', layers: [{ type: 'own', name: 'twice' }] } as const;
  const spec: VaeSpec = { ...base, encoder: [residual], decoder: [dense] };
  const vae = await Vae.create(spec, { device: await nodeDevice(), layers: { twice } });
  const x = Float32Array.from({ length: 36 }, (_, i) => i / 36);
  const plain = { ...spec, encoder: [] };
  const without = await Vae.create(plain, { device: await nodeDevice() });
  const tripled = await without.encode(x.map((value) => Math.fround(3 * value)));
  const { mean } = await vae.encode(x);
  mean.forEach((value, k) => expect(value).toBeCloseTo(tripled.mean[k]!, 5));
  for (const model of [vae, without]) model.destroy();
});

const refused: readonly (readonly [what: string, spec: object, message: string])[] = [
  [
    'a layer that was not passed',
    { ...ours, encoder: [{ type: 'own', name: 'other' }] },
    "[spec.encoder[0].name] is 'other', code of its author; layers has tanhDense; pass it: { layers: { 'other': ... } } in Vae.create or Vae.load",
  ],
  [
    'an objective that was not passed',
    { ...ours, objective: { type: 'own', name: 'toString' } },
    "[spec.objective.name] is 'toString', code of its author; objectives has ownCapacity; pass it: { objectives: { 'toString': ... } } in Vae.create or Vae.load",
  ],
  [
    'a name that is none',
    { ...ours, encoder: [{ type: 'own', name: '../x' }] },
    '[spec.encoder[0].name] is "../x"; expected a name of letters, digits, - and _',
  ],
  [
    'options that no file can keep',
    { ...ours, encoder: [{ type: 'own', name: 'tanhDense', options: { units: [1, () => 2] } }] },
    '[spec.encoder[0].options.units[1]] is function; expected what JSON can keep: finite numbers, strings, booleans, null, lists and plain objects',
  ],
  [
    'a NaN among them',
    { ...ours, objective: { type: 'own', name: 'ownCapacity', options: { capacity: Number.NaN } } },
    '[spec.objective.options.capacity] is NaN; expected what JSON can keep: finite numbers, strings, booleans, null, lists and plain objects',
  ],
];

for (const [what, spec, message] of refused)
  test(`${what} is refused`, async () => {
    const device = await nodeDevice();
    const creating = Vae.create(spec as VaeSpec, { device, ...extensions });
    const error: unknown = await creating.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SpecError);
    expect((error as SpecError).message).toBe(message);
  });

test('a file with an own layer says what it needs', async () => {
  const vae = await trained(ours);
  const bytes = await vae.save();
  vae.destroy();
  await expect(Vae.load(bytes, { device: await nodeDevice() })).rejects.toThrow(
    "[spec.encoder[1].name] is 'tanhDense', code of its author; layers has none; pass it",
  );
});
