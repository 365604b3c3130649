/**
 * The codebook by its loss and by moving averages: the same images (14 x 14), network (dense 196-64-16, Gaussian of scale 0.3),
 * codes and steps, from several seeds. Writes docs/members/codebook.json and prints a table.
 * - perplexity: of the last epoch's batches; used: codewords that test images have; error: mean squared error of their
 *   reconstructions
 *
 *     npm run bench:codebook -- [--data fashion] [--limit 3000] [--epochs 30] [--seeds 3]
 */
import { parseArgs } from 'node:util';
import { Vae } from '../src/vae/vae.js';
import { finishSmallTask, openSmallTask, smallTraining, squaredError } from './small-images.js';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: 'fashion' },
    limit: { type: 'string', default: '3000' },
    epochs: { type: 'string', default: '30' },
    seeds: { type: 'string', default: '3' },
  },
});
const [latent, codes, dimension] = [16, 64, 4];
const books = [
  { codebook: 'loss' },
  ...[0.9, 0.99].map((decay) => ({ codebook: 'ema', decay }) as const),
] as const;

const task = await openSmallTask(options, latent);
const { device, train, test, images, base } = task;

const rows = [];
console.log('| codebook | seed | perplexity | used | reconstruction | error |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const book of books)
  for (let seed = 1; seed <= Number(options.seeds); seed++) {
    const posterior = { type: 'vector-quantized', codes, dimension, commitment: 20, ...book } as const;
    const vae = await Vae.create({ ...base, posterior }, { device, seed });
    const report = await vae.train(train, smallTraining(options, seed));
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
      error: squaredError(decoded, images),
    };
    rows.push(row);
    const name = 'decay' in book ? `ema ${book.decay}` : book.codebook;
    const { perplexity, used, error } = row;
    console.log(
      `| ${[name, seed, perplexity.toFixed(1), used, reconstruction.toFixed(1), error.toFixed(4)].join(' | ')} |`,
    );
    vae.destroy();
  }
finishSmallTask(task, options, 'codebook', rows);
