/**
 * Plan: the factorised prior and the uniform posterior of the rate-distortion autoencoder.
 * | what      | truth                                              | cases                                             |
 * | density   | difference of distribution functions in float64    | near, in the tails to 590 scales, scales 0.05 to 300 |
 * | gradient  | central differences of that                        | by z and by every weight, random cotangent         |
 * | total     | 1                                                  | masses of all whole numbers                        |
 * | tables    | the same masses                                    | bits of the integer tables                         |
 * | samples   | the same masses                                    | shares of 20,000 rounded samples                   |
 * | posterior | U(-1/2, 1/2) around the mean                       | range, mean, variance; rate = -log p(z)            |
 */
import { expect, test } from '@playwright/test';
import { gradient } from '../../src/gpu/gradient.js';
import type { Tensor } from '../../src/gpu/graph.js';
import { multiply, subtract } from '../../src/gpu/ops/binary.js';
import { input, reshape } from '../../src/gpu/ops/constant.js';
import { noise } from '../../src/gpu/ops/noise.js';
import { sum } from '../../src/gpu/ops/sum.js';
import { mixtureTable } from '../../src/vae/coding/prior-tables.js';
import { bitsOf } from '../../src/vae/coding/table.js';
import { buildPosterior } from '../../src/vae/posteriors/posterior.js';
import { componentCount, factorized, weightNames } from '../../src/vae/priors/factorized.js';
import { WeightFactory } from '../../src/vae/weights.js';
import { evaluate } from '../evaluate.js';
import { nodeDevice } from '../node-device.js';
import { centralDifference, largestError } from '../reference/difference.js';
import { mixtureLogMass, type Logistics } from '../reference/factorized.js';
import { fromValues, type F64 } from '../reference/tensor.js';
import { holdTo } from '../truth.js';

const K = 5;

/** Five mixtures: as it starts, narrow, wide, far apart, lopsided; logits of any size. */
const mixtures: readonly Logistics[] = [
  { mean: [-2, 0, 2], logScale: [0, 0, 0], logit: [0, 0, 0] },
  { mean: [0.25, -0.5, 1.25], logScale: [-3, -2.5, -2], logit: [1, -1, 0.5] },
  { mean: [30, -20, 5], logScale: [3, 5.7, 4], logit: [0, 2, -2] },
  { mean: [-40, 0.5, 40], logScale: [0.5, -1, 0.25], logit: [0.5, 0, -0.5] },
  { mean: [0, 3, 9], logScale: [-1, 0, 1.5], logit: [4, 0, -4] },
];

interface Setup {
  readonly weights: WeightFactory;
  readonly flat: Float32Array;
  readonly prior: ReturnType<typeof factorized>;
}

/** The prior with the weights of `mixtures`. */
function setUp(): Setup {
  const weights = new WeightFactory();
  const prior = factorized({ latent: K, weights });
  const flat = new Float32Array(weights.set.length);
  for (let component = 0; component < componentCount; component++) {
    const names = weightNames(component);
    for (const field of ['mean', 'logScale', 'logit'] as const) {
      const entry = weights.set.entries.find(({ name }) => name === names[field])!;
      flat.set(
        mixtures.map((mixture) => mixture[field][component]!),
        entry.offset,
      );
    }
  }
  return { weights, flat, prior };
}

/** z f32[R, K] that reaches from the middle of each mixture far into its tails. */
const R = 41;
const z: F64 = fromValues(
  [R, K],
  Array.from({ length: R * K }, (_, i) => {
    const row = Math.floor(i / K) - 20;
    return Math.fround(row ** 3 / 100 + 0.37 * Math.sin(i));
  }),
);

function logMassRows(values: F64, of: readonly Logistics[]): number[] {
  return Array.from({ length: R }, (_, row) =>
    of.reduce((total, mixture, k) => total + mixtureLogMass(values.values[row * K + k]!, mixture), 0),
  );
}

test('the log mass is that of the distribution functions in float64', async () => {
  const { weights, flat, prior } = setUp();
  const { outputs } = await evaluate(await nodeDevice(), {
    label: 'mass',
    outputs: { y: prior.logDensity(input('z', [R, K])) },
    parameters: weights.set,
    weights: flat,
    inputs: { z },
  });
  const expected = logMassRows(z, mixtures);
  expect(Math.min(...expected)).toBeLessThan(-500);
  // Some 30 roundings of numbers no larger than the largest exponent of a row: 100 units in the last place of it.
  const error = largestError(outputs['y']!, expected);
  holdTo('prior factorized', 'log mass in float64, of the largest', error, 100 * 2 ** -23);
});

test('gradients by z and by the weights are central differences', async () => {
  const { weights, flat, prior } = setUp();
  const cotangent = fromValues(
    [R],
    Array.from({ length: R }, (_, i) => Math.fround(Math.cos(1.7 * i))),
  );
  const zInput = input('z', [R, K]);
  const loss = reshape(sum(multiply(prior.logDensity(zInput), input('cotangent', [R])), [0]), [1]);
  const tensors = weights.set.entries.map(({ tensor }) => tensor);
  const [byZ] = gradient(loss, [zInput]) as [Tensor];
  const { outputs, gradients } = await evaluate(await nodeDevice(), {
    label: 'gradients',
    outputs: { byZ },
    parameters: weights.set,
    weights: flat,
    gradients: gradient(loss, tensors),
    inputs: { z, cotangent },
  });
  const weighted = (rows: readonly number[]): number =>
    rows.reduce((total, value, i) => total + value * cotangent.values[i]!, 0);
  const expectedByZ = centralDifference(() => weighted(logMassRows(z, mixtures)), z);
  expect(largestError(outputs['byZ']!, expectedByZ.values)).toBeLessThan(2e-5);
  for (let component = 0; component < componentCount; component++)
    for (const field of ['mean', 'logScale', 'logit'] as const) {
      const values = fromValues(
        [K],
        mixtures.map((mixture) => mixture[field][component]!),
      );
      const moved = (): Logistics[] =>
        mixtures.map((mixture, k) => ({
          ...mixture,
          [field]: mixture[field].map((value, c) => (c === component ? values.values[k]! : value)),
        }));
      const expected = centralDifference(() => weighted(logMassRows(z, moved())), values);
      const { offset, name } = weights.set.entries.find(
        (entry) => entry.name === weightNames(component)[field],
      )!;
      expect(largestError(gradients.slice(offset, offset + K), expected.values), name).toBeLessThan(5e-5);
    }
});

test('tables hold the masses, and masses of all whole numbers add up to 1', () => {
  for (const [k, mixture] of mixtures.entries()) {
    const table = mixtureTable(
      mixture.mean.map((mean, c) => ({ mean, logScale: mixture.logScale[c]!, logit: mixture.logit[c]! })),
    );
    let [total, excess] = [0, 0];
    for (let value = -6000; value <= 6000; value++) {
      const p = Math.exp(mixtureLogMass(value, mixture));
      total += p;
      if (p > 0) excess += p * (bitsOf(table, value) + Math.log2(p));
    }
    expect(total, `mixture ${k}`).toBeCloseTo(1, 6);
    // What coding with the table costs beyond the entropy; a wide table gives a slot to each of 2,000 symbols.
    expect(excess, `mixture ${k}`).toBeGreaterThan(-1e-6);
    expect(excess, `mixture ${k}`).toBeLessThan(table.starts.length > 500 ? 0.05 : 2e-3);
  }
});

test('rounded samples have the masses', async () => {
  const { weights, flat, prior } = setUp();
  const rows = 20_000;
  const { outputs } = await evaluate(await nodeDevice(), {
    label: 'samples',
    outputs: { y: prior.draw(noise([rows, prior.noiseWidth])) },
    parameters: weights.set,
    weights: flat,
    inputs: {},
    step: { seed: [7, 0] },
  });
  for (const [k, mixture] of mixtures.entries()) {
    const counts = new Map<number, number>();
    for (let row = 0; row < rows; row++) {
      const value = Math.round(outputs['y']![row * K + k]!);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    for (const [value, count] of counts) {
      const p = Math.exp(mixtureLogMass(value, mixture));
      // five standard deviations of a count, and one for counts near 0
      expect(Math.abs(count - rows * p), `mixture ${k} at ${value}`).toBeLessThan(
        5 * Math.sqrt(rows * p) + 3,
      );
    }
  }
});

test('the posterior is uniform around the mean, and its rate is that of the prior', async () => {
  const { weights, flat, prior } = setUp();
  const samples = 2000;
  const posterior = buildPosterior({ type: 'uniform' }, { latent: K, weights: new WeightFactory() });
  expect(posterior.momentsWidth).toBe(K);
  const moments = input('m', [1, K]);
  const { z: drawn, logDensity } = posterior.draw(moments, { samples });
  const shift = subtract(drawn, moments);
  const rate = subtract(logDensity, prior.logDensity(drawn));
  const { outputs } = await evaluate(await nodeDevice(), {
    label: 'posterior',
    outputs: { drawn, shift, rate },
    parameters: weights.set,
    weights: flat,
    inputs: { m: fromValues([1, K], [0, 0.5, -3, 1.25, 2]) },
    step: { seed: [3, 0] },
  });
  const shifts = Array.from(outputs['shift']!);
  expect(Math.min(...shifts)).toBeGreaterThanOrEqual(-0.5);
  expect(Math.max(...shifts)).toBeLessThanOrEqual(0.5);
  const count = shifts.length;
  const mean = shifts.reduce((total, value) => total + value, 0) / count;
  const variance = shifts.reduce((total, value) => total + value ** 2, 0) / count;
  expect(Math.abs(mean)).toBeLessThan(5 * Math.sqrt(1 / 12 / count));
  const gap = Math.abs(variance - 1 / 12);
  holdTo('posterior uniform', 'variance 1/12', gap, 5 * Math.sqrt(1 / 180 / count));
  const row = 17;
  const expected = mixtures.reduce(
    (total, mixture, k) => total - mixtureLogMass(outputs['drawn']![row * K + k]!, mixture),
    0,
  );
  expect(Math.abs(outputs['rate']![row]! - expected)).toBeLessThan(1e-5 * Math.abs(expected));
});
