/**
 * Plan: pictures of any size as rows, against the definition written as loops (e2e/reference/resize.ts).
 * | axis     | control         | cases                                                                        |
 * | scale    | as it is        | down (whole and broken factors), up, both sides of 1 by a pixel, 1 x 1       |
 * | crop     | none            | wide, high, an odd rest, extreme shapes                                      |
 * | channels | RGB to RGB      | each of 1, 2, 3, 4 to each of 1, 3; opacity 0, 128, 255                      |
 * | target   | floats          | bytes                                                                        |
 * | refusals | -               | no picture, shape, length, sizes of 0, half and minus                        |
 */
import { expect, test } from '@playwright/test';
import { DataError } from '../../src/gpu/errors.js';
import { fitInto, fromPixels, type ImageShape, type Pixels } from '../../src/vae/data/image.js';
import { resizeReference, type Plane } from '../reference/resize.js';

/** Scrambled bytes, so that each weight shows. */
function bytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 11) & 0xff);
}

function picture(height: number, width: number, channels: number): Pixels {
  return { height, width, data: bytes(height * width * channels) };
}

/** The channel as the definition has it: on white, grey by luma. */
function planeOf({ height, width, data }: Pixels, toChannels: number, c: number): Plane {
  const count = data.length / (height * width);
  const at = (y: number, x: number): number => {
    const pixel = Array.from(data.subarray((y * width + x) * count, (y * width + x + 1) * count));
    const opacity = count % 2 === 0 ? pixel.pop()! / 255 : 1;
    const rgb = pixel.length === 1 ? [pixel[0]!, pixel[0]!, pixel[0]!] : pixel;
    const [r, g, b] = rgb.map((value) => opacity * value + (1 - opacity) * 255) as [number, number, number];
    return toChannels === 1 ? 0.299 * r + 0.587 * g + 0.114 * b : [r, g, b][c]!;
  };
  return Array.from({ length: height }, (_, y) => Array.from({ length: width }, (__, x) => at(y, x)));
}

function expectedRow(image: Pixels, [H, W, C]: ImageShape): number[] {
  const planes = Array.from({ length: C }, (_, c) => resizeReference(planeOf(image, C, c), [H, W]));
  const row: number[] = [];
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) for (const plane of planes) row.push(plane[y]![x]! / 255);
  return row;
}

/** The worst difference, and where: an expect a pixel would take longer than the pixel. */
function worst(actual: ArrayLike<number>, expected: readonly number[]): { error: number; at: number } {
  expect(actual).toHaveLength(expected.length);
  const errors = expected.map((value, i) => Math.abs(actual[i]! - value));
  const error = errors.reduce((most, value) => (value > most || Number.isNaN(value) ? value : most), 0);
  return { error, at: errors.indexOf(error) };
}

/** f32 of a value below 1 is off by 3e-8; sums of 1,000 products in float64 by less than 1e-12. */
const tolerance = 6e-8;

const sizes: [from: [number, number], to: [number, number]][] = [
  [
    [5, 7],
    [5, 7],
  ],
  [
    [8, 8],
    [4, 4],
  ],
  [
    [31, 33],
    [8, 8],
  ],
  [
    [33, 31],
    [7, 5],
  ],
  [
    [3, 4],
    [8, 8],
  ],
  [
    [4, 3],
    [9, 13],
  ],
  [
    [8, 9],
    [8, 8],
  ],
  [
    [10, 8],
    [8, 8],
  ],
  [
    [9, 9],
    [8, 8],
  ],
  [
    [7, 7],
    [8, 8],
  ],
  [
    [1, 1],
    [3, 2],
  ],
  [
    [6, 5],
    [1, 1],
  ],
  [
    [1, 50],
    [2, 2],
  ],
  [
    [50, 1],
    [3, 2],
  ],
  [
    [40, 41],
    [39, 39],
  ],
];
for (const [from, to] of sizes)
  for (const channels of [1, 3] as const)
    test(`${from.join('x')} to ${to.join('x')} of ${channels}`, () => {
      const image = picture(...from, 3);
      const shape = [...to, channels] as const;
      const { error, at } = worst(fromPixels([image], shape).values, expectedRow(image, shape));
      expect(error, `at ${at}`).toBeLessThan(tolerance);
    });

for (const count of [1, 2, 3, 4])
  for (const channels of [1, 3] as const)
    test(`${count} channels to ${channels}`, () => {
      const image = picture(6, 4, count);
      const shape = [3, 2, channels] as const;
      const { error, at } = worst(fromPixels([image], shape).values, expectedRow(image, shape));
      expect(error, `at ${at}`).toBeLessThan(tolerance);
    });

test('opacity is laid on white', () => {
  const data = Uint8ClampedArray.of(10, 20, 30, 255, 10, 20, 30, 0, 10, 20, 30, 51);
  const { values } = fromPixels([{ width: 3, height: 1, data }], [1, 3, 3]);
  const bytesOf = Array.from(values, (value) => Math.round(value * 255));
  // 0.2 x 10 + 0.8 x 255 = 206
  expect(bytesOf).toEqual([10, 20, 30, 255, 255, 255, 206, 208, 210]);
});

test('bytes are kept where nothing changes, and rounded where something does', () => {
  const image = picture(4, 5, 3);
  const same = new Uint8Array(60);
  fitInto(image, [4, 5, 3], same, 'a');
  expect(same).toEqual(image.data);
  const half = new Uint8Array(2);
  fitInto({ height: 2, width: 4, data: Uint8Array.of(1, 1, 8, 9, 1, 0, 8, 8) }, [1, 2, 1], half, 'a');
  expect([...half]).toEqual([1, 8]); // of 0.75 and 8.25
});

test('white stays 1 in every channel count', () => {
  for (const channels of [1, 3] as const) {
    const white = { height: 7, width: 9, data: new Uint8Array(7 * 9 * 4).fill(255) };
    const { values } = fromPixels([white], [5, 5, channels]);
    expect(Math.max(...values)).toBe(1); // more than 1 would be no Bernoulli mean
    expect(Math.min(...values)).toBeGreaterThan(1 - tolerance);
  }
});

test('several pictures of several sizes are rows in their order', () => {
  const images = [picture(4, 4, 4), picture(9, 3, 1), picture(2, 8, 3)];
  const data = fromPixels(images, [4, 4, 3]);
  expect(data).toMatchObject({ rows: 3, shape: [4, 4, 3] });
  for (const [i, image] of images.entries())
    expect(data.values.subarray(i * 48, (i + 1) * 48)).toEqual(fromPixels([image], [4, 4, 3]).values);
});

test('an extreme shape takes no more memory than its part', () => {
  const image = { height: 1, width: 2 ** 24, data: new Uint8Array(2 ** 24).fill(7) };
  const row = new Uint8Array(16);
  const before = performance.now();
  fitInto(image, [4, 4, 1], row, 'a');
  expect([...row]).toEqual(Array<number>(16).fill(7));
  expect(performance.now() - before).toBeLessThan(1000);
});

const refusals: [name: string, images: Pixels[], shape: readonly number[], message: string][] = [
  ['no picture', [], [2, 2, 3], '[fromPixels] 0 images and the shape [2, 2, 3] came; expected at least one'],
  [
    'two channels',
    [picture(2, 2, 3)],
    [2, 2, 2],
    'expected at least one image and [height, width, channels]',
  ],
  ['a size of half', [picture(2, 2, 3)], [2.5, 2, 3], 'the shape [2.5, 2, 3] came'],
  ['a size of 0', [picture(2, 2, 3)], [2, 0, 3], 'the shape [2, 0, 3] came'],
  [
    'data that do not fit',
    [picture(2, 2, 3), { height: 2, width: 2, data: bytes(13) }],
    [2, 2, 3],
    '[fromPixels, image 1] the picture is 2x2 with 13 bytes; expected 1 to 4 bytes a pixel; pass what getImageData gives',
  ],
  ['five channels', [picture(2, 2, 5)], [2, 2, 3], 'with 20 bytes'],
  ['an empty picture', [{ height: 0, width: 0, data: bytes(0) }], [2, 2, 3], '0x0 with 0 bytes'],
  ['sides of minus', [{ height: -2, width: -2, data: bytes(12) }], [2, 2, 3], '-2x-2'],
];
for (const [name, images, shape, message] of refusals)
  test(`fromPixels refuses ${name}`, () => {
    const run = (): unknown => fromPixels(images, shape as ImageShape);
    expect(run).toThrow(DataError);
    expect(run).toThrow(message);
  });
