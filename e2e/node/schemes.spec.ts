/**
 * Plan: training schemes. Alternating: in every step only the weights of the phase whose turn it is move (bit for bit),
 * Adam counts each phase's own steps (a step's change against the formula for constant gradients' first steps: the rate
 * itself), an epoch is one pass over the data, the terms come for every step. The same seed gives the same bits;
 * stepCount set on a fresh trainer continues a run of plain SGD bit for bit, in the middle of a turn. Alternating on the
 * linear model reaches the optimum of PPCA; hard EM (a deterministic posterior, alternating) lowers its loss to what PCA
 * leaves. Schedules: beta by step in the terms; a schedule that throws leaves the step to be taken; train() warns.
 */
import { expect, test } from '@playwright/test';
import { denseSpec } from '../../src/vae/presets.js';
import type { TrainerOptions } from '../../src/vae/trainer-options.js';
import type { SchemeSpec } from '../../src/vae/training-plan.js';
import { Vae } from '../../src/vae/vae.js';
import { D, expectedTerms, K, linearData, linearRows as x, linearSpec, N } from '../linear-model.js';
import { readParameters } from '../model.js';
import { nodeDevice } from '../node-device.js';
import * as ppca from '../reference/ppca.js';
import { holdTo } from '../truth.js';
import { seededData, seededDigest } from '../seeded-run.js';

const scheme: SchemeSpec = { type: 'alternating', encoderSteps: 2, decoderSteps: 1 };
const small = denseSpec({ input: [6, 6, 1], hidden: 8, latent: 2 });

/** Names of the weights that differ in any bit. */
function changed(vae: Vae, before: Float32Array, after: Float32Array): string[] {
  return vae.model.weights.set.entries
    .filter(({ offset, shape }) => {
      const length = shape.reduce((product, size) => product * size, 1);
      return before.subarray(offset, offset + length).some((value, i) => value !== after[offset + i]);
    })
    .map(({ name }) => name);
}

test('only the weights of the phase move, and each step has its terms', async () => {
  const vae = await Vae.create(small, { device: await nodeDevice(), seed: 1 });
  const trainer = await vae.trainer(seededData, { batchSize: 16, scheme });
  expect(trainer.stepsPerEpoch).toBe(4); // 50 rows
  const names = vae.model.weights.set.entries.map(({ name }) => name);
  const inference = names.filter((name) => /^(encoder|moments)\./.test(name));
  const generative = names.filter((name) => name.startsWith('decoder.'));
  expect(inference.length + generative.length).toBe(names.length);
  for (const expected of [inference, inference, generative, inference, inference, generative]) {
    const before = await vae.readWeights();
    await trainer.step();
    expect(changed(vae, before, await vae.readWeights())).toEqual(expected);
  }
  const terms = await trainer.terms();
  expect(terms.map(({ step, rows }) => [step, rows])).toEqual([
    [0, 16],
    [1, 16],
    [2, 16],
    [3, 2],
    [4, 16],
    [5, 16],
  ]);
  for (const { elbo, reconstruction, kl } of terms) expect(elbo).toBeCloseTo(reconstruction - kl, 3);
  trainer.destroy();
  vae.destroy();
});

/**
 * Adam's first step is its rate times the gradient's sign: m / c1 = g and v / c2 = g^2 with t = 1. With t = 3, as a
 * count of all steps would have it, the moments of one step would give rate * (0.1 / 0.271) / sqrt(0.001 / 0.002997).
 */
test("the decoder's first step, the third of the run, has Adam's t = 1", async () => {
  const vae = await Vae.create(small, { device: await nodeDevice(), seed: 1 });
  const learningRate = 2 ** -7;
  const trainer = await vae.trainer(seededData, { batchSize: 50, scheme, learningRate });
  await trainer.step();
  await trainer.step();
  const before = await vae.readWeights();
  await trainer.step();
  const after = await vae.readWeights();
  const { offset } = vae.model.weights.set.entries.find(({ name }) => name === 'decoder.2.bias')!;
  for (let i = 0; i < 36; i++) {
    const moved = Math.abs(after[offset + i]! - before[offset + i]!) / learningRate;
    expect(Math.abs(moved - 1), `pixel ${i}`).toBeLessThan(1e-4);
  }
  trainer.destroy();
  vae.destroy();
});

test('the same seed gives the same bits', async () => {
  const device = await nodeDevice();
  const digest = await seededDigest(device, 3, { scheme });
  expect(await seededDigest(device, 3, { scheme })).toBe(digest);
  expect(await seededDigest(device, 3)).not.toBe(digest);
});

test('stepCount continues a run in the middle of a turn', async () => {
  const options: TrainerOptions = {
    batchSize: 16,
    scheme,
    learningRate: 0.01,
    optimizer: { type: 'sgd' },
    beta: { type: 'linear', from: 0, to: 1, steps: 8 },
    seed: 5,
  };
  const run = async (parts: readonly number[]): Promise<{ weights: Float32Array; steps: number[] }> => {
    const vae = await Vae.create(small, { device: await nodeDevice(), seed: 1 });
    let done = 0;
    let steps: number[] = [];
    for (const count of parts) {
      const trainer = await vae.trainer(seededData, options);
      trainer.stepCount = done;
      for (let i = 0; i < count; i++) await trainer.step();
      steps = (await trainer.terms()).map(({ step }) => step);
      done = trainer.stepCount;
      trainer.destroy();
    }
    const weights = await vae.readWeights();
    vae.destroy();
    return { weights, steps };
  };
  const whole = await run([10]);
  const parted = await run([4, 6]);
  expect(parted.weights).toEqual(whole.weights);
  expect(parted.steps).toEqual([4, 5, 6, 7, 8, 9]);
});

const linear = { input: [D], latent: K, encoder: [], decoder: [] } as const;

/** Trains on full batches; a falling rate, because noise and Adam keep the weights off the optimum in proportion to it. */
async function trainInStages(vae: Vae, options: TrainerOptions, stepsPerStage: number): Promise<void> {
  for (const [stage, learningRate] of [0.05, 0.01, 0.002].entries())
    await vae.train(linearData, {
      ...options,
      batchSize: N,
      learningRate,
      seed: stage,
      epochs: stepsPerStage,
    });
}

test('alternating on the linear model reaches the optimum of PPCA', async () => {
  test.slow(); // 720 steps, each a submission
  const vae = await Vae.create(linearSpec, { device: await nodeDevice(), seed: 1 });
  await trainInStages(vae, { samples: 4, scheme: { ...scheme, decoderSteps: 2 } }, 240);
  const exact = ppca.logMarginal(ppca.fitPpca(x, K), x).values.reduce((sum, value) => sum + value / N, 0);
  const parameters = await readParameters(vae);
  const sigma2 = Math.exp(parameters.get('likelihood.log_variance')!.values[0]!);
  const rows = ppca.logMarginal({ W: parameters.get('decoder.0.weight')!, sigma2 }, x);
  const likelihood = rows.values.reduce((sum, value) => sum + value / N, 0);
  const { elbo: bound } = await expectedTerms(vae);
  const description = `log-likelihood ${(likelihood - exact).toExponential(1)}, bound ${(bound - exact).toExponential(1)} from the optimum`;
  test.info().annotations.push({ type: 'gap', description });
  holdTo('scheme alternating', 'log-likelihood of PPCA, nats', Math.abs(likelihood - exact), 1e-3);
  expect(bound - exact).toBeLessThan(1e-4); // no bound beats the likelihood
  holdTo('scheme alternating', 'best bound of PPCA, nats', exact - bound, 1e-3);
  vae.destroy();
});

test('hard EM leaves the squared error of PCA', async () => {
  const spec = { ...linear, posterior: 'deterministic', likelihood: { type: 'gaussian', scale: 1 } } as const;
  const vae = await Vae.create(spec, { device: await nodeDevice(), seed: 1 });
  const start = await vae.evaluate(linearData);
  const losses: number[] = [-start.elbo];
  for (let round = 0; round < 3; round++) {
    await trainInStages(vae, { scheme: { type: 'alternating', encoderSteps: 5, decoderSteps: 5 } }, 60);
    losses.push(-(await vae.evaluate(linearData)).elbo);
  }
  const terms = await vae.evaluate(linearData);
  expect(terms.kl).toBe(0);
  for (const [round, loss] of losses.slice(1).entries()) expect(loss).toBeLessThan(losses[round]! + 1e-5);
  // PCA leaves the trailing eigenvalues of the covariance; Eckart and Young 1936.
  const { values } = ppca.symmetricEigen(ppca.covariance(x));
  const error = values.slice(K).reduce((sum, value) => sum + value, 0);
  const best = (error + D * Math.log(2 * Math.PI)) / 2;
  test.info().annotations.push({ type: 'gap', description: (losses.at(-1)! - best).toExponential(1) });
  expect(losses.at(-1)! - best).toBeGreaterThan(-1e-4);
  holdTo('scheme hard EM', 'squared error of PCA, nats', losses.at(-1)! - best, 1e-3);
  vae.destroy();
});

test.describe('schedules', () => {
  test('beta follows the step in the terms, and a schedule that throws leaves the step to be taken', async () => {
    const vae = await Vae.create(small, { device: await nodeDevice(), seed: 1 });
    let isBroken = false;
    const beta = (step: number): number => (isBroken ? Number.NaN : step / 2);
    const trainer = await vae.trainer(seededData, { batchSize: 50, beta });
    for (let step = 0; step < 3; step++) await trainer.step();
    isBroken = true;
    await expect(trainer.step()).rejects.toThrow('[beta] at step 3 is NaN; expected a number of at least 0');
    isBroken = false;
    expect(trainer.stepCount).toBe(3);
    await trainer.step();
    const terms = await trainer.terms();
    expect(terms.map(({ step }) => step)).toEqual([0, 1, 2, 3]);
    for (const { step, elbo, reconstruction, kl } of terms) {
      expect(kl).toBeGreaterThan(0.01);
      expect(Math.abs(elbo - (reconstruction - (step / 2) * kl))).toBeLessThan(1e-4);
    }
    trainer.destroy();
    vae.destroy();
  });

  test('train() warns of a schedule that does not end, and of nothing else', async () => {
    const vae = await Vae.create(small, { device: await nodeDevice(), seed: 1 });
    const warningsOf = async (steps: number): Promise<string[]> => {
      const warnings: string[] = [];
      const beta = { type: 'linear', from: 0, to: 1, steps } as const;
      const onWarning = (message: string): void => void warnings.push(message);
      await vae.train(seededData, { batchSize: 25, epochs: 3, beta, onWarning });
      return warnings;
    };
    expect(await warningsOf(5)).toEqual([]);
    expect(await warningsOf(6)).toEqual([
      'beta ends at 0.833 and never reaches 1: it needs 7 steps and training has 6; shorten it or train longer',
    ]);
    vae.destroy();
  });
});
