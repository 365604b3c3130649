/**
 * Plan: what is fitted to latents after training and the ways through them.
 * | axis     | control                       | cases                                                          |
 * | mixture  | 1 component: closed form      | full and diagonal; a known mixture found again; a flat cloud   |
 * | EM       | likelihood after every pass   | overlapping, too many components, repeated rows at the floor   |
 * | density  | integrates to 1               | far away                                                       |
 * | samples  | moments of the fitted one     | seeds                                                          |
 * | paths    | ends and middle by hand       | spherical keeps lengths; corners; traversals                   |
 */
import { expect, test } from '@playwright/test';
import { standardNormal } from '../../src/gpu/threefry.js';
import type { Matrix } from '../../src/vae/metrics/matrix.js';
import { fitGaussianMixture } from '../../src/vae/samplers/fit-gaussian-mixture.js';
import { GaussianMixture, type Component } from '../../src/vae/samplers/gaussian-mixture.js';
import { bilinearGrid, linearPath, sphericalPath, traversals } from '../../src/vae/samplers/paths.js';
import { covariance as covarianceOf } from '../reference/ppca.js';
import { holdTo } from '../truth.js';

const count = 3000;
const noise = standardNormal(2 * count, 9, 4);

/** Rows x = mean + A noise with A lower triangular. */
function cloud(
  first: number,
  rows: number,
  [mx, my]: [number, number],
  [a, b, c]: [number, number, number],
): number[] {
  return Array.from({ length: rows }, (_, n) => {
    const [u, v] = [noise[2 * (first + n)]!, noise[2 * (first + n) + 1]!];
    return [mx + a * u, my + b * u + c * v];
  }).flat();
}

/** Three clouds of 1500, 900 and 600 rows. */
const parts = [
  { rows: 1500, mean: [-4, 0], factor: [1, 0.5, 0.5] },
  { rows: 900, mean: [4, 1], factor: [0.5, 0, 1.5] },
  { rows: 600, mean: [0, 8], factor: [1, -0.8, 0.3] },
] as const;
const clouds: Matrix = {
  columns: 2,
  values: Float64Array.from(
    parts.flatMap(({ rows, mean, factor }, i) =>
      cloud(
        [0, 1500, 2400][i]!,
        rows,
        [...mean] as [number, number],
        [...factor] as [number, number, number],
      ),
    ),
  ),
};

function covarianceIn({ variances, axes }: Component): number[] {
  const K = variances.length;
  return Array.from({ length: K * K }, (_, at) =>
    variances.reduce((sum, v, i) => sum + v * axes[i * K + Math.floor(at / K)]! * axes[i * K + (at % K)]!, 0),
  );
}

/** Mean and 1/N covariance of rows. */
function momentsOf({ columns, values }: Matrix): { mean: number[]; covariance: number[] } {
  const rows = values.length / columns;
  const mean = Array.from({ length: columns }, (_, k) => {
    let sum = 0;
    for (let n = 0; n < rows; n++) sum += values[n * columns + k]! / rows;
    return sum;
  });
  const centred = Float64Array.from(values, (value, i) => value - mean[i % columns]!);
  return { mean, covariance: Array.from(covarianceOf({ shape: [rows, columns], values: centred }).values) };
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, bound: number, what = ''): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(actual[i]! - expected[i]!), `${what} ${i}`).toBeLessThan(bound);
}

test.describe('one component is the closed form', () => {
  const { mean, covariance } = momentsOf(clouds);

  test('full', () => {
    const mixture = fitGaussianMixture(clouds, { components: 1 });
    const [component] = mixture.components as [Component];
    expect(component.weight).toBe(1);
    const moments = [...component.mean, ...covarianceIn(component)];
    const errors = [...mean, ...covariance].map((value, i) => Math.abs(value - moments[i]!));
    holdTo('sampler gaussian-mixture', 'one component in closed form', Math.max(...errors), 1e-9);
    const determinant = covariance[0]! * covariance[3]! - covariance[1]! ** 2;
    expect(mixture.history.at(-1)).toBeCloseTo(-Math.log(2 * Math.PI) - Math.log(determinant) / 2 - 1, 9);
  });

  test('diagonal', () => {
    const mixture = fitGaussianMixture(clouds, { components: 1, covariance: 'diagonal' });
    expectClose(covarianceIn(mixture.components[0]!), [covariance[0]!, 0, 0, covariance[3]!], 1e-9);
  });
});

test('a known mixture is found again', () => {
  const { components, history } = fitGaussianMixture(clouds, { components: 3, seed: 1 });
  const found = components.toSorted((a, b) => b.weight - a.weight);
  parts.forEach(({ rows, mean, factor: [a, b, c] }, i) => {
    const component = found[i]!;
    expect(component.weight).toBeCloseTo(rows / count, 2);
    // Five standard errors of a mean of 600 rows, and of a variance: sqrt(2 / 600) of at most 2.25.
    expectClose(component.mean, mean, (5 * 1.5) / Math.sqrt(600), `mean of ${i}`);
    expectClose(
      covarianceIn(component),
      [a * a, a * b, a * b, b * b + c * c],
      5 * 2.25 * Math.sqrt(2 / 600),
      `of ${i}`,
    );
  });
  expect(history.length).toBeGreaterThan(2);
});

test('the start tells clouds apart that are small and far away, whatever the seed', () => {
  const rows = 60;
  const values = Float64Array.from(
    { length: 2 * rows },
    (_, i) => 10 * ((i >> 1) % 6) ** (1 + (i % 2)) + 0.01 * noise[i]!,
  );
  for (let seed = 0; seed < 8; seed++) {
    const { components } = fitGaussianMixture({ columns: 2, values }, { components: 6, seed, iterations: 1 });
    for (const { weight } of components) expect(weight).toBeCloseTo(1 / 6, 9);
  }
});

test.describe('the likelihood never falls', () => {
  const repeated: Matrix = {
    columns: 2,
    values: clouds.values.map((value, i) => (i % 2 ? 0 : Math.round(value))),
  };
  for (const [name, codes, options] of [
    ['more components than clouds', clouds, { components: 8 }],
    ['diagonal', clouds, { components: 6, covariance: 'diagonal' }],
    ['repeated rows on a line, at the floor', repeated, { components: 5, floor: 0.05 }],
    ['a floor above the clouds', clouds, { components: 5, floor: 0.6 }],
  ] as const)
    test(name, () => {
      const { history, components } = fitGaussianMixture(codes, { ...options, seed: 3, tolerance: 1e-9 });
      expect(history.length).toBeGreaterThan(5);
      const fall = Math.max(...history.slice(1).map((value, i) => history[i]! - value));
      holdTo('sampler gaussian-mixture', 'the likelihood never falls, nats', Math.max(0, fall), 1e-12);
      expect(history.at(-1)! - history[0]!).toBeGreaterThan(1e-3);
      if ('floor' in options) {
        const variances = components.flatMap((component) => Array.from(component.variances));
        expect(Math.min(...variances)).toBe(options.floor);
      }
      const total = components.reduce((sum, { weight }) => sum + weight, 0);
      expect(total).toBeCloseTo(1, 12);
    });
});

const mixture = fitGaussianMixture(clouds, { components: 3, seed: 1 });

test('the density integrates to 1, and is finite far away', () => {
  const [low, high, step] = [-16, 16, 0.1];
  const side = Math.round((high - low) / step);
  const values = Float64Array.from({ length: 2 * side * side }, (_, i) => {
    const at = Math.floor(i / 2);
    return low + step * (i % 2 === 0 ? at % side : Math.floor(at / side));
  });
  const mass = mixture.logDensity({ columns: 2, values }).reduce((sum, value) => sum + Math.exp(value), 0);
  expect(mass * step * step).toBeCloseTo(1, 4);
  const [far] = mixture.logDensity({ columns: 2, values: Float64Array.of(1e4, -1e4) });
  expect(far).toBeLessThan(-1e6);
  expect(Number.isFinite(far)).toBe(true);
});

test('samples have the moments of what was fitted', () => {
  const rows = 20_000;
  const samples = { columns: 2, values: mixture.sample(rows, { seed: 5 }) };
  // The moments of a mixture after EM are those of its data.
  const [expected, found] = [momentsOf(clouds), momentsOf(samples)];
  expectClose(found.mean, expected.mean, 5 * Math.sqrt(Math.max(...expected.covariance) / rows));
  // The fourth central moments are below 30 times the squared variance here.
  expectClose(
    found.covariance,
    expected.covariance,
    5 * Math.max(...expected.covariance) * Math.sqrt(3 / rows),
  );
  expect(mixture.sample(10, { seed: 5 })).toEqual(samples.values.subarray(0, 20));
  expect(mixture.sample(10, { seed: 6 })).not.toEqual(samples.values.subarray(0, 20));
});

test.describe('paths', () => {
  const f32 = (...values: number[]): Float32Array => Float32Array.from(values);

  test('linear', () => {
    expect(linearPath(f32(0, 4), f32(2, 0), 3)).toEqual(f32(0, 4, 1, 2, 2, 0));
  });

  test('spherical: the middle of a right angle, equal lengths, the exact ends', () => {
    const half = Math.SQRT1_2;
    expectClose(
      sphericalPath(f32(3, 0, 0), f32(0, 3, 0), 3),
      [3, 0, 0, 3 * half, 3 * half, 0, 0, 3, 0],
      1e-6,
    );
    const arc = sphericalPath(f32(3, 4), f32(-5, 0), 7);
    for (let i = 0; i < 7; i++) expect(Math.hypot(arc[2 * i]!, arc[2 * i + 1]!)).toBeCloseTo(5, 5);
    const turns = Array.from({ length: 7 }, (_, i) => Math.atan2(arc[2 * i + 1]!, arc[2 * i]!));
    for (let i = 2; i < 7; i++) expect(turns[i]! - turns[i - 1]!).toBeCloseTo(turns[1]! - turns[0]!, 5);
    expect(sphericalPath(f32(1, 1), f32(3, 3), 3)).toEqual(f32(1, 1, 2, 2, 3, 3));
    expect(sphericalPath(f32(0, 0), f32(2, 0), 3)).toEqual(f32(0, 0, 1, 0, 2, 0));
  });

  test('bilinear: corners, edges and the mean in the middle', () => {
    const grid = bilinearGrid([f32(0), f32(4), f32(8), f32(100)], 3);
    expect(grid).toEqual(f32(0, 2, 4, 4, 28, 52, 8, 54, 100));
  });

  test('traversals change one latent at a time', () => {
    expect(traversals(f32(7, 8), { steps: 3, range: [-1, 1] })).toEqual(
      f32(-1, 8, 0, 8, 1, 8, 7, -1, 7, 0, 7, 1),
    );
    expect(traversals(f32(7, 8), { latents: [1] })).toHaveLength(18);
  });

  test('what they refuse', () => {
    expect(() => linearPath(f32(1), f32(1, 2), 3)).toThrow(
      '[linearPath] the ends have 1 and 2 values; expected',
    );
    expect(() => linearPath(f32(1), f32(2), 1)).toThrow(
      '[linearPath.steps] is 1; expected an integer from 2',
    );
    expect(() => sphericalPath(f32(1, 2), f32(-1, -2), 4)).toThrow(
      '[sphericalPath] the codes point in opposite',
    );
    expect(() => bilinearGrid([f32(1), f32(1, 2), f32(1), f32(1, 2)], 2)).toThrow(
      '[bilinearGrid] corners have 1',
    );
    expect(() => traversals(f32(1), { latents: [1] })).toThrow(
      '[traversals.latents] is 1; expected an integer',
    );
  });
});

test('what the mixture refuses', () => {
  const two = { columns: 2, values: Float64Array.of(0, 0, 1, 1) };
  expect(() => fitGaussianMixture(two, { components: 3 })).toThrow(
    '[gaussianMixture] 2 rows came; 3 components need at least as many; pass more rows or fewer components',
  );
  expect(() => fitGaussianMixture(two, { components: 1, floor: 0 })).toThrow('[gaussianMixture.floor] is 0');
  expect(() => mixture.logDensity({ columns: 3, values: new Float64Array(3) })).toThrow(
    '[logDensity] rows have 3 values; the mixture has 2; pass f64[N, 2]',
  );
  expect(() => mixture.sample(0)).toThrow('[sample.count] is 0');
  expect(mixture).toBeInstanceOf(GaussianMixture);
});
