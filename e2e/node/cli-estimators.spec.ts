/**
 * Plan: estimators and schemes of the built command line.
 * | axis        | control                     | cases                                                               |
 * | --estimator | what the library takes      | every form; training with bits of the library's; evaluation repeats |
 * | --scheme    | joint                       | alternating, hard EM with bits of the library's; plan's phases      |
 * | refusals    | -                           | forms, numbers that do not fit each other, before the data are read |
 */
import { expect, test } from '@playwright/test';
import { Command } from 'commander';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { estimatorOption, schemeOption } from '../../src/node/cli/estimator.js';
import type { RunReport } from '../../src/node/cli/report.js';
import { loadImages } from '../../src/node/index.js';
import { denseSpec } from '../../src/vae/presets.js';
import type { TrainerOptions } from '../../src/vae/trainer-options.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import { nodeDevice } from '../node-device.js';
import { runCli, testFolder } from './command-line.js';

const forms: Record<string, unknown> = {
  '--estimator A': 'A',
  '--estimator iwae': { type: 'iwae', doubly: false },
  '--estimator iwae:doubly': { type: 'iwae', doubly: true },
  '--estimator miwae:3': { type: 'miwae', groups: 3, doubly: false },
  '--estimator miwae:3:doubly': { type: 'miwae', groups: 3, doubly: true },
  '--estimator piwae:12': { type: 'piwae', groups: 12, doubly: false },
  '--estimator piwae:12:doubly': { type: 'piwae', groups: 12, doubly: true },
  '--estimator ciwae:0.25': { type: 'ciwae', mix: 0.25 },
  '--estimator ciwae:1': { type: 'ciwae', mix: 1 },
  '--estimator score-function': { type: 'score-function', baseline: 'none' },
  '--estimator score-function:leave-one-out': { type: 'score-function', baseline: 'leave-one-out' },
  '--scheme joint': { type: 'joint' },
  '--scheme alternating:5:1': { type: 'alternating', encoderSteps: 5, decoderSteps: 1 },
  '--scheme hard-em:2:3': { type: 'hard-em', encoderSteps: 2, decoderSteps: 3 },
};

for (const [words, expected] of Object.entries(forms))
  test(`${words} is read`, () => {
    const command = new Command().addOption(estimatorOption()).addOption(schemeOption());
    command.parse(words.split(' '), { from: 'user' });
    expect(command.opts()).toEqual({
      estimator: 'B',
      scheme: { type: 'joint' },
      [words.slice(2).split(' ')[0]!]: expected,
    });
  });

const small = ['--limit', '48', '--hidden', '8', '--latent', '3'];
const training = ['train', ...small, '--epochs', '2', '--batch', '16', '--seed', '5'];

const runs: Record<string, { words: string[]; options: TrainerOptions; parts?: Partial<VaeSpec> }> = {
  'PIWAE, doubly reparameterized, in turns': {
    words: ['--estimator', 'piwae:2:doubly', '--samples', '4', '--scheme', 'alternating:2:1'],
    options: {
      estimator: { type: 'piwae', groups: 2, doubly: true },
      samples: 4,
      scheme: { type: 'alternating', encoderSteps: 2, decoderSteps: 1 },
    },
  },
  'hard EM': {
    words: ['--posterior', 'deterministic', '--scheme', 'hard-em:1:2'],
    options: { scheme: { type: 'alternating', encoderSteps: 1, decoderSteps: 2 } },
    parts: { posterior: 'deterministic' },
  },
};

for (const [name, { words, options, parts }] of Object.entries(runs))
  test(`${name}: trains as the library does`, async () => {
    const folder = testFolder();
    const { code, stderr } = await runCli([...training, ...words], folder);
    expect(code, stderr).toBe(0);
    const images = await loadImages('fashion', 'train', { limit: 48 });
    const spec = { ...denseSpec({ input: images.shape, hidden: 8, latent: 3 }), ...parts };
    const vae = await Vae.create(spec, { device: await nodeDevice(), seed: 5 });
    await vae.train(images, { ...options, epochs: 2, batchSize: 16, seed: 5 });
    const expected = await vae.save();
    vae.destroy();
    expect(Buffer.compare(readFileSync(join(folder, 'out/model.safetensors')), expected)).toBe(0);
  });

test('evaluate repeats the terms of the report, with the bound of several samples', async () => {
  const folder = testFolder();
  const bound = ['--estimator', 'iwae', '--samples', '5'];
  const trained = await runCli([...training, ...bound], folder);
  expect(trained.code, trained.stderr).toBe(0);
  const report = JSON.parse(readFileSync(join(folder, 'out/report.json'), 'utf8')) as RunReport;
  expect(report.options).toMatchObject({
    estimator: { type: 'iwae' },
    samples: 5,
    scheme: { type: 'joint' },
  });
  const again = await runCli(['evaluate', 'out', '--limit', '48', ...bound, '--json'], folder);
  expect(JSON.parse(again.stdout)).toEqual(report.test);
  expect(report.test!.others!['multiSample']).toBeGreaterThan(report.test!.elbo);
});

test('plan prints the phases of a scheme and of a discriminator', async () => {
  const words = ['plan', ...small, '--batch', '16', '--scheme', 'alternating:5:1', '--objective', 'factor'];
  const { code, stdout, stderr } = await runCli(words, testFolder());
  expect(code, stderr).toBe(0);
  const phases = [...stdout.matchAll(/^phase '(.*)'$/gm)].map(([, label]) => label);
  expect(phases).toEqual(['train encoder', 'train decoder', 'train discriminator']);
  expect(stdout.match(/update adam/g)!.length).toBeGreaterThanOrEqual(3);
});

const estimators =
  'A, B, iwae[:doubly], miwae:GROUPS[:doubly], piwae:GROUPS[:doubly], ciwae:MIX, score-function[:leave-one-out]';
const refusals: readonly [words: string, line: string][] = [
  [
    '--estimator iwae:5',
    `[--estimator] is 'iwae:5'; expected ${estimators}; give one of them, such as piwae:4:doubly`,
  ],
  ['--estimator miwae:3 --samples 4', '[estimator.groups] is 3; expected a divisor of the 4 samples'],
  ['--estimator ciwae:2', '[estimator.mix] is 2; expected a number of at least 0 and below 1.000000001'],
  [
    '--estimator score-function:leave-one-out',
    "[estimator.baseline] leave-one-out needs 2 samples or more, samples is 1; raise samples or use 'none'",
  ],
  ['--estimator iwae --beta 2', '[beta] the estimator iwae has no weight on its KL; leave beta out'],
  [
    '--scheme alternating:5',
    "[--scheme] is 'alternating:5'; expected joint, alternating:E:M, hard-em:E:M; give one of them, such as alternating:5:1",
  ],
  ['--scheme alternating:0:1', '[scheme.encoderSteps] is 0; expected an integer from 1 to 1000000'],
  [
    '--scheme hard-em:1:1',
    '[--scheme] is hard-em, whose codes are points, and the posterior is diagonal; add --posterior deterministic, or use alternating',
  ],
];
for (const [words, line] of refusals)
  test(`refused: ${words}`, async () => {
    const folder = testFolder();
    const commands = words.startsWith('--scheme') ? ['start', 'plan'] : ['train', 'evaluate'];
    for (const command of commands) {
      const given = [
        command,
        ...(command === 'evaluate' ? ['.'] : []),
        '--limit',
        '130',
        ...words.split(' '),
      ];
      const { code, stdout, stderr } = await runCli(given, folder);
      expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: `webgpu-vae: ${line}\n` });
    }
    expect(existsSync(join(folder, 'out'))).toBe(false);
  });
