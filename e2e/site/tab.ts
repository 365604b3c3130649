/** The page of a spec file on the site. */
import { test, type Page } from '@playwright/test';
import { openSite, startSite, type Site } from './server.js';

/** A site and a page of it; both are there from the first test on. */
export interface Tab {
  readonly site: Site;
  readonly page: Page;
}

/**
 * A page that all tests of the file share, opened anew before each of them, and closed with its site behind the last.
 * @param prepare what the page gets before it is opened for the first time
 */
export function useTab(prepare?: (page: Page) => Promise<void>): Tab {
  const tab = {} as { -readonly [K in keyof Tab]: Tab[K] };
  test.beforeAll(async ({ browser }) => {
    tab.site = await startSite();
    tab.page = await browser.newPage();
    await prepare?.(tab.page);
  });
  test.beforeEach(() => openSite(tab.page, tab.site));
  test.afterAll(async () => {
    await tab.page.close();
    await tab.site.close();
  });
  return tab;
}
