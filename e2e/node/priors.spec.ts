/**
 * Plan: every prior against what no implementation can tune.
 * | prior        | truth                                                                                         |
 * | mixture      | float64 density; integral 1 over a line and a plane; one component N(0, I); samples by quantile |
 * | vamp         | float64 mixture of the posteriors of its pseudo-inputs; integral 1, with a full covariance too |
 * | all          | trains, keeps its bits through save() and load(), samples                                       |
 */
import { expect, test } from '@playwright/test';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { Model } from '../../src/vae/model.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import { float32, scaledError } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { build, densities, rowOf, run, TOLERANCE, weightsOf, type Built } from '../prior-run.js';
import { erf } from '../reference/erf.js';
import { randomNormal, randomUniform } from '../reference/tensor.js';
import { holdTo } from '../truth.js';

const LOG_2PI = Math.log(2 * Math.PI);

const logSum = (values: readonly number[]): number => {
  const largest = Math.max(...values);
  return largest + Math.log(values.reduce((total, value) => total + Math.exp(value - largest), 0));
};

const normal = (z: readonly number[], mean: readonly number[], s: readonly number[]): number =>
  z.reduce((total, value, i) => total - ((value - mean[i]!) ** 2 / Math.exp(s[i]!) + s[i]! + LOG_2PI) / 2, 0);

const rowsOf = (values: readonly number[], width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, row) => values.slice(row * width, (row + 1) * width));

/** The integral of a density over [-SPAN, SPAN]^K by the trapezoidal rule, which is exact to rounding for smooth ones. */
const SPAN = 12;
async function integral(built: Built, latent: number, step: number): Promise<number> {
  const count = Math.round((2 * SPAN) / step);
  const grid = { shape: [count ** latent, latent], values: new Float64Array(latent * count ** latent) };
  grid.values.forEach((_, i) => {
    const place = Math.floor(i / latent);
    const index = i % latent === 0 ? Math.floor(place / count ** (latent - 1)) : place % count;
    grid.values[i] = -SPAN + index * step;
  });
  const values = await densities(built, grid);
  return values.reduce((total, value) => total + Math.exp(value), 0) * step ** latent;
}

const plain = (latent: number): VaeSpec => ({ input: [6], latent, encoder: [], decoder: [] });
const mixtureOf = (components: number, latent: number): Built =>
  build(
    { ...plain(latent), prior: { type: 'mixture', components } },
    {
      'prior.logit': randomNormal([components], 1).values,
      'prior.mean': randomNormal([components, latent], 2, 2).values,
      'prior.log_variance': randomNormal([components, latent], 3, 0.5).values,
    },
  );

test.describe('mixture', () => {
  for (const [components, latent] of [
    [1, 3],
    [5, 1],
    [7, 4],
  ] as const)
    test(`${components} components, K = ${latent}: density and samples`, async () => {
      const built = mixtureOf(components, latent);
      const [logits, means, s] = [
        weightsOf(built, 'prior.logit'),
        rowsOf(weightsOf(built, 'prior.mean'), latent),
        rowsOf(weightsOf(built, 'prior.log_variance'), latent),
      ];
      const logShares = logits.map((value) => value - logSum(logits));
      const z = randomNormal([33, latent], 4, 2);
      const expected = Array.from({ length: 33 }, (_, row) =>
        logSum(logShares.map((share, m) => share + normal(rowOf(z, row), means[m]!, s[m]!))),
      );
      const error = scaledError(await densities(built, z), expected);
      test.info().annotations.push({ type: 'log p(z)', description: error.toExponential(1) });
      holdTo('prior mixture', 'log p(z) in float64', error, TOLERANCE);

      const noise = randomNormal([200, latent + 1], 5);
      const drawn = await run(built, noise, (x) => built.model.prior.draw(x));
      const chosen = new Set<number>();
      const samples = Array.from({ length: 200 }, (_, row) => {
        const values = rowOf(noise, row);
        let left = (1 + erf(values[latent]! / Math.SQRT2)) / 2;
        let m = 0;
        while (m < components - 1 && left > Math.exp(logShares[m]!)) left -= Math.exp(logShares[m++]!);
        chosen.add(m);
        return means[m]!.map((mean, k) => mean + Math.exp(s[m]![k]! / 2) * values[k]!);
      });
      expect(chosen.size).toBe(components); // all of them are drawn
      expect(scaledError(drawn, samples.flat())).toBeLessThan(TOLERANCE);
    });

  test('its integral is 1', async () => {
    const [line, plane] = [await integral(mixtureOf(5, 1), 1, 0.02), await integral(mixtureOf(4, 2), 2, 0.2)];
    test.info().annotations.push({
      type: 'off by',
      description: `${(line - 1).toExponential(1)}, ${(plane - 1).toExponential(1)}`,
    });
    expect(Math.abs(line - 1)).toBeLessThan(1e-5);
    holdTo('prior mixture', 'its integral is 1', Math.abs(plane - 1), 1e-5);
  });

  test('one component N(0, I) is the standard normal prior', async () => {
    const device = await nodeDevice();
    const spec = { ...plain(3), prior: { type: 'mixture', components: 1 } } as const;
    const vae = await Vae.create(spec, { device });
    const prior = vae.model.weights.set.entries.find(({ name }) => name === 'prior.mean')!;
    device.gpu.queue.writeBuffer(vae.weightBuffer, 4 * prior.offset, new Float32Array(3));
    const { spec: complete, model } = vae;
    const standard = new Model({ ...complete, prior: { type: 'standard-normal' } });
    const z = randomNormal([40, 3], 6, 2);
    const flat = await vae.readWeights();
    const own = await densities({ model, flat }, z);
    const other = await densities({ model: standard, flat: flat.slice(0, standard.weights.set.length) }, z);
    expect(scaledError(own, other)).toBeLessThan(TOLERANCE);
    vae.destroy();
  });
});

test.describe('vamp', () => {
  const spec = (posterior: 'diagonal' | 'full', latent: number): VaeSpec => ({
    input: [6],
    latent,
    posterior,
    decoder: [],
    encoder: [{ type: 'dense', units: 5, activation: 'tanh' }],
    prior: { type: 'vamp', pseudoInputs: 4 },
  });

  test('its density is the mixture of the posteriors of its pseudo-inputs', async () => {
    const K = 3;
    const built = build(spec('diagonal', K));
    const dense = (x: readonly number[], name: string): number[] => {
      const bias = weightsOf(built, `${name}.bias`);
      const weight = rowsOf(weightsOf(built, `${name}.weight`), bias.length);
      return bias.map((b, j) => x.reduce((total, value, i) => total + value * weight[i]![j]!, b));
    };
    const components = rowsOf(weightsOf(built, 'prior.pseudo_inputs'), 6).map((x) =>
      dense(dense(x, 'encoder.0').map(Math.tanh), 'moments'),
    );
    const z = randomNormal([33, K], 7, 2);
    const expected = Array.from(
      { length: 33 },
      (_, row) =>
        logSum(components.map((m) => normal(rowOf(z, row), m.slice(0, K), m.slice(K)))) - Math.log(4),
    );
    const error = scaledError(await densities(built, z), expected);
    test.info().annotations.push({ type: 'log p(z)', description: error.toExponential(1) });
    holdTo('prior vamp', 'log p(z) in float64', error, TOLERANCE);

    const noise = randomNormal([60, K + 1], 8);
    const drawn = await run(built, noise, (x) => built.model.prior.draw(x));
    const samples = Array.from({ length: 60 }, (_, row) => {
      const values = rowOf(noise, row);
      const m = components[Math.floor(2 * (1 + erf(values[K]! / Math.SQRT2)))]!;
      return values.slice(0, K).map((value, k) => m[k]! + Math.exp(m[K + k]! / 2) * value);
    });
    expect(scaledError(drawn, samples.flat())).toBeLessThan(TOLERANCE);
  });

  for (const posterior of ['diagonal', 'full'] as const)
    test(`its integral is 1, with ${posterior} posteriors`, async () => {
      const total = await integral(build(spec(posterior, 2)), 2, 0.2);
      test.info().annotations.push({ type: 'off by', description: (total - 1).toExponential(1) });
      holdTo('prior vamp', 'its integral is 1', Math.abs(total - 1), 1e-5);
    });
});

const tiny: Dataset = { rows: 40, shape: [6], values: float32(randomUniform([40, 6], 11, 0, 1)) };
const network = [{ type: 'dense', units: 5, activation: 'tanh' }] as const;
const trained: Record<string, VaeSpec['prior']> = {
  mixture: { type: 'mixture', components: 3 },
  vamp: { type: 'vamp', pseudoInputs: 4 },
  'two levels': { type: 'hierarchical', latent: 2, encoder: network, decoder: network },
  'two levels under a vamp': {
    type: 'hierarchical',
    latent: 2,
    encoder: network,
    decoder: network,
    prior: 'vamp',
  },
};

for (const [name, prior] of Object.entries(trained))
  test(`${name}: trains, is saved and loaded, samples`, async () => {
    const device = await nodeDevice();
    const spec: VaeSpec = { ...plain(3), encoder: network, ...(prior && { prior }) };
    const vae = await Vae.create(spec, { device, seed: 2 });
    const start = await vae.readWeights();
    const before = await vae.evaluate(tiny, { samples: 8 });
    await vae.train(tiny, { batchSize: 16, epochs: 6, learningRate: 0.02 });
    const after = await vae.evaluate(tiny, { samples: 8 });
    expect(after.elbo).toBeGreaterThan(before.elbo + 0.1);
    const end = await vae.readWeights();
    for (const { name: weight, offset } of vae.model.weights.set.entries)
      expect(end[offset], `${weight} learns`).not.toBe(start[offset]);
    const again = await Vae.load(await vae.save(), { device });
    expect(again.spec).toEqual(vae.spec);
    expect(await again.evaluate(tiny, { samples: 8 })).toEqual(after);
    expect(await again.sample(4, { seed: 1 })).toEqual(await vae.sample(4, { seed: 1 }));
    for (const model of [vae, again]) model.destroy();
  });

test('estimators that know the encoder in log q alone refuse a prior that it is part of', async () => {
  const vae = await Vae.create({ ...plain(3), prior: 'vamp' }, { device: await nodeDevice() });
  for (const [estimator, words] of [
    [{ type: 'score-function' }, 'score-function'],
    [{ type: 'iwae', doubly: true }, 'iwae with doubly'],
  ] as const)
    await expect(vae.train(tiny, { batchSize: 20, epochs: 1, samples: 2, estimator })).rejects.toThrow(
      `[estimator] ${words} needs a prior that the encoder has no part in, and vamp has; use another estimator or prior`,
    );
  await vae.train(tiny, { batchSize: 20, epochs: 1, samples: 2, estimator: { type: 'iwae' } });
  vae.destroy();
});
