/**
 * Plan: the flow that is fitted to latents after training.
 * | axis       | control                          | cases                                                        |
 * | one axis   | the quantiles of the data        | slope and inverse against differences; equal numbers         |
 * | density    | integrates to 1                  | two dimensions, tails included                               |
 * | fit        | the data's own density           | three clouds; a Gaussian alone is worse                      |
 * | samples    | moments of the data              | seeds; the density's entropy agrees                          |
 * | refusals   | -                                | too few rows, another size                                   |
 */
import { expect, test } from '@playwright/test';
import { standardNormal } from '../../src/gpu/threefry.js';
import type { Matrix } from '../../src/vae/metrics/matrix.js';
import { fitGaussianMixture } from '../../src/vae/samplers/fit-gaussian-mixture.js';
import { fitGaussianization } from '../../src/vae/samplers/gaussianization-flow.js';
import { evaluate, fitMonotone, inverse } from '../../src/vae/samplers/monotone.js';
import { holdTo } from '../truth.js';

const rows = 3000;

/** Half the rows around (-2, 0), half around (2, 1), the second cloud tilted; odd seeds are held out. */
function clouds(seed: number): Matrix {
  const noise = standardNormal(2 * rows, seed, 8);
  const values = Float64Array.from({ length: 2 * rows }, (_, i) => {
    const [u, v] = [noise[i - (i % 2)]!, noise[i - (i % 2) + 1]!];
    if ((i >> 1) % 2 === 0) return i % 2 === 0 ? -2 + 0.5 * u : 0.5 * v;
    return i % 2 === 0 ? 2 + u : 1 + 0.8 * u + 0.4 * v;
  });
  return { columns: 2, values };
}

/** log p of the clouds as they were made. */
function truth({ values }: Matrix): number {
  const normal = (x: number, y: number): number => Math.exp(-(x * x + y * y) / 2) / (2 * Math.PI);
  let sum = 0;
  for (let n = 0; n < rows; n++) {
    const [x, y] = [values[2 * n]!, values[2 * n + 1]!];
    const first = normal((x + 2) / 0.5, y / 0.5) / 0.25;
    const u = x - 2;
    const second = normal(u, (y - 1 - 0.8 * u) / 0.4) / 0.4;
    sum += Math.log((first + second) / 2) / rows;
  }
  return sum;
}

const average = (values: Float64Array): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

test('an axis: quantiles become normal ones, with slope and inverse', () => {
  const values = Float64Array.from(standardNormal(1000, 3, 1), (value) => value ** 3 + 5);
  const map = fitMonotone(values, 20);
  const mapped = values.map((value) => evaluate(map, value).y);
  expect(Math.abs(average(mapped))).toBeLessThan(0.02);
  expect(Math.abs(average(mapped.map((value) => value * value)) - 1)).toBeLessThan(0.05);
  // The least and the largest of 1000 numbers stand at the levels 1/2000 and 1999/2000, +-3.2905 of a normal.
  expect(Math.min(...mapped)).toBeCloseTo(-3.2905, 4);
  expect(Math.max(...mapped)).toBeCloseTo(3.2905, 4);
  for (const x of [-200, 4.2, 5.01, 8, 300]) {
    const { y, logSlope } = evaluate(map, x);
    expect(evaluate(inverse(map), y).y).toBeCloseTo(x, 8);
    expect(evaluate(inverse(map), y).logSlope).toBeCloseTo(-logSlope, 8);
    const step = 1e-6;
    const slope = (evaluate(map, x + step).y - evaluate(map, x - step).y) / (2 * step);
    expect(slope / Math.exp(logSlope)).toBeCloseTo(1, 4);
  }
});

test('equal numbers still give a rising function', () => {
  const map = fitMonotone(
    Float64Array.from({ length: 100 }, (_, i) => Math.floor(i / 50)),
    10,
  );
  for (let i = 1; i < 10; i++) expect(map.from[i]).toBeGreaterThan(map.from[i - 1]!);
  expect(evaluate(map, 0.5).y).toBeCloseTo(0, 4);
});

const data = clouds(2);
const flow = fitGaussianization(data, { layers: 12, seed: 1 });

test('the density integrates to 1', () => {
  // The density jumps where pieces meet: few of them, so that the sum over a grid converges.
  const coarse = fitGaussianization(data, { layers: 3, knots: 8, seed: 1 });
  const [low, side, step] = [-12, 400, 0.06];
  const values = Float64Array.from({ length: 2 * side * side }, (_, i) => {
    const at = Math.floor(i / 2);
    return low + step * ((i % 2 === 0 ? at % side : Math.floor(at / side)) + 0.5);
  });
  const mass =
    coarse.logDensity({ columns: 2, values }).reduce((sum, value) => sum + Math.exp(value), 0) * step * step;
  holdTo('sampler gaussianization', 'its density integrates to 1', Math.abs(1 - mass), 0.005);
});

test('held-out data are nearly as likely as where they come from, and far likelier than under a Gaussian', () => {
  const held = clouds(3);
  const gap = truth(held) - average(flow.logDensity(held));
  expect(gap).toBeGreaterThan(0); // nothing is likelier than the truth on 3000 rows
  expect(gap).toBeLessThan(0.2);
  const gaussian = fitGaussianMixture(data, { components: 1 });
  expect(average(flow.logDensity(held)) - average(gaussian.logDensity(held))).toBeGreaterThan(0.4);
});

test('samples are distributed as the density says', () => {
  const values = flow.sample(rows, { seed: 4 });
  const samples = { columns: 2, values };
  // The clouds' true density finds the samples about as likely as the data.
  expect(Math.abs(truth({ columns: 2, values: Float64Array.from(values) }) - truth(data))).toBeLessThan(0.25);
  const own = average(flow.logDensity(samples));
  const ofData = average(flow.logDensity(data));
  // Each is a mean of 3000 rows of a standard deviation near 1.2.
  expect(Math.abs(own - ofData)).toBeLessThan(5 * 1.2 * Math.sqrt(2 / rows));
  for (const k of [0, 1]) {
    const column = (from: Matrix): Float64Array =>
      Float64Array.from({ length: rows }, (_, n) => from.values[2 * n + k]!);
    expect(Math.abs(average(column(samples)) - average(column(data)))).toBeLessThan(
      5 * 2.2 * Math.sqrt(2 / rows),
    );
  }
  expect(flow.sample(5, { seed: 4 })).toEqual(values.subarray(0, 10));
  expect(flow.sample(5, { seed: 5 })).not.toEqual(values.subarray(0, 10));
});

test('what is refused', () => {
  const few = { columns: 2, values: new Float64Array(20) };
  expect(() => fitGaussianization(few)).toThrow(
    '[gaussianization] 10 rows came; 20 knots need at least as many; pass more rows or fewer knots',
  );
  expect(() => fitGaussianization(data, { layers: 0 })).toThrow('[gaussianization.layers] is 0; expected');
  expect(() => flow.logDensity({ columns: 3, values: new Float64Array(3) })).toThrow(
    '[logDensity] rows have 3',
  );
});
