/**
 * Plan: the float64 linear algebra of the classical models, judged by what defines each result.
 * | axis   | control            | cases                                                                      |
 * | size   | 8                  | 1, 2, 3, 31, 32, 33, 100                                                   |
 * | matrix | random symmetric   | known spectrum, repeated eigenvalues, zeros, diagonal, low rank, 1e-200    |
 * | solve  | random definite    | several right-hand sides, not definite, NaN                                |
 */
import { expect, test } from '@playwright/test';
import { NumericError, ShapeError } from '../../src/gpu/errors.js';
import {
  cholesky,
  choleskySolve,
  dot,
  identity,
  logDeterminant,
  matrix,
  multiply,
  rowOf,
  transpose,
  type Matrix,
} from '../../src/vae/float64/matrix.js';
import { symmetricEigen } from '../../src/vae/float64/symmetric-eigen.js';
import { matmul } from '../reference/matmul.js';
import { symmetricEigen as jacobi } from '../reference/ppca.js';
import { randomNormal } from '../reference/tensor.js';

/** Backward errors of Householder, QL and Cholesky grow no faster than this with the size (in practice far slower). */
const tolerance = (size: number, scale: number): number => 10 * size * Number.EPSILON * scale;

/** The reference makes 30 sweeps whatever the size. */
const LARGEST_JACOBI = 33;

const sizes = [1, 2, 3, 8, 31, 32, 33, 100];

function randomMatrix(rows: number, columns: number, seed: number): Matrix {
  return matrix(rows, columns, randomNormal([rows, columns], seed).values);
}

function randomSymmetric(size: number, seed: number): Matrix {
  const a = randomMatrix(size, size, seed);
  return matrix(
    size,
    size,
    a.values.map((value, i) => value + a.values[(i % size) * size + Math.floor(i / size)]!),
  );
}

function randomDefinite(size: number, seed: number): Matrix {
  const a = randomMatrix(size, size, seed);
  const product = multiply(a, transpose(a));
  for (let i = 0; i < size; i++) product.values[i * size + i]! += size;
  return product;
}

function largestDifference(a: Matrix, b: Matrix): number {
  expect([a.rows, a.columns]).toEqual([b.rows, b.columns]);
  const differences = a.values.map((value, i) => Math.abs(value - b.values[i]!));
  expect(differences.some(Number.isNaN)).toBe(false);
  return Math.max(0, ...differences);
}

/** `vectors a = values vectors`, orthonormal rows, falling values. */
function expectEigen(a: Matrix, scale: number): Float64Array {
  const { values, vectors } = symmetricEigen(a);
  const N = a.rows;
  const scaled = matrix(
    N,
    N,
    vectors.values.map((value, i) => value * values[Math.floor(i / N)]!),
  );
  expect(largestDifference(multiply(vectors, a), scaled)).toBeLessThanOrEqual(tolerance(N, scale));
  expect(largestDifference(multiply(vectors, transpose(vectors)), identity(N))).toBeLessThanOrEqual(
    tolerance(N, 1),
  );
  expect([...values]).toEqual([...values].toSorted((x, y) => y - x));
  return values;
}

for (const size of sizes)
  test(`eigenvectors of a random ${size} x ${size} matrix, and Jacobi's eigenvalues`, () => {
    const a = randomSymmetric(size, size);
    const scale = Math.sqrt(dot(a.values, a.values));
    const values = expectEigen(a, scale);
    if (size > LARGEST_JACOBI) return;
    const expected = jacobi({ shape: [size, size], values: a.values.slice() }).values;
    const errors = values.map((value, i) => Math.abs(value - expected[i]!));
    expect(Math.max(...errors)).toBeLessThanOrEqual(tolerance(size, scale));
  });

const special: Record<string, { values: number[]; turned: boolean }> = {
  'a known spectrum over ten decades': { values: [1e5, 10, 1, 0.1, 1e-5], turned: true },
  'repeated eigenvalues': { values: [3, 3, 3, 1, 1, 1, 0], turned: true },
  'rank 1': { values: [7, 0, 0, 0, 0, 0], turned: true },
  'negative ones': { values: [2, -1, -5], turned: true },
  zeros: { values: [0, 0, 0, 0], turned: false },
  'a diagonal': { values: [1, 5, 3, 2], turned: false },
  'tiny numbers': { values: [3e-200, 2e-200, 1e-200], turned: true },
};
for (const [name, { values, turned }] of Object.entries(special))
  test(`eigenvalues: ${name}`, () => {
    const N = values.length;
    const basis = turned ? symmetricEigen(randomSymmetric(N, 5)).vectors : identity(N);
    const scaled = matrix(
      N,
      N,
      basis.values.map((value, i) => value * values[Math.floor(i / N)]!),
    );
    const scale = Math.max(...values.map(Math.abs));
    const found = expectEigen(multiply(transpose(basis), scaled), scale);
    values
      .toSorted((a, b) => b - a)
      .forEach((value, i) => expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(tolerance(N, scale)));
  });

test('only the largest few', () => {
  const a = randomSymmetric(12, 3);
  const all = symmetricEigen(a);
  const few = symmetricEigen(a, 4);
  expect([few.vectors.rows, few.values.length]).toEqual([4, 4]);
  expect(few.values).toEqual(all.values.slice(0, 4));
  expect(few.vectors.values).toEqual(all.vectors.values.slice(0, 48));
});

for (const size of sizes)
  test(`Cholesky of ${size} x ${size}: the factor, the solution, the determinant`, () => {
    const a = randomDefinite(size, size + 7);
    const l = cholesky(a);
    const scale = Math.max(...a.values.map(Math.abs));
    expect(largestDifference(multiply(l, transpose(l)), a)).toBeLessThanOrEqual(tolerance(size, scale));
    expect(l.values.filter((value, i) => i % size > Math.floor(i / size) && value !== 0)).toHaveLength(0);
    const b = randomMatrix(size, 3, size);
    const x = choleskySolve(l, b);
    // the condition is below 10 by construction
    expect(largestDifference(multiply(a, x), b)).toBeLessThanOrEqual(tolerance(size, 100));
    const { values } = symmetricEigen(a);
    const expected = values.reduce((sum, value) => sum + Math.log(value), 0);
    expect(Math.abs(logDeterminant(l) - expected)).toBeLessThanOrEqual(tolerance(size, size));
  });

test('products and transposes of sizes that are not square', () => {
  const [a, b] = [randomMatrix(5, 7, 1), randomMatrix(7, 3, 2)];
  const expected = matmul({ shape: [5, 7], values: a.values }, { shape: [7, 3], values: b.values });
  const product = multiply(a, b);
  expect(largestDifference(product, matrix(5, 3, expected.values))).toBeLessThanOrEqual(tolerance(7, 10));
  expect(transpose(a).values[2 * 5 + 4]).toBe(a.values[4 * 7 + 2]);
  for (const length of [0, 1, 3, 4, 5, 9])
    expect(
      dot(
        Float64Array.from({ length }, (_, i) => i + 1),
        new Float64Array(length).fill(2),
      ),
    ).toBe(length * (length + 1));
  expect(rowOf(a, 4)).toEqual(a.values.slice(28));
});

test('what is refused', () => {
  const indefinite = matrix(2, 2, Float64Array.of(1, 2, 2, 1));
  expect(() => cholesky(indefinite)).toThrow(NumericError);
  expect(() => cholesky(indefinite)).toThrow(
    '[cholesky] the pivot of row 1 is NaN; expected a positive definite',
  );
  expect(() => cholesky(matrix(1, 1))).toThrow('the pivot of row 0 is 0');
  expect(() => symmetricEigen(matrix(2, 2, Float64Array.of(1, NaN, NaN, 1)))).toThrow(
    '[symmetricEigen] element 1 is NaN; every value must be finite',
  );
  expect(() => multiply(matrix(2, 3), matrix(2, 3))).toThrow(ShapeError);
  expect(() => matrix(2, 2, new Float64Array(3))).toThrow('[matrix] 3 values came; f64[2, 2] takes 4');
});
