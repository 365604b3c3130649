/** Golden weights are stored as their sums: this holds a tensor to them. */
import { expect } from '@playwright/test';

/** PyTorch's own sums; a sum of signed weights is measured against what it could be at most (Cauchy and Schwarz). */
export function checkSums(
  name: string,
  values: Float64Array,
  expected: { sum: number; sumOfSquares: number },
  tolerance: number,
): void {
  const sum = values.reduce((total, value) => total + value, 0);
  const sumOfSquares = values.reduce((total, value) => total + value * value, 0);
  const largestSum = Math.sqrt(values.length * expected.sumOfSquares);
  expect(Math.abs(sum - expected.sum) / largestSum, `sum of ${name}`).toBeLessThan(tolerance);
  expect(Math.abs(sumOfSquares / expected.sumOfSquares - 1), `squares of ${name}`).toBeLessThan(tolerance);
}
