/**
 * Plan: a visitor's first minute on the demo page (the other demo specs look at its parts). The model that came with the page
 * is there to play with (the time is printed); thirty steps from scratch raise the bound; nothing goes wrong meanwhile.
 */
import { expect, test, type Page } from '@playwright/test';
import { decode } from 'fast-png';
import { canvasLaunch } from '../browser.js';
import { numberOf, openDemo, serveDemo, type DemoServer } from '../demo-page.js';

test.use({ launchOptions: canvasLaunch });

let server: DemoServer;
test.beforeAll(async () => (server = await serveDemo()));
test.afterAll(() => server.close());

/** Different greys of the picture at the latent point. */
async function greys(page: Page): Promise<number> {
  const picture = await page.locator('#latent-space .decoded canvas').screenshot();
  return new Set(decode(picture).data).size;
}

test('there is something to play with (the time is printed)', async ({ page }) => {
  await openDemo(page, server.url); // a first visit warms the browser's GPU process
  await page.goto('about:blank');
  const started = performance.now();
  await page.goto(server.url);
  await expect.poll(() => greys(page), { intervals: [50] }).toBeGreaterThan(20);
  const description = `from the address to a decoded picture: ${((performance.now() - started) / 1000).toFixed(1)} s`;
  test.info().annotations.push({ type: 'figure', description });
  await expect(page.getByRole('slider', { name: /^Latent point/ }).first()).toBeVisible();
});

test('thirty steps from scratch raise the bound', async ({ page }) => {
  const { errors } = await openDemo(page, server.url);
  const card = page.locator('#curves');
  await page.getByRole('button', { name: 'Train from scratch' }).click();
  await expect.poll(() => numberOf(card, 'ELBO')).toBeLessThan(0);
  const first = await numberOf(card, 'ELBO');
  await expect.poll(() => numberOf(card, 'step'), { timeout: 90_000 }).toBeGreaterThanOrEqual(30);
  await page.getByRole('button', { name: 'Pause' }).click();
  expect(await numberOf(card, 'ELBO')).toBeGreaterThan(first + 20);
  expect(errors).toEqual([]);
});
