/**
 * Plan: the IDX reader on good files and on every way a file can be wrong.
 * | axis      | control              | cases                                                            |
 * | container | plain                | gzip, Buffer at an odd offset                                    |
 * | header    | 3 images of 2x4      | short, other magics, other formats, zero, huge, overflowing dims |
 * | length    | exact                | one less, one more, far more (bomb)                              |
 * | gzip      | one complete member  | cut anywhere, bad checksum, second member, padding, junk         |
 * | random    | -                    | seeded mutants of both files                                     |
 */
import { gzipSync } from 'node:zlib';
import { expect, test } from '@playwright/test';
import { DataError } from '../../src/gpu/errors.js';
import { readIdxImages, readIdxLabels } from '../../src/vae/data/idx.js';
import { refused } from '../refused.js';
import { idxFile } from '../idx-file.js';

function join(...parts: ArrayLike<number>[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}

function gzip(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(bytes));
}

function patched(bytes: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const copy = bytes.slice();
  const index = at < 0 ? bytes.length + at : at;
  copy[index] = change(copy[index]!);
  return copy;
}

/** Scrambles an index (the finisher of murmur3), so that gzip finds nothing to shorten. */
function hash(i: number): number {
  let h = Math.imul(i ^ (i >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const refusal = async (promise: Promise<unknown>): Promise<string> =>
  String(await refused(() => promise, DataError));

const pixels = Uint8Array.from({ length: 24 }, (_, i) => i * 11);
const images = idxFile(0x803, [3, 2, 4], pixels);
const labels = idxFile(0x801, [3], [5, 0, 4]);

test('images and labels, plain and gzipped', async () => {
  const expected = { rows: 3, shape: [2, 4, 1], values: pixels };
  expect(await readIdxImages(images, 'a')).toEqual(expected);
  expect(await readIdxImages(gzip(images), 'a')).toEqual(expected);
  expect(await readIdxLabels(labels, 'a')).toEqual(new Uint8Array([5, 0, 4]));
  expect(await readIdxLabels(gzip(labels), 'a')).toEqual(new Uint8Array([5, 0, 4]));
});

test('a Buffer at an odd offset gives plain Uint8Array values', async () => {
  const holder = Buffer.concat([Buffer.alloc(3), images, Buffer.alloc(5)]);
  const { values } = await readIdxImages(holder.subarray(3, 3 + images.length), 'a');
  expect(Object.getPrototypeOf(values)).toBe(Uint8Array.prototype);
  expect(values).toEqual(pixels);
});

test('a file of many chunks comes out whole', async () => {
  const body = Uint8Array.from({ length: 300 * 28 * 28 }, (_, i) => hash(i) & 0xff);
  const { rows, values } = await readIdxImages(gzip(idxFile(0x803, [300, 28, 28], body)), 'a');
  expect(rows).toBe(300);
  expect(Buffer.compare(Uint8Array.from(values), body)).toBe(0);
});

const cut = 'download or copy it again';
const broken =
  'the gzip stream is cut short or damaged, or other bytes follow its end; expected one complete member; download or copy the file again';
const noise = idxFile(
  0x803,
  [40, 32, 32],
  Uint8Array.from({ length: 40960 }, (_, i) => hash(i) & 0xff),
);
const zipped = gzip(images);

const badImages: { name: string; bytes: Uint8Array; message: string }[] = [
  {
    name: 'an empty file',
    bytes: new Uint8Array(0),
    message: 'the file is empty; expected IDX images; check',
  },
  {
    name: 'half a magic',
    bytes: images.slice(0, 2),
    message: `cut short: 2 of the 4 magic bytes are there; ${cut}`,
  },
  {
    name: 'half a header',
    bytes: images.slice(0, 9),
    message: `cut short: 9 of the 16 header bytes are there; ${cut}`,
  },
  {
    name: 'a file one byte short',
    bytes: images.slice(0, -1),
    message: `cut short: its header promises 3 images of 2x4, 40 bytes in all, and 39 are there; ${cut}`,
  },
  {
    name: 'one byte too many',
    bytes: join(images, [0]),
    message:
      'trailing bytes: its header promises 3 images of 2x4, 40 bytes in all, and 41 are there; use the original',
  },
  {
    name: 'a labels file',
    bytes: labels,
    message:
      'magic 0x00000801 means that these are labels; expected 0x00000803, images; pass the images file',
  },
  {
    name: 'a gzipped labels file',
    bytes: gzip(labels),
    message: 'magic 0x00000801 means that these are labels',
  },
  {
    name: 'IDX of floats',
    bytes: idxFile(0xd03, [1, 1, 1], [0, 0, 0, 0]),
    message:
      'magic 0x00000d03 has type 0x0d; expected 0x00000803, images of unsigned bytes (type 0x08); convert',
  },
  {
    name: 'IDX of rank 4',
    bytes: idxFile(0x804, [1, 1, 1, 3], [1, 2, 3]),
    message:
      'magic 0x00000804 announces 4 dimensions; expected 0x00000803, images with 3; pass a file of that form',
  },
  {
    name: 'a web page',
    bytes: new TextEncoder().encode('<!DOCTYPE html>'),
    message:
      'the file begins with 3c 21 44 4f; expected IDX (00 00 08) or gzip (1f 8b); check that the download',
  },
  {
    name: 'a second byte that is not 0',
    bytes: patched(images, 1, () => 1),
    message: 'the file begins with 00 01 08 03',
  },
  { name: 'one odd byte', bytes: new Uint8Array([7]), message: 'the file begins with 07; expected IDX' },
  {
    name: 'gzip of something else',
    bytes: gzip(new TextEncoder().encode('hello, world')),
    message: 'the file begins with 68 65 6c 6c; expected IDX',
  },
  {
    name: 'gzip of nothing',
    bytes: gzip(new Uint8Array(0)),
    message: 'the file is empty; expected IDX images',
  },
  {
    name: 'zero images',
    bytes: idxFile(0x803, [0, 28, 28], []),
    message: 'the file holds zero images; expected at least one',
  },
  {
    name: 'zero gzipped images',
    bytes: gzip(idxFile(0x803, [0, 28, 28], [])),
    message: 'the file holds zero images',
  },
  {
    name: 'a zero dimension',
    bytes: idxFile(0x803, [1, 0, 28], []),
    message: 'an image is 0x28; expected 1 to 16777216 pixels an image; the header is damaged or forged',
  },
  {
    name: 'a huge image',
    bytes: idxFile(0x803, [1, 4096, 4097], []),
    message: 'an image is 4096x4097; expected 1 to 16777216 pixels',
  },
  {
    name: 'dimensions that wrap to a small number in 32 bits',
    bytes: idxFile(0x803, [1, 65536, 65537], new Uint8Array(65536)),
    message: 'an image is 65536x65537; expected 1 to 16777216 pixels',
  },
  {
    name: 'a product past 2^53',
    bytes: idxFile(0x803, [0xffffffff, 4096, 4096], []),
    message:
      'promises 4294967295 images of 4096x4096, 72057594021150736 bytes; at most 1073741824 are read; split',
  },
  {
    name: 'a gzip header that promises what cannot fit',
    bytes: gzip(idxFile(0x803, [60000, 28, 28], [])),
    message:
      'the header promises 47040016 bytes, more than 33 gzip bytes can hold; the file is cut short or forged',
  },
  {
    name: 'gzipped content one byte short',
    bytes: gzip(images.slice(0, -1)),
    message: `cut short: its header promises 40 bytes and inflating gives 39; ${cut}`,
  },
  {
    name: 'gzipped content one byte too long',
    bytes: gzip(join(images, [0])),
    message:
      'inflating gives more than the 40 bytes that the header promises; stopped there; use the original file',
  },
  { name: 'gzip cut in its own header', bytes: zipped.slice(0, 5), message: broken },
  { name: 'gzip cut in the middle', bytes: gzip(noise).slice(0, 20000), message: broken },
  { name: 'gzip without its trailer', bytes: zipped.slice(0, -8), message: broken },
  { name: 'gzip short of one byte', bytes: zipped.slice(0, -1), message: broken },
  {
    name: 'a second gzip member',
    bytes: join(zipped, zipped),
    message: 'inflating gives more than the 40 bytes',
  },
  { name: 'an empty second member', bytes: join(zipped, gzip(new Uint8Array(0))), message: broken },
  {
    name: 'content in two members',
    bytes: join(gzip(images.slice(0, 20)), gzip(images.slice(20))),
    message: broken,
  },
  { name: 'zeros after gzip', bytes: join(zipped, new Uint8Array(20)), message: broken },
  { name: 'junk after gzip', bytes: join(zipped, [1, 2, 3, 4, 5]), message: broken },
  {
    name: 'a wrong gzip checksum',
    bytes: patched(gzip(noise), -6, (byte) => byte ^ 1),
    message:
      'the gzip data does not decode although its length is right: it is damaged, or a second member follows; download',
  },
  {
    name: 'damaged gzip codes',
    bytes: patched(gzip(noise), 25000, (byte) => byte ^ 0xff),
    message: 'the gzip data does not decode although its length is right',
  },
];
for (const { name, bytes, message } of badImages) {
  test(`readIdxImages refuses ${name}`, async () => {
    const text = await refusal(readIdxImages(bytes, 'train-images.gz'));
    expect(text).toContain('[train-images.gz] ');
    expect(text).toContain(message);
  });
}

const badLabels: { name: string; bytes: Uint8Array; message: string }[] = [
  {
    name: 'an images file',
    bytes: images,
    message:
      'magic 0x00000803 means that these are images; expected 0x00000801, labels; pass the labels file',
  },
  {
    name: 'zero labels',
    bytes: idxFile(0x801, [0], []),
    message: 'the file holds zero labels; expected at least one',
  },
  {
    name: 'a label short',
    bytes: labels.slice(0, -1),
    message: 'cut short: its header promises 3 labels, 11 bytes in all, and 10 are there',
  },
  {
    name: 'a label too many',
    bytes: join(labels, [1]),
    message: 'trailing bytes: its header promises 3 labels',
  },
  {
    name: 'half a header',
    bytes: gzip(labels.slice(0, 6)),
    message: 'cut short: 6 of the 8 header bytes are there',
  },
];
for (const { name, bytes, message } of badLabels) {
  test(`readIdxLabels refuses ${name}`, async () => {
    expect(await refusal(readIdxLabels(bytes, 'labels'))).toContain(message);
  });
}

test('a gzip bomb is cut off after little more than it promised', async () => {
  const content = new Uint8Array(32 * 1024 * 1024);
  content.set(images.subarray(0, 16));
  const bomb = gzip(content);
  const original = globalThis.DecompressionStream;
  let inflated = 0;
  let input: WritableStream<BufferSource> | undefined;
  // Counts what the inflater is made to produce, and shows whether something still feeds it.
  globalThis.DecompressionStream = class {
    readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
    readonly writable: WritableStream<BufferSource>;
    constructor(format: CompressionFormat) {
      const inner = new original(format);
      this.writable = inner.writable;
      input = inner.writable;
      const count = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller) {
          inflated += chunk.length;
          controller.enqueue(chunk);
        },
      });
      this.readable = inner.readable.pipeThrough(count);
    }
  };
  try {
    expect(await refusal(readIdxImages(bomb, 'bomb'))).toContain('inflating gives more than the 40 bytes');
  } finally {
    globalThis.DecompressionStream = original;
  }
  expect(inflated).toBeGreaterThan(40);
  expect(inflated).toBeLessThan(1024 * 1024);
  await expect.poll(() => input?.locked).toBe(false);
});

test('1,500 mutants give a DataError or a dataset that adds up', async () => {
  let draws = 0;
  const random = (below: number) => hash(20261121 + draws++) % below;
  let accepted = 0;
  // Collected, since an expect a mutant would take longer than the mutant.
  const wrong: string[] = [];
  for (let i = 0; i < 1500; i++) {
    const source = i % 2 === 0 ? images : zipped;
    let mutant = patched(source, random(source.length), () => random(256));
    if (random(4) === 0) mutant = mutant.slice(0, random(mutant.length + 1));
    try {
      const { rows, shape, values } = await readIdxImages(mutant, `mutant ${i}`);
      accepted++;
      const addsUp = values.length === rows * shape.reduce((product, size) => product * size, 1);
      // gzip carries a checksum, so what passes is what was packed.
      const isIntact = source === images || Buffer.compare(Uint8Array.from(values), pixels) === 0;
      if (!addsUp || !isIntact) wrong.push(`mutant ${i} has other content`);
    } catch (error) {
      if (!(error instanceof DataError)) wrong.push(`mutant ${i}: ${String(error)}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(accepted).toBeGreaterThan(100);
  expect(accepted).toBeLessThan(1400);
});
