/**
 * Plan: every kernel case (e2e/cases) in a page, on the library as it is built (dist/gpu.js): what runs in Node must
 * run in a browser, through its validation, its compiler and its process boundary. The axes stand in the case files.
 */
import { expect, test, type Page } from '@playwright/test';
import { requireAdapter } from '../browser.js';
import { kernelCases } from '../cases/index.js';
import { openKernelPage } from '../page/serve.js';

let page: Page;

test.beforeAll(async ({ browser }) => {
  page = await openKernelPage(browser);
});
test.afterAll(() => page.close());

test('the page has an adapter', () => requireAdapter(page));

for (const { name } of kernelCases)
  test(name, async () => {
    const report = await page.evaluate((caseName) => globalThis.kernelHost!.run(caseName), name);
    if (typeof report === 'string') return test.skip(true, report);
    if (report.failures.length > 0) throw new Error(report.failures.join('\n'));
    expect(report.compared).toBeGreaterThan(0);
  });
