/**
 * Plan: JPEG files of each form against what libjpeg makes of them (e2e/pictures/make.py).
 * | axis        | control            | cases                                                               |
 * | form        | baseline, colour   | progressive, grey, half the colour's resolution, CMYK, other frames  |
 * | orientation | none               | EXIF 1 to 8 in both byte orders, other values, damaged segments      |
 * | file        | whole              | cut at every byte, changed bytes, bytes after the end                |
 * | hostile     | -                  | absurd sizes, scans without end, second frame                        |
 */
import { expect, test } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../../src/gpu/errors.js';
import { decodeJpeg } from '../../src/node/images/jpeg.js';
import { readOrientation, turn } from '../../src/node/images/orientation.js';

const folder = join(import.meta.dirname, '../pictures');
const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Record<string, number[]>;
const read = (name: string): Buffer => readFileSync(join(folder, `${name}.jpg`));

function refusal(bytes: Buffer): string {
  try {
    decodeJpeg(bytes, 'a.jpg');
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).message).toMatch(
      /^\[a\.jpg\] .*; replace or remove it, or pass --skip-broken$/s,
    );
    return (error as DataError).message;
  }
  throw new Error('nothing was refused');
}

/**
 * The standard leaves the inverse transform's rounding open (T.81, A.3.3): a value each for the transform and the
 * colours. Colour of half the resolution is widened smoothly by libjpeg and by repetition here, half a pixel
 * apart in each direction: the scene's blue difference changes by 4.2 and 8.0 a pixel, so blue by
 * 1.772 x (4.2 + 8.0) / 2 = 11, and 3 as above.
 */
const tolerances: Record<string, number> = {
  baseline: 3,
  progressive: 3,
  grey: 2,
  'grey-progressive': 2,
  turned: 3,
  subsampled: 14,
};

for (const [name, tolerance] of Object.entries(tolerances))
  test(`${name} equals libjpeg within ${tolerance}`, () => {
    const { width, height, data } = decodeJpeg(read(name), 'a.jpg');
    const wanted = expected[name]!;
    const stored = turnBack(name, data);
    expect([width, height]).toEqual(name === 'turned' ? [12, 20] : [20, 12]);
    expect(stored).toHaveLength(wanted.length);
    const worst = Math.max(...wanted.map((value, i) => Math.abs(value - stored[i]!)));
    test.info().annotations.push({ type: 'worst', description: String(worst) });
    expect(worst).toBeLessThanOrEqual(tolerance);
  });

/** libjpeg gives the lines as stored; ours are turned a quarter to the right: stored (x, y) is at (11 - y, x). */
function turnBack(name: string, data: ArrayLike<number>): number[] {
  if (name !== 'turned') return Array.from(data);
  const stored: number[] = [];
  for (let y = 0; y < 12; y++)
    for (let x = 0; x < 20; x++) for (let c = 0; c < 3; c++) stored.push(data[(x * 12 + 11 - y) * 3 + c]!);
  return stored;
}

test.describe('orientation', () => {
  /** Stored as rows "ab", "cd", "ef"; how it is meant to be seen, from EXIF's table. */
  const upright: Record<number, string[]> = {
    1: ['ab', 'cd', 'ef'],
    2: ['ba', 'dc', 'fe'],
    3: ['fe', 'dc', 'ba'],
    4: ['ef', 'cd', 'ab'],
    5: ['ace', 'bdf'],
    6: ['eca', 'fdb'],
    7: ['fdb', 'eca'],
    8: ['bdf', 'ace'],
  };
  for (const [value, rows] of Object.entries(upright))
    for (const channels of [1, 3])
      test(`${value} of ${channels} channels`, () => {
        const stored = Buffer.from('abcdef');
        const data = Uint8Array.from({ length: 6 * channels }, (_, i) => stored[Math.floor(i / channels)]!);
        const turned = turn({ width: 2, height: 3, data }, Number(value));
        const text = Array.from(turned.data, (byte) => String.fromCharCode(byte));
        const every = text.filter((_, i) => i % channels === 0).join('');
        expect(every).toBe(rows.join(''));
        expect(text.filter((_, i) => i % channels === channels - 1).join('')).toBe(every);
        expect([turned.height, turned.width]).toEqual([rows.length, rows[0]!.length]);
      });

  function segment(order: 'II' | 'MM', value: number, tag = 0x0112): Buffer {
    const tiff = Buffer.alloc(26);
    const write = (number: number, at: number, length: 2 | 4): void => {
      if (order === 'II') tiff.writeUIntLE(number, at, length);
      else tiff.writeUIntBE(number, at, length);
    };
    tiff.write(order, 'latin1');
    write(42, 2, 2);
    write(8, 4, 4);
    write(1, 8, 2);
    write(tag, 10, 2);
    write(3, 12, 2);
    write(1, 14, 4);
    write(value, 18, 2);
    return Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
  }

  test('is read in both byte orders', () => {
    for (const order of ['II', 'MM'] as const)
      for (let value = 1; value <= 8; value++) expect(readOrientation(segment(order, value))).toBe(value);
  });

  test('is none where the segment is another, damaged or absurd', () => {
    for (const value of [0, 9, 65535]) expect(readOrientation(segment('II', value))).toBeUndefined();
    expect(readOrientation(segment('II', 6, 0x0113))).toBeUndefined();
    expect(readOrientation(Buffer.from('http://ns.adobe.com/xap/1.0/'))).toBeUndefined();
    const whole = segment('MM', 6);
    for (let length = 0; length < 26; length++)
      expect(readOrientation(whole.subarray(0, length)), `${length} bytes`).toBeUndefined();
    const far = Buffer.from(whole);
    far.writeUInt32BE(0xffffffff, 10);
    expect(readOrientation(far)).toBeUndefined();
  });
});

const baseline = read('baseline');

/** Where a marker stands. */
function find(bytes: Buffer, code: number): number {
  const at = bytes.indexOf(Buffer.from([0xff, code]));
  expect(at).toBeGreaterThan(0);
  return at;
}

function patched(bytes: Buffer, at: number, values: readonly number[]): Buffer {
  const copy = Buffer.from(bytes);
  copy.set(values, at);
  return copy;
}

test('a file cut at any byte is refused', () => {
  for (const name of ['baseline', 'progressive', 'turned']) {
    const whole = read(name);
    for (let length = 2; length < whole.length; length++) refusal(whole.subarray(0, length));
  }
  expect(refusal(baseline.subarray(0, -2))).toContain(
    `the JPEG file is cut short: it has no end within its ${baseline.length - 2} bytes`,
  );
});

test('bytes after the end do not matter', () => {
  const { data } = decodeJpeg(Buffer.concat([baseline, Buffer.from('a camera writes here')]), 'a.jpg');
  expect(data).toEqual(decodeJpeg(baseline, 'a.jpg').data);
});

test('3,000 mutants give a DataError or a picture of the size of a header', () => {
  let draws = 0;
  const random = (below: number): number => (Math.imul(++draws, 2654435761) >>> 9) % below;
  const wrong: string[] = [];
  let accepted = 0;
  for (let i = 0; i < 3000; i++) {
    const bytes = read(['baseline', 'progressive', 'grey', 'turned', 'cmyk'][i % 5]!);
    for (let change = 0; change <= random(3); change++) bytes[2 + random(bytes.length - 2)] = random(256);
    // The size is checked elsewhere, and large pictures take their time.
    const frame = bytes.findIndex((byte, at) => byte === 0xff && (bytes[at + 1]! & 0xfd) === 0xc0);
    if (frame > 0) bytes.set([0, 12, 0, 20], frame + 5);
    try {
      const { width, height, data } = decodeJpeg(bytes, 'm.jpg');
      accepted++;
      if (data.length !== width * height * 3) wrong.push(`mutant ${i}`);
    } catch (error) {
      if (!(error instanceof DataError)) wrong.push(`mutant ${i}: ${String(error)}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(accepted).toBeGreaterThan(100);
  expect(accepted).toBeLessThan(2900);
});

const frameAt = find(baseline, 0xc0);
const scanAt = find(baseline, 0xda);
const scan = baseline.subarray(scanAt, -2);
const frame = baseline.subarray(frameAt, frameAt + 2 + baseline.readUInt16BE(frameAt + 2));

const bad: [name: string, bytes: Buffer, message: string][] = [
  ['CMYK', read('cmyk'), 'the JPEG file has 4 components (CMYK); expected grey or colour; convert it to RGB'],
  [
    'an absurd size',
    patched(baseline, frameAt + 5, [255, 255, 255, 255]),
    'its header promises 65535x65535; expected',
  ],
  ['no height', patched(baseline, frameAt + 5, [0, 0]), 'its header promises 0x20; expected 1 to 33554432'],
  [
    '12 bits',
    patched(baseline, frameAt + 4, [12]),
    'has not 8 bits a channel; expected baseline or progressive',
  ],
  ['a lossless frame', patched(baseline, frameAt + 1, [0xc3]), 'the JPEG file is lossless, arithmetic or'],
  ['an arithmetic frame', patched(baseline, frameAt + 1, [0xc9]), 'the JPEG file is lossless, arithmetic or'],
  [
    'a second frame',
    Buffer.concat([baseline.subarray(0, scanAt), frame, baseline.subarray(scanAt)]),
    'the JPEG file holds a second frame',
  ],
  [
    'scans without end',
    Buffer.concat([baseline.subarray(0, -2), ...Array<Buffer>(200).fill(scan), baseline.subarray(-2)]),
    'the JPEG file has more than 100 scans; it is forged',
  ],
  ['nothing but an end', Buffer.from([0xff, 0xd8, 0xff, 0xd9]), 'the JPEG file holds no picture'],
  ['text', Buffer.from([0xff, 0xd8, 65, 66]), 'the JPEG file is damaged at byte 2, where a marker should be'],
  [
    'pixels that end early',
    Buffer.concat([baseline.subarray(0, scanAt + 20), baseline.subarray(-2)]),
    'the JPEG file is damaged (',
  ],
];
for (const [name, bytes, message] of bad)
  test(`${name} is refused`, () => {
    expect(refusal(bytes)).toContain(message);
  });
