/**
 * Plan: a seed decides every bit. Twenty steps on a data set (shuffle, noise and, as an axis, binarisation made on
 * the GPU) repeated on the same device, on another one, and in another process give the same weights; another seed
 * gives others. Then the epoch: every row exactly once in an order that changes, also when the last batch is
 * short, and the reported mean of an epoch is that of float64 over exactly those rows.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@playwright/test';
import type { Dataset } from '../../src/vae/data/dataset.js';
import type { Terms } from '../../src/vae/terms.js';
import type { TrainerOptions } from '../../src/vae/trainer-options.js';
import { float32, loadModel, randomParameters, scaledError } from '../model.js';
import { freshDevice, nodeDevice } from '../node-device.js';
import { normalNoise, uniformNoise } from '../reference/noise.js';
import { epochOrder } from '../reference/permutation.js';
import { map, randomUniform, roundToFloat32, zeros, type F64 } from '../reference/tensor.js';
import type { Seed } from '../reference/threefry.js';
import { parameterShapes, vaeForward, type DenseVaeSpec, type Parameters } from '../reference/vae.js';
import { seededDigest } from '../seeded-run.js';

/** Sums of float32 terms over a batch, and the noise that WGSL rounds. */
const TERMS_TOLERANCE = 1e-5;

/** So small that adding it changes no weight; steps then only evaluate. */
const FROZEN = { learningRate: 1e-30, optimizer: { type: 'sgd' } } as const satisfies TrainerOptions;

/** The same run in a process of its own, which shares nothing with this one but the files. */
async function digestInAnotherProcess(seed: number): Promise<string> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const script = `
    import { Device } from './src/gpu/device.ts';
    import { openNodeGpu } from './src/node/dawn.ts';
    import { seededDigest } from './e2e/seeded-run.ts';
    const device = await Device.open({ gpu: await openNodeGpu({ notify: () => undefined }) });
    process.stdout.write(await seededDigest(device, ${seed}), () => process.exit(0));`;
  const node = ['--import', 'tsx', '--input-type=module', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, node, { cwd: root });
  return stdout;
}

test.describe('the same seed gives the same bits', () => {
  for (const options of [{}, { binarize: true }, { estimator: 'A', samples: 2 }] as TrainerOptions[])
    test(`twice on one device: ${JSON.stringify(options)}`, async () => {
      const device = await nodeDevice();
      const first = await seededDigest(device, 3, options);
      expect(await seededDigest(device, 3, options)).toBe(first);
      expect(await seededDigest(device, 4, options)).not.toBe(first);
    });

  test('on a second device', async () => {
    const device = await freshDevice();
    expect(await seededDigest(device, 3)).toBe(await seededDigest(await nodeDevice(), 3));
    device.destroy();
  });

  test('in another process', async () => {
    expect(await digestInAnotherProcess(3)).toBe(await seededDigest(await nodeDevice(), 3));
  });

  test('of training and of the initial weights apart', async () => {
    const device = await nodeDevice();
    const base = await seededDigest(device, 3);
    expect(await seededDigest(device, 3, { seed: 5 })).not.toBe(base);
    expect(await seededDigest(device, 5, { seed: 3 })).not.toBe(base);
  });

  test('seeds beyond 32 bits differ from their low words', async () => {
    const device = await nodeDevice();
    expect(await seededDigest(device, 3, { seed: 2 ** 32 + 3 })).not.toBe(await seededDigest(device, 3));
  });
});

/** Reads which rows a batch held from its mean: row i contributes 2^i to the squared distance. */
async function rowsOfBatches(rows: number, batchSize: number, epochs: number): Promise<number[][]> {
  const spec: DenseVaeSpec = {
    input: [1],
    latent: 1,
    encoder: [],
    decoder: [],
    likelihood: { type: 'gaussian', scale: 1 },
  };
  const silent: Parameters = new Map([...parameterShapes(spec)].map(([name, shape]) => [name, zeros(shape)]));
  const vae = await loadModel(spec, silent, await nodeDevice()); // it decodes everything to 0
  const values = Float32Array.from({ length: rows }, (_, i) => Math.sqrt(2 ** (i + 1)));
  const trainer = await vae.trainer({ rows, shape: [1], values }, { ...FROZEN, batchSize, seed: 9 });
  for (let step = 0; step < epochs * trainer.stepsPerEpoch; step++) await trainer.step();
  const batches = (await trainer.terms()).map(({ reconstruction, rows: count }) => {
    const bits = Math.round(-count * (reconstruction + Math.log(2 * Math.PI) / 2));
    return Array.from({ length: rows }, (_, i) => i).filter((i) => (bits >> i) & 1);
  });
  trainer.destroy();
  vae.destroy();
  return batches;
}

test.describe('an epoch', () => {
  for (const [rows, batchSize] of [
    [1, 1],
    [2, 1],
    [10, 3],
    [16, 16],
    [17, 16],
  ] as const)
    test(`takes each of ${rows} rows once, in batches of ${batchSize}`, async () => {
      const epochs = 3;
      const batches = await rowsOfBatches(rows, batchSize, epochs);
      const steps = Math.ceil(rows / batchSize);
      expect(batches).toHaveLength(epochs * steps);
      for (let epoch = 0; epoch < epochs; epoch++) {
        const order = epochOrder(rows, { low: 9, high: 0 }, epoch);
        const ofEpoch = batches.slice(epoch * steps, (epoch + 1) * steps);
        const expected = ofEpoch.map((_, i) =>
          Array.from(order.slice(i * batchSize, (i + 1) * batchSize).toSorted()),
        );
        expect(ofEpoch).toEqual(expected);
        expect(ofEpoch.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
      }
    });

  test('changes its order from one to the next', async () => {
    const batches = await rowsOfBatches(12, 4, 2);
    expect(batches.slice(0, 3)).not.toEqual(batches.slice(3));
  });

  for (const axes of [{ estimator: 'A' }, { estimator: 'B' }, { binarize: true }] as const)
    test(`has the mean of float64 over its rows: ${JSON.stringify(axes)}`, async () => {
      const [rows, batchSize, epochs] = [21, 8, 2];
      const x = randomUniform([rows, D], 4, 0, 1);
      const vae = await loadModel(meanSpec, meanParameters, await nodeDevice());
      const before = await vae.readWeights();
      const options = { ...FROZEN, ...axes, ...MEAN_OPTIONS, epochs, batchSize };
      const reports: Terms[] = [];
      const data: Dataset = { rows, shape: [D], values: float32(x) };
      await vae.train(data, { ...options, onEpoch: ({ train }) => void reports.push(train) });
      expect(await vae.readWeights()).toEqual(before);
      vae.destroy();
      for (let epoch = 0; epoch < epochs; epoch++) {
        const expected = referenceMean(x, batchSize, epoch, axes);
        for (const term of ['elbo', 'reconstruction', 'kl'] as const) {
          const error = scaledError([reports[epoch]![term]], [expected[term]]);
          expect(error, `${term}, epoch ${epoch}`).toBeLessThan(TERMS_TOLERANCE);
        }
      }
    });
});

const D = 5;
const K = 2;
const tanh = { type: 'dense', units: 7, activation: 'tanh' } as const;
const meanSpec: DenseVaeSpec = { input: [D], latent: K, encoder: [tanh], decoder: [tanh] };
const meanParameters = randomParameters(meanSpec, 8, 1);
/** The seed has 53 bits, of which the noise must use both words. */
const MEAN_OPTIONS = { samples: 2, seed: 2 ** 33 + 6, beta: 0.7 } as const;
const MEAN_SEED: Seed = { low: 6, high: 2 };
/** Mixed into the seed of the uniforms that binarise, so that they differ from the noise ('bin' in ASCII). */
const BINARIZE_TAG = 0x62696e00;

/** An epoch in float64: rows in the shuffle's order, noise and binarisation by the noise contract. */
function referenceMean(x: F64, batchSize: number, epoch: number, axes: TrainerOptions): Terms {
  const rows = x.shape[0]!;
  const steps = Math.ceil(rows / batchSize);
  const order = epochOrder(rows, MEAN_SEED, epoch);
  const mean = { elbo: 0, reconstruction: 0, kl: 0 };
  for (let step = 0; step < steps; step++) {
    const stream = epoch * steps + step;
    const picked = order.slice(step * batchSize, (step + 1) * batchSize);
    let batch = zeros([batchSize, D]); // a short batch is padded with zeros that weigh nothing
    picked.forEach((row, i) => batch.values.set(x.values.subarray(D * row, D * row + D), D * i));
    if (axes.binarize) {
      const u = uniformNoise(
        batch.shape,
        { low: MEAN_SEED.low, high: MEAN_SEED.high ^ BINARIZE_TAG },
        stream,
      );
      batch = map(batch, (value, i) => (u.values[i]! < value ? 1 : 0));
    }
    const { samples, beta } = MEAN_OPTIONS;
    const noise = roundToFloat32(normalNoise([samples * batchSize, K], MEAN_SEED, stream));
    const options = { beta, rowCount: picked.length, estimator: axes.estimator === 'A' ? 'A' : 'B' } as const;
    const { terms } = vaeForward(meanSpec, meanParameters, batch, noise, options);
    for (const term of ['elbo', 'reconstruction', 'kl'] as const)
      mean[term] += (terms[term] * picked.length) / rows;
  }
  return mean;
}
