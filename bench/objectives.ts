/**
 * Every objective on the same images (14 x 14), network (dense 196-64-6, Gaussian of scale 0.3) and steps: what each does to
 * the bound and to the latents of test images. Writes docs/members/objectives.json and prints a table.
 * - error: mean squared error of reconstructions from the posterior's mean
 * - MI, TC, dims: the KL's parts over 500 posteriors in float64 (none for a posterior without density)
 * - MMD: unbiased, IMQ kernel, between samples of q(z) and N(0, I); correlation: mean square over pairs of latents of q(z)
 *
 *     npm run bench:objectives -- [--data mnist] [--limit 3000] [--epochs 6] [--only dip,mmd]
 */
import { parseArgs } from 'node:util';
import { discrepancy } from '../e2e/reference/objectives.js';
import { standardNormal } from '../src/gpu/threefry.js';
import { splitKl } from '../src/vae/metrics/kl-split.js';
import { fitCodePrior } from '../src/vae/samplers/code-prior.js';
import { Vae } from '../src/vae/vae.js';
import { objectiveSpecs } from './member-specs.js';
import { finishSmallTask, openSmallTask, smallTraining, squaredError } from './small-images.js';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: 'mnist' },
    limit: { type: 'string', default: '3000' },
    epochs: { type: 'string', default: '6' },
    only: { type: 'string', default: '' },
  },
});
const [latent, splitRows] = [6, 500];
const only = options.only.split(',').filter(Boolean);

const task = await openSmallTask(options, latent);
const { device, train, test, images, base } = task;

const rows = [];
console.log(
  '| objective | elbo | reconstruction | KL | error | MI | TC | dims | MMD | correlation | own terms |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
for (const [name, member] of Object.entries(objectiveSpecs)) {
  if (only.length > 0 && !only.includes(name)) continue;
  const vae = await Vae.create({ ...base, ...member }, { device, seed: 1 });
  const report = await vae.train(train, smallTraining(options, 1));
  const row = { name, ...(await measure(vae)), training: report.train.others ?? {} };
  rows.push(row);
  const { terms, error, split, mmd, correlation } = row;
  const parts = split ? [split.mutualInformation, split.totalCorrelation, split.dimensionWise] : [];
  const own = Object.entries(row.training).map(([key, value]) => `${key} ${value.toPrecision(3)}`);
  const numbers = [terms.elbo, terms.reconstruction, terms.kl].map((value) => value.toFixed(1));
  const latents = [0, 1, 2].map((i) => parts[i]?.toFixed(2) ?? '–');
  const shape = [mmd, correlation].map((value) => value.toFixed(4));
  console.log(
    `| ${[name, ...numbers, error.toFixed(4), ...latents, ...shape, own.join(', ')].join(' | ')} |`,
  );
  vae.destroy();
}
finishSmallTask(task, options, 'objectives', rows);

/** What a trained model makes of the test images. */
async function measure(vae: Vae) {
  const { mean, logVariance } = await vae.encode(images);
  const decoded = await vae.decode(mean);
  const error = squaredError(decoded, images);
  const noise = standardNormal(2 * mean.length, 1, 1);
  const sigma = (i: number): number => (logVariance.length > 0 ? Math.exp(logVariance[i]! / 2) : 0);
  const z = Float64Array.from(mean, (m, i) => m + sigma(i) * noise[i]!);
  const first = (values: ArrayLike<number>) => ({
    shape: [splitRows, latent],
    values: Float64Array.from(values).slice(0, splitRows * latent),
  });
  const matrix = (values: Float32Array) => ({ columns: latent, values: values.slice(0, splitRows * latent) });
  const { posterior } = vae.spec;
  return {
    terms: await vae.evaluate(test),
    error,
    split: logVariance.length > 0 ? splitKl(matrix(mean), matrix(logVariance)) : undefined,
    mmd: discrepancy(first(z), first(noise.subarray(mean.length)), 'imq', 1),
    correlation: offDiagonal(z),
    ...(posterior.type === 'vector-quantized' && {
      codeEntropy: fitCodePrior({ columns: latent, values: mean }, posterior.dimension).entropy,
    }),
  };
}

/** Mean square of the correlations between different latents, of rows f64[N, latent]. */
function offDiagonal(z: Float64Array): number {
  const N = z.length / latent;
  const column = (k: number) => Array.from({ length: N }, (_, n) => z[n * latent + k]!);
  const standard = Array.from({ length: latent }, (_, k) => {
    const values = column(k);
    const mean = values.reduce((sum, v) => sum + v, 0) / N;
    const away = values.map((v) => v - mean);
    const deviation = Math.sqrt(away.reduce((sum, v) => sum + v * v, 0) / N);
    return away.map((v) => v / deviation);
  });
  let total = 0;
  for (let a = 0; a < latent; a++)
    for (let b = 0; b < latent; b++)
      if (a !== b) total += (standard[a]!.reduce((sum, v, n) => sum + v * standard[b]![n]!, 0) / N) ** 2;
  return total / (latent * (latent - 1));
}
