/**
 * The codebook by its loss and by moving averages: the same images (14 x 14), network (dense 196-64-16, Gaussian of scale 0.3),
 * codes and steps, from several seeds. Writes docs/members/codebook.json and prints a table.
 * - perplexity: of the last epoch's batches; used: codewords that test images have; error: mean squared error of their
 *   reconstructions
 *
 *     npm run bench:codebook -- [--data fashion] [--limit 3000] [--epochs 30] [--seeds 3]
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Device } from '../src/gpu/device.js';
import { floatRows } from '../src/vae/data/dataset.js';
import { loadImages, openNodeGpu } from '../src/node/index.js';
import { denseSpec } from '../src/vae/presets.js';
import { Vae } from '../src/vae/vae.js';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: 'fashion' },
    limit: { type: 'string', default: '3000' },
    epochs: { type: 'string', default: '30' },
    seeds: { type: 'string', default: '3' },
  },
});
const [latent, testRows, codes, dimension] = [16, 1000, 64, 4];
const books = [
  { codebook: 'loss' },
  ...[0.9, 0.99].map((decay) => ({ codebook: 'ema', decay }) as const),
] as const;

const device = await Device.open({ gpu: await openNodeGpu() });
const size = [14, 14] as const;
const train = await loadImages(options.data, 'train', { limit: Number(options.limit), size });
const test = await loadImages(options.data, 'test', { limit: testRows, size });
const images = floatRows(test, 0, testRows);
const likelihood = { type: 'gaussian', scale: 0.3 } as const;
const base = denseSpec({ input: train.shape, hidden: 64, latent, likelihood });

const rows = [];
console.log('| codebook | seed | perplexity | used | reconstruction | error |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const book of books)
  for (let seed = 1; seed <= Number(options.seeds); seed++) {
    const posterior = { type: 'vector-quantized', codes, dimension, commitment: 20, ...book } as const;
    const vae = await Vae.create({ ...base, posterior }, { device, seed });
    const training = { epochs: Number(options.epochs), batchSize: 100, seed, learningRate: 2e-3 };
    const report = await vae.train(train, training);
    const { reconstruction } = await vae.evaluate(test);
    const { mean } = await vae.encode(images);
    const decoded = await vae.decode(mean);
    const row = {
      ...book,
      seed,
      perplexity: report.train.others!['perplexity']!,
      used: new Set(
        Array.from({ length: mean.length / dimension }, (_, i) =>
          mean.slice(i * dimension, (i + 1) * dimension).join(),
        ),
      ).size,
      reconstruction,
      error: decoded.reduce((sum, value, i) => sum + (value - images[i]!) ** 2, 0) / images.length,
    };
    rows.push(row);
    const name = 'decay' in book ? `ema ${book.decay}` : book.codebook;
    const { perplexity, used, error } = row;
    console.log(
      `| ${[name, seed, perplexity.toFixed(1), used, reconstruction.toFixed(1), error.toFixed(4)].join(' | ')} |`,
    );
    vae.destroy();
  }
const header = { adapter: device.description, ...options, rows };
const path = fileURLToPath(new URL('../docs/members/codebook.json', import.meta.url));
writeFileSync(path, `${JSON.stringify(header, null, 2)}\n`);
console.log(
  `${device.description}; ${options.data}, ${train.rows} images of 14 x 14, ${options.epochs} epochs`,
);
device.destroy();
process.exit(0);
