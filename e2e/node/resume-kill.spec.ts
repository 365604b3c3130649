/**
 * Plan: 200 steps in processes that are killed (SIGKILL) end with the numbers of 200 steps in one that is not.
 * | axis  | control | cases                                                                          |
 * | kills | none    | one behind step 100; twenty at seeded moments of a run that is always saving    |
 * After every kill the file is whole, and no save that was acknowledged is lost.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from '@playwright/test';
import { readTrainingFile } from '../../src/vae/checkpoint/training-file.js';
import { integers } from '../random-integers.js';
import { numbersDigest } from '../resume-run.js';
import { testFolder } from './command-line.js';

const child = resolve(import.meta.dirname, 'resume-child.js');

interface Kill {
  /** Saves that this process has acknowledged before. */
  readonly saves: number;
  readonly afterMs: number;
}

interface Ended {
  /** The last step that it said was saved. */
  readonly acknowledged: number;
  readonly isDone: boolean;
}

/** Runs the child to its end, or kills it. */
function train(path: string, kill?: Kill): Promise<Ended> {
  return new Promise((done, fail) => {
    const running = spawn(process.execPath, [child, path], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [text, errors] = ['', ''];
    let isDue = kill !== undefined;
    running.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const saves = text.match(/saved \d+\n/g) ?? [];
      if (!kill || !isDue || saves.length < kill.saves) return;
      isDue = false;
      setTimeout(() => running.kill('SIGKILL'), kill.afterMs);
    });
    running.stderr.setEncoding('utf8').on('data', (part: string) => (errors += part));
    running.on('close', (code, signal) => {
      if (code !== 0 && signal !== 'SIGKILL')
        return fail(new Error(`the child ended with ${code}: ${errors}`));
      const steps = [...text.matchAll(/saved (\d+)\n/g)].map(([, step]) => Number(step));
      done({ acknowledged: steps.at(-1) ?? 0, isDone: text.includes('done') });
    });
  });
}

const stepOf = async (path: string): Promise<number> =>
  (await readTrainingFile(readFileSync(path))).record.step;

/** About 2 s a process on a quiet machine; others may share this one. */
test.describe.configure({ timeout: 480_000 });

let uninterrupted: string;

test.beforeAll(async () => {
  const path = join(testFolder(), 'whole.safetensors');
  expect(await train(path)).toEqual({ acknowledged: 200, isDone: true });
  uninterrupted = await numbersDigest(readFileSync(path));
});

test('killed behind step 100, resumed', async () => {
  const path = join(testFolder(), 'training.safetensors');
  const killed = await train(path, { saves: 100, afterMs: 0 });
  expect(killed.isDone).toBe(false);
  expect(await stepOf(path)).toBeGreaterThanOrEqual(100);
  expect((await train(path)).isDone).toBe(true);
  expect(await stepOf(path)).toBe(200);
  expect(await numbersDigest(readFileSync(path))).toBe(uninterrupted);
});

test('killed twenty times while it saves', async () => {
  const path = join(testFolder(), 'training.safetensors');
  const saves = integers(20, 1, 8).map((count) => 1 + count);
  const delays = integers(20, 2, 24);
  const steps: number[] = [];
  for (const [index, count] of saves.entries()) {
    const { acknowledged, isDone } = await train(path, { saves: count, afterMs: delays[index]! });
    expect(isDone).toBe(false);
    const step = await stepOf(path); // throws for a file that is not whole
    expect(step).toBeGreaterThanOrEqual(acknowledged);
    steps.push(step);
  }
  expect((await train(path)).isDone).toBe(true);
  expect(await numbersDigest(readFileSync(path))).toBe(uninterrupted);
  const leftovers = readdirSync(dirname(path)).filter((name) => name.endsWith('.tmp')).length;
  test.info().annotations.push({
    type: 'kills within a write',
    description: `${leftovers} of ${saves.length}, at steps ${steps.join(' ')}`,
  });
});
