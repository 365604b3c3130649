/**
 * Plan: the vector-quantised posterior.
 * | what                | truth                                                                                 |
 * | loss and terms      | float64 over the valid rows, nearest codewords by search                              |
 * | gradients           | codebook and encoder: differences of the losses that each of them learns from         |
 * | latents, samples    | every group is a row of the codebook, the nearest one; the uniform prior uses them all |
 * | prior fitted after  | shares counted by hand; its samples have them                                         |
 * | moving averages     | float64 over six steps, batches partial; the loss without the codebook's; the file    |
 */
import { expect, test } from '@playwright/test';
import { readBuffer } from '../../src/gpu/readback.js';
import { Vae } from '../../src/vae/vae.js';
import { fitCodePrior } from '../../src/vae/samplers/code-prior.js';
import { loadModel, randomParameters, readParameters, scaledError } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { differences, gradientError, runObjective, validRows } from '../objective-run.js';
import { codewords, follow, type Averages } from '../reference/moving-codebook.js';
import { epochOrder } from '../reference/permutation.js';
import { encodedMean, networksOf, quantized } from '../reference/scores.js';
import { fromValues, randomUniform, type F64 } from '../reference/tensor.js';
import type { DenseVaeSpec, Parameters } from '../reference/vae.js';
import { holdTo } from '../truth.js';

const VALUE_TOLERANCE = 1e-5;
const GRADIENT_TOLERANCE = 1e-5;

const [N, D, K] = [13, 6, 4];
const layer = { type: 'dense', units: 5, activation: 'tanh' } as const;
const likelihood = { type: 'gaussian', scale: 0.7 } as const;
const dense: DenseVaeSpec = { input: [D], latent: K, encoder: [layer], decoder: [layer], likelihood };
const posterior = { type: 'vector-quantized', codes: 5, dimension: 2, commitment: 0.25 } as const;
const spec = { ...dense, posterior };
const data = randomUniform([N, D], 9, 0, 1);

const parameters = randomParameters(dense, 3, 0.9);
for (const name of ['weight', 'bias']) parameters.delete(`log_variance.${name}`);
parameters.set('posterior.codebook', randomUniform([5, 2], 40, -0.9, 0.9));

test('loss, terms and gradients', async () => {
  const given = { spec, parameters, data };
  const { x } = validRows(given);
  const held = quantized(networksOf(parameters), x, 0.7);
  const value = (): number => quantized(networksOf(parameters), x, 0.7, held).loss;
  const actual = await runObjective(given);
  expect(Math.abs(actual.loss - held.loss)).toBeLessThan(VALUE_TOLERANCE * held.loss);
  expect(Object.keys(actual.terms)).toEqual(['commitment', 'perplexity']);
  expect(Math.abs(actual.terms['commitment']! - held.commitment)).toBeLessThan(VALUE_TOLERANCE);
  expect(Math.abs(actual.terms['perplexity']! - held.perplexity)).toBeLessThan(VALUE_TOLERANCE);
  expect(held.perplexity).toBeGreaterThan(1.5);
  const names = [...parameters.keys()];
  const expected = differences(parameters, names, value);
  expect([...actual.gradients.keys()].toSorted()).toEqual(names.toSorted());
  const error = gradientError(actual.gradients, expected);
  test.info().annotations.push({ type: 'gradients', description: error.toExponential(1) });
  const truth = 'float64 differences, of the largest gradient';
  holdTo('posterior vector-quantized', truth, error, GRADIENT_TOLERANCE);
});

test('latents and samples are codewords', async () => {
  const vae = await loadModel(spec, parameters, await nodeDevice());
  const rows = Float32Array.from(data.values);
  const { mean, logVariance } = await vae.encode(rows);
  const { latents } = quantized(networksOf(parameters), data, 0.7);
  expect(logVariance).toHaveLength(0);
  expect([...mean]).toEqual(latents.flat().map(Math.fround));
  const codebook = parameters.get('posterior.codebook')!.values;
  const words = Array.from({ length: 5 }, (_, c) => codebook.slice(2 * c, 2 * c + 2).join());
  const samples = await vae.sampleLatents(1000, { seed: 4 });
  const counts = new Map(words.map((word) => [word, 0]));
  for (let first = 0; first < samples.length; first += 2) {
    const word = samples.slice(first, first + 2).join();
    counts.set(word, (counts.get(word) ?? Number.NaN) + 1);
  }
  // 2,000 draws of 5: four standard deviations of 18 around 400
  expect([...counts.keys()]).toEqual(words);
  for (const count of counts.values()) expect(Math.abs(count - 400)).toBeLessThan(72);
  const images = await vae.sample(3, { seed: 4 });
  expect(images).toHaveLength(3 * D);
  vae.destroy();
});

test('training moves the codebook, and a prior is fitted to its codes', async () => {
  const vae = await Vae.create(spec, { device: await nodeDevice(), seed: 3 });
  const before = await readParameters(vae);
  const set = { rows: N, shape: [D], values: Float32Array.from(data.values) };
  const report = await vae.train(set, { epochs: 3, batchSize: 8, learningRate: 0.01 });
  const uniform = 2 * Math.log(5);
  expect(report.train.kl).toBeCloseTo(uniform, 5);
  expect(report.train.others!['perplexity']).toBeGreaterThanOrEqual(1);
  const after = await readParameters(vae);
  const name = 'posterior.codebook';
  expect(after.get(name)!.values).not.toEqual(before.get(name)!.values);
  const { mean } = await vae.encode(set.values);
  const prior = fitCodePrior({ columns: K, values: mean }, 2);
  const density = prior.logDensity({ columns: K, values: mean });
  expect(density.reduce((sum, value) => sum + value, 0) / N).toBeCloseTo(-prior.entropy, 10);
  const decoded = await vae.decode(prior.sample(4, { seed: 1 }));
  expect(decoded.every(Number.isFinite)).toBe(true);
  vae.destroy();
});

const moving = { ...spec, posterior: { ...posterior, codebook: 'ema', decay: 0.8 } } as const;
/** Averages as another program might have left them, and the codewords that they mean. */
const averages = {
  counts: [...randomUniform([5], 41, 0.5, 3).values],
  sums: matrixOf(randomUniform([5, 2], 42, -0.9, 0.9)),
};

function matrixOf({ shape, values }: F64): number[][] {
  const [rows, columns] = shape as [number, number];
  return Array.from({ length: rows }, (_, r) => Array.from(values.subarray(r * columns, (r + 1) * columns)));
}

function withAverages({ counts, sums }: Averages): Parameters {
  const others = [...parameters].filter(([name]) => name !== 'posterior.codebook');
  return new Map([
    ...others,
    ['posterior.codebook_counts', fromValues([5], counts)],
    ['posterior.codebook_sums', fromValues([5, 2], sums.flat())],
  ]);
}

function averagesOf(stored: Parameters): Averages {
  return {
    counts: [...stored.get('posterior.codebook_counts')!.values],
    sums: matrixOf(stored.get('posterior.codebook_sums')!),
  };
}

test('moving averages: the codebook takes no gradient, and the loss has no part of it', async () => {
  const given = { spec: moving, parameters: withAverages(averages), data };
  const { x } = validRows(given);
  const networks = networksOf(
    new Map([...parameters, ['posterior.codebook', fromValues([5, 2], codewords(averages).flat())]]),
  );
  const held = quantized(networks, x, 0.7);
  const actual = await runObjective(given);
  expect(Math.abs(actual.loss - (held.loss - held.toCodebook))).toBeLessThan(VALUE_TOLERANCE * held.loss);
  expect(Math.abs(actual.terms['perplexity']! - held.perplexity)).toBeLessThan(VALUE_TOLERANCE);
  const names = [...parameters.keys()].filter((name) => name !== 'posterior.codebook');
  expect([...actual.gradients.keys()].toSorted()).toEqual(names.toSorted());
  const expected = differences(networks.parameters, names, () => quantized(networks, x, 0.7, held).loss);
  expect(gradientError(actual.gradients, expected)).toBeLessThan(GRADIENT_TOLERANCE);
});

test('six steps of moving averages, every second batch partial', async () => {
  const [batch, seed, epochs] = [8, 77, 3];
  const vae = await loadModel(moving, withAverages(averages), await nodeDevice());
  const set = { rows: N, shape: [D], values: Float32Array.from(data.values) };
  const trainer = await vae.trainer(set, { batchSize: batch, seed, learningRate: 0.01 });
  let expected: Averages = averagesOf(await readParameters(vae));
  const first = expected;
  for (let step = 0; step < 2 * epochs; step++) {
    const before = networksOf(await readParameters(vae));
    const order = epochOrder(N, { low: seed, high: 0 }, Math.floor(step / 2));
    const rows = [...order].slice((step % 2) * batch, (step % 2) * batch + batch);
    expect(rows).toHaveLength(step % 2 === 0 ? 8 : 5);
    const codes = rows.map((row) => encodedMean(before, matrixOf(data)[row]!));
    const pairs = codes.flatMap(([a, b, c, d]) => [
      [a!, b!],
      [c!, d!],
    ]);
    expected = follow(expected, pairs, 0.8);
    await trainer.step();
  }
  await trainer.terms();
  const actual = averagesOf(await readParameters(vae));
  const flat = ({ counts, sums }: Averages): number[] => [...counts, ...sums.flat()];
  expect(scaledError(flat(first), flat(expected))).toBeGreaterThan(0.1);
  const error = scaledError(flat(actual), flat(expected));
  const truth = 'float64 over six steps, of the largest average';
  holdTo('posterior vector-quantized, moving averages', truth, error, VALUE_TOLERANCE);
  trainer.destroy();
  vae.destroy();
});

test('moving averages stay as they are in use, and come back from a file with every bit', async () => {
  const device = await nodeDevice();
  const vae = await Vae.create(moving, { device, seed: 3 });
  const set = { rows: N, shape: [D], values: Float32Array.from(data.values) };
  await vae.train(set, { epochs: 2, batchSize: 8, learningRate: 0.01 });
  const file = await vae.save();
  const use = async (model: Vae): Promise<number[]> => {
    const { mean } = await model.encode(set.values);
    const { reconstruction } = await model.evaluate(set);
    return [...mean, ...(await model.decode(mean)), ...(await model.sample(3, { seed: 4 })), reconstruction];
  };
  const used = await use(vae);
  expect(Buffer.from(await vae.save()).equals(Buffer.from(file))).toBe(true);
  const loaded = await Vae.load(file, { device });
  expect(await use(loaded)).toEqual(used);
  for (const model of [vae, loaded]) model.destroy();
});

test('codewords that next to nothing chooses are smoothed', async () => {
  const counts = [1, 2e-5, 3, 0, 0.5];
  const sums = [
    [0.5, -0.5],
    [3e-5, -1e-5],
    [1, 2],
    [0, 0],
    [0.1, 0.3],
  ];
  const vae = await loadModel(moving, withAverages({ counts, sums }), await nodeDevice());
  const samples = await vae.sampleLatents(100, { seed: 4 });
  const drawn = new Map<string, number[]>();
  for (let i = 0; i < samples.length; i += 2)
    drawn.set(samples.slice(i, i + 2).join(), Array.from(samples.subarray(i, i + 2)));
  const byFirst = (words: Iterable<number[]>): number[] =>
    [...words].toSorted((a, b) => a[0]! - b[0]!).flat();
  expect(drawn.size).toBe(5);
  const expected = byFirst(codewords({ counts, sums }));
  expect(scaledError(byFirst(drawn.values()), expected)).toBeLessThan(VALUE_TOLERANCE);
  vae.destroy();
});

test('codes that are not finite move no sum', async () => {
  const device = await nodeDevice();
  const vae = await loadModel(moving, withAverages(averages), device);
  const { set, state } = vae.model.weights;
  const bias = set.entries.find(({ name }) => name === 'moments.bias')!;
  device.gpu.queue.writeBuffer(vae.weightBuffer, 4 * bias.offset, new Float32Array(K).fill(Number.NaN));
  const { offset } = state.entries.find(({ name }) => name === 'posterior.codebook_sums')!;
  const trainer = await vae.trainer(undefined, { batchSize: 8 });
  await trainer.step({ x: new Float32Array(8 * D), noise: new Float32Array(8 * K) });
  await expect(trainer.terms()).rejects.toThrow('not finite');
  const sums = new Float32Array(await readBuffer(device, vae.stateBuffer, 4 * offset, 40));
  expect([...sums]).toEqual(averages.sums.flat().map(Math.fround));
  trainer.destroy();
  vae.destroy();
});

test('a prior over codes has the shares that were counted', () => {
  // two places of one number: 1 1 1 2 and 5 6 6 6
  const codes = { columns: 2, values: Float32Array.from([1, 5, 1, 6, 1, 6, 2, 6]) };
  const prior = fitCodePrior(codes, 1);
  const quarters = -0.75 * Math.log(0.75) - 0.25 * Math.log(0.25);
  expect(prior.entropy).toBeCloseTo(2 * quarters, 12);
  const density = prior.logDensity({ columns: 2, values: Float32Array.from([1, 6, 2, 5, 3, 5]) });
  expect(density[0]).toBeCloseTo(Math.log(9 / 16), 12);
  expect(density[1]).toBeCloseTo(Math.log(1 / 16), 12);
  expect(density[2]).toBe(-Infinity);
  const samples = prior.sample(4000, { seed: 2 });
  const ones = samples.filter((value, i) => i % 2 === 0 && value === 1).length;
  expect(Math.abs(ones - 3000)).toBeLessThan(110); // four standard deviations of 27
  expect(new Set(samples)).toEqual(new Set([1, 2, 5, 6]));
});
