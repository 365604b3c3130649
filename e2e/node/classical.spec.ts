/**
 * Plan: PCA, probabilistic PCA and factor analysis, against golden values and float64 references.
 * | axis       | control                 | cases                                                                     |
 * | model      | PPCA in closed form     | PPCA by EM, a trained linear VAE, factor analysis by EM, PCA              |
 * | statistics | covariance              | streamed; whole batches, a part of a batch at the end, batches of one     |
 * | data       | 200 x 8 numbers         | bytes; fewer rows than columns; constant columns; rank below the latent   |
 * | EM         | from random weights     | one step from given ones, to convergence, stopped, continued              |
 * | refusals   | -                       | NaN, one row, equal rows, sizes, options, densities of PCA, broken files  |
 */
import { expect, test } from '@playwright/test';
import { LinearGaussian, fitFactorAnalysis, fitPca, fitPpca } from 'webgpu-vae/classical';
import { CheckpointError, DataError, ShapeError, SpecError } from '../../src/gpu/errors.js';
import { matrix } from '../../src/vae/float64/matrix.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { Vae } from '../../src/vae/vae.js';
import { float32, readParameters } from '../model.js';
import { nodeDevice } from '../node-device.js';
import * as factors from '../reference/factor-analysis.js';
import * as ppca from '../reference/ppca.js';
import { randomNormal, zeros, type F64 } from '../reference/tensor.js';
import { take } from '../reference/vae-parameters.js';
import { tolerances } from '../tolerance.js';
import { holdTo } from '../truth.js';

const [N, D] = [200, 8];
const x = ppca.ppcaData();
const data: Dataset = { rows: N, shape: [D], values: float32(x) };

/** Mean log-likelihoods of PPCA with 1 to 4 latents: float64, closed form. */
const GOLDEN = [-9.120481, -9.009853, -9.000656, -8.990438];
/** A mean of log p(x) is a sum of a few terms of order 10 over 200 rows, made in float32. */
const EXACT = tolerances.dot(N, 10);
/** What different ways to the same optimum may differ by, in nats. */
const AGREEMENT = 1e-3;

function covarianceOf({ weight, noiseVariance }: LinearGaussian): F64 {
  const [rows, K] = [weight.rows, weight.columns];
  const C = zeros([rows, rows]);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < rows; j++) {
      for (let k = 0; k < K; k++)
        C.values[i * rows + j]! += weight.values[i * K + k]! * weight.values[j * K + k]!;
      if (i === j) C.values[i * rows + j]! += noiseVariance[i]!;
    }
  return C;
}

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => {
    const error = Math.abs(value - b[i]!);
    return error <= most ? most : Number.isNaN(error) ? Infinity : error;
  }, 0);
}

/** The smallest step of a history; negative where it falls. */
function leastGain(history: readonly number[]): number {
  return Math.min(...history.slice(1).map((value, i) => value - history[i]!));
}

function note(type: string, description: string): void {
  test.info().annotations.push({ type, description });
}

/** A model as the reference of factor analysis has it. */
function factorModel({ weight, noiseVariance }: LinearGaussian): factors.FactorModel {
  return {
    W: { shape: [weight.rows, weight.columns], values: weight.values },
    psi: { shape: [weight.rows], values: noiseVariance },
  };
}

test.describe('probabilistic PCA', () => {
  for (const [index, golden] of GOLDEN.entries())
    test(`closed form, ${index + 1} latents: the golden likelihood`, async () => {
      const device = await nodeDevice();
      const { model, history } = await fitPpca(device, data, { latent: index + 1 });
      holdTo('classical ppca', 'golden log-likelihood, nats', Math.abs(history[0]! - golden), EXACT);
      const { logLikelihood } = await model.evaluate(device, data);
      expect(Math.abs(logLikelihood! - golden)).toBeLessThan(EXACT);
      const best = ppca.fitPpca(x, index + 1);
      expect(Math.abs(model.noiseVariance[0]! - best.sigma2)).toBeLessThan(EXACT);
      const C = covarianceOf(model);
      const expected = factorCovariance(best);
      expect(worst(C.values, expected.values)).toBeLessThan(EXACT);
    });

  test('closed form, EM and the trained linear VAE agree', async () => {
    const device = await nodeDevice();
    const golden = GOLDEN[1]!;
    const em = { latent: 2, method: 'em', tolerance: 1e-6, maxIterations: 500 } as const;
    for (const statistics of ['stream', 'covariance'] as const) {
      const fit = await fitPpca(device, data, { ...em, statistics });
      note(`EM, ${statistics}`, `${fit.history.length - 1} iterations to ${fit.history.at(-1)} nats`);
      expect(fit.converged).toBe(true);
      const gap = Math.abs(fit.history.at(-1)! - golden);
      holdTo('classical ppca, em', 'closed form, nats', gap, AGREEMENT);
      expect(leastGain(fit.history)).toBeGreaterThan(-EXACT);
    }
    const trained = await trainLinearVae();
    const { logLikelihood } = await trained.evaluate(device, data);
    note('linear VAE', `${logLikelihood} nats`);
    const gap = Math.abs(logLikelihood! - golden);
    holdTo('classical linear VAE', 'closed form of PPCA, nats', gap, AGREEMENT);
  });

  test('turning W changes nothing but the codes', async () => {
    const device = await nodeDevice();
    const best = ppca.fitPpca(x, 2);
    const { W, sigma2 } = ppca.rotateModel(best, 0.5);
    const model = linearModel(W, new Float64Array(D).fill(sigma2));
    expect(Math.abs((await model.evaluate(device, data)).logLikelihood! - GOLDEN[1]!)).toBeLessThan(EXACT);
  });
});

function factorCovariance({ W, sigma2 }: ppca.LinearModel): F64 {
  return covarianceOf(linearModel(W, new Float64Array(D).fill(sigma2)));
}

function linearModel(W: F64, noiseVariance: Float64Array): LinearGaussian {
  const weight = matrix(W.shape[0]!, W.shape[1]!, W.values);
  const mean = new Float64Array(weight.rows);
  return new LinearGaussian({ family: 'factor-analysis', shape: [weight.rows], mean, weight, noiseVariance });
}

/** The decoder of a VAE without hidden layers, trained as in linear.spec.ts, as a linear Gaussian model. */
async function trainLinearVae(): Promise<LinearGaussian> {
  const likelihood = { type: 'gaussian', scale: 'learned' } as const;
  const spec = { input: [D], latent: 2, encoder: [], decoder: [], likelihood };
  const vae = await Vae.create(spec, { device: await nodeDevice(), seed: 1 });
  for (const [seed, learningRate] of [0.05, 0.01, 0.002, 0.0005].entries())
    await vae.train(data, { batchSize: N, learningRate, samples: 4, seed, epochs: 200 });
  const trained = await readParameters(vae);
  vae.destroy();
  const weight = matrix(D, 2, take(trained, 'decoder.0.weight').values);
  const variance = Math.exp(take(trained, 'likelihood.log_variance').values[0]!);
  return new LinearGaussian({
    family: 'ppca',
    shape: [D],
    mean: take(trained, 'decoder.0.bias').values,
    weight,
    noiseVariance: new Float64Array(D).fill(variance),
  });
}

test.describe('factor analysis', () => {
  const FLOOR = 1e-4;
  /** The reference from a start of its own, to where float64 stands still. */
  const optima = new Map<number, number>();
  function referenceOptimum(K: number): number {
    const known = optima.get(K);
    if (known !== undefined) return known;
    let model: factors.FactorModel = { W: randomNormal([D, K], 1, 0.5), psi: zeros([D]) };
    model.psi.values.fill(0.5);
    for (let i = 0; i < 5000; i++) model = factors.emStep(model, x, FLOOR);
    const before = factors.meanLogMarginal(model, x);
    expect(factors.meanLogMarginal(factors.emStep(model, x, FLOOR), x) - before).toBeLessThan(1e-9);
    optima.set(K, before);
    return before;
  }

  for (const statistics of ['stream', 'covariance'] as const)
    for (const latent of [1, 2])
      test(`${latent} latents, ${statistics}: never falls, ends where the reference does`, async () => {
        const device = await nodeDevice();
        // streamed in float32, a gain below the rounding cannot be told from none, so that it ends sooner
        const isStreamed = statistics === 'stream';
        const { model, history, flooredColumns } = await fitFactorAnalysis(device, data, {
          latent,
          varianceFloor: FLOOR,
          statistics,
          maxIterations: isStreamed ? 200 : 3000,
          tolerance: isStreamed ? 0 : 1e-11,
        });
        const expected = referenceOptimum(latent);
        const least = leastGain(history);
        note(
          'end',
          `${history.length - 1} iterations, ${(history.at(-1)! - expected).toExponential(1)} nats off, least gain ${least.toExponential(1)}`,
        );
        holdTo('classical fa', `EM never falls (${statistics}), nats`, -least, isStreamed ? EXACT : 1e-12);
        expect(history.at(-1)! - history[0]!).toBeGreaterThan(0.5);
        const gap = Math.abs(history.at(-1)! - expected);
        const bound = isStreamed ? AGREEMENT : EXACT;
        holdTo('classical fa', `float64 EM at convergence (${statistics}), nats`, gap, bound);
        expect(flooredColumns).toBe(0);
        // where the likelihood is stationary in Psi, the model has the variances of the data
        const C = covarianceOf(model);
        for (let j = 0; j < D; j++) {
          const variance = x.values.reduce((sum, v, i) => sum + (i % D === j ? (v * v) / N : 0), 0);
          expect(Math.abs(C.values[j * D + j]! - variance)).toBeLessThan(AGREEMENT);
        }
      });

  test('a step equals a step of the reference, element by element', async () => {
    const device = await nodeDevice();
    const start = linearModel(
      randomNormal([D, 3], 4),
      Float64Array.from({ length: D }, (_, j) => 0.2 + j / 9),
    );
    const expected = factors.emStep(factorModel(start), x, 0.3);
    for (const statistics of ['stream', 'covariance'] as const) {
      const { model, history, flooredColumns } = await fitFactorAnalysis(device, data, {
        latent: 3,
        initial: start,
        varianceFloor: 0.3,
        maxIterations: 1,
        tolerance: 0,
        statistics,
      });
      // the floor raised the noise of the start before its first step
      const raised = {
        ...factorModel(start),
        psi: { shape: [D], values: start.noiseVariance.map(atLeast(0.3)) },
      };
      const step = factors.emStep(raised, x, 0.3);
      expect(worst(model.weight.values, step.W.values)).toBeLessThan(EXACT);
      expect(worst(model.noiseVariance, step.psi.values)).toBeLessThan(EXACT);
      expect(Math.abs(history[0]! - factors.meanLogMarginal(raised, x))).toBeLessThan(EXACT);
      expect(Math.abs(history[1]! - factors.meanLogMarginal(step, x))).toBeLessThan(EXACT);
      expect(flooredColumns).toBe(step.psi.values.filter((value) => value === 0.3).length);
    }
    expect(worst(expected.W.values, start.weight.values)).toBeGreaterThan(0.1);
  });

  test('continued, it goes where it would have gone', async () => {
    const device = await nodeDevice();
    const options = { latent: 2, tolerance: 0, statistics: 'covariance', varianceFloor: FLOOR } as const;
    const whole = await fitFactorAnalysis(device, data, { ...options, maxIterations: 12 });
    const first = await fitFactorAnalysis(device, data, { ...options, maxIterations: 5 });
    const rest = await fitFactorAnalysis(device, data, {
      ...options,
      maxIterations: 7,
      initial: first.model,
    });
    expect([...first.history, ...rest.history.slice(1)]).toEqual(whole.history);
    expect(rest.model.weight).toEqual(whole.model.weight);
  });

  test('a signal ends it after the iteration in flight', async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const { history, converged } = await fitFactorAnalysis(await nodeDevice(), data, {
      latent: 2,
      tolerance: 0,
      signal: controller.signal,
      onIteration: ({ iteration, logLikelihood }) => {
        seen.push(logLikelihood);
        if (iteration === 3) controller.abort();
      },
    });
    expect(history).toHaveLength(4);
    expect(seen).toEqual(history);
    expect(converged).toBe(false);
  });
});

function atLeast(floor: number): (value: number) => number {
  return (value) => Math.max(floor, value);
}

test.describe('a model', () => {
  const W = randomNormal([D, 3], 11);
  const psi = Float64Array.from({ length: D }, (_, j) => 0.1 + 0.1 * j);
  const model = linearModel(W, psi);
  const reference = factorModel(model);

  test('codes, densities and reconstructions are those of the reference', async () => {
    const rows = float32(x);
    const { means, G } = factors.posterior(reference, x);
    const { mean, covariance } = model.encode(rows);
    expect(worst(mean, means.values)).toBeLessThan(EXACT);
    expect(worst(covariance.values, G.values)).toBeLessThan(1e-12);
    const densities = factors.logMarginal(reference, x).values;
    expect(worst(model.logLikelihood(rows), densities)).toBeLessThan(EXACT);
    const back = model.reconstruct(rows);
    expect(worst(back, model.decode(mean))).toBe(0);
    const { logLikelihood, squaredError } = await model.evaluate(await nodeDevice(), data);
    expect(Math.abs(logLikelihood! - factors.meanLogMarginal(reference, x))).toBeLessThan(EXACT);
    const error = back.reduce((sum, value, i) => sum + (value - rows[i]!) ** 2 / N, 0);
    expect(Math.abs(squaredError - error)).toBeLessThan(EXACT);
  });

  for (const batchSize of [1, 7, 64, 200, 999])
    test(`evaluated in batches of ${batchSize}, about a mean of its own`, async () => {
      const mean = new Float64Array(D).fill(-0.7);
      const moved = new LinearGaussian({
        family: 'factor-analysis',
        shape: [D],
        mean,
        weight: model.weight,
        noiseVariance: psi,
      });
      const { logLikelihood } = await moved.evaluate(await nodeDevice(), data, { batchSize });
      const centred = { shape: [N, D], values: x.values.map((value) => value + 0.7) };
      const expected = factors.meanLogMarginal(reference, centred);
      expect(Math.abs(logLikelihood! - expected)).toBeLessThan(5 * EXACT); // terms are five times as large
    });

  test('samples have its covariance; a seed gives the same ones', () => {
    const count = 20_000;
    const samples = model.sample(count, { seed: 3, noise: true });
    const C = covarianceOf(model).values;
    for (let i = 0; i < D; i++)
      for (let j = 0; j < D; j++) {
        let sum = 0;
        for (let n = 0; n < count; n++) sum += samples[n * D + i]! * samples[n * D + j]!;
        // Var(x_i x_j) = C_ii C_jj + C_ij^2; 5 standard errors leave 1 of 3 million, and there are 36
        const spread = Math.sqrt((C[i * D + i]! * C[j * D + j]! + C[i * D + j]! ** 2) / count);
        expect(Math.abs(sum / count - C[i * D + j]!)).toBeLessThan(5 * spread);
      }
    expect(model.sample(3, { seed: 3 })).toEqual(model.sample(3, { seed: 3 }));
    expect(model.sample(3, { seed: 3 })).not.toEqual(model.sample(3, { seed: 4 }));
    const noisy = model.sample(3, { seed: 3, noise: true });
    expect(worst(noisy, model.sample(3, { seed: 3 }))).toBeGreaterThan(0.01);
  });

  test('a file keeps it to float32', async () => {
    const again = await LinearGaussian.load(await model.save());
    expect(again.family).toBe('factor-analysis');
    expect(again.shape).toEqual([D]);
    for (const name of ['mean', 'noiseVariance'] as const)
      expect(again[name]).toEqual(Float64Array.from(Float32Array.from(model[name])));
    expect(again.weight.values).toEqual(Float64Array.from(Float32Array.from(model.weight.values)));
    const vae = await Vae.create(
      { input: [4], latent: 1, encoder: [], decoder: [] },
      { device: await nodeDevice() },
    );
    await expect(LinearGaussian.load(await vae.save())).rejects.toThrow(
      "[checkpoint] format is webgpu-vae 1; expected 'webgpu-vae linear 1'",
    );
    await expect(LinearGaussian.load(await vae.save())).rejects.toBeInstanceOf(CheckpointError);
    vae.destroy();
  });
});

test.describe('data that are not easy', () => {
  test('bytes mean value / 255', async () => {
    const device = await nodeDevice();
    const bytes = Uint8Array.from(x.values, (value) => Math.round(60 * (value + 2)));
    const floats = Float32Array.from(bytes, (value) => value / 255);
    const a = await fitPpca(device, { ...data, values: bytes }, { latent: 2 });
    const b = await fitPpca(device, { ...data, values: floats }, { latent: 2 });
    expect(Math.abs(a.history[0]! - b.history[0]!)).toBeLessThan(EXACT);
    expect(worst(a.model.weight.values, b.model.weight.values)).toBeLessThan(EXACT);
  });

  /** 6 rows of 10 columns. */
  const few = randomNormal([6, 10], 21);
  const centred = { shape: few.shape, values: centre(few.values, 10) };
  const fewRows: Dataset = { rows: 6, shape: [10], values: float32(few) };

  test('fewer rows than columns: the same model from the rows as from the columns', async () => {
    const device = await nodeDevice();
    const expected = ppca.fitPpca(centred, 3);
    const { model, history } = await fitPpca(device, fewRows, { latent: 3 });
    const rows = ppca.logMarginal(expected, centred).values;
    const likelihood = rows.reduce((sum, value) => sum + value / 6, 0);
    expect(Math.abs(history[0]! - likelihood)).toBeLessThan(EXACT);
    // batches of 4 rows do not hold the rows, so that the columns are taken
    const other = await fitPpca(device, fewRows, { latent: 3, batchSize: 4 });
    expect(worst(model.weight.values, other.model.weight.values)).toBeLessThan(EXACT);
    const { squaredError } = await (
      await fitPca(device, fewRows, { latent: 3 })
    ).model.evaluate(device, fewRows);
    const { values } = ppca.symmetricEigen(ppca.covariance(centred));
    const left = values.slice(3).reduce((sum, value) => sum + value, 0);
    expect(Math.abs(squaredError - left)).toBeLessThan(EXACT);
  });

  for (const latent of [5, 6, 10])
    test(`${latent} latents for rank 5: the rest explains nothing, the floor keeps the density finite`, async () => {
      const device = await nodeDevice();
      const floor = 1e-3;
      for (const batchSize of [6, 4]) {
        const options = { latent, varianceFloor: floor, batchSize };
        const { model, history, flooredColumns } = await fitPpca(device, fewRows, options);
        expect([...new Set(model.noiseVariance)]).toEqual([floor]);
        expect(flooredColumns).toBe(10);
        const { values } = ppca.symmetricEigen(ppca.covariance(centred));
        const logVolume = values.reduce((sum, value) => sum + Math.log(Math.max(value, floor)), 0);
        const distance = values.reduce((sum, value) => sum + value / Math.max(value, floor), 0);
        const expected = -(10 * Math.log(2 * Math.PI) + logVolume + distance) / 2;
        // products are off by float32's rounding, and then divided by the floor
        expect(Math.abs(history[0]! - expected)).toBeLessThan(tolerances.dot(10, 10) / floor);
        const pca = (await fitPca(device, fewRows, { latent, batchSize })).model;
        expect((await pca.evaluate(device, fewRows)).squaredError).toBeLessThan(EXACT);
        expect(worst(pca.reconstruct(fewRows.values as Float32Array), fewRows.values)).toBeLessThan(1e-3);
        const codes = pca.encode(fewRows.values as Float32Array).mean;
        expect(codes.filter((code, i) => i % latent >= 5 && code !== 0)).toHaveLength(0);
        expect(pca.sample(2).every(Number.isFinite)).toBe(true);
      }
      const em = await fitFactorAnalysis(device, fewRows, { latent, varianceFloor: floor, tolerance: 1e-3 });
      expect(em.history.every(Number.isFinite)).toBe(true);
      expect(leastGain(em.history)).toBeGreaterThan(-tolerances.dot(10, 10) / floor);
    });

  test('constant columns get the floor and no weight', async () => {
    const device = await nodeDevice();
    const wide = Float32Array.from({ length: N * 10 }, (_, i) => {
      const [row, column] = [Math.floor(i / 10), i % 10];
      return column < D ? x.values[row * D + column]! : column === 8 ? 0 : 0.3;
    });
    const constant: Dataset = { rows: N, shape: [10], values: wide };
    for (const fit of [fitFactorAnalysis, fitPpca]) {
      const { model, history } = await fit(device, constant, { latent: 2, varianceFloor: 1e-6 });
      expect(history.every(Number.isFinite)).toBe(true);
      for (let i = 8 * 2; i < 10 * 2; i++) expect(Math.abs(model.weight.values[i]!)).toBeLessThan(1e-6);
      expect([...model.mean.subarray(8)]).toEqual([0, Math.fround(0.3)]);
    }
    const { model, flooredColumns } = await fitFactorAnalysis(device, constant, {
      latent: 2,
      varianceFloor: 1e-6,
    });
    expect(flooredColumns).toBe(2);
    expect([...model.noiseVariance.subarray(8)]).toEqual([1e-6, 1e-6]);
    // each of them adds the density of a Gaussian of that variance at its mean
    const rest = await fitFactorAnalysis(device, data, { latent: 2, varianceFloor: 1e-6 });
    const known = await model.evaluate(device, constant);
    const added = -Math.log(2 * Math.PI * 1e-6);
    expect(Math.abs(known.logLikelihood! - added - rest.history.at(-1)!)).toBeLessThan(0.01);
  });

  test('a mean far from 0 costs no digits', async () => {
    const device = await nodeDevice();
    const offset = 1024; // a power of two: adding it rounds the data by 2^-14, which the reference does too
    const moved = Float32Array.from(x.values, (value) => value + offset);
    const exact = { shape: [N, D], values: centre(Float64Array.from(moved), D) };
    const best = ppca.fitPpca(exact, 2);
    const rows = ppca.logMarginal(best, exact).values;
    const expected = rows.reduce((sum, value) => sum + value / N, 0);
    for (const method of ['closed-form', 'em'] as const) {
      const fit = await fitPpca(
        device,
        { ...data, values: moved },
        {
          latent: 2,
          method,
          tolerance: 1e-7,
          statistics: 'stream',
        },
      );
      expect(Math.abs(fit.history.at(-1)! - expected)).toBeLessThan(EXACT);
    }
  });
});

/** Columns less their means. */
function centre(values: Float64Array, columns: number): Float64Array {
  const rows = values.length / columns;
  const means = new Float64Array(columns);
  values.forEach((value, i) => (means[i % columns]! += value / rows));
  return values.map((value, i) => value - means[i % columns]!);
}

test.describe('refusals', () => {
  const withValue = (value: number): Dataset => {
    const values = float32(x);
    values[13] = value;
    return { ...data, values };
  };
  const one: Dataset = { rows: 1, shape: [D], values: new Float32Array(D) };
  const equal: Dataset = { rows: 3, shape: [2], values: new Float32Array(6).fill(0.25) };
  const cases: Record<string, { data?: Dataset; options?: object; error: unknown; says: string }> = {
    NaN: {
      data: withValue(NaN),
      error: DataError,
      says: '[data] row 1, element 5 is NaN; every value must be finite',
    },
    infinity: { data: withValue(Infinity), error: DataError, says: '[data] row 1, element 5 is Infinity' },
    'one row': {
      data: one,
      error: DataError,
      says: '[data] has 1 row; a covariance needs at least 2; pass more rows',
    },
    'equal rows': {
      data: equal,
      options: { latent: 1 },
      error: DataError,
      says: '[data] all 3 rows are equal',
    },
    'no latent': {
      options: { latent: 0 },
      error: SpecError,
      says: '[latent] is 0; expected a whole number from 1 to 8',
    },
    'latent above D': {
      options: { latent: 9 },
      error: SpecError,
      says: '[latent] is 9; expected a whole number from 1 to 8',
    },
    'half a row': { options: { batchSize: 0.5 }, error: SpecError, says: '[batchSize] is 0.5' },
    'no floor': {
      options: { varianceFloor: 0 },
      error: SpecError,
      says: '[varianceFloor] is 0; expected a number above 0',
    },
    'no iteration': { options: { maxIterations: 0 }, error: SpecError, says: '[maxIterations] is 0' },
    'a tolerance below 0': { options: { tolerance: -1 }, error: SpecError, says: '[tolerance] is -1' },
    'an initial model of other sizes': {
      options: { initial: linearModel(zeros([D, 3]), new Float64Array(D).fill(1)) },
      error: ShapeError,
      says: '[initial] its weight is f64[8, 3]; these data and latent need f64[8, 2]',
    },
  };
  for (const [name, { data: rows = data, options = {}, error, says }] of Object.entries(cases))
    test(`${name}, leaving nothing on the device`, async () => {
      const device = await nodeDevice();
      const before = device.liveByteLength;
      const fit = fitFactorAnalysis(device, rows, { latent: 2, ...options });
      const reason: unknown = await fit.then(
        () => undefined,
        (cause: unknown) => cause,
      );
      expect(String(reason)).toContain(says);
      expect(reason).toBeInstanceOf(error as typeof Error);
      expect(device.liveByteLength).toBe(before);
    });

  test('a method that is none, a density of PCA, rows that do not fit', async () => {
    const device = await nodeDevice();
    const bad = { latent: 2, method: 'exact' as 'em' };
    await expect(fitPpca(device, data, bad)).rejects.toThrow(
      "[method] is 'exact'; expected 'closed-form' or 'em'",
    );
    const { model, history } = await fitPca(device, data, { latent: 2 });
    expect(history).toEqual([]);
    expect((await model.evaluate(device, data)).logLikelihood).toBeUndefined();
    expect(() => model.logLikelihood(float32(x))).toThrow('[logLikelihood] pca has no density');
    expect(() => model.encode(new Float32Array(9))).toThrow(
      '[encode] got 9 values; expected a multiple of 8',
    );
    expect(() => model.decode(Float32Array.of(NaN, 0))).toThrow('[decode] value 0 is NaN');
    expect(() => model.sample(0)).toThrow('[sample] count is 0');
    const other: Dataset = { rows: 2, shape: [3], values: new Float32Array(6) };
    await expect(model.evaluate(device, other)).rejects.toThrow(
      '[data] a row is [3]; the model was fitted to [8]',
    );
    const before = device.liveByteLength;
    await fitPpca(device, data, { latent: 2, method: 'em' });
    expect(device.liveByteLength).toBe(before);
  });

  test('data too large for a closed form', async () => {
    const large: Dataset = {
      rows: 3,
      shape: [2049],
      values: Float32Array.from({ length: 3 * 2049 }, (_, i) => i % 7),
    };
    const device = await nodeDevice();
    await expect(fitPca(device, large, { latent: 1, batchSize: 2 })).rejects.toThrow(
      '[principalAxes] data of 3 rows and 2049 columns came',
    );
    expect((await fitPca(device, large, { latent: 1 })).model.latent).toBe(1);
  });
});
