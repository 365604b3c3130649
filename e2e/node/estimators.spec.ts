/**
 * Plan: both estimators of the bound have the same mean, and so have their gradients (Kingma and Welling 2013,
 * section 2.3). Given the same noise they differ only in the KL term; the mean of that difference over many
 * draws must lie within a few standard errors of zero. Axis: the posterior (the likelihood's
 * part is the same in both); the bound by `evaluate`, the gradients by steps of plain SGD from the same weights. A
 * control shows that the test could fail.
 */
import { expect, test } from '@playwright/test';
import type { Dataset } from '../../src/vae/data/dataset.js';
import type { TrainerOptions } from '../../src/vae/trainer.js';
import type { Vae } from '../../src/vae/vae.js';
import { float32, loadModel, randomParameters } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { randomUniform } from '../reference/tensor.js';
import type { DenseVaeSpec } from '../reference/vae.js';

/**
 * Student's t of one number from 40 draws (39 degrees of freedom): 6 is exceeded by chance once in 2 million,
 * so a false alarm among the at most 200 numbers of a test has a chance of 1 in 9,000. Seeds are fixed.
 */
const LARGEST_T = 6;
const DRAWS = 40;
const SAMPLES = 128;
const ROWS = 24;

const layer = { type: 'dense', units: 8, activation: 'tanh' } as const;
const base: DenseVaeSpec = { input: [6], latent: 2, encoder: [layer], decoder: [layer] };
const specs: Record<string, DenseVaeSpec> = {
  'diagonal, bernoulli': base,
  'isotropic, gaussian': {
    ...base,
    posterior: 'isotropic',
    likelihood: { type: 'gaussian', scale: 'learned' },
  },
};

const data: Dataset = { rows: ROWS, shape: [6], values: float32(randomUniform([ROWS, 6], 3, 0, 1)) };

async function openModel(spec: DenseVaeSpec): Promise<Vae> {
  return loadModel(spec, randomParameters(spec, 2, 1), await nodeDevice());
}

/** Mean over its standard error; a column without spread must be exact, and counts as 0 or infinitely far. */
function studentT(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  if (variance === 0) return mean === 0 ? 0 : Number.POSITIVE_INFINITY;
  return Math.abs(mean) / Math.sqrt(variance / values.length);
}

/** The gradient of the loss at the model's weights: one SGD step at rate 1, undone afterwards. */
async function gradientDraws(vae: Vae, options: TrainerOptions): Promise<Float32Array[]> {
  const start = await vae.readWeights();
  const optimizer = { type: 'sgd' } as const;
  const trainer = await vae.trainer(data, {
    ...options,
    batchSize: ROWS,
    samples: SAMPLES,
    learningRate: 1,
    optimizer,
  });
  const draws: Float32Array[] = [];
  for (let draw = 0; draw < DRAWS; draw++) {
    vae.device.gpu.queue.writeBuffer(vae.weightBuffer, 0, start as Float32Array<ArrayBuffer>);
    await trainer.step();
    const after = await vae.readWeights();
    draws.push(after.map((value, i) => start[i]! - value));
  }
  trainer.destroy();
  vae.device.gpu.queue.writeBuffer(vae.weightBuffer, 0, start as Float32Array<ArrayBuffer>);
  return draws;
}

/** Largest t over all weights of the mean of a - b. */
function largestT(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  return Math.max(...a[0]!.map((_, i) => studentT(a.map((draw, n) => draw[i]! - b[n]![i]!))));
}

for (const [name, spec] of Object.entries(specs)) {
  test(`the bound: ${name}`, async () => {
    const vae = await openModel(spec);
    const differences: number[] = [];
    for (let seed = 0; seed < DRAWS; seed++) {
      const options = { samples: SAMPLES, seed };
      const a = await vae.evaluate(data, { ...options, estimator: 'A' });
      const b = await vae.evaluate(data, { ...options, estimator: 'B' });
      expect(a.reconstruction).toBe(b.reconstruction); // the same noise
      differences.push(a.elbo - b.elbo);
    }
    const t = studentT(differences);
    test.info().annotations.push({ type: 't', description: t.toFixed(2) });
    expect(Math.max(...differences.map(Math.abs))).toBeGreaterThan(1e-4); // they are two estimators
    expect(t).toBeLessThan(LARGEST_T);
    vae.destroy();
  });

  test(`its gradients: ${name}`, async () => {
    const vae = await openModel(spec);
    const a = await gradientDraws(vae, { estimator: 'A' });
    const b = await gradientDraws(vae, { estimator: 'B' });
    const t = largestT(a, b);
    test.info().annotations.push({ type: 'largest t', description: t.toFixed(2) });
    expect(t).toBeGreaterThan(0);
    expect(t).toBeLessThan(LARGEST_T);
    vae.destroy();
  });
}

test('control: a KL weight that is off by a fifth is found', async () => {
  const vae = await openModel(base);
  const a = await gradientDraws(vae, { estimator: 'A', beta: 1.2 });
  const b = await gradientDraws(vae, { estimator: 'B' });
  expect(largestT(a, b)).toBeGreaterThan(LARGEST_T);
  vae.destroy();
});
