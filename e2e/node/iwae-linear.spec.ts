/**
 * Plan: the importance-weighted bound where log p(x) is exact, the linear model (Burda et al. 2015, theorem 1). With the
 * exact posterior every weight is p(x): the bound is log p(x) for any k, also in a last batch that is not full. With an
 * encoder that is off, one sample gives the elbo of the closed form, the bound never falls with k and rises at first, and
 * 5,000 samples come within 0.01 nats of log p(x) from below. Each k over several seeds, held to the sampling error.
 */
import { expect, test } from '@playwright/test';
import type { Dataset } from '../../src/vae/data/dataset.js';
import type { Vae } from '../../src/vae/vae.js';
import { D, linearData, linearParameters, linearRows as x, linearSpec, K, N } from '../linear-model.js';
import { loadModel } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { holdTo } from '../truth.js';
import * as ppca from '../reference/ppca.js';

const best = ppca.fitPpca(x, K);
const variances = ppca.bestDiagonalVariances(best);
const exact = ppca.logMarginal(best, x).values.reduce((sum, value) => sum + value / N, 0);

/** float32 sums of eight terms of order 1, as in linear.spec.ts. */
const EXACT_TOLERANCE = 1e-4;
/** Of the mean of 6 seeds by their spread: 8 standard errors are exceeded once in 4,000 (Student's t, 5 degrees). */
const SEEDS = 6;
const LARGEST_T = 8;

/** The bound of k samples. */
async function boundOf(
  vae: Vae,
  data: Dataset,
  samples: number,
  seed: number,
  batchSize = 20,
): Promise<number> {
  const terms = await vae.evaluate(data, { estimator: { type: 'iwae' }, samples, seed, batchSize });
  return terms.others!['multiSample']!;
}

test('with the exact posterior any number of samples gives log p(x)', async () => {
  const vae = await loadModel(linearSpec, linearParameters(best, variances), await nodeDevice());
  for (const [samples, batchSize] of [
    [1, N],
    [7, 64], // 200 = 3 * 64 + 8
    [50, 20],
  ] as const)
    expect(
      Math.abs((await boundOf(vae, linearData, samples, 3, batchSize)) - exact),
      `k = ${samples}`,
    ).toBeLessThan(EXACT_TOLERANCE);
  vae.destroy();
});

interface Point {
  readonly mean: number;
  readonly error: number;
}

/** Every fifth row: as many as 5,000 samples of each take seconds for. */
const ROWS = 40;
const few = { shape: [ROWS, D], values: x.values.filter((_, i) => Math.floor(i / D) % 5 === 0) };
const fewExact = ppca.logMarginal(best, few).values.reduce((sum, value) => sum + value / ROWS, 0);

/** The bound over several seeds on these rows repeated, so that a small k is as well known as a large one. */
async function pointOf(vae: Vae, samples: number, repeats: number): Promise<Point> {
  const values = new Float32Array(repeats * ROWS * D);
  for (let i = 0; i < repeats; i++) values.set(few.values, i * ROWS * D);
  const data = { rows: repeats * ROWS, shape: [D], values };
  const bounds: number[] = [];
  for (let seed = 0; seed < SEEDS; seed++)
    bounds.push(await boundOf(vae, data, samples, seed, samples > 100 ? ROWS / 2 : ROWS));
  const mean = bounds.reduce((sum, value) => sum + value, 0) / SEEDS;
  const variance = bounds.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (SEEDS - 1);
  return { mean, error: Math.sqrt(variance / SEEDS) };
}

test('with another encoder it rises with k and reaches log p(x)', async () => {
  const [widened, scale] = [variances.map((value) => 1.5 * value), 0.9];
  const vae = await loadModel(linearSpec, linearParameters(best, widened, scale), await nodeDevice());
  const points = new Map<number, Point>();
  for (const [samples, repeats] of [
    [1, 100],
    [5, 50],
    [50, 10],
    [500, 2],
    [5000, 1],
  ] as const)
    points.set(samples, await pointOf(vae, samples, repeats));
  vae.destroy();
  for (const [samples, { mean, error }] of points)
    test.info().annotations.push({
      type: `k = ${samples}`,
      description: `${(fewExact - mean).toExponential(2)} below log p(x), standard error ${error.toExponential(1)}`,
    });

  const encoder = ppca.exactPosterior(best).encoder.values.map((value) => scale * value);
  const { elbo } = ppca.linearElbo(best, few, { shape: [K, D], values: encoder }, widened);
  const one = points.get(1)!;
  expect(Math.abs(one.mean - elbo)).toBeLessThan(LARGEST_T * one.error + EXACT_TOLERANCE);

  const sorted = [...points.values()];
  for (const [index, { mean, error }] of sorted.slice(1).entries()) {
    const before = sorted[index]!;
    const allowed = LARGEST_T * Math.hypot(error, before.error);
    expect(mean).toBeGreaterThan(before.mean - allowed);
    if (index === 0) expect(mean).toBeGreaterThan(before.mean + allowed);
  }
  const gap = fewExact - points.get(5000)!.mean;
  expect(gap).toBeGreaterThan(-LARGEST_T * points.get(5000)!.error - EXACT_TOLERANCE);
  holdTo('estimator iwae', 'log p(x) of the linear model at k = 5,000, nats', Math.abs(gap), 0.01);
});
