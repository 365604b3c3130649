/**
 * Plan: every byte on the GPU is accounted for and given back. The ledger stays flat over 1,000 steps, returns to
 * what it was when trainers and models go, and to zero with the device; 30 models leave nothing. Whatever fails
 * while something is made (the byte budget at every size, each GPU call in turn) leaves nothing allocated, and
 * the device works afterwards. A borrowed GPUDevice outlives the model.
 */
import { expect, test } from '@playwright/test';
import { Device } from '../../src/gpu/device.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { convSpec, denseSpec } from '../../src/vae/presets.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import { faultKinds, injectFault, type FaultKind } from '../faults.js';
import { freshDevice, nodeDevice } from '../node-device.js';
import { seededData } from '../seeded-run.js';

const spec = denseSpec({ input: [6, 6, 1], hidden: 8, latent: 2 });
const options = { batchSize: 10 } as const;

/** The conv preset on images so small that a software GPU takes 1,000 steps within a minute. */
const convData: Dataset = {
  ...seededData,
  rows: 28,
  shape: [8, 8, 1],
  values: seededData.values.subarray(0, 28 * 64),
};
const convPreset = convSpec({ input: convData.shape, hidden: 8, latent: 2 });

const longRuns: [name: string, model: VaeSpec, data: Dataset][] = [
  ['the dense preset', spec, seededData],
  ['the conv preset', convPreset, convData],
];
for (const [name, model, data] of longRuns)
  test(`1,000 steps of ${name} allocate nothing`, async () => {
    const device = await nodeDevice();
    const vae = await Vae.create(model, { device });
    const trainer = await vae.trainer(data, options);
    const sizes = new Set<number>();
    for (let step = 0; step < 1000; step++) {
      await trainer.step();
      sizes.add(device.liveByteLength);
      if (trainer.pendingTerms === 200) await trainer.terms();
    }
    await trainer.terms();
    expect([...sizes, device.liveByteLength]).toEqual([
      sizes.values().next().value,
      sizes.values().next().value,
    ]);
    trainer.destroy();
    vae.destroy();
  });

test('every part gives back what it took', async () => {
  const device = await nodeDevice();
  const start = device.liveByteLength;
  const vae = await Vae.create(spec, { device });
  const withModel = device.liveByteLength;
  expect(withModel - start).toBeGreaterThanOrEqual(4 * vae.parameterCount);
  const trainer = await vae.trainer(seededData, options);
  await trainer.step();
  expect(device.liveByteLength).toBeGreaterThan(withModel);
  trainer.destroy();
  expect(device.liveByteLength, 'after the trainer').toBe(withModel);
  await vae.train(seededData, { ...options, epochs: 1 });
  expect(device.liveByteLength, 'after train()').toBe(withModel);
  await vae.evaluate(seededData);
  expect(device.liveByteLength, 'after evaluate()').toBe(withModel);
  await vae.save();
  expect(device.liveByteLength, 'after save()').toBe(withModel);
  await vae.reconstruct(new Float32Array(3 * 36)); // keeps its two plans for the next call of so few rows
  const withPlans = device.liveByteLength;
  expect(withPlans).toBeGreaterThan(withModel);
  await vae.sample(4);
  await vae.reconstruct(new Float32Array(5 * 36));
  expect(device.liveByteLength, 'after a second reconstruct()').toBe(withPlans);
  vae.destroy();
  await Promise.resolve(); // inference plans go in a microtask
  expect(device.liveByteLength, 'after the model').toBe(start);
});

test('30 models made and destroyed leave nothing', async () => {
  const device = await nodeDevice();
  const start = device.liveByteLength;
  for (let round = 0; round < 30; round++) {
    const vae = await Vae.create(spec, { device, seed: round });
    await vae.train(seededData, { batchSize: 25, epochs: 1 });
    await vae.sample(2);
    vae.destroy();
    await Promise.resolve();
    expect(device.liveByteLength, `round ${round}`).toBe(start);
  }
});

test('a device of our own holds nothing after destroy', async () => {
  const device = await freshDevice();
  const vae = await Vae.create(spec, { device });
  const trainer = await vae.trainer(seededData, options);
  await trainer.step();
  await vae.sample(2);
  device.destroy(); // with the model, the trainer and the inference plans still open
  expect(device.liveByteLength).toBe(0);
});

test('destroying twice is harmless', async () => {
  const device = await nodeDevice();
  const start = device.liveByteLength;
  const vae = await Vae.create(spec, { device });
  const trainer = await vae.trainer(seededData, options);
  for (const part of [trainer, trainer, vae, vae]) part.destroy();
  expect(device.liveByteLength).toBe(start);
});

test('a borrowed GPUDevice stays alive and usable', async () => {
  const owner = await freshDevice();
  const { gpu } = owner;
  const vae = await Vae.create(spec, { device: gpu });
  await vae.train(seededData, { ...options, epochs: 1 });
  const { device } = vae;
  vae.destroy();
  await Promise.resolve();
  expect(device.liveByteLength).toBe(0);
  const outcome = await Promise.race([gpu.lost.then(() => 'lost'), roundTrip(gpu)]);
  expect(outcome).toEqual([1, 2, 3, 4]);
  const second = await Vae.create(spec, { device: gpu });
  expect(await second.sample(1)).toHaveLength(36);
  second.destroy();
  owner.destroy();
});

/** Writes four words with the caller's own calls and reads them back. */
async function roundTrip(gpu: GPUDevice): Promise<number[]> {
  const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const source = gpu.createBuffer({ size: 16, usage });
  const target = gpu.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  gpu.queue.writeBuffer(source, 0, Uint32Array.of(1, 2, 3, 4));
  const encoder = gpu.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, target, 0, 16);
  gpu.queue.submit([encoder.finish()]);
  await target.mapAsync(GPUMapMode.READ);
  return [...new Uint32Array(target.getMappedRange())];
}

/** What a caller may do that takes memory; each is tried with every failure of every call. */
const actions: Readonly<Record<string, (device: Device, vae: Vae) => Promise<unknown>>> = {
  'Vae.create': (device, vae) => Vae.create(vae.spec, { device }),
  'a trainer on a data set': (_, vae) => vae.trainer(seededData, options),
  'a trainer on fed batches': (_, vae) => vae.trainer(undefined, options),
  'train()': (_, vae) => vae.train(seededData, { ...options, epochs: 1 }),
  'evaluate()': (_, vae) => vae.evaluate(seededData),
  'encode()': (device, vae) => encodeOnce(device, vae.spec),
  'save()': (_, vae) => vae.save(),
};

/** With a model of its own, because a model keeps its plan for the next call. */
async function encodeOnce(device: Device, model: VaeSpec): Promise<unknown> {
  const vae = await Vae.create(model, { device });
  try {
    return await vae.encode(new Float32Array(36));
  } finally {
    vae.destroy();
    await Promise.resolve();
  }
}

const [createsOnly, compilesNothing] = [
  ['Vae.create', 'a trainer on a data set', 'a trainer on fed batches'],
  ['Vae.create', 'save()'],
];

/** Whether an action makes calls of the kind at all. */
function makesCalls(action: string, kind: FaultKind): boolean {
  if (kind === 'a pipeline is refused') return !compilesNothing.includes(action);
  return kind !== 'a read-back is refused' || !createsOnly.includes(action);
}

test.describe('a failure is reported and leaves nothing allocated', () => {
  for (const [name, act] of Object.entries(actions))
    for (const kind of Object.keys(faultKinds) as FaultKind[])
      if (makesCalls(name, kind))
        test(`${name}: ${kind}`, async () => {
          const owner = await freshDevice();
          const calls = await failEachCall(owner.gpu, kind, act);
          test.info().annotations.push({ type: 'calls', description: String(calls) });
          expect(calls).toBeGreaterThan(0);
          owner.destroy();
        });
});

/** Convolutions and a state beside the weights; only allocations, because the other calls are the same. */
const convModel: VaeSpec = {
  input: [6, 6, 1],
  latent: 2,
  encoder: [
    { type: 'conv', channels: 4, kernel: 3, stride: 2 },
    { type: 'batchNorm', activation: 'relu' },
  ],
  decoder: [
    { type: 'dense', units: 36 },
    { type: 'reshape', shape: [3, 3, 4] },
    { type: 'batchNorm', activation: 'relu' },
    { type: 'deconv', channels: 1 },
  ],
};
test.describe('an allocation of a conv model with batchNorm fails and leaves nothing', () => {
  const kinds = ['the budget refuses an allocation', 'the GPU refuses an allocation'] as const;
  for (const name of ['Vae.create', 'a trainer on a data set', 'evaluate()', 'encode()', 'save()'])
    for (const kind of kinds)
      test(`${name}: ${kind}`, async () => {
        const owner = await freshDevice();
        const calls = await failEachCall(owner.gpu, kind, actions[name]!, convModel);
        test.info().annotations.push({ type: 'calls', description: String(calls) });
        expect(calls).toBeGreaterThan(name === 'a trainer on a data set' ? 20 : 0);
        owner.destroy();
      });
});

/** Lets the first call of a kind fail, then the second, until all were tried; returns how many there were. */
async function failEachCall(
  gpu: GPUDevice,
  kind: FaultKind,
  act: (device: Device, vae: Vae) => Promise<unknown>,
  model = spec,
): Promise<number> {
  for (let nth = 1; ; nth++) {
    const device = Device.borrow(gpu); // with empty caches, so that every attempt makes the same calls
    const vae = await Vae.create(model, { device });
    const start = device.liveByteLength;
    const fault = injectFault(device, kind, nth);
    const outcome = await act(device, vae).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    const leftBytes = device.liveByteLength - start;
    fault.stop();
    if (fault.hasFailed) {
      expect(outcome, `call ${nth} failed`).toEqual({ error: expect.any(faultKinds[kind]) });
      expect(leftBytes, `bytes left when call ${nth} failed`).toBe(0);
      // The device and the model still work; compiling convolutions again and again would take minutes.
      if (model === spec || nth % 8 === 1) await vae.train(seededData, { ...options, epochs: 1 });
    }
    vae.destroy();
    device.destroy();
    if (!fault.hasFailed) return nth - 1;
  }
}
