/**
 * Plan: the built folder on a plain host, below a path, under a strict policy in the header: nothing is refused, it trains, and
 * does so without the host when it was loaded once. What is loaded before the first picture is held to its budget.
 */
import { expect, test, type Page } from '@playwright/test';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { canvasLaunch } from '../browser.js';
import { openDemo } from '../demo-page.js';
import { drawnSamples, savedStep, takeAway } from '../demo-picture.js';
import { hostFolder } from '../static-host.js';

test.use({ launchOptions: canvasLaunch, serviceWorkers: 'allow' });

const dist = resolve(import.meta.dirname, '../../demo/dist');
const BUDGET_BYTES = 300_000;

/** Collects what the policy refuses, on the page. Workers say so on the console only. */
async function watchPolicy(page: Page): Promise<() => Promise<string[]>> {
  await page.addInitScript(() => {
    const refused: string[] = [];
    Object.assign(globalThis, { refused });
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      refused.push(`${violatedDirective}: ${blockedURI}`),
    );
  });
  return () => page.evaluate(() => (globalThis as unknown as { refused: string[] }).refused);
}

async function trainOneStep(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect(page.locator('#curves').getByText(/nats/).first()).toBeVisible();
}

test('from a subfolder, under a strict policy, and then without the host', async ({ page, context }) => {
  const host = await hostFolder(dist, '/some/where/');
  const refused = await watchPolicy(page);
  const { errors } = await openDemo(page, host.url);
  await drawnSamples(page);
  await trainOneStep(page);
  for (const button of [/^PyTorch/, /^ONNX/, /^Animation/, /^Samples/]) await takeAway(page, button);
  expect(await refused()).toEqual([]);
  expect(errors).toEqual([]);
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await host.close();
  await context.setOffline(true);

  await page.reload();
  await expect(page.getByRole('button', { name: 'Resume' })).toBeEnabled();
  expect(await savedStep(page)).toBe(1);
  await drawnSamples(page);
  await trainOneStep(page);
  await expect.poll(() => savedStep(page)).toBe(2);
  expect(await refused()).toEqual([]);
  expect(errors).toEqual([]);
});

test('a newer build takes over on the next visit', async ({ page, context }) => {
  const folder = test.info().outputPath('host');
  cpSync(dist, folder, { recursive: true });
  const host = await hostFolder(folder, '/');
  await openDemo(page, host.url);
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));

  const older = replaceIn(join(folder, 'index.html'), /<title>.*<\/title>/, '<title>A newer build</title>');
  replaceIn(join(folder, 'offline.js'), /("url":"index.html","revision":")\w+/, '$1newer');
  const installed = page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    await registration.update();
    const { installing, waiting } = registration;
    if (waiting) return;
    await new Promise((done) =>
      installing!.addEventListener('statechange', () => installing!.state === 'installed' && done(undefined)),
    );
  });
  await installed;
  await page.reload();
  expect(`<title>${await page.title()}</title>`, 'a tab keeps its build').toBe(older);
  await page.close();

  const next = await context.newPage();
  await expect
    .poll(async () => (await next.goto(host.url), await next.title()), 'the older build has no tab any more')
    .toBe('A newer build');
  await host.close();
});

/** @returns what was there */
function replaceIn(path: string, pattern: RegExp, replacement: string): string {
  const text = readFileSync(path, 'utf8');
  const [found] = pattern.exec(text)!;
  writeFileSync(path, text.replace(pattern, replacement));
  return found;
}

test('what is loaded before the first picture', async ({ page }) => {
  const host = await hostFolder(dist, '/');
  // a worker that is registered later would fetch every file
  await page.addInitScript(() => {
    Object.defineProperty(ServiceWorkerContainer.prototype, 'register', {
      value: () => Promise.reject(new Error('not in this test')),
    });
  });
  await openDemo(page, host.url);
  await drawnSamples(page);
  const scripts = [...new Set(host.requests)].filter((name) => name.endsWith('.js'));
  const sizes = scripts.map((name) => gzipSync(readFileSync(join(dist, name))).length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  test.info().annotations.push({
    type: 'figure',
    description: `demo page: ${(total / 1000).toFixed(0)} KB of scripts, gzipped, before the first picture`,
  });
  expect(total).toBeGreaterThan(50_000);
  expect(total).toBeLessThan(BUDGET_BYTES);
  const before = scripts.length;
  for (const button of [/^ONNX/, /^Manifold/]) await takeAway(page, button);
  const later = new Set(host.requests.filter((name) => name.endsWith('.js')));
  expect(later.size, 'what makes the files is loaded when it is asked for').toBeGreaterThan(before);
  expect(scripts.filter((name) => /export|gifenc|fflate|browser/.test(name))).toEqual([]);
  expect(existsSync(join(dist, 'offline.js'))).toBe(true);
  await host.close();
});
