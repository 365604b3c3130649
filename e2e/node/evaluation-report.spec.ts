/**
 * Plan: the report of an evaluation, against what its parts are known to be.
 * | axis        | control                              | cases                                                    |
 * | linear      | golden bound, KL, log p(x)           | KL and variance a latent in closed form; split sums up   |
 * | images      | PSNR and SSIM of reconstruct()       | a density of bytes; data outside [0, 1]; a small image   |
 * | factors     | the measures on encode()'s means     | -                                                        |
 * | pieces      | encode() of all rows                 | more rows than a piece                                   |
 * | condition   | -                                    | a conditional model is told its labels                   |
 * | refusals    | -                                    | no factors, a posterior without a closed form            |
 */
import { expect, test } from '@playwright/test';
import { drawShapes } from '../../src/vae/data/shapes.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { encodeRows } from '../../src/vae/evaluation/encode-rows.js';
import { evaluationReport } from '../../src/vae/evaluation/report.js';
import { disentanglement } from '../../src/vae/metrics/disentanglement.js';
import { psnr, ssim } from '../../src/vae/metrics/pictures.js';
import { denseSpec } from '../../src/vae/presets.js';
import { Vae } from '../../src/vae/vae.js';
import { linearParameters, linearSpec } from '../linear-vae.js';
import { float32, loadModel } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { matmul } from '../reference/matmul.js';
import * as ppca from '../reference/ppca.js';

const [N, D, K] = [200, 8, 2];
const x = ppca.ppcaData();
const data: Dataset = { rows: N, shape: [D], values: float32(x) };
const golden = { elbo: -9.009853, kl: 0.914539 };
const F32_TOLERANCE = 1e-4;

test('a linear model: every number is known', async () => {
  const best = ppca.fitPpca(x, K);
  const variances = ppca.bestDiagonalVariances(best);
  const vae = await loadModel(linearSpec(D, K), linearParameters(best, variances), await nodeDevice());
  const report = await evaluationReport(vae, data, { estimator: 'A', importanceSamples: 3, splitRows: N });
  expect(report.rows).toBe(N);
  expect(Math.abs(report.terms.elbo - golden.elbo)).toBeLessThan(F32_TOLERANCE);
  expect(Math.abs(report.logLikelihood!.mean - golden.elbo)).toBeLessThan(F32_TOLERANCE);
  expect(report.logLikelihood!.samples).toBe(3);
  expect(report.bitsPerDimension).toBeCloseTo(-golden.elbo / (D * Math.LN2), 4);
  expect(report.images).toBeUndefined();

  const means = matmul(x, ppca.exactPosterior(best).encoder, { transposeB: true });
  const second = ppca.covariance(means).values; // the data are centred, so the means are
  expect(report.latents.active).toBe(2);
  for (const k of [0, 1]) {
    const moment = second[k * K + k]!;
    expect(Math.abs(report.latents.variances[k]! - moment)).toBeLessThan(F32_TOLERANCE);
    const kl = (variances[k]! + moment - 1 - Math.log(variances[k]!)) / 2;
    expect(Math.abs(report.latents.kl![k]! - kl)).toBeLessThan(F32_TOLERANCE);
  }
  const total = report.latents.kl!.reduce((sum, value) => sum + value, 0);
  expect(Math.abs(total - golden.kl)).toBeLessThan(F32_TOLERANCE);
  const split = report.klSplit!;
  expect(split.rows).toBe(N);
  // One draw a row: the Monte Carlo KL differs from the exact one by the spread of 200 rows, each about 1 nat.
  expect(Math.abs(split.kl - golden.kl)).toBeLessThan(4 / Math.sqrt(N));
  expect(split.mutualInformation).toBeLessThanOrEqual(Math.log(N));
  vae.destroy();
});

test('more rows than a piece are encoded as all at once', async () => {
  const spec = linearSpec(2, 2);
  const vae = await Vae.create(spec, { device: await nodeDevice(), seed: 1 });
  const rows = 1100;
  const values = Float32Array.from({ length: 2 * rows }, (_, i) => Math.sin(i));
  const { mean, logVariance } = await encodeRows(vae, { rows, shape: [2], values });
  const whole = await vae.encode(values);
  expect(mean.values).toEqual(whole.mean);
  expect(logVariance!.values).toEqual(whole.logVariance);
  vae.destroy();
});

const images = drawShapes({ side: 16, rows: 40, seed: 2 });

test('images with factors: likeness and disentanglement are those of the model', async () => {
  const spec = {
    ...denseSpec({ input: [16, 16, 1], hidden: 8, latent: 3 }),
    likelihood: { type: 'gaussian', scale: 0.5 },
  } as const;
  const vae = await Vae.create(spec, { device: await nodeDevice(), seed: 4 });
  const seed = 3;
  const report = await evaluationReport(vae, images, { disentanglement: true, seed });
  const originals = Float32Array.from(images.values, (byte) => byte / 255);
  const others = await vae.reconstruct(originals);
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value / values.length, 0);
  expect(report.images!.psnr).toBeCloseTo(mean(psnr(originals, others, [16, 16, 1])), 9);
  expect(report.images!.ssim).toBeCloseTo(mean(ssim(originals, others, [16, 16, 1])), 9);
  expect(report.images!.rows).toBe(40);
  const codes = { columns: 3, values: (await vae.encode(originals)).mean };
  expect(report.disentanglement).toEqual(disentanglement(codes, images.factors, { seed }));
  const { elbo } = await vae.evaluate(images, { seed });
  expect(report.terms.elbo).toBe(elbo);
  expect(report.bitsPerDimension).toBeCloseTo(-elbo / (256 * Math.LN2) + 8, 9); // a density of 256 levels
  expect(report).not.toHaveProperty('klSplit');
  expect(report).not.toHaveProperty('logLikelihood');
  await expect(
    evaluationReport(vae, { ...images, factors: undefined! }, { disentanglement: true }),
  ).rejects.toThrow(
    '[disentanglement] the data have no known factors; expected data that were made from them; use drawShapes()',
  );
  vae.destroy();
});

test('a conditional model, and one without a closed form', async () => {
  const device = await nodeDevice();
  const small = drawShapes({ side: 8, rows: 20, seed: 2 });
  const spec = denseSpec({ input: [8, 8, 1], hidden: 8, latent: 2 });
  const conditional = await Vae.create({ ...spec, condition: { classes: 3 } }, { device });
  const report = await evaluationReport(conditional, small, { importanceSamples: 2 });
  expect(Number.isFinite(report.logLikelihood!.mean)).toBe(true);
  expect(report.images!.psnr).toBeGreaterThan(0);
  expect(report.images).not.toHaveProperty('ssim'); // smaller than the window
  conditional.destroy();
  const point = await Vae.create({ ...spec, posterior: 'deterministic' }, { device });
  expect((await evaluationReport(point, small)).latents).not.toHaveProperty('kl');
  await expect(evaluationReport(point, small, { splitRows: 10 })).rejects.toThrow(
    /^\[splitRows\] the posterior is deterministic, the prior standard-normal; .* leave it out \(--split-kl\), .* call splitKl\(\)/,
  );
  point.destroy();
});
