/**
 * Plan: layers that behave differently in training, through a model as a user has it.
 * | layer     | training                               | evaluation, encode, decode, sample             |
 * | batchNorm | statistics of the batch; moves its own | its own statistics, which stay as they are     |
 * | dropout   | drops, anew in every step              | absent                                         |
 * A saved file goes on where the model was; the same seed gives the same bits of weights and state.
 */
import { expect, test } from '@playwright/test';
import { readSafetensors, writeSafetensors } from '../../src/vae/checkpoint/safetensors.js';
import { completeSpec, type VaeSpec } from '../../src/vae/spec.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { Vae } from '../../src/vae/vae.js';
import { scaledError } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { seededData } from '../seeded-run.js';

const both: VaeSpec = {
  input: [6, 6, 1],
  latent: 3,
  encoder: [
    { type: 'conv', channels: 8, kernel: 3, stride: 2, padding: 1 },
    { type: 'batchNorm', activation: 'relu' },
    { type: 'dropout', rate: 0.4 },
    { type: 'dense', units: 12, activation: 'relu' },
  ],
  decoder: [
    { type: 'dense', units: 72 },
    { type: 'reshape', shape: [3, 3, 8] },
    { type: 'batchNorm', momentum: 0.3, activation: 'relu' },
    { type: 'dropout', rate: 0.2 },
    { type: 'deconv', channels: 1 },
  ],
};
const short = { batchSize: 16, epochs: 2, learningRate: 0.01 } as const;

type Numbers = Record<string, number[]>;

/** The running statistics by their names in a file. */
async function stateOf(vae: Vae): Promise<Numbers> {
  const { tensors } = await readSafetensors(await vae.save());
  const state = [...tensors].filter(([name]) => /running_|tracked/.test(name));
  return Object.fromEntries(state.map(([name, { values }]) => [name, [...(values as Float32Array)]]));
}

const rows = Float32Array.from(seededData.values.subarray(0, 5 * 36), (byte) => byte / 255);

test("batchNorm's statistics are those of the batches, by its momentum", async () => {
  // On the data itself, so that the statistics can be told without a network.
  const spec: VaeSpec = {
    input: [2, 2, 2],
    latent: 1,
    encoder: [{ type: 'batchNorm', momentum: 0.25 }],
    decoder: [],
  };
  const values = Float32Array.from({ length: 6 * 8 }, (_, i) => (i % 2 ? 0.5 : 0) + ((i * 7) % 12) / 24);
  const data: Dataset = { rows: 6, shape: spec.input, values };
  const vae = await Vae.create(spec, { device: await nodeDevice() });
  const name = 'encoder.0.';
  expect(await stateOf(vae)).toEqual({
    [`${name}running_mean`]: [0, 0],
    [`${name}running_var`]: [1, 1],
    [`${name}num_batches_tracked`]: [0],
  });
  await vae.train(data, { batchSize: 6, epochs: 2 });
  const state = await stateOf(vae);
  expect(state[`${name}num_batches_tracked`]).toEqual([2]);
  for (const channel of [0, 1]) {
    const numbers = Array.from(values).filter((_, i) => i % 2 === channel);
    const mean = numbers.reduce((sum, x) => sum + x, 0) / 24;
    const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 23; // unbiased, as PyTorch keeps it
    // After two batches with the same numbers: 0.75 of 0.75 of the start, the rest of theirs.
    expect(state[`${name}running_mean`]![channel]).toBeCloseTo(0.4375 * mean, 5);
    expect(state[`${name}running_var`]![channel]).toBeCloseTo(0.5625 + 0.4375 * variance, 5);
  }
  vae.destroy();
});

test('training moves the state; nothing else does', async () => {
  const vae = await Vae.create(both, { device: await nodeDevice() });
  const fresh = await stateOf(vae);
  expect(Object.keys(fresh)).toHaveLength(6);
  await vae.train(seededData, short);
  const moved = await stateOf(vae);
  for (const [name, values] of Object.entries(moved)) {
    const isCount = name.endsWith('tracked');
    values.forEach((value, i) => expect(value, `${name}[${i}]`).not.toBe(fresh[name]![i]));
    if (isCount) expect(values).toEqual([8]); // two epochs of four batches
  }
  await vae.evaluate(seededData, { batchSize: 16 });
  await vae.reconstruct(rows);
  await vae.sample(4);
  expect(await stateOf(vae)).toEqual(moved);
  vae.destroy();
});

test('evaluation uses the state, not the batch', async () => {
  const device = await nodeDevice();
  const vae = await Vae.create(both, { device });
  await vae.train(seededData, short);
  const whole = await vae.evaluate(seededData, { batchSize: 50, samples: 1 });
  const { mean } = await vae.encode(rows);
  const alone = await vae.encode(rows.slice(2 * 36, 3 * 36));
  expect(scaledError(alone.mean, mean.subarray(6, 9)), 'a row beside others').toBeLessThan(1e-5);

  const { tensors, metadata } = await readSafetensors(await vae.save());
  const shiftedMean = [...tensors].map(([name, { shape, values }]) => {
    const shift = name === 'encoder.1.running_mean' ? 1 : 0;
    return [name, { shape, values: Float32Array.from(values as Float32Array, (x) => x + shift) }] as const;
  });
  const file = await writeSafetensors(new Map(shiftedMean), Object.fromEntries(metadata));
  const other = await Vae.load(file, { device });
  const shifted = await other.evaluate(seededData, { batchSize: 50 });
  expect(Math.abs(shifted.elbo - whole.elbo)).toBeGreaterThan(1e-3);
  expect((await other.encode(rows)).mean).not.toEqual(mean);
  vae.destroy();
  other.destroy();
});

test('dropout is in training only, and other in every step', async () => {
  const device = await nodeDevice();
  // The last layer of the encoder, so that the other layers have the same names with and without it.
  const dense = { type: 'dense', units: 40, activation: 'relu' } as const;
  const spec: VaeSpec = { input: [6, 6, 1], latent: 3, encoder: [dense], decoder: [dense] };
  const dropped: VaeSpec = { ...spec, encoder: [dense, { type: 'dropout', rate: 0.5 }] };
  const [plain, vae] = await Promise.all(
    [spec, dropped].map((model) => Vae.create(model, { device, seed: 4 })),
  );
  expect(await vae!.readWeights()).toEqual(await plain!.readWeights());
  expect(await vae!.evaluate(seededData)).toEqual(await plain!.evaluate(seededData));
  expect(await vae!.encode(rows)).toEqual(await plain!.encode(rows));

  // Without a step to speak of, only the noise tells two training steps on the same rows apart.
  const x = rows;
  const noise = new Float32Array(5 * 3);
  const still = { batchSize: 5, optimizer: { type: 'sgd' }, learningRate: 1e-30 } as const;
  const elbos = async (model: Vae): Promise<number[]> => {
    const trainer = await model.trainer(undefined, still);
    for (let step = 0; step < 3; step++) await trainer.step({ x, noise });
    const terms = await trainer.terms();
    trainer.destroy();
    return terms.map(({ elbo }) => elbo);
  };
  expect(new Set(await elbos(plain!)).size).toBe(1);
  expect(new Set(await elbos(vae!)).size).toBe(3);
  plain!.destroy();
  vae!.destroy();
});

test('a saved file gives the same model: its state, evaluation and samples', async () => {
  const device = await nodeDevice();
  const vae = await Vae.create(both, { device });
  await vae.train(seededData, short);
  const file = await vae.save();
  const again = await Vae.load(file, { device });
  expect(again.spec).toEqual(completeSpec(both));
  expect(await again.evaluate(seededData)).toEqual(await vae.evaluate(seededData));
  expect(await again.encode(rows)).toEqual(await vae.encode(rows));
  expect(await again.sample(5)).toEqual(await vae.sample(5));
  expect(Buffer.compare(await again.save(), file)).toBe(0);
  // And both go on alike: the optimizer starts anew either way.
  await Promise.all([vae.train(seededData, short), again.train(seededData, short)]);
  expect(Buffer.compare(await again.save(), await vae.save())).toBe(0);
  vae.destroy();
  again.destroy();
});

test('the same seed gives the same bits of weights and state', async () => {
  const device = await nodeDevice();
  const run = async (seed: number): Promise<Uint8Array> => {
    const vae = await Vae.create(both, { device, seed: 1 });
    await vae.train(seededData, { ...short, seed, samples: 2, binarize: true });
    const file = await vae.save();
    vae.destroy();
    return file;
  };
  const first = await run(7);
  expect(Buffer.compare(await run(7), first)).toBe(0);
  expect(Buffer.compare(await run(8), first)).not.toBe(0);
});
