/**
 * Plan: the demo's curves, reconstructions, samples, plan of a step, comparison of likelihoods and theme, as a visitor
 * meets them on the built page.
 */
import { expect, test, type Locator, type Page } from '@playwright/test';
import { decode } from 'fast-png';
import { canvasLaunch } from '../browser.js';
import { type DemoServer, numberOf, openDemo, serveDemo } from '../demo-page.js';

test.use({ launchOptions: canvasLaunch, viewport: { width: 1000, height: 900 } });

let server: DemoServer;
test.beforeAll(async () => (server = await serveDemo()));
test.afterAll(() => server.close());

test('the numbers beside the curves are elbo = reconstruction - beta kl, and go on after a pause', async ({
  page,
}) => {
  const { errors } = await openDemo(page, server.url);
  const card = page.locator('#curves');
  await expect(card).toContainText('No step has been taken yet');
  await trainSteps(page, 5);
  await expect(card.getByRole('img', { name: /^Curves of elbo/ })).toBeVisible();
  await expect(card.getByRole('img', { name: /^Curve of the KL/ })).toBeVisible();
  await expect(card.locator('output').first()).toHaveText(/^Step \d+: elbo -\d/);
  const taken = await numberOf(card, 'step');
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect(async () => expect(await numberOf(card, 'step')).toBeGreaterThan(taken)).toPass();

  await card.getByText('What is this?').click();
  const [reconstruction, beta, kl, elbo] = (await card.locator('.explain output').allTextContents()).map(
    Number,
  );
  expect(elbo).toBeLessThan(0);
  expect(elbo).toBeCloseTo(reconstruction! - beta! * kl!, 1);
  expect(await numberOf(card, 'ELBO')).toBeCloseTo(elbo!, 1);
  expect(errors).toEqual([]);
});

test('pictures change while the model learns, and when others are asked for', async ({ page }) => {
  const { errors } = await openDemo(page, server.url);
  const card = page.locator('#reconstructions');
  const images = card.getByRole('img', { name: /held-out images/ }).first();
  const made = card.getByRole('img', { name: /^Their reconstructions/ }).first();
  await expect(card).toContainText(/mean PSNR \d+\.\d+ dB/);
  const drawn = (): Promise<string> => images.evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  const before = { images: await drawn(), made: await stillShot(made) };
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expectChange(made, before.made);
  expect(await drawn()).toBe(before.images);
  await card.getByRole('button', { name: 'Other images' }).click();
  await expect.poll(drawn).not.toBe(before.images);

  const samples = page.locator('#samples').getByRole('img');
  const first = await stillShot(samples);
  await page.getByRole('button', { name: 'Other samples' }).click();
  await expect(page.locator('#samples')).toContainText('seed 2');
  await expectChange(samples, first);
  expect(errors).toEqual([]);
});

test('measuring a step lists every dispatch with its time, and takes a step', async ({ page }) => {
  const { errors } = await openDemo(page, server.url);
  const card = page.locator('#plan');
  await card.getByRole('button', { name: 'Measure a step' }).click();
  await expect(card.getByRole('status')).toHaveText(/^Measured: \d+ dispatches take \d/);
  const rows = await card.locator('tbody tr:not(.group)').count();
  expect(rows).toBeGreaterThan(10);
  expect(rows).toBe(await numberOf(card, 'dispatches'));
  const total = await numberOf(card, 'GPU time');
  expect(total).toBeGreaterThan(0);
  const groups = card.locator('tr.group');
  await expect(groups.locator('th')).toHaveText(['Forward', 'Backward', 'Update']);
  const times = await groups.locator('td.figure:not(.more)').allTextContents();
  expect(times.reduce((sum, time) => sum + parseFloat(time), 0)).toBeCloseTo(total, 0);
  expect(await numberOf(page.locator('#curves'), 'step')).toBe(0);
  expect(errors).toEqual([]);
});

test('four likelihoods make four pictures, and the model of the visitor stays as it is', async ({ page }) => {
  test.setTimeout(120_000);
  const { errors } = await openDemo(page, server.url);
  const card = page.locator('#blur');
  const samples = page.locator('#samples').getByRole('img');
  const before = await stillShot(samples);

  const compare = async (): Promise<void> => {
    await card.getByRole('button', { name: 'Compare' }).click();
    await expect(card.getByRole('button', { name: 'Cancel' })).toBeVisible();
    await expect(card.getByRole('status')).toHaveText(/^Done: 4 of 4/, { timeout: 90_000 });
  };
  await card.getByLabel(/^Steps of each copy/).fill('20');
  await compare();
  const pictures = await card.getByRole('img', { name: /: reconstructions/ }).all();
  const shots = await Promise.all(pictures.map(shot));
  expect(shots).toHaveLength(4);
  expect(new Set(shots.map((picture) => picture.toString('base64'))).size).toBe(4);
  await expect(card.getByText(/squared error 0\.\d+ · absolute 0\.\d+/)).toHaveCount(4);

  expect((await stillShot(samples)).equals(before)).toBe(true);
  await expect(page.locator('#curves')).toContainText('No step has been taken yet');
  // pictures take memory when they first come into sight; what is lost in a comparison would be 1.9 MB for the weights of each copy
  const memory = await measuredMemory(page);
  await compare();
  expect(await measuredMemory(page)).toBeLessThan(memory + 1);

  await card.getByLabel(/^Steps of each copy/).fill('500');
  await card.getByRole('button', { name: 'Compare' }).click();
  await card.getByRole('button', { name: 'Cancel' }).click();
  await expect(card.getByRole('status')).toHaveText(/^Cancelled: 0 of 4/);
  expect(errors).toEqual([]);
});

test('the theme changes the colours, and is there before the page after a reload', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (!document.body) return;
      document.documentElement.dataset['early'] = document.documentElement.dataset['theme'] ?? 'none';
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true });
  });
  const { errors } = await openDemo(page, server.url);
  const background = (): Promise<string> =>
    page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await trainSteps(page, 1);
  const plot = page.locator('#curves .plot canvas').first();
  const drawn = (): Promise<string> => plot.evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  const lightPlot = await drawn();
  await page.getByLabel('Theme').selectOption('dark');
  const dark = await background();
  expect(dark).not.toBe(light);
  await expect.poll(drawn).not.toBe(lightPlot);

  await page.reload();
  await expect(page.getByLabel('Theme')).toHaveValue('dark');
  expect(await background()).toBe(dark);
  await expect(page.locator('html')).toHaveAttribute('data-early', 'dark');
  await page.getByLabel('Theme').selectOption('system');
  expect(await background()).toBe(light);
  expect(errors).toEqual([]);
});

/** Trains from scratch for at least so many steps, and pauses. */
async function trainSteps(page: Page, count: number): Promise<void> {
  await page.getByRole('button', { name: 'Train from scratch' }).click();
  const card = page.locator('#curves');
  await expect(async () => expect(await numberOf(card, 'step')).toBeGreaterThanOrEqual(count)).toPass({
    timeout: 30_000,
  });
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
}

async function measuredMemory(page: Page): Promise<number> {
  const card = page.locator('#plan');
  await card.getByRole('button', { name: 'Measure a step' }).click();
  await expect(card.getByRole('button', { name: 'Measure a step' })).toBeEnabled();
  return numberOf(card, 'memory on the GPU');
}

/** Pixels without the outermost, which are mixed with the page where a picture begins between two pixels of the screen. */
async function shot(locator: Locator): Promise<Buffer> {
  const { width, height, channels, data } = decode(await locator.screenshot());
  const rows = Array.from({ length: height - 2 }, (_, y) =>
    data.subarray(((y + 1) * width + 1) * channels, ((y + 2) * width - 1) * channels),
  );
  return Buffer.concat(rows as Uint8Array[]);
}

/** A picture of more than one colour, when nothing draws on it any more. */
async function stillShot(locator: Locator): Promise<Buffer> {
  let last = await shot(locator);
  await expect(async () => {
    const before = last;
    last = await shot(locator);
    expect(new Set(last).size).toBeGreaterThan(32);
    expect(last.equals(before)).toBe(true);
  }).toPass({ intervals: [300] });
  return last;
}

async function expectChange(locator: Locator, before: Buffer): Promise<void> {
  await expect(async () => expect((await shot(locator)).equals(before)).toBe(false)).toPass({
    timeout: 20_000,
  });
}
