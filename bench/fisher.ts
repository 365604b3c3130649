/**
 * The Fisher autoencoder beside the plain VAE (both dense 784-128-10 tanh, Gaussian of one fixed scale, Adam, the same seeds
 * and steps): the mean squared error of reconstructions against clean images when Gaussian noise is added to what the encoder
 * sees. Writes docs/members/fisher.json and docs/images/fisher.png, and prints a table.
 *
 *     npm run bench:fisher -- [--data mnist] [--limit 10000] [--epochs 10] [--scale 0.3] [--rate 1e-3]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Device } from '../src/gpu/device.js';
import { standardNormal } from '../src/gpu/threefry.js';
import { floatRows } from '../src/vae/data/dataset.js';
import { loadImages, openNodeGpu } from '../src/node/index.js';
import { encodePng, imageGrid } from '../src/node/pictures.js';
import { denseSpec } from '../src/vae/presets.js';
import { Vae } from '../src/vae/vae.js';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: 'mnist' },
    limit: { type: 'string', default: '10000' },
    epochs: { type: 'string', default: '10' },
    scale: { type: 'string', default: '0.3' },
    rate: { type: 'string', default: '1e-3' },
  },
});
const levels = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7];
const testRows = 2000;
/** In the picture. */
const [columns, shownLevel] = [12, 0.4];

const device = await Device.open({ gpu: await openNodeGpu() });
const train = await loadImages(options.data, 'train', { limit: Number(options.limit) });
const test = await loadImages(options.data, 'test', { limit: testRows });
const clean = floatRows(test, 0, testRows);
const noise = standardNormal(clean.length, 1, 1);
const noisy = (level: number): Float32Array => clean.map((value, i) => value + level * noise[i]!);

const likelihood = { type: 'gaussian', scale: Number(options.scale) } as const;
const base = denseSpec({ input: train.shape, hidden: 128, latent: 10, activation: 'tanh', likelihood });
const results = [];
const pictures: Float32Array[] = [clean, noisy(shownLevel)];
for (const objective of ['elbo', 'fisher'] as const) {
  const vae = await Vae.create({ ...base, objective }, { device, seed: 1 });
  const started = performance.now();
  await vae.train(train, { epochs: Number(options.epochs), seed: 1, learningRate: Number(options.rate) });
  const seconds = (performance.now() - started) / 1000;
  const errors = [];
  for (const level of levels) {
    const decoded = await vae.reconstruct(noisy(level));
    errors.push(decoded.reduce((sum, value, i) => sum + (value - clean[i]!) ** 2, 0) / clean.length);
  }
  pictures.push(await vae.reconstruct(noisy(shownLevel)));
  results.push({ objective, seconds, test: await vae.evaluate(test), errors });
  vae.destroy();
}

const { rows } = train;
console.log(
  `${device.description}; ${options.data}, ${rows} images, ${options.epochs} epochs, scale ${options.scale}`,
);
console.log(`| added noise | ${levels.join(' | ')} | seconds |`);
console.log(`| --- |${levels.map(() => ' --- |').join('')} --- |`);
for (const { objective, errors, seconds } of results)
  console.log(`| ${objective} | ${errors.map((e) => e.toFixed(4)).join(' | ')} | ${seconds.toFixed(0)} |`);

const folder = fileURLToPath(new URL('../docs/', import.meta.url));
mkdirSync(`${folder}members`, { recursive: true });
const width = clean.length / testRows;
const shown = Float32Array.from(
  pictures.flatMap((picture) =>
    Array.from(picture.subarray(0, columns * width), (v) => Math.min(1, Math.max(0, v))),
  ),
);
writeFileSync(`${folder}images/fisher.png`, encodePng(imageGrid(shown, train.shape, { columns })));
const report = { adapter: device.description, ...options, rows, testRows, levels, results };
writeFileSync(`${folder}members/fisher.json`, `${JSON.stringify(report, null, 2)}\n`);
device.destroy();
process.exit(0);
