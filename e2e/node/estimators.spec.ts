/**
 * Plan: both estimators of the bound have the same mean, and so have their gradients (Kingma and Welling 2013,
 * section 2.3). Given the same noise they differ only in the KL term; the mean of that difference over many
 * draws must lie within a few standard errors of zero. Axis: the posterior (the likelihood's
 * part is the same in both); the bound by `evaluate`, the gradients by steps of plain SGD from the same weights. A
 * control shows that the test could fail.
 */
import { expect, test } from '@playwright/test';
import type { Dataset } from '../../src/vae/data/dataset.js';
import type { Vae } from '../../src/vae/vae.js';
import { DRAWS, gradientDraws, LARGEST_T, largestT, studentT } from '../gradients.js';
import { float32, loadModel, randomParameters } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { randomUniform } from '../reference/tensor.js';
import type { DenseVaeSpec } from '../reference/vae.js';

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
    const a = await gradientDraws(vae, data, { estimator: 'A', samples: SAMPLES });
    const b = await gradientDraws(vae, data, { estimator: 'B', samples: SAMPLES });
    const t = largestT(a, b);
    test.info().annotations.push({ type: 'largest t', description: t.toFixed(2) });
    expect(t).toBeGreaterThan(0);
    expect(t).toBeLessThan(LARGEST_T);
    vae.destroy();
  });
}

test('control: a KL weight that is off by a fifth is found', async () => {
  const vae = await openModel(base);
  const a = await gradientDraws(vae, data, { estimator: 'A', samples: SAMPLES, beta: 1.2 });
  const b = await gradientDraws(vae, data, { estimator: 'B', samples: SAMPLES });
  expect(largestT(a, b)).toBeGreaterThan(LARGEST_T);
  vae.destroy();
});
