/**
 * Plan: the library as it is published (dist/), where its users have it: a page and a module worker on localhost,
 * both under a strict Content-Security-Policy, and plain Node without a GPU. Training in the page lowers the loss,
 * agrees with the same run in Node, and gives the worker's bits. The number of submits is counted, and the time to
 * the first step is reported, not judged.
 */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@playwright/test';
import { denseSpec } from '../../src/vae/presets.js';
import { Vae } from '../../src/vae/vae.js';
import { nodeDevice } from '../node-device.js';
import type { Task } from '../site/server.js';
import { useTab } from '../site/tab.js';

/** Page and Node may sit on different adapters; over 30 steps rounding grows to some 1e-6. */
const NODE_TOLERANCE = 1e-5;

/** 48 images of 6 x 6, half of them bright on the left and half on the right. */
const bytes = Array.from({ length: 48 * 36 }, (_, i) =>
  Math.floor(i / 36) % 2 === Math.floor((i % 6) / 3) ? 230 : 25,
);

const task: Task = {
  hidden: 24,
  depth: 1,
  latent: 3,
  rows: 48,
  shape: [6, 6, 1],
  bytes,
  batchSize: 16,
  steps: 30,
  learningRate: 0.01,
  seed: 3,
};

const tab = useTab();

/** The same run in Node, from the sources. */
async function elbosInNode(): Promise<number[]> {
  const spec = denseSpec({ input: task.shape, hidden: task.hidden, latent: task.latent });
  const vae = await Vae.create(spec, { device: await nodeDevice(), seed: task.seed });
  const { batchSize, learningRate, seed, rows, shape } = task;
  const data = { rows, shape, values: Uint8Array.from(bytes) };
  const trainer = await vae.trainer(data, { batchSize, learningRate, seed });
  for (let step = 0; step < task.steps; step++) await trainer.step();
  const terms = await trainer.terms();
  trainer.destroy();
  vae.destroy();
  return terms.map(({ elbo }) => elbo);
}

test('trains in a page, and the loss falls', async () => {
  const { elbos, liveByteLengthAfter } = await tab.page.evaluate(
    (value) => globalThis.site.train(value),
    task,
  );
  expect(elbos).toHaveLength(task.steps);
  expect(elbos.at(-1)!).toBeGreaterThan(elbos[0]! + 1); // nats
  expect(elbos.every(Number.isFinite)).toBe(true);
  expect(liveByteLengthAfter).toBe(0);
});

test('gives the losses of Node', async () => {
  const { elbos } = await tab.page.evaluate((value) => globalThis.site.train(value), task);
  const inNode = await elbosInNode();
  const errors = elbos.map((elbo, step) => Math.abs(elbo - inNode[step]!) / Math.abs(inNode[step]!));
  const equal = errors.filter((error) => error === 0).length;
  test
    .info()
    .annotations.push({ type: 'same bits as Node', description: `${equal} of ${task.steps} losses` });
  expect(Math.max(...errors)).toBeLessThan(NODE_TOLERANCE);
});

test('trains in a worker to the same bits', async () => {
  const inPage = await tab.page.evaluate((value) => globalThis.site.train(value), task);
  const inWorker = await tab.page.evaluate((value) => globalThis.site.trainInWorker(value), task);
  expect(inWorker.elbos).toEqual(inPage.elbos);
  expect(inWorker.weightsHash).toBe(inPage.weightsHash);
});

test('keeps to a strict content security policy', async () => {
  await tab.page.evaluate((value) => globalThis.site.train(value), { ...task, steps: 2 });
  await tab.page.evaluate((value) => globalThis.site.trainInWorker(value), { ...task, steps: 2 });
  expect(await tab.page.evaluate(() => globalThis.site.violations)).toEqual([]);
  // Control: the policy is in force and a violation is seen.
  await tab.page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'globalThis.ranInline = true';
    document.head.append(script);
  });
  await tab.page.waitForFunction(() => globalThis.site.violations.length > 0);
  expect(await tab.page.evaluate(() => 'ranInline' in globalThis)).toBe(false);
});

test('submits at most 32 dispatches at once in a page, and a step as one submit in a worker', async () => {
  for (const depth of [1, 6]) {
    const deep = { ...task, hidden: 8, depth, steps: 4 };
    const inPage = await tab.page.evaluate((value) => globalThis.site.train(value), deep);
    const inWorker = await tab.page.evaluate((value) => globalThis.site.trainInWorker(value), deep);
    const { dispatchesPerStep, submitsPerStep } = inPage;
    test.info().annotations.push({
      type: `a step of ${2 * depth} hidden layers`,
      description: `${dispatchesPerStep} dispatches, ${submitsPerStep} submits in a page`,
    });
    expect(dispatchesPerStep > 32).toBe(depth === 6);
    expect(submitsPerStep).toBe(Math.ceil(dispatchesPerStep / 32));
    expect(inWorker.submitsPerStep).toBe(1);
    expect(inWorker.weightsHash).toBe(inPage.weightsHash); // where a step is cut changes nothing
  }
});

test('reaches the first step of the 784-400-20 model', async () => {
  const [rows, pixels] = [256, 784];
  const greys = Array.from({ length: rows * pixels }, (_, i) => (i * 37 + (i >> 6) * 11) & 255);
  const large: Task = {
    ...task,
    hidden: 400,
    latent: 20,
    rows,
    shape: [28, 28, 1],
    bytes: greys,
    batchSize: 128,
    steps: 6,
  };
  const result = await tab.page.evaluate((value) => globalThis.site.train(value), large);
  const { firstTermsMs, compileTimeMs, stepMs, dispatchesPerStep, submitsPerStep, adapter } = result;
  test.info().annotations.push({
    type: 'first step',
    description:
      `${firstTermsMs.toFixed(0)} ms from opening the device to the first terms, of which ${compileTimeMs.toFixed(0)} ms ` +
      `compilation; then ${stepMs.toFixed(0)} ms a step, ${dispatchesPerStep} dispatches in ${submitsPerStep} submits; ${adapter}`,
  });
  expect(result.elbos).toHaveLength(6);
  expect(result.elbos.every(Number.isFinite)).toBe(true);
});

test.describe('in Node without a GPU or a DOM', () => {
  const root = resolve(import.meta.dirname, '../..');

  /** Runs a module in a bare Node that refuses to make code from strings. */
  async function runInNode(script: string): Promise<unknown> {
    const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: root });
    return JSON.parse(stdout);
  }

  for (const entry of ['index.js', 'gpu.js', 'interop.js', 'worker.js', 'node/index.js'])
    test(`importing dist/${entry} does nothing but export`, async () => {
      const result = await runInNode(`
        const before = new Set(Reflect.ownKeys(globalThis));
        const library = await import('./dist/${entry}');
        const added = Reflect.ownKeys(globalThis).filter((name) => !before.has(name)).map(String);
        console.log(JSON.stringify({ added, exports: Object.keys(library) }));`);
      expect(result).toEqual({ added: [], exports: expect.arrayContaining([expect.any(String)]) });
    });

  test('opening a model says what is missing', async () => {
    const result = await runInNode(`
      const { Vae, DeviceError, denseSpec } = await import('./dist/index.js');
      const error = await Vae.create(denseSpec({ input: [4] })).catch((reason) => reason);
      console.log(JSON.stringify({ isOurs: error instanceof DeviceError, message: error.message }));`);
    expect(result).toEqual({
      isOurs: true,
      message: expect.stringMatching(
        /^\[device\] this environment has no WebGPU; .* in Node use webgpu-vae\/node$/,
      ),
    });
  });

  test('a worker is refused with what to use instead', async () => {
    const result = await runInNode(`
      const { openWorker, DeviceError } = await import('./dist/worker.js');
      const errors = [await openWorker().catch((reason) => reason), await import('./dist/worker-main.js').catch((reason) => reason)];
      console.log(JSON.stringify(errors.map((error) => [error instanceof DeviceError, error.message])));`);
    expect(result).toEqual([
      [
        true,
        expect.stringMatching(
          /^\[worker\] this environment has no Web Worker; in Node use Vae with openNodeGpu/,
        ),
      ],
      [true, expect.stringMatching(/^\[worker\] webgpu-vae\/worker-main was loaded outside a Web Worker/)],
    ]);
  });

  test('the Node entry throws the error classes of the main entry', async () => {
    const result = await runInNode(`
      const { DeviceError } = await import('./dist/index.js');
      const { openNodeGpu } = await import('./dist/node/index.js');
      const error = await openNodeGpu({ adapter: 'no such adapter' }).catch((reason) => reason);
      const answer = JSON.stringify({ name: error.name, isOurs: error instanceof DeviceError });
      process.stdout.write(answer, () => process.exit(0));`);
    expect(result).toEqual({ name: 'DeviceError', isOurs: true });
  });
});
