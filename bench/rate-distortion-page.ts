/**
 * The same files in Chromium: the page reads what Node wrote with the built library, and writes the images for itself.
 * Latents are whole numbers and must be equal to the last one; pixels are what a float network makes of them.
 */
import { chromium, type Browser, type Page } from 'playwright';
import { chromiumLaunch } from '../e2e/browser.js';
import { startSite, type Site } from '../e2e/site/server.js';
import { compress, decompress, readLatents } from '../src/vae/coding/index.js';
import type { Dataset } from '../src/vae/data/dataset.js';
import type { Vae } from '../src/vae/vae.js';

export interface PageComparison {
  /** Latents of Node's file that the page reads as other numbers. */
  readonly latentsDiffer: number;
  /** Pixels of Node's file that the page decodes to other float32 bits. */
  readonly pixelsDiffer: number;
  /** The largest difference of a pixel in [0, 1]. */
  readonly largestDifference: number;
  /** Whether the file that the page writes has the bytes of Node's. */
  readonly sameFile: boolean;
  /** Latents that Node reads from the page's file as other numbers than the page does. */
  readonly ownLatentsDiffer: number;
}

/** Chromium with the built library open in a page. */
export class CodingPage {
  readonly #browser: Browser;
  readonly #site: Site;
  readonly #page: Page;

  private constructor(browser: Browser, site: Site, page: Page) {
    this.#browser = browser;
    this.#site = site;
    this.#page = page;
  }

  static async open(): Promise<CodingPage> {
    const site = await startSite();
    const browser = await chromium.launch(chromiumLaunch);
    const page = await browser.newPage();
    await page.goto(site.url);
    await page.waitForFunction(() => 'site' in globalThis);
    return new CodingPage(browser, site, page);
  }

  get version(): string {
    return `Chromium ${this.#browser.version()}`;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#site.close();
  }

  /** What the page and Node make of the file of `data`, each way. */
  async compare(vae: Vae, data: Dataset): Promise<PageComparison> {
    const { bytes } = await compress(vae, data);
    const inPage = await this.#run(vae, data, bytes);
    const { latents } = await readLatents(vae, bytes);
    const pixels = (await decompress(vae, bytes)).values as Float32Array;
    const apart = pixels.map((value, i) => Math.abs(value - inPage.pixels[i]!));
    const own = await readLatents(vae, inPage.written);
    return {
      latentsDiffer: differences(latents, inPage.latents),
      pixelsDiffer: differences(pixels, inPage.pixels),
      largestDifference: apart.reduce((most, value) => Math.max(most, value), 0),
      sameFile: Buffer.compare(bytes, inPage.written) === 0,
      ownLatentsDiffer: differences(own.latents, inPage.ownLatents),
    };
  }

  async #run(vae: Vae, { rows, shape, values }: Dataset, file: Uint8Array) {
    const model = base64(await vae.save());
    const task = { model, file: base64(file), rows, shape: [...shape], pixels: base64(values) };
    const answer = await this.#page.evaluate((given) => globalThis.site.recode(given), task);
    return {
      latents: new Int32Array(bytesOf(answer.latents)),
      pixels: new Float32Array(bytesOf(answer.pixels)),
      written: new Uint8Array(bytesOf(answer.written)),
      ownLatents: new Int32Array(bytesOf(answer.ownLatents)),
    };
  }
}

function bytesOf(text: string): ArrayBuffer {
  return Uint8Array.from(Buffer.from(text, 'base64')).buffer;
}

/** How many places differ; all where the lengths do. */
function differences(left: ArrayLike<number>, right: ArrayLike<number>): number {
  if (left.length !== right.length) return Math.max(left.length, right.length);
  return Array.from(left).filter((value, i) => value !== right[i]).length;
}

function base64(bytes: ArrayLike<number>): string {
  return Buffer.from(Uint8Array.from(bytes)).toString('base64');
}
