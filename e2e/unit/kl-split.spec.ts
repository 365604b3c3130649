/**
 * Plan: the split of the KL term.
 * | axis        | control                          | cases                                                       |
 * | linear      | closed form of Gaussian q(z)     | correlated aggregate, isotropic and diagonal posteriors     |
 * | sum         | the Monte Carlo KL, same noise   | a prior of the caller's                                     |
 * | ends        | all rows alike: no information   | rows far apart: information log N, exactly                  |
 * | refusals    | -                                | shapes, NaN                                                 |
 */
import { expect, test } from '@playwright/test';
import { standardNormal } from '../../src/gpu/threefry.js';
import type { Matrix } from '../../src/vae/metrics/matrix.js';
import { splitKl } from '../../src/vae/metrics/kl-split.js';
import { holdTo } from '../truth.js';

const rows = 1500;
const noise = standardNormal(2 * rows, 21, 0);

/** Posterior means m = A e of e ~ N(0, I), whose variances tell what q(z) tends to. */
const A = [1.2, 0, 0.9, 0.6] as const;
const mean: Matrix = {
  columns: 2,
  values: Float64Array.from({ length: 2 * rows }, (_, i) => {
    const [u, v] = [noise[i - (i % 2)]!, noise[i - (i % 2) + 1]!];
    return i % 2 === 0 ? A[0] * u : A[2] * u + A[3] * v;
  }),
};

/** Of q(z | x) = N(A e, diag(s)), q(z) = N(0, A A' + diag(s)): the three parts in nats. */
function closedForm([s0, s1]: readonly [number, number]): [number, number, number] {
  const [a, b, c] = [A[0] ** 2 + s0, A[0] * A[2], A[2] ** 2 + A[3] ** 2 + s1];
  const determinant = a * c - b * b;
  const information = Math.log(determinant / (s0 * s1)) / 2;
  const correlation = Math.log((a * c) / determinant) / 2;
  return [information, correlation, (a - 1 - Math.log(a) + (c - 1 - Math.log(c))) / 2];
}

for (const [name, logVariance, variances] of [
  [
    'diagonal',
    { columns: 2, values: Float64Array.from({ length: 2 * rows }, (_, i) => [-1, -0.4][i % 2]!) },
    [-1, -0.4],
  ],
  ['isotropic', { columns: 1, values: new Float64Array(rows).fill(-0.7) }, [-0.7, -0.7]],
] as const)
  test(`${name} posteriors of a linear model have the closed form`, () => {
    const split = splitKl(mean, logVariance, { seed: 2, samples: 2 });
    const expected = closedForm([Math.exp(variances[0]), Math.exp(variances[1])]);
    // Each part is a mean of 1500 rows whose standard deviation is about 1: 4 / sqrt(1500).
    const bound = 4 / Math.sqrt(rows);
    const found = [split.mutualInformation, split.totalCorrelation, split.dimensionWise];
    const worst = Math.max(...found.map((value, i) => Math.abs(value - expected[i]!)));
    holdTo(
      'evaluation split of the KL',
      'its parts for a linear Gaussian model in closed form, nats',
      worst,
      bound,
    );
    expect(expected.every((value) => value > 2 * bound)).toBe(true);
    expect(split.kl).toBeCloseTo(
      found.reduce((sum, value) => sum + value, 0),
      12,
    );
  });

test('an isotropic posterior is a diagonal one of equal variances', () => {
  const one = { columns: 1, values: Float64Array.from({ length: rows }, (_, n) => noise[n]! / 2 - 1) };
  const two = {
    columns: 2,
    values: Float64Array.from({ length: 2 * rows }, (_, i) => one.values[Math.floor(i / 2)]!),
  };
  expect(splitKl(mean, one)).toEqual(splitKl(mean, two));
});

test('the parts sum to the Monte Carlo KL, whatever the prior', () => {
  const logVariance = { columns: 2, values: noise.map((value) => value / 4 - 1) };
  const seed = 7;
  const epsilon = standardNormal(2 * rows, seed, 0x6b730000);
  for (const scale of [1, 2]) {
    const logPrior = (z: ArrayLike<number>): number =>
      -(z[0]! ** 2 + z[1]! ** 2) / (2 * scale ** 2) - 2 * Math.log(scale) - Math.log(2 * Math.PI);
    let expected = 0;
    for (let n = 0; n < rows; n++) {
      const z = [0, 1].map(
        (k) => mean.values[2 * n + k]! + Math.exp(logVariance.values[2 * n + k]! / 2) * epsilon[2 * n + k]!,
      );
      const own = [0, 1].reduce(
        (sum, k) =>
          sum - (epsilon[2 * n + k]! ** 2 + logVariance.values[2 * n + k]! + Math.log(2 * Math.PI)) / 2,
        0,
      );
      expected += (own - logPrior(z)) / rows;
    }
    const { kl } = splitKl(mean, logVariance, { seed, ...(scale === 2 && { logPrior }) });
    holdTo(
      'split of the KL',
      'the sum of its parts is the Monte Carlo KL, nats',
      Math.abs(kl - expected),
      1e-9,
    );
  }
});

test('rows alike carry no information; rows far apart carry log N', () => {
  const count = 40;
  const still = { columns: 3, values: new Float64Array(3 * count) };
  const one = { columns: 1, values: new Float64Array(count) };
  const alike = splitKl(still, one);
  expect(Math.abs(alike.mutualInformation)).toBeLessThan(1e-12);
  expect(Math.abs(alike.totalCorrelation)).toBeLessThan(1e-12);
  expect(Math.abs(alike.dimensionWise)).toBeLessThan(1e-12);
  const apart = {
    columns: 3,
    values: Float64Array.from({ length: 3 * count }, (_, i) => 100 * Math.floor(i / 3)),
  };
  const { mutualInformation, totalCorrelation } = splitKl(apart, one);
  expect(mutualInformation).toBeCloseTo(Math.log(count), 9);
  // One factor in three latents: each knows it, so two of the three times log N are shared.
  expect(totalCorrelation).toBeCloseTo(2 * Math.log(count), 9);
});

test('what is refused', () => {
  const two = { columns: 2, values: Float64Array.of(0, 1, 2, 3) };
  expect(() => splitKl(two, { columns: 1, values: new Float64Array(3) })).toThrow(
    '[splitKl] means are f32[2, 2], log-variances 3 values in 1 columns; expected as many rows and 2 columns or 1',
  );
  expect(() => splitKl({ ...two, values: two.values.with(1, Number.NaN) }, two)).toThrow(
    'row 0, column 1 is NaN',
  );
});
