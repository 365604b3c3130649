/**
 * Plan: tuning on this adapter, with a model so small that it takes seconds.
 * - every product of the step is measured under every candidate, in the plan's order, by timestamps and by the wall clock;
 * - the table is one that a device takes, and only of this adapter; the device plans by it;
 * - a training step by a table of other kernels for every product gives the loss and the weights of the step without.
 * Control: the step without a table.
 */
import { expect, test } from '@playwright/test';
import { Device, SpecError, type TuneTable } from 'webgpu-vae';
import { readTuneTable } from 'webgpu-vae/gpu';
import { productGroups } from '../../src/node/cli/measure.js';
import { describeTiling, describeVariant } from '../../src/node/cli/product.js';
import { tableOf, tune, type TunedProduct } from '../../src/node/cli/tune.js';
import { buildOptimizer } from '../../src/vae/optimizers/optimizer.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import type { StepTerms } from '../../src/vae/trainer-options.js';
import { trainingPlan } from '../../src/vae/training-plan.js';
import { Vae } from '../../src/vae/vae.js';
import { largest } from '../evaluate.js';
import { nodeDevice } from '../node-device.js';
import { randomNormal, randomUniform } from '../reference/tensor.js';
import { tolerances } from '../tolerance.js';

const spec: VaeSpec = {
  input: [8, 8, 1],
  latent: 4,
  encoder: [{ type: 'conv', channels: 8, kernel: 4, stride: 2, padding: 1 }, { type: 'flatten' }],
  decoder: [
    { type: 'dense', units: 128, activation: 'relu' },
    { type: 'reshape', shape: [4, 4, 8] },
    { type: 'deconv', channels: 1 },
  ],
  likelihood: { type: 'bernoulli' },
};
const BATCH = 8;

/** Seconds, as a user's patience is counted; most of them go into compiling. */
const BOUND_S = 90;

async function tuneTiny(device: Device): Promise<TunedProduct[]> {
  const vae = await Vae.create(spec, { device });
  const plan = trainingPlan(vae.model, undefined, BATCH, {}, buildOptimizer({ type: 'adam' }));
  const { request } = plan.model[0]!;
  const products = await tune(device, request, { rounds: 2, boundMs: 200 });
  vae.destroy();
  return products;
}

test('every product of a step is measured under every candidate, within seconds', async () => {
  const device = await nodeDevice();
  const before = device.liveByteLength;
  const start = performance.now();
  const products = await tuneTiny(device);
  expect((performance.now() - start) / 1000).toBeLessThan(BOUND_S);
  expect(device.liveByteLength).toBe(before);

  const vae = await Vae.create(spec, { device });
  const trainer = await vae.trainer(undefined, { batchSize: BATCH });
  const planned = productGroups(trainer.plan);
  expect(products.reduce((sum, { count }) => sum + count, 0)).toBe(planned.length);
  const first = [...new Map(planned.map((group) => [JSON.stringify(group.key), group])).values()];
  expect(products.map(({ key }) => key)).toEqual(first.map(({ key }) => key));
  products.forEach(({ measurements, best, flops }, index) => {
    expect(describeTiling(measurements[0]!.tiling)).toBe(describeTiling(first[index]!.tiling));
    expect(measurements.length).toBeGreaterThanOrEqual(2);
    expect(measurements.length).toBeLessThanOrEqual(6);
    for (const { timeMs } of measurements) expect(timeMs).toBeGreaterThan(0);
    expect(measurements).toContain(best);
    expect(best.timeMs).toBeLessThanOrEqual(measurements[0]!.timeMs);
    expect(flops).toBeGreaterThan(0);
  });
  trainer.destroy();
  vae.destroy();
  expect(readTuneTable(JSON.parse(JSON.stringify(tableOf(device, products))))).toEqual(
    tableOf(device, products),
  );
});

test('without timestamps the wall clock measures', async () => {
  const { gpu } = await nodeDevice();
  const features = new Set([...gpu.features].filter((name) => name !== 'timestamp-query'));
  // The same device as a program would have got it that asked for no timestamps.
  const bare = new Proxy(gpu, {
    get: (target, name) => {
      if (name === 'features') return features;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const device = Device.borrow(bare);
  const products = await tuneTiny(device);
  for (const { measurements } of products)
    for (const { timeMs } of measurements) expect(timeMs).toBeGreaterThan(0);
  device.destroy();
});

/** A table that has another kernel than the rule's for every product of the step. */
async function otherTable(): Promise<TuneTable> {
  const device = await nodeDevice();
  const vae = await Vae.create(spec, { device });
  const trainer = await vae.trainer(undefined, { batchSize: BATCH });
  const entries = new Map(
    productGroups(trainer.plan).map(({ key, tiling }) => [
      JSON.stringify(key),
      {
        ...key,
        kernel: 'registers' as const,
        quads: [tiling.quads[0] === 1 ? 2 : 1, 1] as const,
        workgroup: [4, 4] as const,
        splits: Math.min(3, Math.ceil(key.inner / 4)),
      },
    ]),
  );
  trainer.destroy();
  vae.destroy();
  return { ...tableOf(device, []), entries: [...entries.values()] };
}

interface Outcome {
  readonly variants: string[];
  readonly terms: StepTerms[];
  readonly weights: Float32Array;
}

/** Two steps on the same numbers. */
async function trainTwoSteps(device: Device): Promise<Outcome> {
  const vae = await Vae.create(spec, { device, seed: 3 });
  const trainer = await vae.trainer(undefined, {
    batchSize: BATCH,
    optimizer: { type: 'sgd' },
    learningRate: 0.01,
  });
  const x = Float32Array.from(randomUniform([BATCH, 64], 1, 0, 1).values);
  const noise = Float32Array.from(randomNormal([BATCH, 4], 2).values);
  for (let step = 0; step < 2; step++) await trainer.step({ x, noise });
  const terms = await trainer.terms();
  const weights = await vae.readWeights();
  const variants = trainer.plan.dispatches.map(({ dispatch }) => describeVariant(dispatch));
  trainer.destroy();
  vae.destroy();
  return { variants: variants.filter((words) => words !== '-'), terms, weights };
}

test('a step by a table equals the step without', async () => {
  const shared = await nodeDevice();
  const tuned = Device.borrow(shared.gpu, { tuning: await otherTable() });
  expect(tuned.tuningNote).toBeUndefined();
  const [expected, actual] = [await trainTwoSteps(shared), await trainTwoSteps(tuned)];
  tuned.destroy();
  expect(actual.variants.every((words) => words.startsWith('registers'))).toBe(true);
  for (const [index, words] of actual.variants.entries()) expect(words).not.toBe(expected.variants[index]);
  for (const [index, { elbo }] of actual.terms.entries()) {
    const exact = expected.terms[index]!.elbo;
    expect(Math.abs(elbo - exact)).toBeLessThanOrEqual(tolerances.network(Math.abs(exact)));
  }
  const allowed = tolerances.network(largest(expected.weights));
  const wrong = actual.weights.findIndex((value, i) => !(Math.abs(value - expected.weights[i]!) <= allowed));
  expect(wrong, `weight ${wrong} is ${actual.weights[wrong]}; expected ${expected.weights[wrong]}`).toBe(-1);
});

test('a table of another adapter is left unused and says so; what is no table is refused', async () => {
  const { gpu, description } = await nodeDevice();
  const other = { ...(await otherTable()), adapter: 'acme rocket' };
  const device = Device.borrow(gpu, { tuning: other });
  expect(device.tuning).toBeUndefined();
  expect(device.tuningNote).toBe(
    `the tuning table was measured on 'acme rocket'; this device is '${description}'; run npm run tune on it`,
  );
  const control = await nodeDevice();
  const [actual, expected] = [await trainTwoSteps(device), await trainTwoSteps(control)];
  expect(actual.variants).toEqual(expected.variants);
  device.destroy();
  const broken = { version: 7 } as unknown as TuneTable;
  expect(() => Device.borrow(gpu, { tuning: broken })).toThrow(SpecError);
  await expect(Device.open({ tuning: broken })).rejects.toThrow(/^\[tuning.version\] is 7; expected 1;/);
});
