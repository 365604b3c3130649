/**
 * Plan: the pages of demo/examples on Vite's development server, as a reader of the documentation runs them.
 * - three.js: decoded images on a mesh, on three's own device; nothing is mapped while frames are drawn; frames printed;
 * - webcam: frames of Chromium's fake camera are reconstructed and trained on, and the error falls;
 * - React: the hook trains in a worker, samples appear on the canvas.
 */
import { expect, test, type Page } from '@playwright/test';
import { decode } from 'fast-png';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { createServer, type ViteDevServer } from 'vite';
import { canvasLaunch, countMaps, requireAdapter } from '../browser.js';

test.use({
  launchOptions: {
    ...canvasLaunch,
    args: [...canvasLaunch.args!, '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  },
});

let server: ViteDevServer;
let url: string;

test.beforeAll(async () => {
  const configFile = resolve(import.meta.dirname, '../../demo/vite.config.ts');
  server = await createServer({ configFile, logLevel: 'error', server: { port: 0, host: 'localhost' } });
  await server.listen();
  url = `http://localhost:${(server.httpServer!.address() as AddressInfo).port}`;
});
test.afterAll(() => server.close());

/** Opens an example; what it throws or logs as an error comes back by the returned function. */
async function open(page: Page, name: string): Promise<() => string[]> {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.location().url.endsWith('/favicon.ico'))
      errors.push(message.text());
  });
  await countMaps(page);
  await page.goto(`${url}/examples/${name}/`);
  await requireAdapter(page);
  return () => errors;
}

/** What a visitor sees on the page's canvas. (A 2D context would read blank in frames that nothing was drawn in.) */
async function pixels(page: Page): Promise<Uint8Array> {
  const { data } = decode(await page.locator('canvas').screenshot());
  return Uint8Array.from(data);
}

interface ThreeExample {
  readonly vae: { decode(z: Float32Array): Promise<Float32Array> };
  readonly renderer: { backend: { device: GPUDevice } };
  readonly device: { gpu: GPUDevice };
  readonly frames: () => number;
}
interface WebcamExample {
  readonly state: { frames: number; rounds: number; squaredError: number };
}
type Example<T> = { readonly example: T };

test('three.js shows decoded images on its own device (frames printed)', async ({ page }) => {
  const errors = await open(page, 'three');
  await page.waitForFunction(
    () => ((globalThis as unknown as Partial<Example<ThreeExample>>).example?.frames() ?? 0) > 2,
  );
  const measured = await page.evaluate(async () => {
    const { renderer, device, frames } = (globalThis as unknown as Example<ThreeExample>).example;
    const mapsBefore = globalThis.mapCount;
    const [first, started] = [frames(), performance.now()];
    while (frames() < first + 20 && performance.now() < started + 60_000)
      await new Promise((done) => setTimeout(done, 20));
    return {
      isShared: renderer.backend.device === device.gpu,
      frames: frames() - first,
      framesPerSecond: ((frames() - first) * 1000) / (performance.now() - started),
      maps: globalThis.mapCount - mapsBefore,
    };
  });
  const shown = await pixels(page);
  test.info().annotations.push({
    type: 'figure',
    description: `three.js with 16 images of 28x28 decoded a frame: ${measured.framesPerSecond.toFixed(1)} frames/s, ${measured.maps} calls of mapAsync`,
  });
  expect(measured).toMatchObject({ isShared: true, maps: 0 });
  expect(measured.frames).toBeGreaterThanOrEqual(20);
  expect(new Set(shown).size, 'different greys on the mesh').toBeGreaterThan(8);
  expect(errors()).toEqual([]);
});

test('the webcam is reconstructed, and better after training', async ({ page }) => {
  const errors = await open(page, 'webcam');
  const state = async (rounds: number): Promise<WebcamExample['state']> => {
    await page.waitForFunction(
      (count) =>
        ((globalThis as unknown as Partial<Example<WebcamExample>>).example?.state.rounds ?? 0) >= count,
      rounds,
      { timeout: 100_000 },
    );
    return page.evaluate(() => ({ ...(globalThis as unknown as Example<WebcamExample>).example.state }));
  };
  const first = await state(1);
  const later = await state(2);
  expect(first.squaredError).toBeGreaterThan(0);
  expect(later.squaredError).toBeLessThan(first.squaredError);
  await expect.poll(async () => new Set(await pixels(page)).size).toBeGreaterThan(8);
  expect(errors()).toEqual([]);
});

test('the React component trains in a worker and shows samples', async ({ page }) => {
  const errors = await open(page, 'react');
  await expect(page.getByRole('status')).toHaveText('trained', { timeout: 100_000 });
  await expect.poll(async () => new Set(await pixels(page)).size).toBeGreaterThan(8);
  const before = (await pixels(page)).join();
  await page.getByRole('button').click();
  await expect.poll(async () => (await pixels(page)).join()).not.toBe(before);
  expect(errors()).toEqual([]);
});
