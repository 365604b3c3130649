/** The built demo page on a server of its own, for tests; what it logs as an error, or throws, fails them. */
import { expect, type Locator, type Page } from '@playwright/test';
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { preview } from 'vite';
import { requireAdapter } from './browser.js';

const demo = resolve(import.meta.dirname, '../demo');

export interface DemoServer {
  readonly url: string;
  close(): Promise<void>;
}

/** @throws Error with advice when the page is not built */
export async function serveDemo(): Promise<DemoServer> {
  if (!existsSync(join(demo, 'dist/index.html')))
    throw new Error('[demo] demo/dist is missing; the tests open the built page; run: npm run build');
  const configFile = join(demo, 'vite.config.ts');
  const server = await preview({ configFile, logLevel: 'error', preview: { port: 0, host: 'localhost' } });
  const { port } = server.httpServer.address() as AddressInfo;
  return { url: `http://localhost:${port}/`, close: () => server.close() };
}

/** Opens the page and waits until its model has been shown; `errors` is filled with what goes wrong in it. */
export async function openDemo(page: Page, url: string): Promise<{ readonly errors: string[] }> {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  await requireAdapter(page);
  await expect(page.getByRole('button', { name: 'Train from scratch' })).toBeEnabled();
  return { errors };
}

/** The number that a card's list states under a name. */
export async function numberOf(card: Locator, name: string): Promise<number> {
  const entry = card
    .locator('dl > div')
    .filter({ has: card.page().locator('dt', { hasText: new RegExp(`^\\s*${name}$`) }) });
  return parseFloat((await entry.locator('dd').textContent()) ?? '');
}
