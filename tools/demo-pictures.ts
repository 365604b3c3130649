/**
 * Pictures of the demo page for the README, at three widths in both themes, after a training of its own:
 *
 *     npm run demo:pictures [-- --out FOLDER]
 *
 * The page is the built one, in a real Chromium.
 */
import { chromium, type Browser, type Page } from '@playwright/test';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { canvasLaunch } from '../e2e/browser.js';
import { serveDemo } from '../e2e/demo-page.js';

const sizes = [
  { width: 1440, height: 1000 },
  { width: 820, height: 1100 },
  { width: 390, height: 844 },
];
const STEPS = 400;
/** The upper part of the first picture, for the README. */
const HERO_PIXELS = 1420;
/** For the canvases that come into sight. */
const SETTLE_MS = 5000;

const { values } = parseArgs({ options: { out: { type: 'string', default: 'docs/images' } } });
const folder = resolve(import.meta.dirname, '..', values.out);
mkdirSync(folder, { recursive: true });

const server = await serveDemo();
const browser = await chromium.launch(canvasLaunch);
try {
  for (const colorScheme of ['light', 'dark'] as const)
    for (const size of sizes) {
      const page = await open(browser, colorScheme, size);
      const path = join(folder, `demo-${size.width}-${colorScheme}.png`);
      await page.screenshot({ path, fullPage: true, animations: 'disabled' });
      console.log(`wrote ${path}`);
      if (path.endsWith('demo-1440-light.png')) {
        const clip = { x: 0, y: 0, width: size.width, height: HERO_PIXELS };
        await page.screenshot({ path: join(folder, 'demo.png'), clip, animations: 'disabled' });
      }
      await page.context().close();
    }
} finally {
  await browser.close();
  await server.close();
}

/** The page with a model that has been trained from scratch for some epochs, paused. */
async function open(
  from: Browser,
  colorScheme: 'light' | 'dark',
  viewport: { readonly width: number; readonly height: number },
): Promise<Page> {
  const context = await from.newContext({ colorScheme, viewport, serviceWorkers: 'block' });
  const page = await context.newPage();
  await page.goto(server.url);
  await page.getByRole('button', { name: 'Train from scratch' }).click();
  await page.waitForFunction(
    (steps) => {
      const text = document.querySelector('.transport')!.textContent;
      return Number(/step ([\d,]+)/.exec(text)?.[1]?.replaceAll(',', '')) >= steps;
    },
    STEPS,
    { timeout: 300_000 },
  );
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Resume' }).waitFor();
  // what is out of sight is not drawn
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width: viewport.width, height });
  await page.waitForTimeout(SETTLE_MS);
  return page;
}
