/**
 * Plan: what outlives a visit, and what leaves it.
 * - reload: the same step, curves and samples, and the bits of a training that was not interrupted;
 * - a second tab: told that it does not save; another address: offered, not opened; forgotten: gone;
 * - files: the command line opens the checkpoint, the folders are whole, pictures and animation show the model.
 */
import { expect, test, type BrowserContext, type Page } from '@playwright/test';
import { decode } from 'fast-png';
import { createHash } from 'node:crypto';
import { strFromU8, unzipSync } from 'fflate';
import { readSafetensors } from '../../src/vae/checkpoint/safetensors.js';
import { canvasLaunch } from '../browser.js';
import { openDemo, serveDemo, type DemoServer } from '../demo-page.js';
import { contrast, drawnSamples, pixelsOf, savedStep, takeAway } from '../demo-picture.js';
import { runCli, testFolder } from '../node/command-line.js';

test.use({ launchOptions: canvasLaunch });

let server: DemoServer;
test.beforeAll(async () => (server = await serveDemo()));
test.afterAll(() => server.close());

/** Trains from scratch for some steps, and pauses; @returns the step that is saved */
async function train(page: Page): Promise<number> {
  await page.getByRole('button', { name: 'Train from scratch' }).click();
  await expect(
    page
      .locator('#curves')
      .getByText(/-\d+\.\d+ nats/)
      .first(),
  ).toBeVisible();
  await page.getByRole('button', { name: 'Pause' }).click();
  return settledStep(page);
}

/** The model's step, once it is saved. */
async function settledStep(page: Page): Promise<number> {
  const { name } = await takeAway(page, /^Checkpoint/);
  const step = Number(/^webgpu-vae-step-(\d+)\.safetensors$/.exec(name)![1]);
  await expect.poll(() => savedStep(page)).toBe(step);
  return step;
}

/** What the page shows of a training. */
async function shown(page: Page): Promise<Readonly<Record<'terms' | 'curves' | 'samples', string>>> {
  const curves = page.getByRole('img', { name: /Curves of/ });
  return {
    terms: (await page.locator('#curves dd').allInnerTexts()).slice(0, 3).join(),
    curves: digest(await pixelsOf(curves)),
    samples: digest(await drawnSamples(page)),
  };
}

function digest(pixels: Uint8Array): string {
  return createHash('sha256').update(pixels).digest('hex');
}

async function expectShown(page: Page, expected: Awaited<ReturnType<typeof shown>>): Promise<void> {
  await expect.poll(() => shown(page)).toEqual(expected);
}

async function tensorsOf(bytes: Uint8Array): Promise<Record<string, unknown>> {
  const { tensors } = await readSafetensors(bytes);
  return Object.fromEntries(
    Array.from(tensors, ([name, { values }]) => [name, [...values.subarray(0, 500)]]),
  );
}

test('a reload goes on with the bits of a training that was not interrupted', async ({ page }) => {
  const { errors } = await openDemo(page, server.url);
  const step = await train(page);
  const before = await shown(page);
  const { path } = await takeAway(page, /^Checkpoint/);
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect.poll(() => savedStep(page)).toBe(step + 1);
  const uninterrupted = await takeAway(page, /^Checkpoint/);
  const after = await shown(page);

  await page.reload();
  await expect(page.getByRole('button', { name: 'Resume' })).toBeEnabled();
  expect(await savedStep(page)).toBe(step + 1);
  await expectShown(page, after);

  await page.getByLabel('Open a checkpoint').setInputFiles(path);
  await expect.poll(async () => (await takeAway(page, /^Checkpoint/)).name).toContain(`-${step}.`);
  await expectShown(page, before);
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect.poll(async () => (await takeAway(page, /^Checkpoint/)).name).toContain(`-${step + 1}.`);
  const resumed = await takeAway(page, /^Checkpoint/);
  expect(await tensorsOf(resumed.bytes)).toEqual(await tensorsOf(uninterrupted.bytes));

  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByText(/begins anew/)).toHaveCount(0);
  expect(errors).toEqual([]);
});

test('another tab, another address, and nothing any more', async ({ context }) => {
  const first = await context.newPage();
  await openDemo(first, server.url);
  const step = await train(first);

  const second = await context.newPage();
  const { errors } = await openDemo(second, server.url);
  await expect(second.getByText(/only the first tab saves/)).toBeVisible();
  await second.getByRole('button', { name: 'Step', exact: true }).click();
  await expect(second.locator('#curves').getByText(/nats/).first()).toBeVisible();
  await expect(second.getByText(/Saved in this browser/)).toHaveCount(0);
  expect(errors).toEqual([]);
  await Promise.all([first.close(), second.close()]);

  const third = await openAnother(context, '#seed=7');
  await expect(third.getByText(`saved at step ${step}.`)).toBeVisible();
  await expect(third.getByRole('button', { name: 'Train on', exact: true })).toBeEnabled();
  await third.getByRole('button', { name: 'Go on with it' }).click();
  await expect(third.getByRole('button', { name: 'Resume' })).toBeEnabled();
  expect((await takeAway(third, /^Checkpoint/)).name).toBe(`webgpu-vae-step-${step}.safetensors`);
  await third.close();

  const fourth = await openAnother(context, '');
  await expect(fourth.getByRole('button', { name: 'Resume' })).toBeEnabled();
  await fourth.getByRole('button', { name: 'Forget what is saved' }).click();
  await expect(fourth.getByText(/Saved in this browser/)).toHaveCount(0);
  await fourth.close();

  const fifth = await openAnother(context, '');
  await expect(fifth.getByRole('button', { name: 'Train on', exact: true })).toBeEnabled();
});

async function openAnother(context: BrowserContext, address: string): Promise<Page> {
  const page = await context.newPage();
  await openDemo(page, `${server.url}${address}`);
  return page;
}

test('files to take away, and one that is none', async ({ page }) => {
  const { errors } = await openDemo(page, server.url);
  const step = await train(page);
  const base = `webgpu-vae-step-${step}`;

  const checkpoint = await takeAway(page, /^Checkpoint/);
  const folder = testFolder();
  const info = await runCli(['info', checkpoint.path], folder);
  expect(info.stdout).toContain('optimizer.moment1');
  const sample = await runCli(['sample', checkpoint.path, '--count', '4', '--out', 'four.png'], folder);
  expect(sample.code, sample.stderr).toBe(0);

  const torch = unzip(await takeAway(page, /^PyTorch/), `${base}-pytorch`);
  expect([...torch.keys()].toSorted()).toEqual([
    'README.txt',
    'model.py',
    'model.safetensors',
    'train_ddp.py',
  ]);
  expect(strFromU8(torch.get('model.py')!)).toContain('nn.Module');
  const own = await tensorsOf(checkpoint.bytes);
  expect(own).toMatchObject(await tensorsOf(torch.get('model.safetensors')!));

  const onnx = unzip(await takeAway(page, /^ONNX/), `${base}-onnx`);
  for (const graph of ['encoder', 'decoder', 'sampler'])
    expect(onnx.get(`models/${graph}/1/model.onnx`)?.length).toBeGreaterThan(1000);

  const samples = await takeAway(page, /^Samples/);
  expect(samples.name).toBe(`${base}-samples.png`);
  const picture = decode(samples.bytes);
  expect([picture.width, picture.height]).toEqual([8 * 28, 4 * 28]);
  expect(contrast(Uint8Array.from(picture.data))).toBeGreaterThan(10);
  const manifold = await takeAway(page, /^Manifold/);
  expect(manifold.name).toBe(`${base}-manifold.png`);
  expect(decode(manifold.bytes)).toMatchObject({ width: 15 * 28, height: 15 * 28 });

  const gif = await takeAway(page, /^Animation/);
  expect(gif.name).toBe(`${base}-manifold.gif`);
  const { frameCount, size, changed } = await readAnimation(page, gif.bytes);
  expect(frameCount).toBeGreaterThan(1);
  expect(size).toEqual([15 * 28, 15 * 28]);
  expect(changed, 'pixels that differ between the first and the last frame').toBeGreaterThan(1000);

  await page.getByLabel('Open a checkpoint').setInputFiles({
    name: 'broken.safetensors',
    mimeType: 'application/octet-stream',
    buffer: checkpoint.bytes.subarray(0, 1000),
  });
  await expect(page.getByText(/cut short/)).toBeVisible();
  expect((await takeAway(page, /^Checkpoint/)).name).toBe(`${base}.safetensors`);
  expect(errors).toEqual([]);
});

/** Files of a ZIP by their path in its one folder. */
function unzip(
  { name, bytes }: { name: string; bytes: Uint8Array },
  folder: string,
): Map<string, Uint8Array> {
  expect(name).toBe(`${folder}.zip`);
  const files = Object.entries(unzipSync(bytes));
  expect(files.every(([path]) => path.startsWith(`${folder}/`))).toBe(true);
  return new Map(files.map(([path, content]) => [path.slice(folder.length + 1), content]));
}

/** As the browser decodes it. */
function readAnimation(
  page: Page,
  bytes: Uint8Array,
): Promise<{ frameCount: number; size: number[]; changed: number }> {
  return page.evaluate(
    async (content) => {
      const decoder = new ImageDecoder({ data: Uint8Array.from(content), type: 'image/gif' });
      await Promise.all([decoder.completed, decoder.tracks.ready]);
      const { frameCount } = decoder.tracks.selectedTrack!;
      const pixels = async (frameIndex: number): Promise<{ size: number[]; data: Uint8ClampedArray }> => {
        const { image } = await decoder.decode({ frameIndex });
        const { displayWidth, displayHeight } = image;
        const context = new OffscreenCanvas(displayWidth, displayHeight).getContext('2d')!;
        context.drawImage(image, 0, 0);
        return {
          size: [displayWidth, displayHeight],
          data: context.getImageData(0, 0, displayWidth, displayHeight).data,
        };
      };
      const [first, last] = [await pixels(0), await pixels(frameCount - 1)];
      const changed = first.data.filter((value, i) => Math.abs(value - last.data[i]!) > 8).length;
      return { frameCount, size: first.size, changed };
    },
    [...bytes],
  );
}
