/**
 * Plan: what `requiredLimits` states before there is a device is what calls then need.
 * | axis  | control                 | cases                                                            |
 * | bound | an activation           | the flat weights, the data set; nothing but a few rows           |
 * | use   | training, 10 rows       | inference only; an adversary's second network                    |
 * | limit | as stated: all works    | one byte less is refused; a real device, asked for just these,   |
 * |       |                         | runs a model that a default device refuses                       |
 */
import { expect, test } from '@playwright/test';
import { Device } from '../../src/gpu/device.js';
import { DeviceError } from '../../src/gpu/errors.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { Model } from '../../src/vae/model.js';
import { denseSpec } from '../../src/vae/presets.js';
import { requiredLimits, type LimitsOptions, type RequiredLimits } from '../../src/vae/required-limits.js';
import { completeSpec, type VaeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import { freshDevice, nodeGpu } from '../node-device.js';

const BATCH = 10;
/** Rows of the plan that encode() runs for ten. */
const PLAN_ROWS = 32;

const convolution: VaeSpec = {
  input: [8, 8, 1],
  latent: 2,
  encoder: [
    { type: 'conv', channels: 16, kernel: 3, activation: 'relu' },
    { type: 'averagePool', kernel: 8 },
  ],
  decoder: [],
};
const thin: VaeSpec = { input: [64], latent: 2, encoder: [], decoder: [] };
const wide = denseSpec({ input: [64], hidden: 200, latent: 2 });

function pictures(rows: number): Dataset {
  return { rows, shape: [64], values: new Float32Array(rows * 64).fill(0.5) };
}

const weightBytes = (spec: VaeSpec): number => 4 * new Model(completeSpec(spec)).weights.set.length;

interface Row {
  readonly spec: VaeSpec;
  readonly options?: LimitsOptions;
  /** By hand: the longest binding. */
  readonly binding: number;
}

const rows: Record<string, Row> = {
  'an activation': { spec: convolution, binding: 4 * PLAN_ROWS * 64 * 16 },
  'an activation, without training': {
    spec: convolution,
    options: { training: false },
    binding: 4 * PLAN_ROWS * 64 * 16,
  },
  'the flat weights': { spec: wide, binding: weightBytes(wide) },
  'a weight, without training': { spec: wide, options: { training: false }, binding: 4 * 64 * 200 },
  'the data set': { spec: thin, options: { data: pictures(500) }, binding: 4 * 500 * 64 },
};

/** Lets the device say that it has these limits; WebGPU itself gives none below the default. */
function pretend({ gpu }: Device, limits: RequiredLimits): void {
  Object.defineProperty(gpu, 'limits', { value: limits, configurable: true });
}

/** Everything that the limits were asked for. */
async function use(device: Device, { spec, options }: Row): Promise<void> {
  const vae = await Vae.create(spec, { device });
  await vae.encode(new Float32Array(BATCH * 64));
  await vae.sample(BATCH);
  if (options?.training !== false) {
    const data = options?.data ?? { ...pictures(BATCH), shape: [...spec.input] };
    await vae.train(data, { epochs: 1, batchSize: BATCH });
    await vae.evaluate(data, { batchSize: BATCH });
  }
  vae.destroy();
}

for (const [name, row] of Object.entries(rows))
  test(`${name}: the stated limits are the least that work`, async () => {
    const limits = requiredLimits(row.spec, BATCH, row.options);
    expect(limits.maxStorageBufferBindingSize).toBe(row.binding);
    const device = await freshDevice();
    pretend(device, limits);
    await use(device, row);
    device.check(); // and the GPU had nothing against it
    for (const limit of ['maxBufferSize', 'maxStorageBufferBindingSize'] as const) {
      pretend(device, { ...limits, [limit]: limits[limit] - 1 });
      await expect(use(device, row), limit).rejects.toThrow(DeviceError);
    }
    device.destroy();
  });

test('a second network and a specification that cannot be built', () => {
  const image = { ...wide, input: [8, 8, 1] };
  const alone = requiredLimits(image, BATCH);
  const adversarial = requiredLimits({ ...image, objective: { type: 'adversarial' } }, BATCH);
  expect(adversarial.maxBufferSize).toBeGreaterThan(alone.maxBufferSize);
  expect(() => requiredLimits({ ...wide, latent: 0 }, BATCH)).toThrow(/^\[spec\.latent\]/);
  expect(() => requiredLimits(wide, 0)).toThrow(/^\[batchSize\] is 0/);
});

test('a device requested with just these limits runs what a default one refuses', async () => {
  // One activation of 1024 x 1024 x 36 floats is a little over the default of 128 MiB.
  const large: VaeSpec = {
    input: [1024, 1024, 1],
    latent: 2,
    encoder: [
      { type: 'conv', channels: 36, kernel: 1 },
      { type: 'averagePool', kernel: 64 },
    ],
    decoder: [
      { type: 'dense', units: 256 },
      { type: 'reshape', shape: [16, 16, 1] },
      { type: 'upsample', factor: 8 },
      { type: 'upsample', factor: 8 },
    ],
  };
  const limits = requiredLimits(large, 1, { training: false });
  expect(limits.maxStorageBufferBindingSize).toBe(4 * 1024 * 1024 * 36);
  const image = new Float32Array(1024 * 1024).fill(0.5);
  const encodeOn = async (requested: Record<string, number>): Promise<number> => {
    const adapter = await (await nodeGpu()).requestAdapter();
    const gpu = await adapter!.requestDevice({ requiredLimits: requested });
    const vae = await Vae.create(large, { device: gpu });
    const { mean } = await vae.encode(image).finally(() => vae.destroy());
    gpu.destroy();
    return mean.length;
  };
  await expect(encodeOn({})).rejects.toThrow(/takes 150994944 bytes; this device binds at most 134217728;/);
  expect(await encodeOn(limits)).toBe(2);
});
