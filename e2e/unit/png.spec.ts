/**
 * Plan: PNG files, written by e2e/pictures/png.ts from known samples.
 * | axis    | control        | cases                                                                           |
 * | form    | RGB of 8 bits  | every colour type at every depth, plain and interlaced, with and without tRNS    |
 * | size    | 9 x 7          | 1 x 1, 4 x 3 (interlaced passes that are empty)                                  |
 * | file    | whole          | cut at every byte, a changed byte at every place, other chunks, second chunks    |
 * | hostile | -              | absurd sizes, bombs in pixels and profile, lengths past the end, no palette      |
 */
import { expect, test } from '@playwright/test';
import { deflateSync } from 'node:zlib';
import { DataError } from '../../src/gpu/errors.js';
import { decodePng } from '../../src/node/images/png.js';
import {
  pixelData,
  pngChunk,
  pngFile,
  pngHeader,
  pngOf,
  pngSignature,
  type PngForm,
} from '../pictures/png.js';

const channelsOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

function samplesOf({ width, height, depth, colourType }: PngForm): number[] {
  const count = width * height * channelsOf[colourType]!;
  return Array.from({ length: count }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 7) % 2 ** depth);
}

/** Entry i is (7i, 255 - i, 3i) mod 256. */
function paletteOf(depth: number): number[] {
  return Array.from({ length: 2 ** depth }, (_, i) => [7 * i, 255 - i, 3 * i].map((v) => v & 255)).flat();
}

function refusal(bytes: Buffer): string {
  try {
    decodePng(bytes, 'a.png');
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).message).toMatch(
      /^\[a\.png\] .*; replace or remove it, or pass --skip-broken$/s,
    );
    return (error as DataError).message;
  }
  throw new Error('nothing was refused');
}

const forms: [colourType: number, depth: number][] = [
  [0, 1],
  [0, 2],
  [0, 4],
  [0, 8],
  [0, 16],
  [2, 8],
  [2, 16],
  [3, 1],
  [3, 2],
  [3, 4],
  [3, 8],
  [4, 8],
  [4, 16],
  [6, 8],
  [6, 16],
];
const sizes = [
  [9, 7],
  [1, 1],
  [4, 3],
] as const;

for (const [colourType, depth] of forms)
  for (const isInterlaced of [false, true])
    for (const [width, height] of sizes)
      test(`type ${colourType}, ${depth} bits, ${width}x${height}${isInterlaced ? ', interlaced' : ''}`, () => {
        const form = { width, height, depth, colourType, isInterlaced };
        const samples = samplesOf(form);
        const palette = paletteOf(depth);
        const file = pngFile(colourType === 3 ? { ...form, palette } : form, samples);
        const expected =
          colourType === 3
            ? samples.flatMap((index) => palette.slice(3 * index, 3 * index + 3))
            : samples.map((sample) => Math.round((255 * sample) / (2 ** depth - 1)));
        const { data, ...size } = decodePng(file, 'a.png');
        expect(size).toEqual({ width, height });
        expect(Array.from(data)).toEqual(expected);
      });

test.describe('opacity of tRNS', () => {
  const size = { width: 2, height: 2 };
  test('one grey of 2 bits', () => {
    const form = { ...size, depth: 2, colourType: 0, transparency: [0, 2] };
    const { data } = decodePng(pngFile(form, [0, 1, 2, 3]), 'a.png');
    expect([...data]).toEqual([0, 255, 85, 255, 170, 0, 255, 255]);
  });
  test('one grey of 16 bits, exactly', () => {
    const form = { ...size, depth: 16, colourType: 0, transparency: [0x12, 0x34] };
    const { data } = decodePng(pngFile(form, [0x1234, 0x1235, 0, 0xffff]), 'a.png');
    expect([...data]).toEqual([18, 0, 18, 255, 0, 255, 255, 255]);
  });
  test('one colour', () => {
    const form = { ...size, depth: 8, colourType: 2, transparency: [0, 1, 0, 2, 0, 3] };
    const { data } = decodePng(pngFile(form, [1, 2, 3, 1, 2, 4, 3, 2, 1, 0, 2, 3]), 'a.png');
    expect([...data]).toEqual([1, 2, 3, 0, 1, 2, 4, 255, 3, 2, 1, 255, 0, 2, 3, 255]);
  });
  test('one colour of a picture with few pixels, interlaced too', () => {
    for (const isInterlaced of [false, true]) {
      const form = { ...size, depth: 8, colourType: 2, transparency: [0, 1, 0, 2, 0, 3], isInterlaced };
      const { data } = decodePng(pngFile(form, [1, 2, 3, 1, 2, 4, 3, 2, 1, 1, 2, 3]), 'a.png');
      expect([...data]).toEqual([1, 2, 3, 0, 1, 2, 4, 255, 3, 2, 1, 255, 1, 2, 3, 0]);
    }
  });
  test('the first entries of a palette', () => {
    const form = { ...size, depth: 8, colourType: 3, palette: [1, 2, 3, 4, 5, 6], transparency: [9] };
    const { data } = decodePng(pngFile(form, [0, 1, 1, 0]), 'a.png');
    expect([...data]).toEqual([1, 2, 3, 9, 4, 5, 6, 255, 4, 5, 6, 255, 1, 2, 3, 9]);
  });
});

const form: PngForm = { width: 9, height: 7, depth: 8, colourType: 2 };
const samples = samplesOf(form);
const file = pngFile(form, samples);

test('a suggested palette changes nothing, and what carries no pixels is not looked at', () => {
  const extra = [pngChunk('gAMA', [0, 0, 1, 0]), pngChunk('iCCP', [1, 2, 3]), pngChunk('tEXt', [0xff])];
  const { data } = decodePng(pngFile({ ...form, extra, palette: [1, 2, 3] }, samples), 'a.png');
  expect(Array.from(data)).toEqual(samples);
});

test('a Buffer at an odd offset', () => {
  const holder = Buffer.concat([Buffer.alloc(3), file, Buffer.alloc(5)]);
  expect(Array.from(decodePng(holder.subarray(3, 3 + file.length), 'a.png').data)).toEqual(samples);
});

test('a file cut at any byte is refused', () => {
  for (let length = 8; length < file.length; length++) refusal(file.subarray(0, length));
  expect(refusal(file.subarray(0, 60))).toContain('the PNG file is cut short after 60 bytes');
  expect(refusal(file.subarray(0, 20))).toContain('the PNG file is cut short in its header, or has none');
});

test('a changed byte anywhere is refused or harmless', () => {
  let refused = 0;
  const wrong: string[] = [];
  for (let at = 8; at < file.length; at++) {
    const damaged = Buffer.from(file);
    damaged[at]! ^= 0x41;
    try {
      const { data } = decodePng(damaged, 'a.png');
      // Only what no one reads may change: the file was never read past its last chunk's type.
      if (Buffer.compare(Buffer.from(data), Buffer.from(samples)) !== 0)
        wrong.push(`byte ${at}: other pixels`);
    } catch (error) {
      refused++;
      if (!(error instanceof DataError)) wrong.push(`byte ${at}: ${String(error)}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(refused).toBe(file.length - 8);
});

test('2,000 mutants of every form give a DataError or a picture that adds up', () => {
  let draws = 0;
  const random = (below: number): number => (Math.imul(++draws, 2654435761) >>> 9) % below;
  const wrong: string[] = [];
  for (let i = 0; i < 2000; i++) {
    const [colourType, depth] = forms[i % forms.length]!;
    const mutated = { width: 9, height: 7, depth, colourType, palette: paletteOf(Math.min(depth, 8)) };
    const data = pixelData(mutated, samplesOf(mutated));
    data[random(data.length)] = random(256); // below the checksums
    const bytes = pngOf(mutated, deflateSync(data));
    if (random(2) === 0) bytes[random(bytes.length)] = random(256);
    try {
      const { width, height, data: pixels } = decodePng(bytes, 'm.png');
      if (![1, 2, 3, 4].includes(pixels.length / (width * height))) wrong.push(`mutant ${i}`);
    } catch (error) {
      if (!(error instanceof DataError)) wrong.push(`mutant ${i}: ${String(error)}`);
    }
  }
  expect(wrong).toEqual([]);
});

function named(header: Partial<PngForm>): Buffer {
  return pngOf({ ...form, ...header }, deflateSync(pixelData(form, samples)));
}

function patched(at: number, value: number): Buffer {
  const bytes = Buffer.from(file);
  bytes[at] = value;
  return bytes;
}

const bad: [name: string, bytes: Buffer, message: string][] = [
  [
    'an absurd size',
    named({ width: 60_000, height: 60_000 }),
    'its header promises 60000x60000; expected 1 to 33554432',
  ],
  [
    'a size of 2^32 - 1',
    named({ width: 2 ** 32 - 1, height: 1 }),
    'its header promises 1x4294967295; expected',
  ],
  ['no width', named({ width: 0 }), 'its header promises 7x0; expected 1 to 33554432 pixels a picture'],
  ['a header that promises more', named({ height: 8 }), 'promises 224 bytes of pixel data and 196 are there'],
  [
    'a header that promises less',
    named({ height: 6 }),
    'hold more than the 168 bytes that its header promises',
  ],
  [
    'no such colour type',
    named({ colourType: 5 }),
    'a PNG file of colour type 5 with 8 bits came; there is none',
  ],
  ['no such depth', named({ depth: 3 }), 'a PNG file of colour type 2 with 3 bits came'],
  ['a depth of another type', named({ depth: 4 }), 'a PNG file of colour type 2 with 4 bits came'],
  [
    'a palette of 16 bits',
    named({ depth: 16, colourType: 3 }),
    'a PNG file of colour type 3 with 16 bits came',
  ],
  [
    'no palette',
    pngFile({ ...form, colourType: 3 }, samplesOf({ ...form, colourType: 3 })),
    'the PNG file is damaged',
  ],
  [
    'an index past the palette',
    pngFile({ width: 1, height: 1, depth: 8, colourType: 3, palette: [1, 2, 3] }, [1]),
    'the PNG file is damaged (Incorrect index of palette color)',
  ],
  [
    'a second header',
    pngFile({ ...form, extra: [pngHeader({ ...form, width: 2 ** 30 })] }, samples),
    'a second or an overlong IHDR',
  ],
  [
    'a palette of a million',
    pngFile({ ...form, palette: Array<number>(3e6).fill(0) }, samples),
    'a second or an overlong PLTE',
  ],
  [
    'pixels that are no zlib',
    pngOf(form, Buffer.from('no zlib')),
    'the pixel data of the PNG file do not inflate',
  ],
  ['unknown interlacing', patched(28, 2), 'a PNG file with unknown methods came; it is damaged'],
  ['unknown packing', patched(26, 1), 'a PNG file with unknown methods came'],
  ['a wrong checksum', patched(32, 0), 'the checksum of a IHDR chunk is wrong; the PNG file is damaged'],
  [
    'a wrong filter',
    pngOf(form, deflateSync(Buffer.alloc(196, 9))),
    'the PNG file is damaged (Unsupported filter: 9)',
  ],
  [
    'nothing but a signature',
    Buffer.from(pngSignature),
    'the PNG file is cut short in its header, or has none',
  ],
];
for (const [name, bytes, message] of bad)
  test(`${name} is refused`, () => {
    expect(refusal(bytes)).toContain(message);
  });

test('bombs are cut off early: 1 GB of pixels, 1 GB of profile', () => {
  const bomb = deflateSync(Buffer.alloc(2 ** 28)); // 0.25 GB from 0.26 MB
  const before = process.memoryUsage().rss;
  const started = performance.now();
  expect(refusal(pngOf(form, bomb))).toContain('hold more than the 196 bytes that its header promises');
  const profile = pngChunk('iCCP', Buffer.concat([Buffer.from([65, 0, 0]), bomb]));
  expect(Array.from(decodePng(pngFile({ ...form, extra: [profile] }, samples), 'a').data)).toEqual(samples);
  expect(performance.now() - started).toBeLessThan(1000);
  expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27);
});
