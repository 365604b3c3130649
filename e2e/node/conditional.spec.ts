/**
 * Plan: models with a condition. The bound and every gradient of a fed batch against float64 central differences (axes:
 * the prior, N(0, I) or one of the condition's own; the estimator, two samples). Data and condition of a row stay together
 * under the shuffle, in batches that are not full too: a model that only copies its condition reconstructs one-hot data
 * exactly in every step, and a control with turned labels does not. p(z | c) is drawn with its moments. An image's
 * condition comes as channels: as the same encoder without condition on such channels. Files keep everything; what does not
 * belong together is refused. A trained model draws the class that it is asked for.
 */
import { expect, test } from '@playwright/test';
import { readSafetensors, writeSafetensors } from '../../src/vae/checkpoint/safetensors.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import { stepGradient } from '../gradients.js';
import { float32, loadModel, scaledError } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { conditionalTerms, priorMoments } from '../reference/conditional.js';
import { centralDifference } from '../reference/difference.js';
import { fromValues, randomNormal, randomUniform, zeros, type F64 } from '../reference/tensor.js';
import type { Parameters } from '../reference/vae.js';
import { holdTo } from '../truth.js';

/** Of a gradient, in units of its tensor's largest, and of a term, relative: float32 sums of at most 30 terms. */
const TOLERANCE = 1e-5;

const [D, C, K, H] = [5, 3, 2, 4];
const layer = { type: 'dense', units: H, activation: 'tanh' } as const;
const base: VaeSpec = {
  input: [D],
  latent: K,
  encoder: [layer],
  decoder: [layer],
  condition: { classes: C },
};
const withPrior: VaeSpec = { ...base, prior: { type: 'conditional', layers: [layer] } };

function parametersOf(spec: VaeSpec): Parameters {
  const linear = (name: string, inputs: number, outputs: number): [string, number[]][] => [
    [`${name}.weight`, [outputs, inputs]],
    [`${name}.bias`, [outputs]],
  ];
  const shapes = [
    ...linear('encoder.0', D + C, H),
    ...linear('mean', H, K),
    ...linear('log_variance', H, K),
    ...linear('decoder.0', K + C, H),
    ...linear('decoder.2', H, D),
    ...(spec.prior ? [...linear('prior.0', C, H), ...linear('prior.moments', H, 2 * K)] : []),
  ];
  return new Map(shapes.map(([name, shape], index) => [name, randomUniform(shape, 50 + index, -0.8, 0.8)]));
}

function oneHot(labels: readonly number[], classes: number): F64 {
  const result = zeros([labels.length, classes]);
  labels.forEach((label, row) => (result.values[row * classes + label] = 1));
  return result;
}

test.describe('a fed batch against float64', () => {
  const labels = [2, 0, 0, 1];
  const [B, S] = [labels.length, 2];
  const x = randomUniform([B, D], 1, 0, 1);
  const noise = randomNormal([S * B, K], 2);
  for (const [name, spec] of Object.entries({ 'N(0, I)': base, 'a prior of its own': withPrior }))
    for (const estimator of ['A', 'B'] as const)
      test(`${name}, estimator ${estimator}`, async () => {
        const parameters = parametersOf(spec);
        const data = { x, noise, condition: oneHot(labels, C) };
        const options = { estimator, ownPrior: spec === withPrior };
        const expected = conditionalTerms(parameters, data, options);
        const batch = { x: float32(x), noise: float32(noise), labels };
        const settings = { batchSize: B, samples: S, estimator };
        const { gradients, terms } = await stepGradient(spec, parameters, batch, settings);
        for (const term of ['elbo', 'reconstruction', 'kl'] as const)
          holdTo(
            spec === withPrior ? 'prior conditional' : 'prior standard-normal',
            'terms in float64',
            scaledError([terms[term]], [expected[term]]),
            TOLERANCE,
          );
        let worst = 0;
        for (const [tensor, values] of parameters) {
          const loss = (): number => -conditionalTerms(parameters, data, options).elbo;
          const error = scaledError(gradients.get(tensor)!.values, centralDifference(loss, values).values);
          worst = Math.max(worst, error);
        }
        const member = spec === withPrior ? 'prior conditional' : 'condition';
        holdTo(member, 'float64 differences, of the largest gradient', worst, TOLERANCE);
      });
});

test.describe('data and condition of a row stay together', () => {
  const [classes, rows] = [6, 50];
  const labels = Uint8Array.from({ length: rows }, (_, i) => (i * i + (i >> 2)) % classes);
  const data: Dataset = { rows, shape: [classes], labels, values: float32(oneHot([...labels], classes)) };
  const spec: VaeSpec = {
    input: [classes],
    latent: 1,
    encoder: [],
    decoder: [],
    posterior: 'deterministic',
    likelihood: { type: 'gaussian', scale: 1 },
    condition: { classes },
  };
  /** The decoder's output is its condition. */
  const identity = zeros([classes, 1 + classes]);
  for (let i = 0; i < classes; i++) identity.values[i * (1 + classes) + 1 + i] = 1;
  const copies: Parameters = new Map([
    ['mean.weight', zeros([1, 2 * classes])],
    ['mean.bias', zeros([1])],
    ['decoder.0.weight', identity],
    ['decoder.0.bias', zeros([classes])],
  ]);
  /** log N(0; 0, 1) of every pixel. */
  const exact = (-classes / 2) * Math.log(2 * Math.PI);

  /** Distance of each step's reconstruction from the exact one; evaluation's comes last. */
  async function gaps(rowsOfLabels: Uint8Array): Promise<number[]> {
    const vae = await loadModel(spec, copies, await nodeDevice());
    const labelled = { ...data, labels: rowsOfLabels };
    const trainer = await vae.trainer(labelled, {
      batchSize: 7,
      learningRate: 1e-30,
      optimizer: { type: 'sgd' },
    });
    for (let step = 0; step < 2 * trainer.stepsPerEpoch; step++) await trainer.step();
    const terms = await trainer.terms();
    trainer.destroy();
    const { reconstruction } = await vae.evaluate(labelled, { batchSize: 7 });
    vae.destroy();
    return [...terms.map((term) => term.reconstruction), reconstruction].map((value) => exact - value);
  }

  test('shuffled, in batches that are not full, and in evaluation', async () => {
    const found = await gaps(labels);
    expect(found).toHaveLength(17); // 2 x 8 steps of 7 rows, the last of 1
    const gap = Math.max(...found.map(Math.abs));
    holdTo('condition', 'every row meets its own class, nats', gap, 1e-5);
  });

  test('control: labels of the row before are not theirs', async () => {
    const turned = labels.map((_, i) => labels[(i + 1) % rows]!);
    expect(Math.max(...(await gaps(turned)))).toBeGreaterThan(0.1);
  });
});

test('p(z | c) is drawn with its moments', async () => {
  const parameters = parametersOf(withPrior);
  const device = await nodeDevice();
  const vae = await loadModel(withPrior, parameters, device);
  const plain = await loadModel(base, parametersOf(base), device);
  const labels = [0, 1, 2, 2, 1];
  const noise = await plain.sampleLatents(labels.length, { seed: 4 });
  const z = await vae.sampleLatents(labels.length, { seed: 4, labels });
  const moments = priorMoments(parameters, oneHot(labels, C));
  const expected = Array.from(z, (_, i) => {
    const [row, k] = [Math.floor(i / K), i % K];
    const s = moments.values[row * 2 * K + K + k]!;
    return moments.values[row * 2 * K + k]! + Math.exp(s / 2) * noise[i]!;
  });
  expect(scaledError(z, expected)).toBeLessThan(TOLERANCE);
  expect(await vae.sample(5, { seed: 4, labels })).toEqual(await vae.decode(z, { labels }));
  vae.destroy();
  plain.destroy();
});

test("an image's condition comes as channels of the encoder", async () => {
  const device = await nodeDevice();
  const encoder = [
    { type: 'conv', channels: 4, kernel: 3, stride: 2, padding: 1 },
    { type: 'flatten' },
  ] as const;
  const decoder = [{ type: 'dense', units: 8, activation: 'relu' }] as const;
  const spec: VaeSpec = { input: [4, 6, 2], latent: 3, encoder, decoder, condition: { classes: C } };
  const vae = await Vae.create(spec, { device, seed: 3 });
  const wide: VaeSpec = { input: [4, 6, 2 + C], latent: 3, encoder, decoder };
  const other = await Vae.create(wide, { device });
  const own = (await readSafetensors(await vae.save())).tensors;
  const { tensors, metadata } = await readSafetensors(await other.save());
  const mixed = [...tensors].map(([name, tensor]) => {
    const { shape, values } = /^(encoder|mean|log_variance)\./.test(name) ? own.get(name)! : tensor;
    return [name, { shape, values: Float32Array.from(values as Float32Array) }] as const;
  });
  const plain = await Vae.load(await writeSafetensors(new Map(mixed), Object.fromEntries(metadata)), {
    device,
  });
  const labels = [1, 0, 2];
  const x = float32(randomUniform([3, 48], 5, 0, 1));
  const planes = Float32Array.from({ length: 3 * 24 * (2 + C) }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / (2 + C)), i % (2 + C)];
    if (channel < 2) return x[pixel * 2 + channel]!;
    return labels[Math.floor(pixel / 24)] === channel - 2 ? 1 : 0;
  });
  const expected = await plain.encode(planes);
  const actual = await vae.encode(x, { labels });
  expect(scaledError(actual.mean, expected.mean)).toBeLessThan(TOLERANCE);
  expect(scaledError(actual.logVariance, expected.logVariance)).toBeLessThan(TOLERANCE);
  expect(scaledError((await vae.encode(x, { labels: [0, 1, 2] })).mean, expected.mean)).toBeGreaterThan(1e-3);
  for (const model of [vae, other, plain]) model.destroy();
});

test('a file keeps the condition and its prior', async () => {
  const device = await nodeDevice();
  const vae = await Vae.create(withPrior, { device, seed: 5 });
  const copy = await Vae.load(await vae.save(), { device });
  expect(copy.spec).toEqual(vae.spec);
  expect(copy.spec.condition).toEqual({ classes: C });
  const options = { seed: 1, labels: [0, 1, 2] };
  expect(await copy.sample(3, options)).toEqual(await vae.sample(3, options));
  const names = [...(await readSafetensors(await vae.save())).tensors.keys()];
  expect(names).toContain('prior.0.weight');
  expect(names).toContain('prior.moments.bias');
  vae.destroy();
  copy.destroy();
});

test('a trained model draws the class that it is asked for', async () => {
  const [rows, size] = [60, 6];
  const labels = Uint8Array.from({ length: rows }, (_, i) => i % C);
  const random = randomUniform([rows, size], 9, 0, 0.3);
  const values = float32(
    fromValues(
      [rows, size],
      random.values.map((v, i) => (Math.floor((i % size) / 2) === labels[Math.floor(i / size)] ? 1 - v : v)),
    ),
  );
  const spec: VaeSpec = { ...withPrior, input: [size] };
  const vae = await Vae.create(spec, { device: await nodeDevice(), seed: 2 });
  const data = { rows, shape: [size], values, labels };
  await vae.train(data, { epochs: 40, batchSize: rows, learningRate: 0.05 });
  const asked = Array.from({ length: 30 }, (_, i) => i % C);
  const drawn = await vae.sample(30, { seed: 3, labels: asked });
  const found = asked.map((_, row) => {
    const pixels = drawn.subarray(row * size, (row + 1) * size);
    return Math.floor(pixels.indexOf(Math.max(...pixels)) / 2);
  });
  expect(found).toEqual(asked);
  vae.destroy();
});

test.describe('what does not belong together is refused', () => {
  const rows = (count: number): Float32Array => new Float32Array(count * D);
  const data = (labels?: readonly number[]): Dataset => ({
    rows: 2,
    shape: [D],
    values: rows(2),
    ...(labels && { labels: Uint8Array.from(labels) }),
  });
  const refusals: Record<string, readonly [VaeSpec, (vae: Vae) => unknown, string]> = {
    'data without labels': [
      base,
      (vae) => vae.train(data(), { epochs: 1, batchSize: 2 }),
      '[data] has no labels; a model with spec.condition needs one a row',
    ],
    'a label past the classes': [
      base,
      (vae) => vae.evaluate(data([0, 3])),
      '[data.labels[1]] is 3; spec.condition has 3 classes; expected 0 to 2',
    ],
    'samples without labels': [
      base,
      (vae) => vae.sample(2),
      '[decode] got no labels, and the model has a condition',
    ],
    'a draw of p(z | c) without labels': [withPrior, (vae) => vae.sampleLatents(2), '[prior] got no labels'],
    'too few labels': [base, (vae) => vae.sample(2, { labels: [1] }), '[decode] got 1 labels for 2 rows'],
    'labels for a model without condition': [
      { ...base, condition: undefined } as unknown as VaeSpec,
      (vae) => vae.encode(rows(1), { labels: [0] }),
      '[encode] got labels, and the model has no condition',
    ],
    'a label that is no class': [
      base,
      (vae) => vae.encode(rows(1), { labels: [0.5] }),
      '[encode: label 0] is 0.5',
    ],
  };
  for (const [name, [spec, call, message]] of Object.entries(refusals))
    test(name, async () => {
      const vae = await Vae.create(spec, { device: await nodeDevice() });
      await expect((async () => call(vae))()).rejects.toThrow(message);
      vae.destroy();
    });

  const specs: Record<string, readonly [Partial<Record<keyof VaeSpec, unknown>>, string]> = {
    'a prior of a condition that is not there': [
      { condition: undefined, prior: { type: 'conditional', layers: [] } },
      '[spec.prior] conditional is p(z | c), and the model has no condition',
    ],
    'a prior beside a point posterior': [
      { posterior: 'deterministic', prior: { type: 'conditional', layers: [] } },
      '[spec.prior] is conditional, and a deterministic posterior has no KL',
    ],
    'no classes': [{ condition: { classes: 0 } }, '[spec.condition.classes] is 0'],
  };
  for (const [name, [change, message]] of Object.entries(specs))
    test(name, async () => {
      const spec = { ...base, ...change } as VaeSpec;
      await expect((async () => Vae.create(spec, { device: await nodeDevice() }))()).rejects.toThrow(message);
    });
});
