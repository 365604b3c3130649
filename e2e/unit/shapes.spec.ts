/**
 * Plan: data drawn from known factors, against geometry.
 * | axis      | control                        | cases                                                         |
 * | grid      | every combination once         | the paper's size without drawing it; repeats by symmetry only |
 * | picture   | areas of the three kinds       | centres, scale, angle from the moments; nothing cut off       |
 * | order     | the shuffle's reference        | parts share no image; seeds differ                            |
 * | `shapes`  | as a data set of the loader    | size, limit, its parts                                        |
 * | refusals  | -                              | options, too many bytes, factors of other rows                |
 */
import { expect, test } from '@playwright/test';
import { loadImages } from '../../src/node/data.js';
import { checkDataset, takeRows } from '../../src/vae/data/dataset.js';
import { permutation } from '../../src/vae/data/permutation.js';
import { drawShapes, shapeFactors, type ShapesDataset } from '../../src/vae/data/shapes.js';
import { epochOrder } from '../reference/permutation.js';

const rowText = (data: ShapesDataset, row: number): string => {
  const size = data.values.length / data.rows;
  return data.values.subarray(row * size, (row + 1) * size).join();
};

/** Area, centre and the angle of the longer axis of a picture, in pixels and radians. */
function moments(data: ShapesDataset, row: number): { area: number; x: number; y: number; angle: number } {
  const [side] = data.shape as [number];
  const pixels = Array.from(data.values.subarray(row * side * side, (row + 1) * side * side));
  const places = pixels.flatMap((value, i) =>
    value > 0 ? [[(i % side) + 0.5, Math.floor(i / side) + 0.5]] : [],
  );
  const area = places.length;
  const average = (value: (x: number, y: number) => number): number =>
    places.reduce((sum, [x, y]) => sum + value(x!, y!), 0) / area;
  const [x, y] = [average((u) => u), average((_, v) => v)];
  const [xx, yy] = [average((u) => (u - x) ** 2), average((_, v) => (v - y) ** 2)];
  const xy = average((u, v) => (u - x) * (v - y));
  return { area, x, y, angle: Math.atan2(2 * xy, xx - yy) / 2 };
}

test('the grid of the paper has 737,280 images', () => {
  expect(shapeFactors().map(({ name, size }) => [name, size])).toEqual([
    ['shape', 3],
    ['scale', 6],
    ['orientation', 40],
    ['x', 32],
    ['y', 32],
  ]);
});

test('a whole grid has every combination once, and pictures repeat by symmetry only', () => {
  const data = drawShapes({ side: 32, scales: 2, orientations: 4, positions: 3 });
  checkDataset(data, 'shapes');
  expect(data.rows).toBe(3 * 2 * 4 * 3 * 3);
  const rows = Array.from({ length: data.rows }, (_, row) => row);
  const points = rows.map((row) => data.factors.values.subarray(5 * row, 5 * row + 5).join());
  expect(new Set(points).size).toBe(data.rows);
  expect(data.labels).toEqual(Uint8Array.from(points, (point) => Number(point[0])));
  // A square is the same after a quarter turn, an ellipse after half a turn, a heart after a whole one.
  expect(new Set(rows.map((row) => rowText(data, row))).size).toBe((1 + 2 + 4) * 2 * 9);
  expect(new Set(data.values)).toEqual(new Set([0, 255]));
});

test('areas, centres, sizes and angles are those of the geometry', () => {
  const side = 256;
  const data = drawShapes({ side, scales: 2, orientations: 8, positions: 2 });
  const radius = 0.2 * side;
  // Square of diagonal 2, half a circle's area, and the heart's area (counted on a grid) over its radius squared.
  const areas = [2, Math.PI / 2, 3.662 / 1.282 ** 2];
  let tested = 0;
  for (let row = 0; row < data.rows; row++) {
    const point = data.factors.values.subarray(5 * row, 5 * row + 5);
    const [kind, scale, orientation, x, y] = point as unknown as [number, number, number, number, number];
    const r = radius * [0.5, 1][scale]!;
    const found = moments(data, row);
    expect(Math.abs(found.area / (areas[kind]! * r * r) - 1), `area ${point.join()}`).toBeLessThan(0.02);
    if (kind === 2) continue; // a heart turns around a point that is not its centre of mass
    const centre = (value: number): number => side * (0.2 + 0.6 * value);
    expect(Math.abs(found.x - centre(x)), `x ${point.join()}`).toBeLessThan(0.5);
    expect(Math.abs(found.y - centre(y)), `y ${point.join()}`).toBeLessThan(0.5);
    if (kind === 0) continue; // a square has no longer axis
    const turn = (found.angle - (Math.PI / 4) * orientation) / Math.PI;
    expect(Math.abs(turn - Math.round(turn)), `angle ${point.join()}`).toBeLessThan(0.01);
    tested++;
  }
  expect(tested).toBe(2 * 8 * 4);
});

test('a heart stands on its point', () => {
  const data = drawShapes({ side: 64, scales: 1, orientations: 1, positions: 1 });
  const heart = data.values.subarray(2 * 64 * 64);
  const widths = Array.from(
    { length: 64 },
    (_, y) => heart.subarray(64 * y, 64 * y + 64).filter(Boolean).length,
  );
  const filled = widths.filter((width) => width > 0);
  const [upper, lower] = [0.25, 0.875].map((share) => filled[Math.floor(share * filled.length)]!);
  expect(upper).toBeGreaterThan(2 * lower!);
  expect(moments(drawShapes({ scales: 1, orientations: 1, positions: 1 }), 0)).toMatchObject({
    x: 32,
    y: 32,
  });
});

test.describe('order', () => {
  test('the permutation is the reference, bit for bit', () => {
    for (const n of [1, 2, 100, 737_280]) {
      const order = permutation(n, 5, 3);
      const count = Math.min(n, 1000);
      const expected = epochOrder(n, { low: 5, high: 0 }, 3).subarray(0, count);
      expect(Uint32Array.from({ length: count }, (_, i) => order(i))).toEqual(expected);
    }
  });

  test('parts of a seed share no image, and seeds differ', () => {
    const grid = { side: 16, scales: 2, orientations: 3, positions: 4 };
    const points = (data: ShapesDataset): string[] =>
      Array.from({ length: data.rows }, (_, row) =>
        data.factors.values.subarray(5 * row, 5 * row + 5).join(),
      );
    const first = points(drawShapes({ ...grid, rows: 200, seed: 1 }));
    const rest = points(drawShapes({ ...grid, skip: 200, seed: 1 }));
    expect(new Set([...first, ...rest]).size).toBe(288);
    expect(rest).toHaveLength(88);
    expect(points(drawShapes({ ...grid, rows: 200, seed: 1 }))).toEqual(first);
    expect(points(drawShapes({ ...grid, rows: 200, seed: 2 }))).not.toEqual(first);
  });
});

test('the loader draws both parts in the size asked for, factors and all', async () => {
  const options = { limit: 30, size: [16, 16] as const };
  const train = (await loadImages('shapes', 'train', options)) as ShapesDataset;
  const held = (await loadImages('shapes', 'test', options)) as ShapesDataset;
  expect([train.shape, held.shape, train.rows]).toEqual([[16, 16, 1], [16, 16, 1], 30]);
  expect(train.factors.values).not.toEqual(held.factors.values);
  expect(new Set(train.values)).toEqual(new Set([0, 255])); // drawn, not scaled
  expect((await loadImages('shapes', 'test', { limit: 2 })).shape).toEqual([64, 64, 1]);
  await expect(loadImages('shape', 'test')).rejects.toThrow(
    'shapes (drawn, 3 x 6 x 40 x 32 x 32 known factors)',
  );
});

test('a part of the rows keeps its factors', () => {
  const data = drawShapes({ side: 16, rows: 6, seed: 3 });
  const part = takeRows(data, 4);
  checkDataset(part, 'part');
  expect(part.factors!.values).toEqual(data.factors.values.subarray(0, 20));
});

test('what is refused', () => {
  expect(() => drawShapes({ side: 64 })).toThrow(
    '[shapes.rows] 737280 images of 64 x 64 are 3019898880 bytes; at most 1073741824 are drawn; set rows or side lower',
  );
  expect(() => drawShapes({ side: 7, rows: 1 })).toThrow('[shapes.side] is 7; expected an integer from 8');
  expect(() => drawShapes({ scales: 1, orientations: 1, positions: 1, rows: 4 })).toThrow(
    '[shapes.rows] is 4',
  );
  const data = drawShapes({ side: 16, rows: 6 });
  expect(() => checkDataset({ ...data, factors: takeRows(data, 5).factors! }, 'test')).toThrow(
    '[test] there are factors of 5 rows for 6 rows; expected one value a factor and row; pass those of this data',
  );
});
