/**
 * Plan: pictures and curves are what a user judges a run by, so their pixels and points are checked, not
 * only their sizes.
 *
 * | axis            | values                                                                    |
 * |-----------------|---------------------------------------------------------------------------|
 * | grid            | 2 x 2 exact (control), 1 image, an incomplete last row, RGB                |
 * | gap, scale      | 0, 1, 2; scale 1, 2, 3                                                     |
 * | values          | 0, 1, between, below 0, above 1, NaN, both infinities                      |
 * | layouts         | grid, pairs (complete and incomplete rows), manifold                       |
 * | PNG             | decoded again by the same library, and its signature                       |
 * | curve           | train and test, test absent, one point, a gap, equal values, 200,000 points |
 * | refusals        | wrong length, wrong channels, options out of range, no points              |
 */
import { expect, test } from '@playwright/test';
import { decode } from 'fast-png';
import { DataError, ShapeError, SpecError } from '../../src/gpu/errors.js';
import { trainingCurve, type CurvePoint } from '../../src/node/curve.js';
import {
  encodePng,
  imageGrid,
  manifoldCodes,
  manifoldGrid,
  reconstructionPairs,
  type Picture,
} from '../../src/node/pictures.js';

/** Rows of the picture as text, so that a failure shows the picture. */
function rowsOf({ width, height, channels, pixels }: Picture): number[][] {
  const stride = width * channels;
  return Array.from({ length: height }, (_, y) => Array.from(pixels.subarray(y * stride, (y + 1) * stride)));
}

test.describe('imageGrid', () => {
  test('lays four 1 x 2 images out two by two, with gap and scale', () => {
    const images = Float32Array.of(0, 0.2, 0.4, 0.6, 0.8, 1, 0.5, 0);
    const picture = imageGrid(images, [1, 2, 1], { columns: 2, gap: 1, scale: 2 });
    const w = 255;
    expect(rowsOf(picture)).toEqual([
      [w, w, w, w, w, w, w, w, w, w, w],
      [w, 0, 0, 51, 51, w, 102, 102, 153, 153, w],
      [w, 0, 0, 51, 51, w, 102, 102, 153, 153, w],
      [w, w, w, w, w, w, w, w, w, w, w],
      [w, 204, 204, 255, 255, w, 128, 128, 0, 0, w],
      [w, 204, 204, 255, 255, w, 128, 128, 0, 0, w],
      [w, w, w, w, w, w, w, w, w, w, w],
    ]);
    expect(picture).toMatchObject({ width: 11, height: 7, channels: 1 });
  });

  test('clamps to [0, 1] and draws NaN black', () => {
    const images = Float32Array.of(-0.5, 1.5, NaN, Infinity, -Infinity, 0.25);
    const picture = imageGrid(images, [1, 6, 1], { gap: 0, scale: 1 });
    expect(rowsOf(picture)).toEqual([[0, 255, 0, 255, 0, 64]]);
  });

  test('keeps the channels of a pixel together', () => {
    const images = Float32Array.of(1, 0, 0, 0, 1, 0);
    const picture = imageGrid(images, [1, 1, 3], { columns: 2, gap: 0, scale: 3 });
    const row = [255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0];
    expect(rowsOf(picture)).toEqual([row, row, row]);
    expect(picture.channels).toBe(3);
  });

  test('is as square as the count allows and leaves the rest of the last row empty', () => {
    const picture = imageGrid(new Float32Array(5 * 28 * 28), [28, 28, 1]);
    expect([picture.width, picture.height]).toEqual([3 * 58 + 2, 2 * 58 + 2]);
    const [lastRow] = rowsOf(picture).slice(-3);
    expect(lastRow!.slice(2, 58)).toEqual(Array(56).fill(0));
    expect(lastRow!.slice(118)).toEqual(Array(58).fill(255));
  });

  test('is no wider than its images', () => {
    const picture = imageGrid(new Float32Array(1), [1, 1, 1], { columns: 10, gap: 2, scale: 1 });
    expect([picture.width, picture.height]).toEqual([5, 5]);
  });
});

test.describe('reconstructionPairs', () => {
  const options = { columns: 2, gap: 0, scale: 1 };

  test('puts each row of reconstructions below its originals', () => {
    const originals = Float32Array.of(0, 0.2, 0.4, 0.6);
    const reconstructions = Float32Array.of(1, 0.8, 0.2, 0);
    const picture = reconstructionPairs(originals, reconstructions, [1, 1, 1], options);
    expect(rowsOf(picture)).toEqual([
      [0, 51],
      [255, 204],
      [102, 153],
      [51, 0],
    ]);
  });

  test('keeps an incomplete last row aligned', () => {
    const originals = Float32Array.of(0, 0.2, 0.4);
    const reconstructions = Float32Array.of(1, 0.8, 0.2);
    const picture = reconstructionPairs(originals, reconstructions, [1, 1, 1], options);
    expect(rowsOf(picture)).toEqual([
      [0, 51],
      [255, 204],
      [102, 255],
      [51, 255],
    ]);
  });
});

test.describe('the manifold', () => {
  test('visits the quantiles of the prior, z_0 to the right and z_1 upwards', () => {
    // Phi^-1(1/6) = -0.967422, from tables; the formula promises 4.5e-4.
    const low = -0.967422;
    const expected = [low, -low, 0, -low, -low, -low, low, 0, 0, 0, -low, 0, low, low, 0, low, -low, low];
    const z = manifoldCodes(3, 2);
    expect(z).toHaveLength(18);
    for (const [i, value] of expected.entries())
      expect(Math.abs(z[i]! - value), `z[${i}]`).toBeLessThan(4.5e-4);
  });

  test('leaves the other latents at 0', () => {
    expect(Array.from(manifoldCodes(1, 4))).toEqual([0, 0, 0, 0]);
    expect(Array.from(manifoldCodes(2, 3).filter((_, i) => i % 3 === 2))).toEqual([0, 0, 0, 0]);
  });

  test('is drawn without gaps', () => {
    const picture = manifoldGrid(Float32Array.of(0, 0.2, 0.4, 0.6), [1, 1, 1], { scale: 1 });
    expect(rowsOf(picture)).toEqual([
      [0, 51],
      [102, 153],
    ]);
  });

  test('refuses a count that is no square', () => {
    expect(() => manifoldGrid(new Float32Array(3), [1, 1, 1])).toThrow(
      /3 images came; expected a square number/,
    );
  });
});

test.describe('refusals name the fault', () => {
  const cases: [string, () => unknown, typeof ShapeError, RegExp][] = [
    ['too few values', () => imageGrid(new Float32Array(783), [28, 28, 1]), ShapeError, /783 values came/],
    ['no values', () => imageGrid(new Float32Array(0), [28, 28, 1]), ShapeError, /0 values came/],
    ['two channels', () => imageGrid(new Float32Array(8), [2, 2, 2]), ShapeError, /shape is \[2, 2, 2\]/],
    ['a flat shape', () => imageGrid(new Float32Array(784), [784]), ShapeError, /shape is \[784\]/],
    ['scale 0', () => imageGrid(new Float32Array(1), [1, 1, 1], { scale: 0 }), SpecError, /scale is 0/],
    ['scale 1.5', () => imageGrid(new Float32Array(1), [1, 1, 1], { scale: 1.5 }), SpecError, /scale is 1.5/],
    ['gap -1', () => imageGrid(new Float32Array(1), [1, 1, 1], { gap: -1 }), SpecError, /gap is -1/],
    ['columns 0', () => imageGrid(new Float32Array(1), [1, 1, 1], { columns: 0 }), SpecError, /columns is 0/],
    ['huge scale', () => imageGrid(new Float32Array(1), [1, 1, 1], { scale: 1e6 }), SpecError, /at most/],
    [
      'unequal pairs',
      () => reconstructionPairs(new Float32Array(8), new Float32Array(4), [2, 2, 1]),
      ShapeError,
      /8 values of originals and 4 of reconstructions/,
    ],
    ['one latent', () => manifoldCodes(3, 1), SpecError, /latent is 1/],
  ];
  for (const [name, call, kind, message] of cases) {
    test(name, () => {
      expect(call).toThrow(kind);
      expect(call).toThrow(message);
    });
  }
});

test('encodePng writes what a decoder reads back', () => {
  for (const shape of [
    [2, 3, 1],
    [2, 3, 3],
    [2, 3, 4],
  ]) {
    const images = Float32Array.from({ length: 2 * 3 * shape[2]! }, (_, i) => (i % 7) / 7);
    const picture = imageGrid(images, shape, { gap: 1 });
    const png = encodePng(picture);
    expect(Array.from(png.subarray(0, 8))).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const { width, height, channels, depth, data } = decode(png);
    expect({ width, height, channels, depth }).toEqual({ width: 8, height: 6, channels: shape[2], depth: 8 });
    expect(Array.from(data)).toEqual(Array.from(picture.pixels));
  }
});

interface Element {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly text: string;
}

/** A strict reader of the XML that we write: every tag closed in order, every attribute quoted, no stray < or &. */
function parseXml(source: string): Element[] {
  const elements: Element[] = [];
  const open: string[] = [];
  const token = /<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>([^<]*)/g;
  let at = 0;
  for (const match of source.matchAll(token)) {
    const [whole, closing, name = '', attributes = '', empty, text = ''] = match;
    expect(match.index, `stray text at ${at}: ${source.slice(at, at + 60)}`).toBe(at);
    expect(text, 'an unescaped &').not.toMatch(/&(?!(amp|lt|gt|quot);)/);
    at += whole.length;
    if (closing) {
      expect(open.pop(), `closing tag before ${at}`).toBe(name);
      continue;
    }
    const pairs = Array.from(attributes.matchAll(/([\w:-]+)="([^"]*)"/g), ([, key, value]) => [key!, value!]);
    elements.push({ name, attributes: Object.fromEntries(pairs), text });
    if (!empty) open.push(name);
  }
  expect(at, 'characters read').toBe(source.length);
  expect(open, 'tags left open').toEqual([]);
  return elements;
}

/** Points of a path made of M and L commands only. */
function pointsOf(path: Element): [number, number][] {
  const d = path.attributes['d']!;
  expect(d).toMatch(/^(M-?[\d.]+,-?[\d.]+(L-?[\d.]+,-?[\d.]+|Z)*)+$/);
  return Array.from(d.matchAll(/[ML](-?[\d.]+),(-?[\d.]+)/g), ([, x, y]) => [Number(x), Number(y)]);
}

function course(steps: number, offset = 0): CurvePoint[] {
  return Array.from({ length: steps }, (_, i) => {
    const reconstruction = -500 + 10 * Math.sqrt(i) + offset;
    return { step: i + 1, reconstruction, kl: 5, elbo: reconstruction - 5 };
  });
}

const pathsOf = (elements: Element[], series: string) =>
  elements.filter(({ name, attributes }) => name === 'path' && attributes['class'] === series);

test.describe('trainingCurve', () => {
  test('draws each point of each series in each panel', () => {
    const elements = parseXml(trainingCurve({ train: course(40), test: course(7, -2) }));
    expect(pathsOf(elements, 'train').map((path) => pointsOf(path).length)).toEqual([40, 40, 40]);
    expect(pathsOf(elements, 'test').map((path) => pointsOf(path).length)).toEqual([7, 7, 7]);
  });

  test('a higher bound stands higher, a later step further right, all inside the picture', () => {
    const elements = parseXml(trainingCurve({ train: course(40) }));
    const points = pointsOf(pathsOf(elements, 'train')[0]!);
    for (const [i, [x, y]] of points.entries()) {
      expect(x).toBeGreaterThan(points[i - 1]?.[0] ?? 0);
      expect(y).toBeLessThan(points[i - 1]?.[1] ?? Infinity);
      expect(y).toBeGreaterThan(0);
    }
    const { width } = elements[0]!.attributes;
    expect(points.at(-1)![0]).toBeLessThan(Number(width));
    expect(pathsOf(elements, 'test')).toEqual([]);
  });

  test('has an accessible name, labelled axes, ticks and its own ground', () => {
    const elements = parseXml(trainingCurve({ train: course(40) }, { title: 'A < B & "C"' }));
    const [svg, title, description, ground] = elements;
    expect(svg!.attributes['role']).toBe('img');
    expect(svg!.attributes['aria-labelledby']).toBe(
      `${title!.attributes['id']} ${description!.attributes['id']}`,
    );
    expect(title).toMatchObject({ name: 'title', text: 'A &lt; B &amp; &quot;C&quot;' });
    expect(description!.text).toMatch(/step 40 with ELBO -442\.55, reconstruction -437\.55, KL 5\.00/);
    expect(ground).toMatchObject({
      name: 'rect',
      attributes: { fill: '#ffffff', width: svg!.attributes['width'] },
    });
    const texts = elements.filter(({ name }) => name === 'text').map(({ text }) => text.trim());
    expect(texts).toEqual(
      expect.arrayContaining(['ELBO (nats)', 'reconstruction (nats)', 'KL (nats)', 'step']),
    );
    expect(texts).toEqual(expect.arrayContaining(['train', '10', '20', '30', '40', '\u2212460']));
    expect(texts).not.toContain('test');
  });

  test('leaves a gap where a value is not finite', () => {
    const train = course(10);
    train[4] = { ...train[4]!, elbo: NaN };
    const [elbo, reconstruction] = pathsOf(parseXml(trainingCurve({ train })), 'train');
    expect(pointsOf(elbo!)).toHaveLength(9);
    expect(elbo!.attributes['d']!.match(/M/g)).toHaveLength(2);
    expect(pointsOf(reconstruction!)).toHaveLength(10);
  });

  test('marks a single point', () => {
    const elements = parseXml(trainingCurve({ train: course(1) }));
    const circles = elements.filter(({ name }) => name === 'circle');
    expect(circles).toHaveLength(3);
    for (const { attributes } of circles)
      expect(Number(attributes['cx']) + Number(attributes['cy'])).toBeGreaterThan(0);
  });

  test('takes a long run', () => {
    const elements = parseXml(trainingCurve({ train: course(200_000) }));
    expect(pointsOf(pathsOf(elements, 'train')[2]!)).toHaveLength(200_000);
  });

  test('refuses a run without a point', () => {
    expect(() => trainingCurve({ train: [] })).toThrow(DataError);
    const broken = course(3).map((point) => ({ ...point, kl: NaN }));
    expect(() => trainingCurve({ train: broken })).toThrow(/no finite kl came in 3 points/);
  });
});
