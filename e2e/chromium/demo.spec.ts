/** Plan: the demo page, as a visitor uses it, on the built files. */
import { expect, test } from '@playwright/test';
import { canvasLaunch } from '../browser.js';
import { openDemo, serveDemo, type DemoServer } from '../demo-page.js';

test.use({ launchOptions: canvasLaunch });

let server: DemoServer;
test.beforeAll(async () => (server = await serveDemo()));
test.afterAll(() => server.close());

test('trains thirty steps from scratch, and the bound rises', async ({ page }) => {
  const { errors } = await openDemo(page, server.url);
  await page.getByRole('button', { name: 'Train from scratch' }).click();
  await page.waitForTimeout(6000);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.screenshot({ path: '/tmp/demo1.png', fullPage: true });
  expect(errors).toEqual([]);
});
