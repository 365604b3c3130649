/** What a visitor of the demo page sees of a picture, and the files that they take away. */
import { expect, type Locator, type Page } from '@playwright/test';
import { decode } from 'fast-png';
import { readFile } from 'node:fs/promises';

/** Grey levels of a picture on the page, u8. */
export async function pixelsOf(picture: Locator): Promise<Uint8Array> {
  const { data, channels } = decode(await picture.screenshot());
  return Uint8Array.from({ length: data.length / channels }, (_, i) => data[i * channels]!);
}

/** Standard deviation of the grey levels: 0 where nothing is drawn. */
export function contrast(pixels: Uint8Array): number {
  const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
  return Math.sqrt(pixels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels.length);
}

export function samplesOf(page: Page): Locator {
  return page.getByRole('img', { name: /images that the model makes up/ });
}

/** The samples' pixels, once they are drawn. */
export async function drawnSamples(page: Page): Promise<Uint8Array> {
  const picture = samplesOf(page);
  await picture.scrollIntoViewIfNeeded();
  await expect.poll(async () => contrast(await pixelsOf(picture))).toBeGreaterThan(10);
  return pixelsOf(picture);
}

/** The step that the page says is saved. */
export async function savedStep(page: Page): Promise<number> {
  const text = await page.getByText(/Saved in this browser/).innerText();
  return Number(/at step (\d+)/.exec(text)![1]);
}

/** Presses a button of `Take it away`; @returns the file's name and bytes */
export async function takeAway(
  page: Page,
  button: RegExp,
): Promise<{ name: string; path: string; bytes: Buffer }> {
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: button }).click();
  const download = await coming;
  const path = await download.path();
  return { name: download.suggestedFilename(), path, bytes: await readFile(path) };
}
