/**
 * Plan: what a device does not bind (128 MiB by default) is refused at planning, by name, with its size, the limit
 * and three cures, and leaves nothing allocated; one byte more of the limit and the same call works.
 * | axis    | control         | cases                                                                    |
 * | what    | it fits exactly | an activation, the data set, the flat weights, a weight                  |
 * | through | the plan itself | trainer, train(), evaluate(), decode(), the commands plan and train      |
 */
import { expect, test } from '@playwright/test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Device } from '../../src/gpu/device.js';
import { DeviceError } from '../../src/gpu/errors.js';
import { checkBindings } from '../../src/gpu/limits.js';
import { input } from '../../src/gpu/ops/constant.js';
import { makePlan } from '../../src/gpu/plan.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { Model } from '../../src/vae/model.js';
import { denseSpec } from '../../src/vae/presets.js';
import { completeSpec, type VaeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import { freshDevice, nodeDevice } from '../node-device.js';
import { runCli, testFolder } from './command-line.js';
import { refused } from '../refused.js';

const spec: VaeSpec = {
  input: [8, 8, 1],
  latent: 2,
  encoder: [
    { type: 'conv', channels: 16, kernel: 3, activation: 'relu' },
    { type: 'averagePool', kernel: 8 },
  ],
  decoder: [],
};
const data: Dataset = { rows: 30, shape: [8, 8, 1], values: new Float32Array(30 * 64).fill(0.5) };

/** Its activations are smaller than the data. */
const denseModel: VaeSpec = { input: [64], latent: 2, encoder: [], decoder: [] };
/** Its weights are larger than the data, and every one of them smaller. */
const wideModel = denseSpec({ input: [64], hidden: 29, latent: 2 });
const wideBytes = 4 * new Model(completeSpec(wideModel)).weights.set.length;

/** The convolution's output at a batch of 10, the largest that the model has. */
const largest = 4 * 10 * 8 * 8 * 16;
const dataBytes = 4 * 30 * 64;

const raise = 'or pass a device that was requested with a higher maxStorageBufferBindingSize';
const activationLine = (batch: number): RegExp =>
  new RegExp(
    `^\\[encoder\\.0/conv\\S*\\] product f32\\[${batch}, 8, 8, 16\\] takes ${4096 * batch} bytes; ` +
      `this device binds at most \\d+; use a smaller batch, use smaller images or fewer channels, ${raise}$`,
  );

const refusal = async (call: () => unknown): Promise<string> => (await refused(call, DeviceError)).message;

test('a plan: at the limit it passes, one byte below it is refused', async () => {
  const { weights, ...model } = new Model(completeSpec(spec));
  expect(model.width).toBe(64);
  const { terms } = new Model(completeSpec(spec)).elbo(input('x', [10, 64]), { estimator: 'B', samples: 1 });
  const plan = makePlan({ label: 'limits', outputs: { terms }, parameters: weights.set }, 'software');
  const limits = (maxStorageBufferBindingSize: number): void =>
    checkBindings(plan, { maxStorageBufferBindingSize });
  limits(largest);
  expect(await refusal(() => limits(largest - 1))).toMatch(activationLine(10));
});

/** Lets the device say that it binds at most `limit` bytes; WebGPU itself gives no limit below the default. */
function limitBindings({ gpu }: Device, limit: number): void {
  const limits = { maxBufferSize: gpu.limits.maxBufferSize, maxStorageBufferBindingSize: limit };
  Object.defineProperty(gpu, 'limits', { value: limits, configurable: true });
}

const options = { batchSize: 10, epochs: 1 };

interface Call {
  readonly model?: VaeSpec;
  /** The most that the call binds. */
  readonly needs: number;
  readonly call: (vae: Vae) => Promise<unknown>;
  readonly says: RegExp;
}

const whole = (label: string, name: string, byteLength: number, cures: string): RegExp =>
  new RegExp(
    `^\\[${label}\\] '${name}' takes ${byteLength} bytes; this device binds at most \\d+; ${cures}, ${raise}$`,
  );

const calls: Record<string, Call> = {
  'a trainer on a data set': {
    needs: largest,
    call: async (vae) => (await vae.trainer(data, { batchSize: 10 })).destroy(),
    says: activationLine(10),
  },
  'a trainer on fed batches': {
    needs: largest,
    call: async (vae) => (await vae.trainer(undefined, { batchSize: 10 })).destroy(),
    says: activationLine(10),
  },
  'train()': { needs: largest, call: (vae) => vae.train(data, options), says: activationLine(10) },
  'evaluate()': { needs: 3 * largest, call: (vae) => vae.evaluate(data), says: activationLine(30) },
  'encode()': {
    needs: 32 * 4096,
    call: (vae) => vae.encode(new Float32Array(20 * 64)),
    says: activationLine(32),
  },
  'a data set': {
    model: denseModel,
    needs: dataBytes,
    call: (vae) => vae.train(data, options),
    says: whole(
      'gather',
      'dataset',
      dataBytes,
      'use fewer images, use smaller ones \\(or bytes instead of floats\\)',
    ),
  },
  'all weights together, which the optimizer binds': {
    model: wideModel,
    needs: wideBytes,
    call: (vae) => vae.train(data, options),
    says: whole(
      'update adam',
      'gradients',
      wideBytes,
      'use fewer channels or units, use smaller images before a dense layer',
    ),
  },
};

for (const [name, { model = spec, needs, call, says }] of Object.entries(calls))
  test(`${name} is refused one byte below what it needs, and leaves nothing`, async () => {
    const device = await freshDevice();
    const vae = await Vae.create(model, { device });
    const before = device.liveByteLength;
    limitBindings(device, needs - 1);
    expect(await refusal(() => call(vae))).toMatch(says);
    expect(device.liveByteLength, 'bytes left').toBe(before);
    limitBindings(device, needs);
    await call(vae);
    device.check(); // and the GPU had nothing against it
    device.destroy();
  });

test('one row of a model whose batches do not fit', async () => {
  const device = await freshDevice();
  const vae = await Vae.create(spec, { device });
  limitBindings(device, 4096);
  expect((await vae.encode(new Float32Array(64))).mean).toHaveLength(2);
  expect(await refusal(() => vae.encode(new Float32Array(2 * 64)))).toMatch(activationLine(8));
  expect((await vae.encode(new Float32Array(64))).mean).toHaveLength(2);
  device.destroy();
});

test('the commands plan and train say it in one line', async () => {
  const device = await nodeDevice();
  const limit = device.gpu.limits.maxStorageBufferBindingSize;
  // One image of [512, 512, 64] floats has 64 MiB.
  const batch = Math.floor(limit / (4 * 512 * 512 * 64)) + 1;
  const folder = testFolder();
  const encoder = [
    { type: 'conv', channels: 64, kernel: 3 },
    { type: 'averagePool', kernel: 64, stride: 16 },
    { type: 'averagePool', kernel: 29 },
  ];
  writeFileSync(join(folder, 'spec.json'), JSON.stringify({ ...spec, input: [512, 512, 1], encoder }));
  for (const command of ['plan', 'train']) {
    const words = [command, '--model', 'spec.json', '--batch', String(batch), '--limit', String(batch)];
    const { code, stdout, stderr } = await runCli(words, folder);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(
      new RegExp(
        `^webgpu-vae: \\[encoder\\.0/conv\\S*\\] product f32\\[${batch}, 512, 512, 64\\] takes ${batch * 2 ** 26} bytes; ` +
          `this device binds at most ${limit}; use a smaller batch, `,
      ),
    );
  }
});
