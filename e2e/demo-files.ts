/** Files as a visitor might bring them to the demo page, and ways to look at its canvases. */
import type { Locator, Page } from '@playwright/test';
import { decode, encode } from 'fast-png';

import { gzipSync } from 'node:zlib';
import { idxFile } from './idx-file.js';

export interface VisitorFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

/** A grey picture that shows one tone. */
export function pngFile(name: string, grey: number, side = 40): VisitorFile {
  const data = new Uint8Array(side * side * 3).fill(grey);
  const bytes = encode({ width: side, height: side, data, channels: 3, depth: 8 });
  return { name, mimeType: 'image/png', buffer: Buffer.from(bytes) };
}

/** A PNG of a few bytes whose header promises a picture of 60000 x 60000. */
export function bombFile(name: string): VisitorFile {
  const file = pngFile(name, 0, 2);
  file.buffer.writeUInt32BE(60_000, 16);
  file.buffer.writeUInt32BE(60_000, 20);
  return file;
}

/** Images of 28 x 28, gzipped, and their labels, 0 and 1 in turn. */
export function idxPair(rows: number): [images: VisitorFile, labels: VisitorFile] {
  const mimeType = 'application/octet-stream';
  const pixels = Array.from({ length: rows * 784 }, (_, i) => (i * 37) % 256);
  const images = idxFile(0x803, [rows, 28, 28], pixels);
  const labels = idxFile(
    0x801,
    [rows],
    Array.from({ length: rows }, (_, row) => row % 2),
  );
  return [
    { name: 'few-images-idx3-ubyte.gz', mimeType, buffer: gzipSync(images) },
    { name: 'few-labels-idx1-ubyte', mimeType, buffer: Buffer.from(labels) },
  ];
}

/** Lets files fall on the page, as a hand would. */
export async function drop(page: Page, files: readonly VisitorFile[]): Promise<void> {
  const sent = files.map(({ name, mimeType, buffer }) => ({ name, mimeType, bytes: [...buffer] }));
  await page.evaluate((list) => {
    const dataTransfer = new DataTransfer();
    for (const { name, mimeType, bytes } of list)
      dataTransfer.items.add(new File([Uint8Array.from(bytes)], name, { type: mimeType }));
    for (const type of ['dragover', 'drop'])
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }, sent);
}

/** What a visitor sees of an element, as text that can be compared. */
export async function look(element: Locator): Promise<string> {
  const { data } = decode(await element.screenshot());
  return Buffer.from(Uint8Array.from(data)).toString('base64');
}

/** Draws on the pad with the mouse, through places that are shares of its sides. */
export async function stroke(page: Page, places: readonly (readonly [number, number])[]): Promise<void> {
  const pad = page.getByRole('application', { name: 'Pad to draw on' });
  await pad.hover(); // waits until it moves no more
  const { x, y, width, height } = (await pad.boundingBox())!;
  for (const [i, [across, down]] of places.entries()) {
    await page.mouse.move(x + across * width, y + down * height, { steps: 4 });
    if (i === 0) await page.mouse.down();
  }
  await page.mouse.up();
}
