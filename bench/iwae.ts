/**
 * The setting of the IWAE paper (Burda et al. 2015: 784-200-200-50, tanh, binarised MNIST, Adam with epsilon 1e-4, batch
 * 20, stages of 3^i epochs at 1e-3 * 10^(-i/7)) here and in PyTorch on the CPU: from the same weights, in the same order,
 * with the same binarisation and noise, for as many epochs as can be afforded. Then the log-likelihood of test images
 * with 5,000 samples. Writes docs/members/iwae.json and prints a table. VAE and IWAE are the same at k = 1.
 *
 *     npm run bench:iwae -- [--data mnist] [--limit 5000] [--epochs 2] [--test 50] [--samples 5000]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Device } from '../src/gpu/device.js';
import { Executable } from '../src/gpu/executable.js';
import { input } from '../src/gpu/ops/constant.js';
import { makePlan } from '../src/gpu/plan.js';
import { Scheduler } from '../src/gpu/scheduler.js';
import { standardNormal, symmetricUniform } from '../src/gpu/threefry.js';
import { loadImages, openNodeGpu } from '../src/node/index.js';
import { floatRows } from '../src/vae/data/dataset.js';
import { boundLosses } from '../src/vae/bound.js';
import { readSafetensors, writeSafetensors } from '../src/vae/checkpoint/safetensors.js';
import type { EstimatorSpec } from '../src/vae/estimator-spec.js';
import type { VaeSpec } from '../src/vae/spec.js';
import type { FedBatch } from '../src/vae/trainer-options.js';
import { Vae } from '../src/vae/vae.js';
import { fedEpoch, permutation, rowsAt } from './fed-training.js';
import { runTorch } from './torch.js';

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: 'mnist' },
    limit: { type: 'string', default: '5000' },
    epochs: { type: 'string', default: '2' },
    test: { type: 'string', default: '50' },
    samples: { type: 'string', default: '5000' },
  },
});
const [epochs, testRows, samples] = [Number(values.epochs), Number(values.test), Number(values.samples)];
const batchSize = 20;
const latent = 50;
const hidden = { type: 'dense', units: 200, activation: 'tanh' } as const;
const spec: VaeSpec = { input: [28, 28, 1], latent, encoder: [hidden, hidden], decoder: [hidden, hidden] };
const optimizer = { type: 'adam', epsilon: 1e-4 } as const;

const runs: readonly { readonly name: string; readonly k: number; readonly estimator: EstimatorSpec }[] = [
  { name: 'VAE and IWAE', k: 1, estimator: 'A' },
  { name: 'VAE', k: 5, estimator: 'A' },
  { name: 'IWAE', k: 5, estimator: { type: 'iwae' } },
];

const folder = fileURLToPath(new URL('../out/iwae/', import.meta.url));
mkdirSync(folder, { recursive: true });
const train = await loadImages(values.data, 'train', { limit: Number(values.limit) });
const grey = floatRows(train);
const width = 784;
const steps = Math.floor(train.rows / batchSize);
const test = binarized(floatRows(await loadImages(values.data, 'test', {}), 0, testRows), 1000);
const testNoise = standardNormal(testRows * samples * latent, 2, 0);

const device = await Device.open({ gpu: await openNodeGpu() });
const initial = await initialWeights();
const batches = Array.from({ length: epochs }, (_, epoch) => epochRows(epoch));
writeFileSync(`${folder}initial.safetensors`, initial);
writeFileSync(`${folder}test.u8`, Uint8Array.from(test));
writeFileSync(`${folder}train.u8`, Buffer.concat(batches.map((rows) => Uint8Array.from(rows))));
const noise = standardNormal(epochs * steps * 5 * batchSize * latent, 1, 0);
writeFileSync(`${folder}noise.f32`, noise);
writeFileSync(`${folder}test-noise.f32`, testNoise);

const results = [];
for (const { name, k, estimator } of runs) {
  const own = await trainHere(k, estimator);
  console.error(`${name}, k = ${k}: ${own.nll.toFixed(2)} nats here, ${own.seconds.toFixed(0)} s`);
  const rates = Array.from({ length: epochs }, (_, epoch) => rateOf(epoch)).join();
  const words = [folder, String(k), typeof estimator === 'string' ? 'vae' : 'iwae', rates, String(samples)];
  const peer = runTorch('iwae.py', words) as Outcome;
  results.push({ name, k, own, peer });
}
console.log(
  `${device.description}; ${values.data}, ${train.rows} images, ${epochs} epochs, ${testRows} test images`,
);
console.log('| model | k | train bound | PyTorch | test NLL | PyTorch | difference |');
console.log('| --- | --- | --- | --- | --- | --- | --- |');
for (const { name, k, own, peer } of results) {
  const cells = [own.bound, peer.bound, own.nll, peer.nll, own.nll - peer.nll].map((value) =>
    value.toFixed(3),
  );
  console.log(`| ${name} | ${k} | ${cells.join(' | ')} |`);
}
const report = { adapter: device.description, ...values, results };
const path = fileURLToPath(new URL('../docs/members/iwae.json', import.meta.url));
writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
device.destroy();
process.exit(0);

/** Mean training bound of the last epoch, the negative log-likelihood of the test images, and the time of both. */
interface Outcome {
  readonly bound: number;
  readonly nll: number;
  readonly seconds: number;
}

/** The stage's rate: stage i takes 3^i epochs. */
function rateOf(epoch: number): number {
  let stage = 0;
  for (let end = 1; end <= epoch; end += 3 ** stage) stage++;
  return 1e-3 * 10 ** (-stage / 7);
}

function rateAt(step: number): number {
  return rateOf(Math.floor(step / steps));
}

async function trainHere(k: number, estimator: EstimatorSpec): Promise<Outcome> {
  const started = performance.now();
  const vae = await Vae.load(initial, { device });
  const learningRate = rateAt;
  const trainer = await vae.trainer(undefined, { batchSize, samples: k, estimator, optimizer, learningRate });
  const length = 5 * batchSize * latent;
  let bound = 0;
  for (const [epoch, rows] of batches.entries()) {
    const batchOf = (step: number): FedBatch => {
      const first = (epoch * steps + step) * length;
      const x = rows.slice(step * batchSize * width, (step + 1) * batchSize * width);
      return { x, noise: noise.slice(first, first + k * batchSize * latent) };
    };
    bound = await fedEpoch(trainer, steps, batchOf, ({ elbo, others }) => others?.['multiSample'] ?? elbo);
  }
  trainer.destroy();
  const nll = await negativeLogLikelihood(vae);
  vae.destroy();
  return { bound, nll, seconds: (performance.now() - started) / 1000 };
}

/** Mean over the test images by importance sampling, with the noise that PyTorch gets. */
async function negativeLogLikelihood(vae: Vae): Promise<number> {
  const estimator = { type: 'iwae' } as const;
  const fed = { noise: input('noise', [samples, latent]), samples, estimator };
  const { multiSample } = boundLosses(vae.model.bound(input('x', [1, width]), fed), 1, estimator);
  const { set: parameters, state } = vae.model.weights;
  const request = { label: 'log-likelihood', outputs: { multiSample: multiSample! }, parameters, state };
  const { resources } = vae;
  const executable = await Executable.create(device, makePlan(request, device.adapterClass), { resources });
  const scheduler = new Scheduler(device);
  const length = samples * latent;
  let sum = 0;
  for (let row = 0; row < testRows; row++) {
    executable.write('x', test.subarray(row * width, (row + 1) * width));
    executable.write('noise', testNoise.subarray(row * length, (row + 1) * length));
    await scheduler.run(executable, { row_count: 1 });
    sum -= (await executable.read('multiSample'))[0]!;
  }
  executable.destroy();
  return sum / testRows;
}

/** The epoch's rows in their order, every pixel drawn as 0 or 1 with its grey value as probability. */
function epochRows(epoch: number): Float32Array {
  const rows = rowsAt(grey, width, permutation(train.rows, epoch));
  return binarized(rows, epoch).slice(0, steps * batchSize * width);
}

function binarized(rows: Float32Array, seed: number): Float32Array {
  const draws = symmetricUniform(rows.length, seed, 2);
  return rows.map((value, i) => ((draws[i]! + 1) / 2 < value ? 1 : 0));
}

/** Glorot's uniform weights, zero biases, and output biases from the pixels' means, as the paper has them. */
async function initialWeights(): Promise<Uint8Array> {
  const vae = await Vae.create(spec, { device });
  const { tensors, metadata } = await readSafetensors(await vae.save());
  vae.destroy();
  const means = new Float64Array(width);
  grey.forEach((value, i) => (means[i % width]! += value / train.rows));
  const filled = [...tensors].map(([name, { shape, values: old }], index) => {
    const bound = Math.sqrt(6 / (shape[0]! + (shape[1] ?? 0)));
    if (shape.length === 2)
      return [name, { shape, values: symmetricUniform(old.length, 1, index).map((u) => u * bound) }] as const;
    const isOutput = name === 'decoder.4.bias';
    const logit = (_: number, i: number): number => {
      const mean = Math.min(0.999, Math.max(0.001, means[i]!));
      return isOutput ? Math.log(mean / (1 - mean)) : 0;
    };
    return [name, { shape, values: new Float32Array(old.length).map(logit) }] as const;
  });
  return writeSafetensors(new Map(filled), Object.fromEntries(metadata));
}
