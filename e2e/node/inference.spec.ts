/**
 * Plan: encode and decode run a plan of about as many rows as they are given, and what a row gives does not depend on it.
 * | axis  | control             | cases                                                                     |
 * | rows  | 128, one full batch | 1, 2, 8, 9, 32, 33, 129, 257: across the plans' sizes and past the last   |
 * | model | dense               | convolutions with batchNorm whose statistics have moved, and dropout      |
 * | plans | -                   | one row runs a plan of one row; a few plans are kept, none made again     |
 */
import { expect, test } from '@playwright/test';
import type { Device } from '../../src/gpu/device.js';
import { denseSpec } from '../../src/vae/presets.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import { scaledError } from '../model.js';
import { freshDevice, nodeDevice } from '../node-device.js';
import { seededData } from '../seeded-run.js';

const K = 3;
const D = 36;

const specs: Record<string, VaeSpec> = {
  dense: denseSpec({ input: [6, 6, 1], hidden: 24, latent: K }),
  'conv with batchNorm': {
    input: [6, 6, 1],
    latent: K,
    encoder: [
      { type: 'conv', channels: 8, kernel: 3, stride: 2 },
      { type: 'batchNorm', activation: 'relu' },
      { type: 'dropout', rate: 0.5 },
    ],
    decoder: [
      { type: 'dense', units: 72 },
      { type: 'reshape', shape: [3, 3, 8] },
      { type: 'batchNorm', activation: 'relu' },
      { type: 'deconv', channels: 1 },
    ],
  },
};

/** Sums of the same numbers in another order, a few times one after the other. */
const TOLERANCE = 1e-5;

/** A model a few steps from its first weights and statistics. */
async function trained(spec: VaeSpec, device: Device): Promise<Vae> {
  const vae = await Vae.create(spec, { device });
  await vae.train(seededData, { batchSize: 25, epochs: 2, learningRate: 0.01 });
  return vae;
}

/** Numbers of a wave without a period to speak of. */
function wave(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => 0.5 + 0.5 * Math.sin(i * i * 0.37));
}

for (const [name, spec] of Object.entries(specs))
  test(`${name}: a row gives the same alone and among others`, async () => {
    const vae = await trained(spec, await nodeDevice());
    const [x, z] = [wave(257 * D), wave(257 * K)];
    const all = { mean: (await vae.encode(x)).mean, decoded: await vae.decode(z) };
    for (const rows of [1, 2, 8, 9, 32, 33, 128, 129]) {
      const { mean, logVariance } = await vae.encode(x.slice(0, rows * D));
      const decoded = await vae.decode(z.slice(0, rows * K));
      expect([mean.length, logVariance.length, decoded.length]).toEqual([rows * K, rows * K, rows * D]);
      expect(scaledError(mean, all.mean.subarray(0, rows * K)), `encode ${rows}`).toBeLessThan(TOLERANCE);
      expect(scaledError(decoded, all.decoded.subarray(0, rows * D)), `decode ${rows}`).toBeLessThan(
        TOLERANCE,
      );
      // The same call again gives the same bits.
      expect(await vae.decode(z.slice(0, rows * K))).toEqual(decoded);
    }
    const last = await vae.decode(z.slice(256 * K));
    expect(scaledError(last, all.decoded.subarray(256 * D)), 'the last row of three batches').toBeLessThan(
      TOLERANCE,
    );
    vae.destroy();
  });

test('one row runs a plan of one row, and few plans are kept', async () => {
  const device = await freshDevice();
  const vae = await Vae.create(specs['dense']!, { device });
  const labels = new Map<string, number>();
  const create = device.createBuffer.bind(device);
  device.createBuffer = (label, byteLength, usage) => {
    if (label.endsWith('/x'))
      labels.set(`${label} ${byteLength}`, (labels.get(`${label} ${byteLength}`) ?? 0) + 1);
    return create(label, byteLength, usage);
  };
  await vae.decode(wave(K));
  expect([...labels]).toEqual([[`decode/x ${4 * K}`, 1]]);
  for (let rows = 1; rows <= 140; rows += 3) await vae.decode(wave(rows * K));
  expect([...labels]).toEqual([1, 8, 32, 128].map((rows) => [`decode/x ${4 * K * rows}`, 1]));
  const withPlans = device.liveByteLength;
  for (const rows of [1, 5, 20, 100, 300]) await vae.decode(wave(rows * K));
  expect(device.liveByteLength).toBe(withPlans);
  device.destroy();
});
