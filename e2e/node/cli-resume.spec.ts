/**
 * Plan: runs of the command line that end and go on. The files of a resumed run are those of one that was not
 * interrupted: the same model, lines without repetition, a report of the whole.
 * | axis   | control    | cases                                                                           |
 * | ending | last epoch | Ctrl-C, SIGKILL within saves, every epoch done                                    |
 * | words  | resume     | train --resume; other options; too few epochs; no run, a model alone, a damaged file |
 */
import { expect, test } from '@playwright/test';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HistoryEntry } from '../../src/node/cli/history.js';
import type { RunReport } from '../../src/node/cli/report.js';
import { numbersDigest } from '../resume-run.js';
import { runCli, testFolder, type Kill } from './command-line.js';

const words = [
  'train',
  '--limit',
  '256',
  '--hidden',
  '16',
  '--latent',
  '3',
  '--batch',
  '30',
  '--epochs',
  '4',
];

test.describe.configure({ timeout: 300_000 });

/** Runs `train` into a folder, or kills it. */
async function trained(folder: string, more: string[], kills: Kill[] = []): Promise<string> {
  const { code, stderr } = await runCli([...words, ...more], folder, { kills });
  expect(code, stderr).toBe(kills[0]?.signal === 'SIGKILL' ? 'SIGKILL' : kills[0] ? 130 : 0);
  return join(folder, 'out');
}

const digestOf = (out: string): Promise<string> =>
  numbersDigest(readFileSync(join(out, 'training.safetensors')));
const reportOf = (out: string): RunReport =>
  JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as RunReport;

function historyOf(out: string): HistoryEntry[] {
  const lines = readFileSync(join(out, 'history.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as HistoryEntry);
}

/** Everything but how long it took. */
const lasting = ({ epochs, steps, train, test: held, stopped, model }: RunReport): unknown => ({
  epochs,
  steps,
  train,
  held,
  stopped,
  model,
});

let whole: string;
test.beforeAll(async () => {
  const folder = join(testFolder(), 'whole'); // hooks share the folder of the first test
  mkdirSync(folder);
  whole = await trained(folder, []);
});

const interruptions: Record<string, { more: string[]; kill: Kill; go: string[] }> = {
  'Ctrl-C, then resume': {
    more: ['--save-every', '2'],
    kill: { when: /^epoch 1\/4/m, signal: 'SIGINT' },
    go: ['resume', 'out'],
  },
  'a kill, then train --resume with the same words': {
    more: ['--save-every', '1'],
    kill: { when: /^epoch 2\/4/m, signal: 'SIGKILL', afterMs: 50 },
    go: [...words, '--resume'],
  },
};
for (const [name, { more, kill, go }] of Object.entries(interruptions))
  test(`goes on after ${name}`, async () => {
    const folder = testFolder();
    const out = await trained(folder, more, [kill]);
    const { code, stderr } = await runCli(go, folder);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/^going on from step \d+$/m);
    expect(await digestOf(out)).toBe(await digestOf(whole));
    expect(readFileSync(join(out, 'model.safetensors'))).toEqual(
      readFileSync(join(whole, 'model.safetensors')),
    );
    expect(lasting(reportOf(out))).toEqual(lasting(reportOf(whole)));
    expect(readdirSync(out).toSorted(), 'nothing half written').toEqual(readdirSync(whole).toSorted());
    const history = historyOf(out);
    const steps = history.map(({ step, test: held }) => step + (held ? 0.5 : 0));
    expect(steps, 'in order, no line twice').toEqual([...new Set(steps)].toSorted((a, b) => a - b));
    const epochs = (entries: HistoryEntry[]): HistoryEntry[] => entries.filter((entry) => entry.test);
    expect(epochs(history)).toEqual(epochs(historyOf(whole)));
    expect(reportOf(out).seconds).toBeGreaterThan(0);
  });

test('more epochs of a run that was done', async () => {
  const folder = testFolder();
  const first = await runCli([...words.slice(0, -1), '2'], folder);
  expect(first.code, first.stderr).toBe(0);
  const more = await runCli(['resume', 'out/training.safetensors', '--epochs', '4'], folder);
  expect(more.code, more.stderr).toBe(0);
  expect(await digestOf(join(folder, 'out'))).toBe(await digestOf(whole));
  expect(reportOf(join(folder, 'out')).options).toMatchObject({ epochs: 4, batch: 30, out: 'out' });
});

test('refuses what would be another run, and leaves its files alone', async () => {
  const folder = testFolder();
  const out = join(folder, 'out');
  mkdirSync(out);
  for (const name of readdirSync(whole)) copyFileSync(join(whole, name), join(out, name));
  mkdirSync(join(folder, 'broken'));
  const bytes = readFileSync(join(whole, 'training.safetensors'));
  writeFileSync(join(folder, 'broken/training.safetensors'), bytes.subarray(0, -3));
  for (const [line, message] of [
    [
      [...words, '--resume', '--batch', '32'],
      '[--batch] is 32; the run in out/training.safetensors has 30; leave it out to go on, or train anew without --resume',
    ],
    [
      ['train', '--resume', '--max-norm', '1'],
      '[--max-norm] is 1; the run in out/training.safetensors has 0; leave it out to go on, or train anew without --resume',
    ],
    [
      ['resume', 'out', '--epochs', '1'],
      '[epochs] is 1, 9 steps; the checkpoint has taken 36; ask for more epochs',
    ],
    [
      ['resume', 'nowhere'],
      '[nowhere] cannot be read (ENOENT: no such file or directory); expected a training.safetensors, or the folder of a run that holds one; correct the path, or train first',
    ],
    [
      ['resume', 'out/model.safetensors'],
      '[out/model.safetensors] holds a model and no training; expected what Trainer.save() or onSave gave; load it with Vae.load() and train anew',
    ],
    [
      ['resume', 'broken'],
      `[broken/training.safetensors] the tensors take ${bodyLength(bytes)} bytes and ${bodyLength(bytes) - 3} follow the header; the file is cut short; copy it again`,
    ],
  ] as const) {
    const { code, stderr } = await runCli(line, folder);
    expect(code, stderr).toBe(1);
    expect(stderr).toContain(`webgpu-vae: ${message}\n`);
  }
  for (const name of readdirSync(whole))
    expect(Buffer.compare(readFileSync(join(out, name)), readFileSync(join(whole, name))), name).toBe(0);
});

function bodyLength(file: Buffer): number {
  return file.length - 8 - Number(file.readBigUInt64LE(0));
}
