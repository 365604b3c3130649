/**
 * Plan: estimators of several samples and the score function, at fed noise against the float64 definition
 * (e2e/reference/bound.ts): the bound, and every weight's gradient against central differences. Axes: the estimator
 * with its options, and the model (diagonal Bernoulli, isotropic Gaussian of learned scale). The gradients that are no
 * derivative of the loss (doubly reparameterized, score function) are held to their own formulas there, and below to
 * their mean: over many draws of the kernel's noise they agree with the reparameterized gradient within the sampling
 * error, and controls show that they might not. Identities: one sample is estimator A, as are as many groups as
 * samples and a mix of 1; a mix of 0 is IWAE; PIWAE's two halves are MIWAE's and IWAE's.
 */
import { expect, test } from '@playwright/test';
import type { EstimatorSpec } from '../../src/vae/estimator-spec.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import type { StepTerms } from '../../src/vae/trainer-options.js';
import { gradientDraws, LARGEST_T, largestT, stepGradient } from '../gradients.js';
import { float32, loadModel, randomParameters, scaledError } from '../model.js';
import { nodeDevice } from '../node-device.js';
import * as bound from '../reference/bound.js';
import { centralDifference } from '../reference/difference.js';
import { randomNormal, randomUniform, type F64 } from '../reference/tensor.js';
import { holdTo } from '../truth.js';
import { vaeForward, type DenseVaeSpec, type Parameters } from '../reference/vae.js';

/** Of a gradient, in units of its tensor's largest, and of a bound, relative: float32 sums of at most 30 terms. */
const TOLERANCE = 1e-5;

const [BATCH, SAMPLES] = [3, 6];
const layer = { type: 'dense', units: 4, activation: 'tanh' } as const;
const base: DenseVaeSpec = { input: [5], latent: 2, encoder: [layer], decoder: [layer] };
const specs: Record<string, DenseVaeSpec> = {
  'diagonal, bernoulli': base,
  'isotropic, gaussian': {
    ...base,
    posterior: 'isotropic',
    likelihood: { type: 'gaussian', scale: 'learned' },
  },
};

const x = randomUniform([BATCH, 5], 1, 0, 1);
const noise = randomNormal([SAMPLES * BATCH, 2], 2);

/** The losses that the model's and the posterior's weights learn from, as functions of the parameters. */
interface Losses {
  readonly generation: (parameters: Parameters) => number;
  readonly inference: (parameters: Parameters) => number;
}

/** In float64; `start` is where the gradient is taken, so that what is held fixed can be computed once. */
function referenceLosses(spec: DenseVaeSpec, start: Parameters, estimator: EstimatorSpec): Losses {
  const weights = (parameters: Parameters): F64 => bound.logWeights(spec, parameters, x, noise);
  const grouped =
    (groups: number) =>
    (parameters: Parameters): number =>
      -bound.importanceBound(weights(parameters), BATCH, groups);
  const elbo = (parameters: Parameters): number => -bound.meanBound(weights(parameters));
  if (typeof estimator === 'string') return { generation: elbo, inference: elbo };
  if (estimator.type === 'ciwae') {
    const mixed = (parameters: Parameters): number =>
      estimator.mix * elbo(parameters) + (1 - estimator.mix) * grouped(1)(parameters);
    return { generation: mixed, inference: mixed };
  }
  const fixed = weights(start);
  if (estimator.type === 'score-function') {
    const { z } = vaeForward(spec, start, x, noise);
    const density = (parameters: Parameters): F64 =>
      bound.logPosterior(z, vaeForward(spec, parameters, x, noise).moments);
    const isBaseline = estimator.baseline === 'leave-one-out';
    const score = (parameters: Parameters): number =>
      -bound.scoreSurrogate(fixed, density(parameters), BATCH, isBaseline);
    return { generation: elbo, inference: score };
  }
  const groups = estimator.type === 'iwae' ? 1 : estimator.groups;
  const doubly = (parameters: Parameters): number => {
    const moving = bound.logWeights(spec, parameters, x, noise, start);
    return -bound.doublyReparameterized(moving, fixed, BATCH, groups);
  };
  return {
    generation: grouped(estimator.type === 'piwae' ? 1 : groups),
    inference: estimator.doubly ? doubly : grouped(groups),
  };
}

/** Under PyTorch's names, which differ from the library's own. */
const isInference = (name: string): boolean => /^(encoder|mean|log_variance)\./.test(name);

/** The float64 gradient of every parameter from the loss that it learns from. */
function referenceGradients(
  spec: DenseVaeSpec,
  parameters: Parameters,
  estimator: EstimatorSpec,
): Parameters {
  const start: Parameters = new Map(
    [...parameters].map(([name, { shape, values }]) => [name, { shape, values: values.slice() }]),
  );
  const { generation, inference } = referenceLosses(spec, start, estimator);
  return new Map(
    [...parameters].map(([name, tensor]) => {
      const loss = isInference(name) ? inference : generation;
      return [name, centralDifference(() => loss(parameters), tensor)];
    }),
  );
}

function gradientOnGpu(
  spec: DenseVaeSpec,
  estimator: EstimatorSpec,
  samples = SAMPLES,
): Promise<{ gradients: Parameters; terms: StepTerms }> {
  const batch = { x: float32(x), noise: float32(noise).subarray(0, samples * BATCH * 2) };
  return stepGradient(spec, randomParameters(spec, 4, 0.8), batch, { batchSize: BATCH, samples, estimator });
}

/** Every tensor that `select` names agrees. */
function expectEqual(
  actual: Parameters,
  expected: Parameters,
  select: (name: string) => boolean = () => true,
): void {
  for (const [name, { values }] of expected)
    if (select(name)) expect(scaledError(actual.get(name)!.values, values), name).toBeLessThan(TOLERANCE);
}

/** The largest difference of any tensor, in units of its largest number. */
function distance(a: Parameters, b: Parameters, select: (name: string) => boolean): number {
  const errors = [...b].filter(([name]) => select(name));
  return Math.max(...errors.map(([name, { values }]) => scaledError(a.get(name)!.values, values)));
}

const estimators: Record<string, EstimatorSpec> = {
  IWAE: { type: 'iwae' },
  'IWAE, doubly': { type: 'iwae', doubly: true },
  'MIWAE of 3 groups': { type: 'miwae', groups: 3 },
  'MIWAE of 3 groups, doubly': { type: 'miwae', groups: 3, doubly: true },
  'PIWAE of 2 groups': { type: 'piwae', groups: 2 },
  'PIWAE of 2 groups, doubly': { type: 'piwae', groups: 2, doubly: true },
  'CIWAE, a mix of 0.3': { type: 'ciwae', mix: 0.3 },
  'score function': { type: 'score-function' },
  'score function, leave-one-out': { type: 'score-function', baseline: 'leave-one-out' },
};

test.describe('one fed batch against float64', () => {
  for (const [model, spec] of Object.entries(specs))
    for (const [name, estimator] of Object.entries(estimators))
      test(`${model}: ${name}`, async () => {
        const parameters = randomParameters(spec, 4, 0.8);
        const expected = referenceGradients(spec, parameters, estimator);
        const { gradients, terms } = await gradientOnGpu(spec, estimator);
        const member = typeof estimator === 'string' ? estimator : estimator.type;
        const worst = distance(gradients, expected, () => true);
        holdTo(`estimator ${member}`, 'float64 differences, of the largest gradient', worst, TOLERANCE);

        const logW = bound.logWeights(spec, parameters, x, noise);
        expect(scaledError([terms.elbo], [bound.meanBound(logW)])).toBeLessThan(TOLERANCE);
        const multiSample = terms.others?.['multiSample'];
        if (name.startsWith('score')) expect(multiSample).toBeUndefined();
        else
          expect(scaledError([multiSample!], [bound.importanceBound(logW, BATCH)])).toBeLessThan(TOLERANCE);
      });
});

test.describe('identities', () => {
  const same: Record<string, [EstimatorSpec, EstimatorSpec, number]> = {
    'IWAE of one sample is estimator A': [{ type: 'iwae' }, 'A', 1],
    'as many groups as samples are estimator A': [{ type: 'miwae', groups: SAMPLES }, 'A', SAMPLES],
    'one group is IWAE': [{ type: 'miwae', groups: 1 }, { type: 'iwae' }, SAMPLES],
    'a mix of 1 is estimator A': [{ type: 'ciwae', mix: 1 }, 'A', SAMPLES],
    'a mix of 0 is IWAE': [{ type: 'ciwae', mix: 0 }, { type: 'iwae' }, SAMPLES],
  };
  for (const [name, [estimator, other, samples]] of Object.entries(same))
    test(name, async () => {
      const a = await gradientOnGpu(base, estimator, samples);
      const b = await gradientOnGpu(base, other, samples);
      expectEqual(a.gradients, b.gradients);
    });

  test("PIWAE's encoder learns as MIWAE's and its decoder as IWAE's", async () => {
    const isModel = (name: string): boolean => !isInference(name);
    const { gradients: iwae } = await gradientOnGpu(base, { type: 'iwae' });
    const { gradients: miwae } = await gradientOnGpu(base, { type: 'miwae', groups: 3 });
    const { gradients: piwae } = await gradientOnGpu(base, { type: 'piwae', groups: 3 });
    expectEqual(piwae, miwae, isInference);
    expectEqual(piwae, iwae, isModel);
    // and not the other way round
    expect(distance(piwae, iwae, isInference)).toBeGreaterThan(1e-3);
    expect(distance(piwae, miwae, isModel)).toBeGreaterThan(1e-3);
  });
});

test.describe('the mean over the noise', () => {
  const ROWS = 24;
  const data: Dataset = { rows: ROWS, shape: [5], values: float32(randomUniform([ROWS, 5], 3, 0, 1)) };

  /** The largest t of the paired differences of two estimators' gradients, and the ratio of their variances. */
  async function compare(
    [a, b]: readonly [EstimatorSpec, EstimatorSpec],
    [samplesA, samplesB]: readonly [number, number],
  ): Promise<{ t: number; variances: number }> {
    const vae = await loadModel(base, randomParameters(base, 4, 0.8), await nodeDevice());
    const drawsA = await gradientDraws(vae, data, { estimator: a, samples: samplesA });
    const drawsB = await gradientDraws(vae, data, { estimator: b, samples: samplesB });
    vae.destroy();
    const result = { t: largestT(drawsA, drawsB), variances: totalVariance(drawsA) / totalVariance(drawsB) };
    const description = `largest t ${result.t.toFixed(2)}, variance ratio ${result.variances.toPrecision(3)}`;
    test.info().annotations.push({ type: 'draws', description });
    return result;
  }

  /** The sum of the variances of all weights' gradients. */
  function totalVariance(draws: readonly Float32Array[]): number {
    let total = 0;
    for (let i = 0; i < draws[0]!.length; i++) {
      const mean = draws.reduce((sum, draw) => sum + draw[i]!, 0) / draws.length;
      total += draws.reduce((sum, draw) => sum + (draw[i]! - mean) ** 2, 0) / (draws.length - 1);
    }
    return total;
  }

  test('doubly reparameterized is IWAE', async () => {
    const { t } = await compare([{ type: 'iwae', doubly: true }, { type: 'iwae' }], [8, 8]);
    expect(t).toBeGreaterThan(0);
    holdTo('estimator iwae, doubly', "the mean gradient is IWAE's, standard errors", t, LARGEST_T);
  });

  test('control: IWAE of half the samples is not', async () => {
    const { t } = await compare([{ type: 'iwae', doubly: true }, { type: 'iwae' }], [8, 4]);
    expect(t).toBeGreaterThan(LARGEST_T);
  });

  test('the score function is the reparameterized gradient, at a higher variance', async () => {
    const { t, variances } = await compare([{ type: 'score-function' }, 'B'], [64, 64]);
    holdTo(
      'estimator score-function',
      'the mean gradient is the reparameterized one, standard errors',
      t,
      LARGEST_T,
    );
    expect(variances).toBeGreaterThan(1);
  });

  test('the score function with a baseline is, too', async () => {
    const { t, variances } = await compare(
      [{ type: 'score-function', baseline: 'leave-one-out' }, 'B'],
      [64, 64],
    );
    holdTo(
      'estimator score-function, leave-one-out',
      'the mean gradient is the reparameterized one, standard errors',
      t,
      LARGEST_T,
    );
    expect(variances).toBeGreaterThan(1);
  });
});
