/**
 * Plan: the measures of an evaluation, each held to a truth that is no choice of ours.
 * | measure                       | control            | cases                                                    |
 * | MIG, DCI, SAP, FactorVAE      | a perfect code: 1  | noise: 0 (FactorVAE: 1 in F), mixed code, hand-computed  |
 * | lasso                         | orthogonal: closed | its optimality conditions where columns correlate        |
 * | active units, bits            | by hand            | at the threshold; density and mass                       |
 * | PSNR, SSIM                    | equal images       | PyTorch in float64 (e2e/goldens/similarity.py)           |
 * | refusals                      | -                  | rows that differ, NaN, factors that do not vary          |
 */
import { expect, test } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { standardNormal } from '../../src/gpu/threefry.js';
import type { FactorTable } from '../../src/vae/data/factors.js';
import { activeUnits } from '../../src/vae/metrics/active-units.js';
import { bitsPerDimension } from '../../src/vae/metrics/bits.js';
import { dci } from '../../src/vae/metrics/dci.js';
import { disentanglement } from '../../src/vae/metrics/disentanglement.js';
import { factorVaeScore } from '../../src/vae/metrics/factor-vae-score.js';
import { lassoWeights } from '../../src/vae/metrics/lasso.js';
import type { Matrix } from '../../src/vae/metrics/matrix.js';
import { mutualInformationGap } from '../../src/vae/metrics/mig.js';
import { psnr, ssim } from '../../src/vae/metrics/pictures.js';
import { sap } from '../../src/vae/metrics/sap.js';
import { largestError } from '../reference/difference.js';
import { holdTo } from '../truth.js';

/** Every combination of 4 classes and two ordered factors of 5 and 30 values, the last one many, 4 times over. */
const sizes = [4, 5, 30] as const;
const rows = 4 * 5 * 30 * 4;
const table: FactorTable = {
  factors: sizes.map((size, f) => ({ name: `f${f}`, size, ordered: f > 0 })),
  values: Uint16Array.from({ length: rows * 3 }, (_, i) => {
    const row = Math.floor(i / 3);
    return [row % 4, Math.floor(row / 4) % 5, Math.floor(row / 20) % 30][i % 3]!;
  }),
};

function valueOf(row: number, factor: number): number {
  return table.values[row * 3 + factor]!;
}

/** A code a row, from a function of the row and the latent. */
function codesOf(columns: number, value: (row: number, k: number) => number, count = rows): Matrix {
  const values = Float64Array.from({ length: count * columns }, (_, i) =>
    value(Math.floor(i / columns), i % columns),
  );
  return { columns, values };
}

/** A latent a factor in another order, scaled and shifted, and one that is not used. */
const perfect = codesOf(4, (row, k) => (k === 3 ? 0.5 : 3 - valueOf(row, [2, 0, 1][k]!) / 2));
const noiseValues = standardNormal(rows * 4, 5, 0);
const noise = codesOf(4, (row, k) => noiseValues[row * 4 + k]!);

/** Two factors of 5 values, all combinations, in codes that mix both evenly. */
const pairs: FactorTable = {
  factors: ['a', 'b'].map((name) => ({ name, size: 5, ordered: true })),
  values: Uint16Array.from({ length: 50 }, (_, i) =>
    i % 2 === 0 ? (i - (i % 10)) / 10 : ((i - 1) % 10) / 2,
  ),
};
const mixed = codesOf(
  2,
  (row, k) => pairs.values[2 * row]! + (k === 0 ? 1 : -1) * pairs.values[2 * row + 1]!,
  25,
);

test.describe('the ends of the scale', () => {
  test('a perfect code scores 1 in all four', () => {
    const result = disentanglement(perfect, table);
    const perfection = {
      MIG: result.mig.score,
      SAP: result.sap.score,
      'FactorVAE score': result.factorVaeScore,
    };
    for (const [name, score] of Object.entries(perfection))
      holdTo(`evaluation ${name}`, 'distance from 1 for a perfect code', Math.abs(1 - score), 1e-12);
    // The classes as an index serve four indicators, none along a line, so DCI is asked about the ordered ones.
    const ordered = { factors: table.factors.slice(1), values: table.values.filter((_, i) => i % 3 > 0) };
    const scores = dci(perfect, ordered);
    const worst = Math.max(1 - scores.disentanglement, 1 - scores.completeness);
    holdTo('evaluation DCI', 'distance from 1 for a perfect code', worst, 5e-4);
    expect(scores.informativeness).toBeGreaterThan(0.999);
  });

  test('the FactorVAE score does not care about the scale of a latent', () => {
    const scales = [256, 1, 1 / 4]; // powers of two, so that rounding is the same
    const blurred = (scaled: boolean): Matrix =>
      codesOf(3, (row, k) => (scaled ? scales[k]! : 1) * (valueOf(row, k) + 0.1 * noiseValues[3 * row + k]!));
    expect(factorVaeScore(blurred(false), table)).toBeGreaterThan(0.99);
    expect(factorVaeScore(blurred(true), table)).toBe(factorVaeScore(blurred(false), table));
  });

  test('noise scores about 0, and 1 in 3 by the FactorVAE score', () => {
    const result = disentanglement(noise, table);
    holdTo('evaluation MIG', 'distance from 0 for noise', result.mig.score, 0.02);
    holdTo('evaluation SAP', 'distance from 0 for noise', result.sap.score, 0.01);
    holdTo('evaluation DCI', 'informativeness of noise', result.dci.informativeness, 0.01);
    // A classifier that guesses is right in 800/3 +- 13 of 800 votes; 5 standard deviations.
    expect(Math.abs(result.factorVaeScore - 1 / 3)).toBeLessThan((5 * Math.sqrt(2 / 9)) / Math.sqrt(800));
  });

  test('a code that mixes two factors evenly is informative and not disentangled', () => {
    const scores = dci(mixed, pairs, { seed: 3 });
    expect(scores.informativeness).toBeGreaterThan(0.99);
    expect(mutualInformationGap(mixed, pairs, { bins: 9 }).score).toBeCloseTo(0, 12);
    expect(sap(mixed, pairs).score).toBeCloseTo(0, 12);
    expect(scores.disentanglement).toBeLessThan(0.1);
    expect(scores.completeness).toBeLessThan(0.1);
  });
});

test.describe('by hand', () => {
  const four = (values: number[], ordered = true): FactorTable => ({
    factors: [{ name: 'v', size: 4, ordered }],
    values: Uint16Array.from(values),
  });

  test('MIG: I = log 2 and H(1/4) + log 2 - 3/2 log 2', () => {
    const codes = codesOf(2, (row, k) => (k === 0 ? [0, 0, 1, 1] : [0, 0, 0, 1])[row]!, 4);
    const { score, information } = mutualInformationGap(codes, four([0, 0, 1, 1]), { bins: 2 });
    const quarter = Math.log(4) / 4 + (3 / 4) * Math.log(4 / 3);
    const second = quarter + Math.LN2 - 1.5 * Math.LN2;
    expect(information[0]![0]).toBeCloseTo(Math.LN2, 12);
    expect(information[1]![0]).toBeCloseTo(second, 12);
    expect(score).toBeCloseTo((Math.LN2 - second) / Math.LN2, 12);
  });

  test('SAP: squared correlations 1 and 4/5 of an ordered factor, 1/5 and 0 of classes', () => {
    const codes = codesOf(2, (row, k) => (k === 0 ? [0, 1, 2, 3] : [0, 0, 1, 1])[row]!, 4);
    expect(sap(codes, four([0, 1, 2, 3])).scores.flat()).toEqual([
      expect.closeTo(1, 12),
      expect.closeTo(0.8, 12),
    ]);
    // The classes' means are 1 and 2 where the variance is 5/4, and 1/2 both.
    expect(sap(codes, four([0, 1, 0, 1], false)).scores.flat()).toEqual([
      expect.closeTo(0.2, 12),
      expect.closeTo(0, 12),
    ]);
    const still = codesOf(1, (row) => row * 0.1, 4); // variance 0.0125 is not in use
    expect(sap(still, four([0, 1, 2, 3])).score).toBe(0);
  });

  test('DCI: the importance of latents, as shares of each', () => {
    // y = 3/5 u + 4/5 v of two orthogonal columns; the lasso takes its penalty from both.
    const signs = [
      [1, 1],
      [1, -1],
      [-1, 1],
      [-1, -1],
    ];
    const count = 400;
    const codes = codesOf(2, (row, k) => signs[row % 4]![k]!, count);
    const values = signs.map(([u, v]) => 7 + 3 * u! + 4 * v!);
    const factors = four(Array.from({ length: count }, (_, row) => values[row % 4]!));
    const wide = { ...factors, factors: [{ name: 'v', size: 15, ordered: true }] };
    const { importance, completeness } = dci(codes, wide, { seed: 1 });
    // Half the rows hold the four signs in nearly equal parts.
    expect(importance[0]![0]).toBeCloseTo(0.58, 1);
    expect(importance[1]![0]).toBeCloseTo(0.78, 1);
    const share = importance[0]![0]! / (importance[0]![0]! + importance[1]![0]!);
    const entropy = -share * Math.log2(share) - (1 - share) * Math.log2(1 - share);
    expect(completeness).toBeCloseTo(1 - entropy, 12);
  });

  test('active units: variances 1, 0.0025 and one just above 0.01', () => {
    const codes = codesOf(3, (row, k) => (row % 2 ? 1 : -1) * [1, 0.05, 0.1001][k]!, 4);
    const { count, isActive, variances } = activeUnits(codes);
    expect(isActive).toEqual([true, false, true]);
    expect(count).toBe(2);
    expect(variances[1]).toBeCloseTo(0.0025, 12);
  });

  test('bits per dimension: a fair coin has 1, a uniform density of 256 levels 8', () => {
    expect(bitsPerDimension(-5 * Math.LN2, 5)).toBeCloseTo(1, 12);
    expect(bitsPerDimension(0, 784, 256)).toBeCloseTo(8, 12);
    expect(() => bitsPerDimension(-1, 0)).toThrow(
      '[bitsPerDimension] dimensions is 0, levels is 1; expected',
    );
  });
});

test('the lasso meets its optimality conditions where columns correlate', () => {
  const values = standardNormal(5 * 50, 3, 1);
  const raw = Array.from({ length: 5 }, (_, k) => Float64Array.from(values.subarray(50 * k, 50 * k + 50)));
  const [x0, x1, x2, x3, y] = raw as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  const columns = [x0, x1.map((value, n) => value + x0[n]!), x2, x3];
  const target = y.map((value, n) => value / 4 + x0[n]! - x2[n]!);
  const penalty = 0.3;
  const weights = lassoWeights(columns, target, penalty);
  const residual = target.map((value, n) => columns.reduce((sum, x, k) => sum - weights[k]! * x[n]!, value));
  let zeros = 0;
  for (const [k, x] of columns.entries()) {
    const gradient = x.reduce((sum, value, n) => sum + (value * residual[n]!) / 50, 0);
    if (weights[k] === 0) zeros++;
    if (weights[k] === 0) expect(Math.abs(gradient)).toBeLessThanOrEqual(penalty);
    else expect(gradient).toBeCloseTo(penalty * Math.sign(weights[k]!), 8);
  }
  expect(zeros).toBeGreaterThan(0);
  expect(zeros).toBeLessThan(4);
});

interface Similarity {
  shape: [number, number, number, number];
  a: number[];
  b: number[];
  psnr: number[];
  ssim: number[];
}
const golden: { format: number; cases: Similarity[] } = JSON.parse(
  readFileSync(new URL('../goldens/similarity.json', import.meta.url), 'utf8'),
);

const fromBytes = (bytes: readonly number[]): Float32Array => Float32Array.from(bytes, (byte) => byte / 255);

test.describe('pictures', () => {
  test('the file has the format this test reads', () => {
    expect(golden.format).toBe(1);
    expect(golden.cases).toHaveLength(3);
  });

  for (const { shape, a, b, ...expected } of golden.cases)
    test(`PSNR and SSIM of ${shape.join('x')} as in PyTorch`, () => {
      const [originals, others] = [fromBytes(a), fromBytes(b)];
      const likeness = {
        psnr: psnr(originals, others, shape.slice(1)),
        ssim: ssim(originals, others, shape.slice(1)),
      };
      for (const name of ['psnr', 'ssim'] as const)
        holdTo(
          `evaluation ${name.toUpperCase()}`,
          'PyTorch in float64',
          largestError(likeness[name], expected[name]),
          1e-10,
        );
    });

  test('equal images have SSIM 1 and infinite PSNR; white and black have what the formula leaves', () => {
    const grey = fromBytes(golden.cases[0]!.a);
    expect(psnr(grey, grey, [11, 11, 1])).toEqual([Infinity, Infinity]);
    for (const value of ssim(grey, grey, [11, 11, 1])) expect(value).toBeCloseTo(1, 12);
    const [black, white] = [new Float32Array(121), new Float32Array(121).fill(1)];
    expect(ssim(black, white, [11, 11, 1])[0]).toBeCloseTo(1e-4 / (1 + 1e-4), 12);
    expect(psnr(black, white, [11, 11, 1])[0]).toBeCloseTo(0, 12);
  });

  test('what they refuse', () => {
    const image = new Float32Array(100);
    expect(() => ssim(image, image, [10, 10, 1])).toThrow(
      '[ssim] images are [10, 10, 1]; the window is 11 x 11; pass images of at least that size, or use psnr',
    );
    expect(() => psnr(image, image.subarray(1), [10, 10, 1])).toThrow('[psnr] 100 and 99 values came');
  });
});

test('what the measures refuse', () => {
  const short = { ...table, values: table.values.subarray(0, 30) };
  expect(() => mutualInformationGap(perfect, short)).toThrow(
    `[mutualInformationGap] ${rows} rows of codes and 10 of factors came; expected as many of each`,
  );
  const broken = codesOf(4, (row, k) => (row === 7 && k === 2 ? Number.NaN : 0));
  expect(() => dci(broken, table)).toThrow('[dci] row 7, column 2 is NaN; expected finite numbers');
  const constant = { ...table, values: new Uint16Array(table.values.length) };
  expect(() => sap(perfect, constant)).toThrow('[sap] no factor varies; expected one that takes two values');
  const outside = { ...table, values: table.values.with(4, 9) };
  expect(() => factorVaeScore(perfect, outside)).toThrow('[factorVaeScore] row 1, f1 is 9; expected 0 to 4');
  expect(() => activeUnits({ columns: 3, values: new Float64Array(7) })).toThrow(
    '[activeUnits] 7 values in 3 columns came; expected one or more whole rows',
  );
});
