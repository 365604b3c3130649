/**
 * Plan: log p(x) by importance sampling, on the linear model whose log p(x) is known.
 * | axis       | control                          | cases                                                        |
 * | posterior  | the exact one: any K is exact    | a tilted one that a diagonal Gaussian only approximates      |
 * | families   | log p(x) of a linear decoder     | full, planar, iaf, from fresh weights                        |
 * | K          | 1                                | non-decreasing to 5,000, there within 0.01 nats              |
 * | streaming  | float64 on the kernel's noise    | dispatches of 2 samples, a last batch of 8 rows              |
 * | binarize   | the same data drawn beforehand   | one draw for all dispatches                                  |
 * | refusals   | -                                | options, a posterior without a density, weights of NaN       |
 */
import { expect, test } from '@playwright/test';
import { binarizeOnce } from '../../src/vae/data/binarize.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { logLikelihood } from '../../src/vae/evaluation/log-likelihood.js';
import { Vae } from '../../src/vae/vae.js';
import { linearParameters, linearSpec } from '../linear-vae.js';
import { float32, loadModel, randomParameters, readParameters } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { normalNoise } from '../reference/noise.js';
import * as ppca from '../reference/ppca.js';
import { fromValues } from '../reference/tensor.js';
import { take } from '../reference/vae-parameters.js';
import type { DenseVaeSpec } from '../reference/vae.js';
import { holdTo } from '../truth.js';

const [N, D, K] = [200, 8, 2];
const spec = linearSpec(D, K);
const x = ppca.ppcaData();
const data: Dataset = { rows: N, shape: [D], values: float32(x) };
const best = ppca.fitPpca(x, K);
const turned = ppca.rotateModel(best, 0.5);
const turnedVariances = ppca.bestDiagonalVariances(turned);
/** log p(x) a row: turning W leaves it as it is. */
const exact = ppca.logMarginal(best, x).values;
const golden = -9.009853;
/** Best bound of the turned model, where K is 1. */
const goldenBound = -9.0318;

/** f32 sums of eight terms of order 1. */
const F32_TOLERANCE = 1e-4;

test('with the exact posterior every sample is log p(x), row by row', async () => {
  const vae = await loadModel(
    spec,
    linearParameters(best, ppca.bestDiagonalVariances(best)),
    await nodeDevice(),
  );
  for (const samples of [1, 7]) {
    const { rows, mean } = await logLikelihood(vae, data, { samples, batchSize: 64 });
    const worst = rows.reduce((most, value, n) => Math.max(most, Math.abs(value - exact[n]!)), 0);
    holdTo(
      'log p(x) by importance',
      'log p(x) in every sample of the exact posterior, nats',
      worst,
      F32_TOLERANCE,
    );
    expect(Math.abs(mean - golden)).toBeLessThan(F32_TOLERANCE);
  }
  vae.destroy();
});

test('with a tilted posterior the bound rises with K to log p(x)', async () => {
  const vae = await loadModel(spec, linearParameters(turned, turnedVariances), await nodeDevice());
  // Ten copies of the data have noise of their own each, and log p(x) is taken off row by row.
  const copies = 10;
  const many = {
    rows: copies * N,
    shape: [D],
    values: Float32Array.from({ length: copies * N * D }, (_, i) => data.values[i % (N * D)]!),
  };
  const estimate = async (samples: number): Promise<{ gap: number; error: number }> => {
    const { rows } = await logLikelihood(vae, many, { samples, batchSize: 500, seed: samples });
    const gaps = rows.map((value, n) => value - exact[n % N]!);
    const gap = gaps.reduce((sum, value) => sum + value, 0) / gaps.length;
    const variance = gaps.reduce((sum, value) => sum + (value - gap) ** 2, 0) / (gaps.length - 1);
    return { gap, error: Math.sqrt(variance / gaps.length) };
  };
  const results = [await estimate(1), await estimate(4), await estimate(32), await estimate(256)];
  expect(Math.abs(golden + results[0]!.gap - goldenBound)).toBeLessThan(5 * results[0]!.error);
  expect(results[0]!.error).toBeLessThan((golden - goldenBound) / 4);
  results.slice(1).forEach(({ gap, error }, i) => {
    const before = results[i]!;
    const fall = (before.gap - gap) / Math.hypot(error, before.error);
    holdTo(
      'log p(x) by importance',
      'no fall from K to a larger one, in standard errors',
      Math.max(0, fall),
      3,
    );
    expect(gap).toBeLessThan(5 * error + F32_TOLERANCE);
  });
  expect(results[2]!.gap - results[0]!.gap).toBeGreaterThan(3 * results[0]!.error);
  const { mean, rows } = await logLikelihood(vae, data, { samples: 5000, batchSize: 100, seed: 9 });
  holdTo(
    'log p(x) by importance',
    'log p(x) of the linear model at K = 5,000, nats',
    Math.abs(mean - golden),
    0.01,
  );
  const worst = rows.reduce((most, value, n) => Math.max(most, Math.abs(value - exact[n]!)), 0);
  test.info().annotations.push({
    type: 'error at K = 5,000',
    description: `${Math.abs(mean - golden).toExponential(1)} nats, worst row ${worst.toExponential(1)}`,
  });
  vae.destroy();
});

test('dispatches of two samples add up to float64 on the same noise', async () => {
  const vae = await loadModel(spec, linearParameters(turned, turnedVariances), await nodeDevice());
  const [samples, samplesAtOnce, batchSize, seed] = [6, 2, 64, 5];
  const { rows } = await logLikelihood(vae, data, { samples, samplesAtOnce, batchSize, seed });
  const weights = Array.from({ length: N }, (): number[] => []);
  let stream = 0x80000000;
  for (let first = 0; first < N; first += batchSize)
    for (let run = 0; run < samples / samplesAtOnce; run++, stream++) {
      const noise = normalNoise([samplesAtOnce * batchSize, K], { low: seed, high: 0 }, stream).values;
      for (let s = 0; s < samplesAtOnce; s++)
        for (let n = first; n < Math.min(N, first + batchSize); n++) {
          const at = (s * batchSize + n - first) * K;
          weights[n]!.push(logWeight(n, [noise[at]!, noise[at + 1]!]));
        }
    }
  weights.forEach((values, n) => {
    expect(values).toHaveLength(samples);
    const expected = Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0) / samples);
    expect(Math.abs(rows[n]! - expected), `row ${n}`).toBeLessThan(F32_TOLERANCE);
  });
  vae.destroy();
});

/** log p(x | z) + log p(z) - log q(z | x) of the turned model, in float64. */
function logWeight(n: number, noise: readonly number[]): number {
  const { encoder } = ppca.exactPosterior(turned);
  const row = x.values.subarray(n * D, (n + 1) * D);
  const mean = [0, 1].map((k) => row.reduce((sum, value, j) => sum + value * encoder.values[k * D + j]!, 0));
  const z = mean.map((m, k) => m + Math.sqrt(turnedVariances[k]!) * noise[k]!);
  const { W, sigma2 } = turned;
  const misfit = row.reduce((sum, value, j) => {
    const output = W.values[j * K]! * z[0]! + W.values[j * K + 1]! * z[1]!;
    return sum + (value - output) ** 2 / sigma2 + Math.log(2 * Math.PI * sigma2);
  }, 0);
  const gap = z.reduce(
    (sum, value, k) => sum + value ** 2 - noise[k]! ** 2 - Math.log(turnedVariances[k]!),
    0,
  );
  return -(misfit + gap) / 2;
}

/** Posteriors as they come from fresh weights; with small data the true one is near the prior, and so within their reach. */
for (const posterior of ['full', 'planar', 'iaf'] as const)
  test(`a ${posterior} posterior is a proposal like any other`, async () => {
    const vae = await Vae.create({ ...spec, posterior }, { device: await nodeDevice(), seed: 3 });
    const few: Dataset = {
      rows: 20,
      shape: [D],
      values: data.values.slice(0, 20 * D).map((value) => 0.3 * value),
    };
    const { mean } = await logLikelihood(vae, few, { samples: 4000, seed: 1 });
    const weights = await readParameters(vae);
    const bias = take(weights, 'decoder.0.bias').values;
    const centred = fromValues(
      [20, D],
      Array.from(few.values, (value, i) => value - bias[i % D]!),
    );
    const sigma2 = Math.exp(take(weights, 'likelihood.log_variance').values[0]!);
    const rows = ppca.logMarginal({ W: take(weights, 'decoder.0.weight'), sigma2 }, centred).values;
    const expected = rows.reduce((sum, value) => sum + value / 20, 0);
    vae.destroy();
    holdTo(
      'evaluation log p(x)',
      `log p(x) of a linear decoder by a ${posterior} posterior, nats`,
      Math.abs(mean - expected),
      0.02,
    );
  });

const coins: Dataset = {
  rows: 10,
  shape: [12],
  values: Uint8Array.from({ length: 120 }, (_, i) => [0, 255, 51, 128][i % 4]!),
};

test('binary pixels are drawn once, whatever the number of dispatches', async () => {
  const coinSpec: DenseVaeSpec = { ...spec, input: [12], likelihood: { type: 'bernoulli' } };
  const vae = await loadModel(coinSpec, randomParameters(coinSpec, 3), await nodeDevice());
  const options = { samples: 8, samplesAtOnce: 2, seed: 4 };
  const drawn = binarizeOnce(coins, 4);
  const direct = await logLikelihood(vae, drawn, options);
  expect((await logLikelihood(vae, coins, { ...options, binarize: true })).rows).toEqual(direct.rows);
  vae.destroy();
  expect(binarizeOnce(coins, 4)).toEqual(drawn);
  expect(binarizeOnce(coins, 5)).not.toEqual(drawn);
});

test('a pixel is drawn as 1 as often as its value says', () => {
  const rows = 4000;
  const grey = {
    rows,
    shape: [4],
    values: Float32Array.from({ length: 4 * rows }, (_, i) => [0, 1, 0.2, 0.5][i % 4]!),
  };
  const { values } = binarizeOnce(grey, 1);
  const share = (k: number): number =>
    values.filter((value, i) => i % 4 === k && value === 255).length / rows;
  expect([share(0), share(1)]).toEqual([0, 1]);
  expect(Math.abs(share(2) - 0.2)).toBeLessThan(5 * Math.sqrt(0.16 / rows));
  expect(Math.abs(share(3) - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / rows));
});

test('what is refused', async () => {
  const device = await nodeDevice();
  const vae = await Vae.create(spec, { device });
  await expect(logLikelihood(vae, data, { samples: 0 })).rejects.toThrow(
    '[logLikelihood.samples] is 0; expected',
  );
  await expect(logLikelihood(vae, data, { samples: 4, samplesAtOnce: 5 })).rejects.toThrow(
    'samplesAtOnce] is 5',
  );
  await expect(logLikelihood(vae, coins)).rejects.toThrow('a row is [12]');
  vae.destroy();
  const point = await Vae.create({ ...spec, posterior: 'deterministic' }, { device });
  await expect(logLikelihood(point, data)).rejects.toThrow(
    '[logLikelihood] a deterministic posterior has no density to weigh samples with; train a model with a diagonal one',
  );
  point.destroy();
});
