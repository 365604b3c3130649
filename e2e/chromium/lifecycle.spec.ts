/**
 * Plan: models and devices that come and go in a page. Twenty models made and destroyed leave the ledger flat; a
 * device that is destroyed, or whose GPU process dies, ends the training with a DeviceError that says what to do; a
 * borrowed device outlives the model; a page without WebGPU is told so.
 */
import { chromium, expect, test, type Page } from '@playwright/test';
import { chromiumLaunch } from '../browser.js';
import { openSite, startSite, type Site } from '../site/server.js';

let site: Site;

test.beforeAll(async () => {
  site = await startSite();
});
test.beforeEach(({ page }) => openSite(page, site));
test.afterAll(() => site.close());

/** A model that is small in every way, and 40 images for it; runs in the page. */
function offerModel(page: Page): Promise<void> {
  return page.evaluate(() => {
    const { denseSpec } = globalThis.site.library;
    globalThis.small = {
      spec: denseSpec({ input: [6, 6, 1], hidden: 8, latent: 2 }),
      data: {
        rows: 40,
        shape: [6, 6, 1],
        values: Uint8Array.from({ length: 40 * 36 }, (_, i) => (i * 37) & 255),
      },
    };
  });
}

declare global {
  var small: {
    spec: import('../../src/index.js').VaeSpec;
    data: import('../../src/index.js').Dataset;
  };
}

test('twenty models made and destroyed leave the ledger flat', async ({ page }) => {
  await offerModel(page);
  const sizes = await page.evaluate(async () => {
    const { Device, Vae } = globalThis.site.library;
    const { spec, data } = globalThis.small;
    const device = await Device.open();
    const after: number[] = [];
    for (let round = 0; round < 20; round++) {
      const vae = await Vae.create(spec, { device, seed: round });
      await vae.train(data, { epochs: 1, batchSize: 10 });
      await vae.sample(2);
      vae.destroy();
      await Promise.resolve();
      after.push(device.liveByteLength);
    }
    device.destroy();
    return after;
  });
  expect(sizes).toEqual(Array.from({ length: 20 }, () => 0));
});

test('a device destroyed during training ends it with a DeviceError', async ({ page }) => {
  await offerModel(page);
  const error = await page.evaluate(async () => {
    const { Device, DeviceError, Vae } = globalThis.site.library;
    const { spec, data } = globalThis.small;
    const device = await Device.open();
    const vae = await Vae.create(spec, { device });
    const options = { epochs: 1000, batchSize: 10, onEpoch: () => device.gpu.destroy() };
    const reason: unknown = await vae.train(data, options).catch((caught: unknown) => caught);
    return { isDeviceError: reason instanceof DeviceError, message: String(reason) };
  });
  expect(error).toEqual({
    isDeviceError: true,
    message: expect.stringMatching(
      /the GPU device is lost \(destroyed.*\); open a new one and load the last checkpoint/,
    ),
  });
});

test('a borrowed device stays alive and usable', async ({ page }) => {
  await offerModel(page);
  const result = await page.evaluate(async () => {
    const { Vae } = globalThis.site.library;
    const { spec, data } = globalThis.small;
    const adapter = await navigator.gpu.requestAdapter();
    const gpu = await adapter!.requestDevice();
    let isLost = false;
    void gpu.lost.then(() => (isLost = true));
    const vae = await Vae.create(spec, { device: gpu });
    await vae.train(data, { epochs: 1, batchSize: 10 });
    const { device } = vae;
    vae.destroy();
    const buffer = gpu.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    gpu.queue.writeBuffer(buffer, 0, Uint32Array.of(1, 2, 3, 4));
    await buffer.mapAsync(GPUMapMode.READ);
    const words = [...new Uint32Array(buffer.getMappedRange())];
    gpu.destroy();
    return { isLost, words, liveByteLength: device.liveByteLength };
  });
  expect(result).toEqual({ isLost: false, words: [1, 2, 3, 4], liveByteLength: 0 });
});

test('a page without WebGPU is told what to use', async ({ page }) => {
  const error = await page.evaluate(async () => {
    const { denseSpec, DeviceError, Vae } = globalThis.site.library;
    Object.defineProperty(navigator, 'gpu', { value: undefined });
    const reason: unknown = await Vae.create(denseSpec({ input: [4] })).catch((caught: unknown) => caught);
    return { isDeviceError: reason instanceof DeviceError, message: (reason as Error).message };
  });
  expect(error).toEqual({
    isDeviceError: true,
    message: expect.stringMatching(
      /^\[device\] this environment has no WebGPU; use a browser with WebGPU \(.*\) on https or localhost/,
    ),
  });
});

test('the death of the GPU process ends training with a DeviceError', async () => {
  const browser = await chromium.launch(chromiumLaunch); // of its own: Chromium remembers such a crash
  try {
    const page = await browser.newPage();
    await openSite(page, site);
    await offerModel(page);
    const training = page.evaluate(async () => {
      const { Device, DeviceError, Vae } = globalThis.site.library;
      const { spec, data } = globalThis.small;
      const vae = await Vae.create(spec, { device: await Device.open() });
      const options = { epochs: 100_000, batchSize: 10, onStep: () => void (globalThis.isTraining = true) };
      const reason: unknown = await vae.train(data, options).catch((caught: unknown) => caught);
      return { isDeviceError: reason instanceof DeviceError, message: String(reason) };
    });
    await page.waitForFunction(() => globalThis.isTraining);
    const protocol = await browser.newBrowserCDPSession();
    await protocol.send('Browser.crashGpuProcess');
    expect(await training).toEqual({
      isDeviceError: true,
      message: expect.stringMatching(
        /the GPU device is lost \(unknown.*\); open a new one and load the last checkpoint/,
      ),
    });
  } finally {
    await browser.close();
  }
});

declare global {
  var isTraining: boolean | undefined;
}
