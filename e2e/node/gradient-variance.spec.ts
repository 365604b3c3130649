/**
 * Plan: the two gradients of E[z^2] under N(phi, 1) by sampling on the GPU: both have the mean 2 phi and the variance of
 * their formula over n, each within what so many draws can tell. Axes: phi, n. The formulas for any phi against those
 * written out; a control shows that a variance that is two fifths too large is found. `npm run bench:gradients` goes to n = 100,000.
 */
import { expect, test } from '@playwright/test';
import { estimators, measure, momentsOf, relativeError, type Moments } from '../gradient-variance.js';
import { nodeDevice } from '../node-device.js';
import { holdTo } from '../truth.js';

/** Standard errors; a mean or a variance of so many estimates is near enough to normal: 1 in 1.7 million by chance. */
const LARGEST_ERROR = 5;

test('the formulas', () => {
  for (const phi of [0, 0.5, 2, -3]) {
    const score = momentsOf('score function', phi);
    expect(score.mean).toBeCloseTo(2 * phi, 12);
    expect(score.variance).toBeCloseTo(phi ** 4 + 14 * phi ** 2 + 15, 9);
    expect(momentsOf('reparameterized', phi)).toEqual({ mean: 2 * phi, variance: 4, kurtosis: 0 });
  }
  // E[eps^12] = 10395 and E[eps^6] = 15: the fourth moment of eps^3
  expect(momentsOf('score function', 0).kurtosis).toBeCloseTo(10395 / 15 ** 2 - 3, 9);
});

for (const phi of [0.5, 2])
  for (const [n, repetitions] of [
    [10, 20000],
    [1000, 2000],
  ] as const)
    test(`phi ${phi}, n = ${n}`, async () => {
      const measured = await measure(await nodeDevice(), { phi, n, repetitions });
      for (const name of estimators) {
        const moments = momentsOf(name, phi);
        const { mean, variance } = measured[name];
        const meanError = (mean - moments.mean) / Math.sqrt(moments.variance / n / repetitions);
        const member = `gradient of E[z^2], ${name}`;
        holdTo(member, 'mean 2 phi, standard errors', Math.abs(meanError), LARGEST_ERROR);
        const error = varianceError(variance, moments);
        holdTo(member, 'variance by the formula over n, standard errors', Math.abs(error), LARGEST_ERROR);
        const description = `${name}: mean ${meanError.toFixed(1)}, variance ${error.toFixed(1)} standard errors off`;
        test.info().annotations.push({ type: 'error', description });
        // control: it would be seen
        expect(Math.abs(varianceError(variance * 1.4, moments))).toBeGreaterThan(LARGEST_ERROR);
      }

      function varianceError(variance: number, moments: Moments): number {
        const relative = relativeError(moments, { n, repetitions, mean: 0, variance: 0 });
        return (variance / (moments.variance / n) - 1) / relative;
      }
    });
