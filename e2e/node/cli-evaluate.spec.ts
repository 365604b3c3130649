/**
 * Plan: the built command `evaluate` beyond the terms.
 * | axis     | control                          | cases                                                    |
 * | measures | the terms, as without them       | log p(x), KL split, disentanglement on data with factors |
 * | --out    | evaluation.json is what --json prints | pictures of the sizes that they should have         |
 * | refusals | -                                | factors that are not known, numbers out of range         |
 */
import { expect, test } from '@playwright/test';
import { decode } from 'fast-png';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EvaluationReport } from '../../src/vae/evaluation/report.js';
import type { Terms } from '../../src/vae/terms.js';
import { runCli, testFolder } from './command-line.js';

const shapes = ['--data', 'shapes', '--size', '16', '--limit', '60'];

test('a model of shapes is measured and drawn', async () => {
  const folder = testFolder();
  const training = ['train', ...shapes, '--epochs', '1', '--batch', '30', '--hidden', '8', '--latent', '3'];
  const trained = await runCli(training, folder);
  expect(trained.code, trained.stderr).toBe(0);

  const plain = await runCli(['evaluate', 'out', ...shapes, '--json'], folder);
  const terms = JSON.parse(plain.stdout) as Terms;
  expect(Object.keys(terms)).toEqual(['elbo', 'reconstruction', 'kl']);
  expect(existsSync(join(folder, 'out/evaluation.json'))).toBe(false);

  const measures = ['--importance', '4', '--split-kl', '50', '--disentanglement'];
  const full = await runCli(['evaluate', 'out', ...shapes, ...measures, '--out', 'seen', '--json'], folder);
  expect(full.code, full.stderr).toBe(0);
  const report = JSON.parse(full.stdout) as EvaluationReport;
  expect(JSON.parse(readFileSync(join(folder, 'seen/evaluation.json'), 'utf8'))).toEqual(report);
  expect(report).toMatchObject({ rows: 60, terms, logLikelihood: { samples: 4 }, klSplit: { rows: 50 } });
  expect(report.disentanglement!.factorVaeScore).toBeGreaterThanOrEqual(0);
  expect(report.latents.kl).toHaveLength(3);

  // Images of 16 x 16, twice as large, 2 apart.
  const sizes = {
    traversals: [9, 3],
    bilinear: [8, 8],
    mixture: [8, 8],
    flow: [8, 8],
    reconstructions: [10, 4],
  };
  for (const [name, [columns, rows]] of Object.entries(sizes) as [string, [number, number]][]) {
    const { width, height, data } = decode(readFileSync(join(folder, 'seen', `${name}.png`)));
    expect([width, height], name).toEqual([columns * 34 + 2, rows * 34 + 2]);
    expect(new Set(data).size, name).toBeGreaterThan(2);
  }
  expect(readFileSync(join(folder, 'seen/latents.svg'), 'utf8').match(/class="bar"/g)).toHaveLength(6);

  const table = await runCli(['evaluate', 'out', ...shapes, '--importance', '2'], folder);
  expect(table.stdout).toMatch(/^bound +elbo -.*\nlog p\(x\) +-.* 2 importance samples\nbits per dimension/);
});

test('what is refused', async () => {
  const folder = testFolder();
  const training = [
    'train',
    '--limit',
    '20',
    '--epochs',
    '1',
    '--batch',
    '20',
    '--hidden',
    '8',
    '--latent',
    '2',
  ];
  const trained = await runCli(training, folder);
  expect(trained.code, trained.stderr).toBe(0);
  const { code, stderr } = await runCli(['evaluate', 'out', '--limit', '20', '--disentanglement'], folder);
  expect(code).toBe(1);
  expect(stderr).toContain(
    'webgpu-vae: [disentanglement] the data have no known factors; expected data that were',
  );
  const number = await runCli(['evaluate', 'out', '--importance', '0'], folder);
  expect(number.stderr).toContain("[--importance] is '0'; expected a whole number of at least 1");
});
