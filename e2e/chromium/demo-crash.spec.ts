/**
 * Plan: the GPU process is killed while the page trains, with the browser's own flags: the first time the page goes on by itself
 * from its last snapshot; the second time the browser refuses the GPU for minutes, and the page says what to do. A tab that
 * crashes is followed by one that goes on. A browser without a GPU gets advice.
 */
import { AxeBuilder } from '@axe-core/playwright';
import { chromium, expect, test, type Browser, type Page } from '@playwright/test';
import { canvasLaunch, chromiumLaunch } from '../browser.js';
import { openDemo, serveDemo, type DemoServer } from '../demo-page.js';
import { drawnSamples, savedStep, takeAway } from '../demo-picture.js';

let server: DemoServer;
test.beforeAll(async () => (server = await serveDemo()));
test.afterAll(() => server.close());

/** A lost GPU process is the browser's until it ends. */
async function withBrowser(args: readonly string[], run: (browser: Browser) => Promise<void>): Promise<void> {
  const browser = await chromium.launch({ ...canvasLaunch, args: [...args] });
  try {
    await run(browser);
  } finally {
    await browser.close();
  }
}

async function crashGpu(browser: Browser): Promise<void> {
  const session = await browser.newBrowserCDPSession();
  // the command never answers, for what would answer is gone
  void session.send('Browser.crashGpuProcess' as 'Browser.getVersion').catch(() => undefined);
}

/** Counts how often the worker asks for an adapter. */
async function countAdapters(page: Page): Promise<() => Promise<number>> {
  const [worker] = page.workers();
  await worker!.evaluate(() => {
    const counting = globalThis as unknown as { adapterCount: number };
    counting.adapterCount = 0;
    const original = Object.getOwnPropertyDescriptor(GPU.prototype, 'requestAdapter')!;
    const value = function (this: GPU, ...options: unknown[]): unknown {
      counting.adapterCount++;
      return Reflect.apply(original.value as () => unknown, this, options);
    };
    Object.defineProperty(GPU.prototype, 'requestAdapter', { ...original, value });
  });
  return () => worker!.evaluate(() => (globalThis as unknown as { adapterCount: number }).adapterCount);
}

test('the page survives a lost GPU, and says so when the next one is for good', async () => {
  await withBrowser(canvasLaunch.args!, async (browser) => {
    const page = await browser.newPage();
    const { errors } = await openDemo(page, server.url);
    const adapters = await countAdapters(page);
    await page.getByRole('button', { name: 'Train from scratch' }).click();
    await expect(page.getByText(/Saved in this browser/)).toBeVisible();
    const kept = await savedStep(page);
    await crashGpu(browser);
    await expect(page.getByText(/It is being brought back/)).toBeVisible();
    const back = page.getByText(/The GPU is back, and the model as it was after step \d+/);
    await expect(back).toBeVisible();
    await expect(page.getByText(/It is being brought back/)).toHaveCount(0);
    const step = Number(/step (\d+)/.exec(await back.innerText())![1]);
    expect(step).toBeGreaterThanOrEqual(kept);
    await drawnSamples(page);
    await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
    await expect.poll(() => savedStep(page), 'it goes on').toBeGreaterThan(step);

    const lastKept = await savedStep(page);
    const askedBefore = await adapters();
    await crashGpu(browser);
    const advice = page.getByText(/Wait two minutes and reload this page.* restart the browser/);
    await expect(advice).toBeVisible();
    const last = Number(/kept up to step (\d+)/.exec(await advice.innerText())![1]);
    expect(last).toBeGreaterThanOrEqual(lastKept);
    expect((await adapters()) - askedBefore, 'twice a try, at 0, 1 and 5 s').toBe(6);
    await expect(page.getByRole('button', { name: 'Train from scratch' })).toBeDisabled();
    await expect(page.getByRole('button', { name: 'Resume' })).toBeDisabled();
    await expect(page.locator('.note')).toHaveCount(1);
    const { name } = await takeAway(page, /^Download the checkpoint/);
    expect(name).toBe(`webgpu-vae-step-${last}.safetensors`);
    expect((await adapters()) - askedBefore, 'it does not ask on').toBe(6);
    expect(errors).toEqual([]);
  });
});

test('a tab that crashed is followed by one that goes on', async () => {
  await withBrowser(canvasLaunch.args!, async (browser) => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await openDemo(page, server.url);
    await page.getByRole('button', { name: 'Train from scratch' }).click();
    await expect(page.getByText(/Saved in this browser/)).toBeVisible();
    const kept = await savedStep(page);
    const crashed = page.waitForEvent('crash');
    const session = await context.newCDPSession(page);
    void session.send('Page.crash').catch(() => undefined);
    await crashed;
    const next = await context.newPage();
    const { errors } = await openDemo(next, server.url);
    await expect(next.getByRole('button', { name: 'Resume' })).toBeEnabled();
    expect(await savedStep(next)).toBeGreaterThanOrEqual(kept);
    expect(errors).toEqual([]);
  });
});

test('a browser without a GPU is told what is missing', async () => {
  const without = chromiumLaunch.args!.filter((arg) => !/webgpu|vulkan/i.test(arg));
  await withBrowser(without, async (browser) => {
    const page = await (await browser.newContext({ viewport: { width: 390, height: 800 } })).newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(server.url);
    await expect(page.getByRole('heading', { name: 'This page needs WebGPU' })).toBeVisible();
    await expect(page.getByRole('alert')).toHaveText(/has WebGPU but offers no GPU/);
    await expect(page.getByText('Chrome and Edge (yours)')).toBeVisible();
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width, 'no scrolling sideways').toBe(390);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id }) => id)).toEqual([]);
    expect(errors).toEqual([]);
  });
});
