/**
 * Plan: the geometry behind the page's latent views, without a page.
 * - the manifold's images lie where the plane shows their codes, for 1, 2 and more latents, with the other latents held;
 * - a click finds the nearest mark within its reach, and none beyond;
 * - the spherical way has its ends, evenly growing lengths and equal angles, and falls back to the line where there is no arc.
 */
import { expect, test } from '@playwright/test';
import {
  fromShare,
  imagesPerSide,
  manifoldCodes,
  nearestRow,
  placesOf,
  toShare,
} from '../../demo/src/views/plane.js';
import { RANGE } from '../../demo/src/views/point.js';
import { wayBetween } from '../../demo/src/views/way.js';

for (const [size, n] of [
  [28, 15],
  [32, 13],
  [64, 7],
  [256, 5],
  [8, 17],
])
  test(`${n} images a side of ${size} pixels: one lies on the origin`, () => {
    expect(imagesPerSide([size!, size!, 1])).toBe(n);
    const codes = manifoldCodes([9, 9], [0, 1], n!);
    const middle = (n! * n! - 1) / 2;
    expect(Math.abs(codes[2 * middle]!) + Math.abs(codes[2 * middle + 1]!)).toBeLessThan(1e-6);
  });

test('images of the manifold lie in the middle of their cells, the first latent across, the second up', () => {
  const n = 3;
  const codes = manifoldCodes([0.5, 0, 0.25, 0], [3, 1], n);
  const places = placesOf(codes, 4, [3, 1], () => NaN);
  for (let row = 0; row < n; row++)
    for (let column = 0; column < n; column++) {
      const at = row * n + column;
      expect(places[2 * at]).toBeCloseTo((column + 0.5) / n, 6);
      expect(places[2 * at + 1]).toBeCloseTo((row + 0.5) / n, 6);
      expect([codes[4 * at], codes[4 * at + 2]]).toEqual([0.5, 0.25]);
    }
  expect(codes[1]).toBeCloseTo((RANGE * 2) / 3, 6); // up is positive
});

test('a single latent is a line, and its marks have lanes', () => {
  const codes = manifoldCodes([1], [0, 0], 3);
  expect([...codes].map((value) => +value.toFixed(4))).toEqual([-2.2, 0, 2.2]);
  const places = placesOf(codes, 1, [0, 0], (row) => row / 4);
  expect([places[1], places[3], places[5]]).toEqual([0, 0.25, 0.5]);
});

test('shares and values are inverse', () => {
  expect([toShare(-RANGE), toShare(0), toShare(RANGE)]).toEqual([0, 0.5, 1]);
  for (const value of [-3, 0.1, 2]) expect(fromShare(toShare(value))).toBeCloseTo(value, 12);
});

test('a click finds the nearest mark within reach', () => {
  const places = Float32Array.of(0.5, 0.5, 0.52, 0.5, 0.9, 0.1);
  const size = [100, 200] as const;
  expect(nearestRow(places, [50.8, 100], size, 12)).toBe(0);
  expect(nearestRow(places, [51.2, 100], size, 12)).toBe(1);
  expect(nearestRow(places, [90, 32.1], size, 12)).toBeUndefined();
  expect(nearestRow(places, [90, 31.9], size, 12)).toBe(2);
});

const length = (code: Float32Array): number => Math.hypot(...code);
const angle = (a: Float32Array, b: Float32Array): number =>
  Math.acos(a.reduce((sum, value, k) => sum + value * b[k]!, 0) / length(a) / length(b));

test('the spherical way turns evenly, and its length goes evenly from one end to the other', () => {
  const [a, b] = [Float32Array.of(3, 0, 0), Float32Array.of(0, 0.8, 0.6)];
  const { codes, kind } = wayBetween(a, b, 'spherical', 5);
  const rows = [0, 1, 2, 3, 4].map((i) => codes.slice(3 * i, 3 * i + 3));
  expect(kind).toBe('spherical');
  expect([...rows[0]!].map((value) => +value.toFixed(6))).toEqual([3, 0, 0]);
  expect([...rows[4]!].map((value) => +value.toFixed(6))).toEqual([0, 0.8, 0.6]);
  rows.forEach((row, i) => {
    expect(length(row)).toBeCloseTo(3 - i / 2, 5);
    expect(angle(a, row)).toBeCloseTo((i * Math.PI) / 8, 3);
  });
});

for (const [name, b] of Object.entries({ opposite: [-1, -2], nothing: [0, 0] }))
  test(`a code and its ${name} have no single arc: the straight line`, () => {
    const { codes, kind } = wayBetween(Float32Array.of(2, 4), Float32Array.from(b), 'spherical', 3);
    expect(kind).toBe('linear');
    expect([codes[0], codes[1], codes[4], codes[5]]).toEqual([2, 4, ...b]);
    expect(codes[2]).toBeCloseTo((2 + b[0]!) / 2, 6);
  });
