/**
 * Plan: the command baseline, built, on the images that come along.
 * | axis     | control             | cases                                                                   |
 * | --model  | ppca in closed form | ppca by EM, fa, pca                                                     |
 * | files    | all of them         | what a training left stays; the report is what the saved model evaluates |
 * | refusals | -                   | a model or a method that is none, a latent that is too large            |
 */
import { expect, test } from '@playwright/test';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { LinearGaussian } from 'webgpu-vae/classical';
import type { BaselineReport } from '../../src/node/cli/baseline.js';
import { loadImages } from '../../src/node/data.js';
import { nodeDevice } from '../node-device.js';
import * as ppca from '../reference/ppca.js';
import { runCli, testFolder } from './command-line.js';

const few = ['--limit', '60', '--size', '6x5', '--latent', '3'];
const files = ['baseline.json', 'baseline.safetensors'];
const pictures = ['baseline-components.png', 'baseline-reconstructions.png', 'baseline-samples.png'];

function readReport(folder: string): BaselineReport {
  return JSON.parse(readFileSync(join(folder, 'out/baseline.json'), 'utf8')) as BaselineReport;
}

/** Mean log-likelihood of PPCA on the first 60 training images, in float64. */
async function expectedLikelihood(): Promise<number> {
  const { values } = await loadImages('fashion', 'train', { limit: 60, size: [6, 5] });
  const x = { shape: [60, 30], values: Float64Array.from(values, (byte) => byte / 255) };
  const means = new Float64Array(30);
  x.values.forEach((value, i) => (means[i % 30]! += value / 60));
  x.values.forEach((value, i) => (x.values[i] = value - means[i % 30]!));
  const rows = ppca.logMarginal(ppca.fitPpca(x, 3), x).values;
  return rows.reduce((sum, value) => sum + value / 60, 0);
}

test('ppca: the exact likelihood, its files, and nothing of a training touched', async () => {
  const folder = testFolder();
  mkdirSync(join(folder, 'out'));
  writeFileSync(join(folder, 'out/model.safetensors'), 'of a training');
  const { code, stdout, stderr } = await runCli(['baseline', ...few], folder);
  expect(code, stderr).toBe(0);
  const report = readReport(folder);
  expect(report).toMatchObject({
    data: { name: 'fashion', rows: 60, testRows: 60, shape: [6, 5, 1] },
    model: 'ppca',
    method: 'closed-form',
    latent: 3,
    stopped: false,
  });
  // 30 terms of order 10, 60 rows, float32
  expect(Math.abs(report.train.logLikelihood! - (await expectedLikelihood()))).toBeLessThan(1e-3);
  const [train, held] = stdout.trimEnd().split('\n');
  expect(train).toMatch(/^train: log p\(x\) -?\d+\.\d{3} nats per datum, squared error \d/);
  expect(held).toContain(`test: log p(x) ${report.test.logLikelihood!.toFixed(3)} nats per datum`);
  expect(stderr).toContain('log p(x) is of a density over grey values in [0, 1]');
  for (const name of [...files, ...pictures]) expect(existsSync(join(folder, 'out', name)), name).toBe(true);
  expect(readFileSync(join(folder, 'out/model.safetensors'), 'utf8')).toBe('of a training');
  const { width, height } = decode(readFileSync(join(folder, 'out/baseline-components.png')));
  expect([width, height]).toEqual([2 * (10 + 2) + 2, 2 * (12 + 2) + 2]); // three of 6 x 5, twice as large

  const model = await LinearGaussian.load(readFileSync(join(folder, 'out/baseline.safetensors')));
  const images = await loadImages('fashion', 'test', { limit: 60, size: [6, 5] });
  const terms = await model.evaluate(await nodeDevice(), images);
  expect(Math.abs(terms.logLikelihood! - report.test.logLikelihood!)).toBeLessThan(1e-3);
  expect(Math.abs(terms.squaredError - report.test.squaredError)).toBeLessThan(1e-4);
});

test('the other models and methods', async () => {
  const folder = testFolder();
  const run = async (...words: string[]): Promise<BaselineReport> => {
    const { code, stdout, stderr } = await runCli(['baseline', ...few, '--json', ...words], folder);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as BaselineReport;
    expect(report).toEqual(readReport(folder));
    return report;
  };
  const em = ['--tolerance', '1e-6', '--iterations', '2000'];
  const iterated = await run('--model', 'ppca', '--method', 'em', ...em);
  expect(iterated).toMatchObject({ method: 'em', converged: true });
  expect(Math.abs(iterated.train.logLikelihood! - (await expectedLikelihood()))).toBeLessThan(1e-2);
  const factors = await run('--model', 'fa', '--iterations', '7', '--tolerance', '0');
  expect(factors).toMatchObject({ method: 'em', converged: false });
  expect(factors.history).toHaveLength(8);
  expect(factors.history.at(-1)).toBeGreaterThan(factors.history[0]!);
  const pca = await run('--model', 'pca');
  expect(pca).toMatchObject({ method: 'closed-form', history: [], train: { logLikelihood: null } });
  expect(pca.train.squaredError).toBeLessThan(iterated.train.squaredError);
});

const refusals: Record<string, { words: string[]; line: string }> = {
  'a model that is none': {
    words: ['--model', 'ica'],
    line: "[--model] is 'ica'; expected ppca, fa or pca; choose one of them",
  },
  'a method that the model has not': {
    words: ['--model', 'fa', '--method', 'closed-form'],
    line: "[--method] is 'closed-form' for fa; pca has a closed form only, fa has none, ppca takes both; leave it out",
  },
  'a latent larger than an image': {
    words: ['--limit', '4', '--size', '2x2', '--latent', '5'],
    line: '[latent] is 5; expected a whole number from 1 to 4, the elements of a datum [2, 2, 1]',
  },
  'a floor of 0': {
    words: ['--floor', '0'],
    line: "[--floor] is '0'; expected a number above 0 and below 1000000; give one, or leave the option out",
  },
};
for (const [name, { words, line }] of Object.entries(refusals))
  test(name, async () => {
    const { code, stdout, stderr } = await runCli(['baseline', ...words], testFolder());
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`webgpu-vae: ${line}\n`);
  });
