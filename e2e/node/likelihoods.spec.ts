/**
 * Plan: the likelihoods that are composed of ops, each by five truths.
 * - the rows' log density and its gradients (by the decoder's output and by what is learned) against float64 formulas
 *   and their central differences, two samples a datum, ordinary and extreme numbers of the decoder;
 * - masses over the whole support sum to 1, and the density integrates to 1;
 * - special cases that another formula knows: one component of equal ones, two classes as Bernoulli, alpha = beta = 1;
 * - what `mean` shows is the mean of the masses;
 * - a small model trains and its bound rises, is saved, loaded and gives the same pictures; a decoder of images ends in as many channels as needed.
 */
import { expect, test } from '@playwright/test';
import { gradient, input, likelihood, multiply, sum, type Tensor } from 'webgpu-vae/gpu';
import { buildLikelihood } from '../../src/vae/likelihoods/likelihood.js';
import { outputsPerElement } from '../../src/vae/likelihoods/likelihood-spec.js';
import { convSpec, denseSpec } from '../../src/vae/presets.js';
import type { LikelihoodSpec } from '../../src/vae/spec.js';
import { bitsPerDimension } from '../../src/vae/metrics/bits.js';
import { Vae } from '../../src/vae/vae.js';
import { WeightFactory } from '../../src/vae/weights.js';
import { evaluate, largest } from '../evaluate.js';
import { nodeDevice } from '../node-device.js';
import { centralDifference } from '../reference/difference.js';
import * as reference from '../reference/density.js';
import { fromValues, map, randomNormal, randomUniform, type F64 } from '../reference/tensor.js';
import { tolerances } from '../tolerance.js';
import { holdTo } from '../truth.js';

interface Row {
  readonly name: string;
  readonly spec: LikelihoodSpec;
  readonly density: (x: number, parameters: readonly number[], learned: number) => reference.Density;
  /** Data of a shape. */
  readonly data: (shape: readonly number[], seed: number) => F64;
  /** Every value that has a mass worth adding up, or points of an integral, `step` apart. */
  readonly support: readonly number[];
  readonly step?: number;
  /** Numbers of the decoder far out, one set an element. */
  readonly extremes: readonly (readonly number[])[];
}

/** The first and the last level, then any. */
const levels = (shape: readonly number[], seed: number): F64 =>
  map(randomUniform(shape, seed, 0, 256), (value, i) => (i < 2 ? i : Math.fround(Math.floor(value) / 255)));
const counts = (shape: readonly number[], seed: number): F64 =>
  map(randomUniform(shape, seed, 0, 12), (value) => Math.floor(value));
const allLevels = Array.from({ length: 256 }, (_, level) => Math.fround(level / 255));
const logistic = { type: 'discretized-logistic-mixture' } as const;

const rows: readonly Row[] = [
  {
    name: 'gaussian of the decoder',
    spec: { type: 'gaussian', scale: 'decoder' },
    density: reference.gaussian,
    data: (shape, seed) => randomNormal(shape, seed),
    support: Array.from({ length: 1201 }, (_, i) => -30 + 0.05 * i).map(Math.fround),
    step: 0.05,
    extremes: [
      [0.5, -4],
      [-3, 3],
    ],
  },
  ...[1, 3].map((components): Row => ({
    name: `discretized logistic mixture of ${components}`,
    spec: { ...logistic, components },
    density: reference.discretizedLogisticMixture,
    data: levels,
    support: allLevels,
    // sharp in a bin, between two, at and beyond both ends, and as flat as uniform
    extremes: [
      [0.2, -6.9],
      [-1, -5],
      [1.3, -3],
      [0, 6],
    ].map(([mean, logScale]) =>
      components === 1 ? [mean!, logScale!] : [2, -1, -30, mean!, 0.1, 5, logScale!, -2, -6],
    ),
  })),
  {
    name: 'categorical of 5 classes',
    spec: { type: 'categorical', classes: 5 },
    density: reference.categorical,
    data: (shape, seed) => map(randomUniform(shape, seed, 0, 5), Math.floor),
    support: [0, 1, 2, 3, 4],
    extremes: [[50, -50, 0, 49, 3]],
  },
  ...(['exp', 'softplus'] as const).map((mean): Row => ({
    name: `negative binomial with a mean by ${mean}`,
    spec: { type: 'negative-binomial', mean },
    density: reference.negativeBinomial(mean),
    data: counts,
    support: Array.from({ length: 600 }, (_, count) => count),
    extremes: [[2.5], [-12], [1.5]],
  })),
  {
    name: 'beta-binomial',
    spec: { type: 'beta-binomial' },
    density: reference.betaBinomial,
    data: levels,
    support: allLevels,
    extremes: [
      [5, 5],
      [-4, 3],
      [-3, -3],
      [0, 0],
    ],
  },
];

/**
 * Error of a sum of masses: the logarithm of one is a sum of at most 9 terms (those of a beta-binomial), the largest of
 * them log Gamma(658) + log Gamma(403) = 5,600, of float32's 2^-24 each.
 */
const MASS_ERROR = 9 * 5600 * 2 ** -24;

const [S, B, D] = [2, 3, 4];

interface Built {
  readonly value: Tensor;
  readonly mean: Tensor;
  readonly output: Tensor;
  readonly parameters: WeightFactory['set'];
}

/** The graph of a likelihood of `width` elements, on outputs of `rowCount` rows and `batch` data. */
function built(spec: LikelihoodSpec, rowCount: number, batch: number, width: number): Built {
  const weights = new WeightFactory();
  const distribution = buildLikelihood(spec, weights, [width]);
  const output = input('output', [rowCount, width * outputsPerElement(spec)]);
  return {
    value: distribution.logDensity(output, input('x', [batch, width])),
    mean: distribution.mean(output),
    output,
    parameters: weights.set,
  };
}

/** The likelihoods of one kernel, whose values and gradients are held to float64 in e2e/cases/likelihood.ts. */
const simple: readonly { spec: LikelihoodSpec; support: readonly number[]; step: number }[] = [
  { spec: { type: 'bernoulli' }, support: [0, 1], step: 1 },
  ...(['gaussian', 'laplace'] as const).map((type) => ({
    spec: { type, scale: 0.5 },
    support: Array.from({ length: 4001 }, (_, i) => Math.fround(0.005 * (i - 2000))),
    step: 0.005,
  })),
];

for (const { spec, support, step } of simple)
  test(`${spec.type}: its masses sum to 1`, async () => {
    const n = support.length;
    const graph = built(spec, n, n, 1);
    const { outputs } = await evaluate(await nodeDevice(), {
      label: spec.type,
      outputs: { value: graph.value },
      inputs: { output: fromValues([n, 1], Array<number>(n).fill(0.25)), x: fromValues([n, 1], support) },
    });
    const total = outputs['value']!.reduce((sum_, value) => sum_ + step * Math.exp(value), 0);
    // the kink of Laplace costs the sum over points step^2 / (12 b^2)
    holdTo(`likelihood ${spec.type}`, 'all masses sum to 1', Math.abs(total - 1), 2e-5);
  });

for (const { name, spec, density, data, support, step = 1, extremes } of rows) {
  const P = outputsPerElement(spec);

  test(`${name}: value and gradients`, async () => {
    const graph = built(spec, S * B, B, D);
    const output = randomNormal([S * B, D * P], 1);
    extremes.forEach((set, i) => output.values.set(set.map(Math.fround), i * P));
    const [x, cotangent] = [data([B, D], 2), randomNormal([S * B], 3)];
    const learned = randomNormal([D], 4, 0.5);
    const weightTensors = graph.parameters.entries.map(({ tensor }) => tensor);
    const loss = sum(multiply(graph.value, input('cotangent', cotangent.shape)));
    const [outputGradient, ...weightGradients] = gradient(loss, [graph.output, ...weightTensors]);

    const densities = (): reference.Density[][] =>
      Array.from({ length: S * B }, (_, row) =>
        Array.from({ length: D }, (__, column) => {
          const first = (row * D + column) * P;
          const own = [...output.values.subarray(first, first + P)];
          return density(x.values[(row % B) * D + column]!, own, learned.values[column]!);
        }),
      );
    const objective = (): number =>
      densities().reduce(
        (total, row, i) => total + cotangent.values[i]! * row.reduce((a, { value }) => a + value, 0),
        0,
      );
    const flat = new Float32Array(Math.max(4, graph.parameters.length));
    flat.set(learned.values);
    const { outputs } = await evaluate(await nodeDevice(), {
      label: name,
      outputs: {
        value: graph.value,
        outputGradient: outputGradient!,
        ...Object.fromEntries(weightGradients.map((tensor, i) => [`weight${i}`, tensor])),
      },
      inputs: { output, x, cotangent },
      parameters: graph.parameters,
      weights: flat,
    });
    densities().forEach((row, i) => {
      const [value, magnitude] = row.reduce(
        ([v, m], element) => [v + element.value, m + element.magnitude] as const,
        [0, 0] as readonly [number, number],
      );
      const error = Math.abs(outputs['value']![i]! - value);
      expect(error, `row ${i}: ${outputs['value']![i]} for ${value}`).toBeLessThan(
        tolerances.network(magnitude),
      );
    });
    expectGradient('output', outputs['outputGradient']!, centralDifference(objective, output));
    weightGradients.forEach((_, i) =>
      expectGradient('weight', outputs[`weight${i}`]!, centralDifference(objective, learned)),
    );
    expect(weightGradients.length).toBe(spec.type === 'negative-binomial' ? 1 : 0);
  });

  test(`${name}: its masses sum to 1, and their mean is the mean`, async () => {
    const sets = [...extremes, [...randomNormal([P], 9).values]];
    for (const set of sets) {
      const n = support.length;
      const graph = built(spec, n, n, 1);
      const { outputs } = await evaluate(await nodeDevice(), {
        label: name,
        outputs: { value: graph.value, mean: graph.mean },
        inputs: {
          output: fromValues([n, P], Array.from({ length: n }, () => set.map(Math.fround)).flat()),
          x: fromValues([n, 1], support),
        },
        parameters: graph.parameters,
      });
      const masses = Array.from(outputs['value']!, (value) => step * Math.exp(value));
      const total = masses.reduce((a, b) => a + b, 0);
      holdTo(`likelihood ${spec.type}`, 'all masses sum to 1', Math.abs(total - 1), MASS_ERROR);
      expectMean(spec, outputs['mean']![0]!, support, masses);
    }
  });
}

/** Of a mixture only where no mass is cut off: its mean is that of the logistics before they are cut. */
function expectMean(
  { type }: LikelihoodSpec,
  actual: number,
  support: readonly number[],
  masses: readonly number[],
): void {
  if (type === 'categorical') return expect(actual).toBe(masses.indexOf(Math.max(...masses)));
  const mean = masses.reduce((total, mass, i) => total + mass * support[i]!, 0);
  if (type === logistic.type && masses[0]! + masses[255]! > 1e-4) return;
  expect(Math.abs(actual - mean)).toBeLessThan(4e-3 * Math.max(1, Math.abs(mean)));
}

function expectGradient(name: string, actual: Float32Array, { values }: F64): void {
  const allowed = tolerances.secondDerivative(Math.max(1, largest(values)));
  const wrong = values.findIndex((value, i) => !(Math.abs(actual[i]! - value) <= allowed));
  expect(wrong, `${name}[${wrong}] is ${actual[wrong]}; expected ${values[wrong]} within ${allowed}`).toBe(
    -1,
  );
  expect(actual.length).toBe(values.length);
}

/** log p of single elements. */
async function valuesOf(
  spec: LikelihoodSpec,
  sets: readonly number[][],
  x: readonly number[],
): Promise<Float32Array> {
  const graph = built(spec, x.length, x.length, 1);
  const { outputs } = await evaluate(await nodeDevice(), {
    label: 'special case',
    outputs: { value: graph.value },
    inputs: {
      output: fromValues([x.length, outputsPerElement(spec)], sets.flat()),
      x: fromValues([x.length, 1], x),
    },
  });
  return outputs['value']!;
}

test('equal components are one logistic, whatever their weights', async () => {
  const x = [0, 17, 128, 254, 255].map((level) => Math.fround(level / 255));
  const one = await valuesOf(
    { ...logistic, components: 1 },
    x.map(() => [0.25, -3]),
    x,
  );
  const two = await valuesOf(
    { ...logistic, components: 2 },
    x.map(() => [1, -2, 0.25, 0.25, -3, -3]),
    x,
  );
  one.forEach((value, i) =>
    expect(Math.abs(value - two[i]!)).toBeLessThan(tolerances.network(10 + Math.abs(value))),
  );
});

test('two classes are a Bernoulli of the difference of their logits', async () => {
  const sets = [0.3, -2, 5].map((logit) => [0.5, 0.5 + logit].map(Math.fround));
  const classes = await valuesOf({ type: 'categorical', classes: 2 }, sets, [1, 0, 1]);
  const value = likelihood('bernoulli', input('logits', [3, 1]), input('x', [3, 1]));
  const logits = fromValues(
    [3, 1],
    sets.map(([a, b]) => Math.fround(b! - a!)),
  );
  const { outputs } = await evaluate(await nodeDevice(), {
    label: 'bernoulli',
    outputs: { value },
    inputs: { logits, x: fromValues([3, 1], [1, 0, 1]) },
  });
  classes.forEach((mass, i) => expect(Math.abs(mass - outputs['value']![i]!)).toBeLessThan(1e-5));
});

test('a beta-binomial of alpha = beta = 1 is uniform', async () => {
  const values = await valuesOf(
    { type: 'beta-binomial' },
    allLevels.map(() => [0, 0]),
    allLevels,
  );
  for (const value of values) expect(Math.abs(value + Math.log(256))).toBeLessThan(1e-3);
});

test('bits per dimension of 256 equal levels are 8', () => {
  expect(bitsPerDimension(-784 * Math.log(256), 784)).toBeCloseTo(8, 12);
});

for (const { name, spec, data } of rows)
  test(`${name}: a small model trains, and its file holds it`, async () => {
    const device = await nodeDevice();
    const model = denseSpec({ input: [3, 3, 1], latent: 2, hidden: 8, likelihood: spec });
    const vae = await Vae.create(model, { device, seed: 1 });
    const values = Float32Array.from(data([8, 9], 5).values);
    const dataset = { rows: 8, shape: [3, 3, 1], values };
    const before = await vae.evaluate(dataset);
    await vae.train(dataset, { epochs: 30, batchSize: 8, learningRate: 0.01 });
    const after = await vae.evaluate(dataset);
    expect(after.elbo).toBeGreaterThan(before.elbo + 0.5);
    const loaded = await Vae.load(await vae.save(), { device });
    expect(await loaded.reconstruct(values)).toEqual(await vae.reconstruct(values));
    expect((await vae.sample(3)).length).toBe(27);
    loaded.destroy();
    vae.destroy();
  });

test('a decoder of images ends in the channels that a likelihood needs', async () => {
  const likelihoodOf = { ...logistic, components: 2 };
  const spec = convSpec({ input: [8, 8, 3], hidden: 8, latent: 2, likelihood: likelihoodOf });
  const device = await nodeDevice();
  const vae = await Vae.create(spec, { device });
  const values = Uint8Array.from({ length: 2 * 192 }, (_, i) => (37 * i) % 256);
  const { elbo } = await vae.evaluate({ rows: 2, shape: [8, 8, 3], values });
  expect(bitsPerDimension(elbo, 192)).toBeGreaterThan(5);
  expect(bitsPerDimension(elbo, 192)).toBeLessThan(20);
  vae.destroy();
  const { likelihood: _, ...plain } = convSpec({ input: [8, 8, 3], hidden: 8, latent: 2 });
  await expect(Vae.create({ ...plain, likelihood: likelihoodOf }, { device })).rejects.toThrow(
    "[spec.decoder[4]] the decoder ends in [8, 8, 3]; expected a datum's [8, 8, 3] with 6 channels for one, as the discretized-logistic-mixture likelihood needs, [8, 8, 18]; change its layers, or end in a vector, which gets a dense output",
  );
});
