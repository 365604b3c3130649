/**
 * Plan: the demo page for everyone. axe-core finds nothing serious at three widths in both themes, nothing is cut off or
 * scrolls sideways, and the Tab key reaches every control that a mouse does.
 */
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { canvasLaunch } from '../browser.js';
import { openDemo, serveDemo, type DemoServer } from '../demo-page.js';

test.use({ launchOptions: canvasLaunch });

let server: DemoServer;
test.beforeAll(async () => (server = await serveDemo()));
test.afterAll(() => server.close());

const widths = [1440, 820, 390];

for (const colorScheme of ['light', 'dark'] as const)
  for (const width of widths)
    test(`axe finds nothing serious: ${colorScheme}, ${width} pixels`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await openDemo(page, server.url);
      await openEverything(page);
      const { violations, passes } = await new AxeBuilder({ page }).analyze();
      const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      expect(grave.map(({ id, nodes }) => ({ id, where: nodes.map(({ html }) => html) }))).toEqual([]);
      expect(passes.length, 'rules that were looked at').toBeGreaterThan(20);
      expect(await sidewaysScroll(page), 'pixels beyond the window').toBeLessThanOrEqual(0);
    });

test('axe would find a control without a name (control case)', async ({ page }) => {
  await openDemo(page, server.url);
  await page.evaluate(() => document.querySelector('main')!.append(document.createElement('button')));
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id }) => id)).toContain('button-name');
});

for (const width of [1440, 390])
  test(`the Tab key reaches every control: ${width} pixels`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 });
    await openDemo(page, server.url);
    await openEverything(page);
    const controls = await markControls(page);
    expect(controls.length).toBeGreaterThan(15);
    const reached = new Set<string>();
    for (let presses = 0; presses < 3 * controls.length; presses++) {
      await page.keyboard.press('Tab');
      const mark = await page.evaluate(() => document.activeElement?.getAttribute('data-control'));
      if (mark) reached.add(mark);
    }
    expect(controls.filter(({ mark }) => !reached.has(mark)).map(({ html }) => html)).toEqual([]);
  });

/** Every text is unfolded. */
async function openEverything(page: Page): Promise<void> {
  await page.evaluate(() => {
    for (const details of document.querySelectorAll('details')) details.open = true;
  });
}

/** How far the page reaches beyond its window. */
function sidewaysScroll(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Numbers every control that can be seen and used. Of radio buttons of one name, Tab reaches the chosen one. */
function markControls(page: Page): Promise<{ mark: string; html: string }[]> {
  return page.evaluate(() => {
    const selector = 'a[href], button, input, select, textarea, summary, [role="slider"], [tabindex="0"]';
    return [...document.querySelectorAll<HTMLElement>(selector)].flatMap((element, index) => {
      const isOther = element instanceof HTMLInputElement && element.type === 'radio' && !element.checked;
      const isUsable = element.checkVisibility({ visibilityProperty: true }) && !element.matches(':disabled');
      if (isOther || !isUsable) return [];
      element.dataset['control'] = String(index);
      return [{ mark: String(index), html: element.outerHTML.slice(0, 120) }];
    });
  });
}
