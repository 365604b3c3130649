/**
 * A conditional VAE (dense 784-400-20, the class beside both networks' inputs): trained, asked for every class, and judged
 * by a classifier that was trained on real images. Writes docs/images/conditional.png (a column a class) and
 * docs/members/conditional.json, and prints a table.
 *
 *     npm run bench:conditional -- [--data fashion] [--limit 10000] [--epochs 6] [--samples 100] [--prior conditional]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Device } from '../src/gpu/device.js';
import { loadImages, openNodeGpu } from '../src/node/index.js';
import { encodePng, imageGrid } from '../src/node/pictures.js';
import { floatRows } from '../src/vae/data/dataset.js';
import { denseSpec } from '../src/vae/presets.js';
import type { PriorSpec } from '../src/vae/priors/prior-spec.js';
import { Vae } from '../src/vae/vae.js';
import { Classifier } from './classifier.js';

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: 'fashion' },
    limit: { type: 'string', default: '10000' },
    epochs: { type: 'string', default: '6' },
    samples: { type: 'string', default: '100' },
    prior: { type: 'string', default: 'conditional' },
  },
});
const classes = 10;
const gridRows = 8;
const [epochs, samples] = [Number(values.epochs), Number(values.samples)];

const device = await Device.open({ gpu: await openNodeGpu() });
const train = await loadImages(values.data, 'train', { limit: Number(values.limit) });
const test = await loadImages(values.data, 'test', {});

const started = performance.now();
const prior: PriorSpec =
  values.prior === 'conditional'
    ? { type: 'conditional', layers: [{ type: 'dense', units: 100, activation: 'relu' }] }
    : { type: 'standard-normal' };
const spec = { ...denseSpec({ input: train.shape, hidden: 400, latent: 20 }), condition: { classes }, prior };
const vae = await Vae.create(spec, { device, seed: 1 });
const onEpoch = ({ epoch, train: { elbo } }: { epoch: number; train: { elbo: number } }): void =>
  console.error(`epoch ${epoch}: elbo ${elbo.toFixed(2)}`);
await vae.train(train, { epochs, batchSize: 64, learningRate: 2e-3, seed: 1, onEpoch });
const seconds = (performance.now() - started) / 1000;
const terms = await vae.evaluate(test);

const classifier = await Classifier.train(device, train, { classes, hidden: 128, epochs: 10 });
const real = await classifier.classify(floatRows(test));
const truth = Array.from(test.labels!);
const accuracy = rateOf(real.map((found, i) => found === truth[i]));

const rows = [];
for (let asked = 0; asked < classes; asked++) {
  const labels = Array.from({ length: samples }, () => asked);
  const found = await classifier.classify(await vae.sample(samples, { seed: asked, labels }));
  const isOwn = real.filter((_, i) => truth[i] === asked).map((value) => value === asked);
  rows.push({ class: asked, made: rateOf(found.map((value) => value === asked)), real: rateOf(isOwn) });
}
const made = rows.reduce((sum, row) => sum + row.made / classes, 0);

console.log(
  `${device.description}; ${values.data}, ${train.rows} images, ${epochs} epochs in ${seconds.toFixed(0)} s`,
);
console.log(
  `test elbo ${terms.elbo.toFixed(2)}; classifier ${percent(accuracy)} on ${test.rows} real test images`,
);
console.log('| class | drawn and recognised | real and recognised |');
console.log('| --- | --- | --- |');
for (const row of rows) console.log(`| ${row.class} | ${percent(row.made)} | ${percent(row.real)} |`);
console.log(`| all | ${percent(made)} | ${percent(accuracy)} |`);

const folder = fileURLToPath(new URL('../docs/', import.meta.url));
mkdirSync(`${folder}members`, { recursive: true });
const labels = Array.from({ length: gridRows * classes }, (_, i) => i % classes);
const picture = imageGrid(await vae.sample(labels.length, { seed: 1, labels }), train.shape, {
  columns: classes,
});
writeFileSync(`${folder}images/conditional.png`, encodePng(picture));
const report = { adapter: device.description, ...values, seconds, test: terms, accuracy, made, rows };
writeFileSync(`${folder}members/conditional.json`, `${JSON.stringify(report, null, 2)}\n`);
classifier.destroy();
vae.destroy();
device.destroy();
process.exit(0);

function rateOf(hits: readonly boolean[]): number {
  return hits.filter(Boolean).length / hits.length;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
