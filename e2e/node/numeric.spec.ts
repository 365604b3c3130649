/**
 * Plan: numbers that no training survives. A NaN or an infinity in a fed batch or its noise (axes: where, likelihood,
 * estimator) and an absurd learning rate (axis: optimizer) end in a NumericError that names the step and the weight,
 * with all weights still finite and ready for another trainer. Refusals of data and options are in refusals.spec.ts.
 */
import { expect, test } from '@playwright/test';
import { NumericError } from '../../src/gpu/errors.js';
import { denseSpec } from '../../src/vae/presets.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import { loadModel } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { zeros } from '../reference/tensor.js';
import { parameterShapes } from '../reference/vae.js';
import { seededData } from '../seeded-run.js';

const spec = denseSpec({ input: [6, 6, 1], hidden: 8, latent: 2 });
const [BATCH, D, K] = [5, 36, 2];

async function openModel(over: Partial<VaeSpec> = {}): Promise<Vae> {
  return Vae.create({ ...spec, ...over }, { device: await nodeDevice(), seed: 1 });
}

/** A batch of greys and its noise; `change` may spoil them. */
function batch(change: (x: Float32Array, noise: Float32Array) => void = () => undefined): {
  x: Float32Array;
  noise: Float32Array;
} {
  const x = new Float32Array(BATCH * D).fill(0.25);
  const noise = Float32Array.from({ length: BATCH * K }, (_, i) => Math.sin(i));
  change(x, noise);
  return { x, noise };
}

async function messageOf(
  call: Promise<unknown>,
  kind: abstract new (...values: never[]) => Error,
): Promise<string> {
  const error = await call.then(
    (value) => new Error(`expected ${kind.name}; the call gave ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(kind);
  return (error as Error).message;
}

async function allFinite(vae: Vae): Promise<boolean> {
  return (await vae.readWeights()).every(Number.isFinite);
}

/** Fed batches that cannot be learned from. */
const spoiled: Record<string, (x: Float32Array, noise: Float32Array) => void> = {
  'a NaN pixel': (x) => (x[2 * D + 7] = Number.NaN),
  'an infinite pixel': (x) => (x[0] = Number.POSITIVE_INFINITY),
  'NaN in every pixel': (x) => x.fill(Number.NaN),
  'a NaN in the noise': (_, noise) => (noise[3] = Number.NaN),
  'an infinity in the noise': (_, noise) => (noise[BATCH * K - 1] = Number.NEGATIVE_INFINITY),
};

const likelihoods: Record<string, VaeSpec['likelihood']> = {
  bernoulli: { type: 'bernoulli' },
  gaussian: { type: 'gaussian', scale: 'learned' },
  laplace: { type: 'laplace', scale: 0.5 },
};

test.describe('a step that is not finite', () => {
  for (const [family, likelihood] of Object.entries(likelihoods))
    for (const [name, change] of Object.entries(spoiled))
      for (const estimator of ['A', 'B'] as const)
        test(`${name}, ${family}, estimator ${estimator}`, async () => {
          const vae = await openModel({ likelihood: likelihood! });
          const options = { batchSize: BATCH, estimator } as const;
          const trainer = await vae.trainer(undefined, options);
          for (const step of [batch(), batch(), batch(change), batch()]) await trainer.step(step);
          const message = await messageOf(trainer.terms(), NumericError);
          expect(message).toMatch(
            /^\[step 2\] the update of [a-z_0-9.]+ is not finite \(element \d+\); that weight was left unchanged; lower the learning rate, clip with maxNorm, or check the data$/,
          );
          const named = /update of (\S+)/.exec(message)![1];
          expect(vae.model.weights.set.entries.map((entry) => entry.name)).toContain(named);
          expect(await allFinite(vae)).toBe(true);
          trainer.destroy();

          const next = await vae.trainer(undefined, options);
          for (let step = 0; step < 5; step++) await next.step(batch());
          expect(await next.terms()).toHaveLength(5);
          next.destroy();
          vae.destroy();
        });

  for (const optimizer of [
    { type: 'sgd' },
    { type: 'sgd', momentum: 0.9 },
    { type: 'adam' },
    { type: 'adagrad' },
  ] as const)
    test(`an absurd learning rate: ${JSON.stringify(optimizer)}`, async () => {
      const vae = await openModel({ likelihood: { type: 'gaussian', scale: 'learned' } });
      const message = await messageOf(
        vae.train(seededData, { epochs: 400, batchSize: 10, learningRate: 900, optimizer }),
        NumericError,
      );
      expect(message).toMatch(
        /^\[step \d+\] the (update of [a-z_0-9.]+ is not finite|loss is (NaN|-?Infinity))/,
      );
      expect(await allFinite(vae)).toBe(true);
      vae.destroy();
    });

  test('clipping by the global norm does not hide it', async () => {
    const vae = await openModel();
    const optimizer = { type: 'adam', maxNorm: 1 } as const;
    const trainer = await vae.trainer(undefined, { batchSize: BATCH, optimizer });
    await trainer.step(batch((x) => (x[1] = Number.NaN)));
    expect(await messageOf(trainer.terms(), NumericError)).toMatch(/^\[step 0\] the update of /);
    expect(await allFinite(vae)).toBe(true);
    vae.destroy();
  });

  test('a loss that overflows is reported although every gradient is finite', async () => {
    const likelihood = { type: 'gaussian', scale: 1 } as const;
    const flat = { input: [D], latent: K, encoder: [], decoder: [], likelihood };
    const shapes = parameterShapes(flat);
    const silent = new Map([...shapes].map(([name, shape]) => [name, zeros(shape)])); // decodes all to 0
    const vae = await loadModel(flat, silent, await nodeDevice());
    const options = { batchSize: BATCH, optimizer: { type: 'sgd' }, learningRate: 1e-6 } as const; // Adam squares
    const trainer = await vae.trainer(undefined, options);
    await trainer.step(batch((x) => x.fill(5e19))); // its square is beyond float32
    expect(await messageOf(trainer.terms(), NumericError)).toBe(
      '[step 0] the loss is Infinity; lower the learning rate or check the data',
    );
    expect(await allFinite(vae)).toBe(true);
    vae.destroy();
  });
});
