/**
 * Plan: every posterior against what no implementation can tune.
 * | family              | truth                                                                                    |
 * | full                | density, KL and marginals from the covariance's eigenvalues; log p(x) of the turned PPCA |
 * | planar, radial, iaf | log q from the numerical Jacobian of the whole map, in float64; its gradient, too        |
 * |                     | parameters of 0 (gates that are open): the diagonal posterior                            |
 * | all                 | trains, keeps its bits through save() and load(), encodes, samples                       |
 */
import { expect, test } from '@playwright/test';
import { add, gradient, input, multiply, sum, type Tensor } from 'webgpu-vae/gpu';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { buildPosterior, type Posterior } from '../../src/vae/posteriors/posterior.js';
import { posteriorSpec, type PosteriorInput } from '../../src/vae/posteriors/posterior-spec.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import { WeightFactory } from '../../src/vae/weights.js';
import { evaluate } from '../evaluate.js';
import { float32, modelFile, scaledError } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { centralDifference } from '../reference/difference.js';
import * as reference from '../reference/posteriors.js';
import * as ppca from '../reference/ppca.js';
import { fromValues, map, randomNormal, zeros, type F64 } from '../reference/tensor.js';
import { dense } from '../reference/triangular.js';
import { holdTo } from '../truth.js';

const [B, S, K] = [3, 2, 4];

/** Chains of about 50 operations on numbers of order 1, sums of up to 20 of them: far from cancelling. */
const TOLERANCE = 5e-6;
/** The same backwards. */
const GRADIENT_TOLERANCE = 2e-5;

interface Built {
  readonly posterior: Posterior;
  readonly weights: WeightFactory;
  readonly flat: Float32Array;
}

function build(spec: PosteriorInput): Built {
  const weights = new WeightFactory();
  const posterior = buildPosterior(posteriorSpec(spec), { latent: K, weights });
  return { posterior, weights, flat: weights.initialValues(5) };
}

/** What a graph of moments and noise gives. */
async function run(
  { weights, flat }: Built,
  inputs: Readonly<Record<string, F64>>,
  graph: (tensors: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>,
): Promise<Readonly<Record<string, Float32Array>>> {
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]) => [name, input(name, shape)]),
  );
  const request = { label: 'posterior', outputs: graph(tensors), inputs, parameters: weights.set };
  const { outputs } = await evaluate(await nodeDevice(), {
    ...request,
    ...(flat.length > 0 && { weights: flat }),
  });
  return outputs;
}

const rowOf = ({ shape, values }: F64, row: number): number[] =>
  Array.from(values.subarray(row * shape[1]!, (row + 1) * shape[1]!));

test.describe('full', () => {
  const built = build('full');
  const moments = randomNormal([B, built.posterior.momentsWidth], 1, 0.7);
  const noise = randomNormal([S * B, K], 2);
  const prior = randomNormal([B, 2 * K], 3, 0.7);
  const data = Array.from({ length: B }, (_, datum) => {
    const row = rowOf(moments, datum);
    const deviation = {
      shape: [1, K],
      values: Float64Array.from(row.slice(K, 2 * K), (s) => Math.exp(s / 2)),
    };
    const lower = fromValues([1, (K * (K - 1)) / 2], row.slice(2 * K));
    const L = dense(deviation, lower, 0);
    const covariance = L.map((a) => L.map((b) => a.reduce((total, value, k) => total + value * b[k]!, 0)));
    return { mean: row.slice(0, K), L, covariance };
  });

  test("samples, densities and KL are those of N(m, L L')", async () => {
    const anywhere = randomNormal([S * B, K], 4);
    const actual = await run(built, { moments, noise, anywhere, prior }, (t) => {
      const options = { samples: S, noise: t['noise']! };
      const drawn = built.posterior.draw(t['moments']!, options);
      return {
        z: drawn.z,
        drawn: drawn.logDensity,
        anywhere: built.posterior.logDensity!(t['anywhere']!, t['moments']!),
        analytic: built.posterior.drawWithKl!(t['moments']!, options, 'B').kl,
        sampled: built.posterior.drawWithKl!(t['moments']!, options, 'A').kl,
        toPrior: built.posterior.klToDiagonal!(t['moments']!, t['prior']!),
        summary: built.posterior.summary(t['moments']!),
      };
    });
    const identity = Array.from({ length: K }, (_, i) =>
      Array.from({ length: K }, (__, j) => Number(i === j)),
    );
    const nothing = identity.map(() => 0);
    const expected: Record<string, number[]> = {
      z: [],
      drawn: [],
      anywhere: [],
      analytic: [],
      sampled: [],
      toPrior: [],
      summary: [],
    };
    for (let row = 0; row < S * B; row++) {
      const { mean, L, covariance } = data[row % B]!;
      const epsilon = rowOf(noise, row);
      const z = mean.map((m, i) => m + L[i]!.reduce((total, value, j) => total + value * epsilon[j]!, 0));
      const density = reference.gaussianLogDensity(z, mean, covariance);
      expected['z']!.push(...z);
      expected['drawn']!.push(density);
      expected['anywhere']!.push(reference.gaussianLogDensity(rowOf(anywhere, row), mean, covariance));
      expected['analytic']!.push(
        reference.gaussianKl(
          mean,
          covariance,
          nothing,
          identity.map(() => 1),
        ),
      );
      expected['sampled']!.push(density - reference.gaussianLogDensity(z, nothing, identity));
    }
    data.forEach(({ mean, covariance }, datum) => {
      const row = rowOf(prior, datum);
      expected['toPrior']!.push(
        reference.gaussianKl(mean, covariance, row.slice(0, K), row.slice(K).map(Math.exp)),
      );
      expected['summary']!.push(...mean, ...covariance.map((values, i) => Math.log(values[i]!)));
    });
    for (const [name, values] of Object.entries(expected)) {
      const error = scaledError(actual[name]!, values);
      test.info().annotations.push({ type: name, description: error.toExponential(1) });
      holdTo('posterior full', 'draws, densities and KL in float64', error, TOLERANCE);
    }
  });

  test('of one latent it is the diagonal posterior', () => {
    const site = { latent: 1, weights: new WeightFactory() };
    expect(buildPosterior({ type: 'full' }, site).momentsWidth).toBe(2);
  });
});

test.describe('full, on the turned optimum of probabilistic PCA', () => {
  /** The exact log-likelihood, and what the best diagonal posterior loses of it: objectives with closed forms. */
  const GOLDEN = -9.009853;
  const GOLDEN_DIAGONAL = -9.0318;
  const [N, D, latent] = [200, 8, 2];
  const x = ppca.ppcaData();
  const data: Dataset = { rows: N, shape: [D], values: float32(x) };
  const model = ppca.rotateModel(ppca.fitPpca(x, latent), 0.5);
  const { encoder, covariance } = ppca.exactPosterior(model);
  const spec: VaeSpec = {
    input: [D],
    latent,
    encoder: [],
    decoder: [],
    posterior: 'full',
    likelihood: { type: 'gaussian', scale: 'learned' },
  };
  const [a, c, , d] = covariance.values as unknown as [number, number, number, number];

  async function exactModel(): Promise<Vae> {
    const parameters = new Map([
      ['mean.weight', encoder],
      ['mean.bias', zeros([latent])],
      ['log_variance.weight', zeros([latent, D])],
      ['log_variance.bias', fromValues([latent], [Math.log(a), Math.log(d - (c * c) / a)])],
      ['lower.weight', zeros([1, D])],
      ['lower.bias', fromValues([1], [c / Math.sqrt(a)])],
      ['decoder.0.weight', model.W],
      ['decoder.0.bias', zeros([D])],
      ['likelihood.log_variance', fromValues([1], [Math.log(model.sigma2)])],
    ]);
    return Vae.load(await modelFile(spec, parameters), { device: await nodeDevice() });
  }

  test('its bound in expectation is the log-likelihood, which no diagonal posterior reaches', async () => {
    const vae = await exactModel();
    const samples = 2 ** latent; // signs in every combination have a normal's moments up to the third
    const noise = Float32Array.from({ length: samples * N * latent }, (_, i) =>
      (Math.floor(i / (N * latent)) >> (i % latent)) & 1 ? 1 : -1,
    );
    const trainer = await vae.trainer(undefined, { batchSize: N, samples, optimizer: { type: 'sgd' } });
    await trainer.step({ x: float32(x), noise });
    const [terms] = await trainer.terms();
    const error = terms!.elbo - GOLDEN;
    test.info().annotations.push({ type: 'error', description: `${error.toExponential(1)} nats` });
    holdTo('posterior full', 'golden bound of the turned PPCA, nats', Math.abs(error), 1e-4);
    expect(terms!.elbo).toBeGreaterThan(GOLDEN_DIAGONAL + 0.02);
    trainer.destroy();
    vae.destroy();
  });

  test('estimator A gives log p(x) in every single sample: variance 0', async () => {
    const vae = await exactModel();
    const exact = ppca.logMarginal(model, x);
    let worst = 0;
    for (const row of [0, 77, 199])
      for (const seed of [1, 2]) {
        const one = { rows: 1, shape: [D], values: data.values.slice(row * D, (row + 1) * D) };
        const { elbo } = await vae.evaluate(one, { estimator: 'A', seed });
        worst = Math.max(worst, Math.abs(elbo - exact.values[row]!));
      }
    test.info().annotations.push({ type: 'worst error', description: `${worst.toExponential(1)} nats` });
    expect(worst).toBeLessThan(1e-4);
    vae.destroy();
  });
});

/** A flow's whole map from noise to z, one datum's moments given. */
type WholeMap = (epsilon: readonly number[], moments: readonly number[], built: Built) => number[];

const atBase = (epsilon: readonly number[], moments: readonly number[]): number[] =>
  epsilon.map((value, i) => moments[i]! + Math.exp(moments[K + i]! / 2) * value);

const bendInTurn =
  (columns: number, bend: (z: number[], parameters: number[]) => number[]): WholeMap =>
  (epsilon, moments) => {
    let z = atBase(epsilon, moments);
    for (let first = 2 * K; first < moments.length; first += columns)
      z = bend(z, moments.slice(first, first + columns));
    return z;
  };

const autoregressive: WholeMap = (epsilon, moments, { weights, flat }) => {
  const named = (name: string): { weight: number[][]; bias: number[] } => {
    const at = (suffix: string): number[] => {
      const entry = weights.set.entries.find((other) => other.name === `${name}.${suffix}`)!;
      return Array.from(flat.subarray(entry.offset, entry.offset + entry.shape.reduce((p, n) => p * n, 1)));
    };
    const [values, bias] = [at('weight'), at('bias')];
    const rows = values.length / bias.length;
    return {
      weight: Array.from({ length: rows }, (_, i) => values.slice(i * bias.length, (i + 1) * bias.length)),
      bias,
    };
  };
  let z = atBase(epsilon, moments);
  for (const step of [0, 1, 2]) {
    const layers = {
      hidden: named(`posterior.${step}.hidden`),
      a: named(`posterior.${step}.a`),
      gate: named(`posterior.${step}.gate`),
    };
    z = reference.autoregressiveMap(z, moments.slice(2 * K), layers, step % 2 === 1);
  }
  return z;
};

/** `bends`: whether one of the flow's moments must be 0 for it to be the identity. */
const flows: readonly { spec: PosteriorInput; wholeMap: WholeMap; bends: (column: number) => boolean }[] = [
  {
    spec: { type: 'planar', steps: 3 },
    wholeMap: bendInTurn(2 * K + 1, reference.planarMap),
    bends: (column) => column % (2 * K + 1) < K, // u
  },
  {
    spec: { type: 'radial', steps: 3 },
    wholeMap: bendInTurn(K + 2, reference.radialMap),
    bends: (column) => column % (K + 2) === K + 1, // b
  },
  { spec: { type: 'iaf', steps: 3, units: 10, context: 5 }, wholeMap: autoregressive, bends: () => false },
];

/** log q of the image of `epsilon`: log N(epsilon; 0, I) - log |det d map/d epsilon|. */
function densityOf(wholeMap: WholeMap, epsilon: number[], moments: number[], built: Built): number {
  const normal = epsilon.reduce((total, value) => total - (value * value + Math.log(2 * Math.PI)) / 2, 0);
  return normal - reference.logDeterminant((e) => wholeMap(e, moments, built), epsilon);
}

for (const { spec, wholeMap, bends } of flows) {
  const { type } = posteriorSpec(spec);
  const built = build(spec);
  const { posterior } = built;
  const noise = randomNormal([S * B, K], 6);

  test(`${type}: its density is that of its map, its gradient too`, async () => {
    const moments = randomNormal([B, posterior.momentsWidth], 7);
    const [zCotangent, densityCotangent] = [randomNormal([S * B, K], 8), randomNormal([S * B], 9)];
    const inputs = { moments, noise, zCotangent, densityCotangent };
    const actual = await run(built, inputs, (t) => {
      const { z, logDensity } = posterior.draw(t['moments']!, { samples: S, noise: t['noise']! });
      const loss = add(sum(multiply(z, t['zCotangent']!)), sum(multiply(logDensity, t['densityCotangent']!)));
      return { z, logDensity, gradient: gradient(loss, [t['moments']!])[0]! };
    });
    const rows = Array.from({ length: S * B }, (_, row) => row);
    const images = rows.map((row) => wholeMap(rowOf(noise, row), rowOf(moments, row % B), built));
    const densities = rows.map((row) =>
      densityOf(wholeMap, rowOf(noise, row), rowOf(moments, row % B), built),
    );
    const error = Math.max(...densities.map((value, row) => Math.abs(actual['logDensity']![row]! - value)));
    test.info().annotations.push({ type: 'log q error', description: `${error.toExponential(1)} nats` });
    expect(scaledError(actual['z']!, images.flat()), 'z').toBeLessThan(TOLERANCE);
    const ofDensity = scaledError(actual['logDensity']!, densities);
    holdTo(`posterior ${type}`, 'log q by the Jacobian of the whole map in float64', ofDensity, TOLERANCE);
    // one datum's moments at a time: the others do not matter
    const expected = zeros(moments.shape);
    for (let datum = 0; datum < B; datum++) {
      const own = fromValues([1, posterior.momentsWidth], rowOf(moments, datum));
      const loss = (): number =>
        rows
          .filter((row) => row % B === datum)
          .reduce((total, row) => {
            const z = wholeMap(rowOf(noise, row), rowOf(own, 0), built);
            const density = densityOf(wholeMap, rowOf(noise, row), rowOf(own, 0), built);
            const ofZ = rowOf(zCotangent, row).reduce((sum_, value, i) => sum_ + value * z[i]!, 0);
            return total + ofZ + densityCotangent.values[row]! * density;
          }, 0);
      expected.values.set(centralDifference(loss, own).values, datum * posterior.momentsWidth);
    }
    expect(scaledError(actual['gradient']!, expected.values), 'gradient').toBeLessThan(GRADIENT_TOLERANCE);
  });

  test(`${type}: where it bends nothing it is the diagonal posterior`, async () => {
    const raw = randomNormal([B, posterior.momentsWidth], 10);
    const moments = map(raw, (value, i) => {
      const column = (i % posterior.momentsWidth) - 2 * K;
      return column >= 0 && bends(column) ? 0 : value;
    });
    const open = { ...built, flat: built.flat.slice() };
    for (const { name, offset } of built.weights.set.entries)
      if (name.endsWith('gate.bias')) open.flat.fill(40, offset, offset + K);
    const diagonal = build('diagonal').posterior;
    const base = fromValues(
      [B, 2 * K],
      Array.from({ length: B }, (_, row) => rowOf(moments, row).slice(0, 2 * K)).flat(),
    );
    const actual = await run(open, { moments, base, noise }, (t) => {
      const options = { samples: S, noise: t['noise']! };
      const [bent, straight] = [posterior.draw(t['moments']!, options), diagonal.draw(t['base']!, options)];
      return { z: bent.z, log: bent.logDensity, straightZ: straight.z, straightLog: straight.logDensity };
    });
    expect(scaledError(actual['z']!, actual['straightZ']!)).toBeLessThan(TOLERANCE);
    expect(scaledError(actual['log']!, actual['straightLog']!)).toBeLessThan(TOLERANCE);
  });
}

const tiny: Dataset = {
  rows: 40,
  shape: [6],
  values: Float32Array.from({ length: 240 }, (_, i) => 0.5 + 0.5 * Math.sin(i * i * 0.37)),
};
const tinySpec: VaeSpec = {
  input: [6],
  latent: 3,
  encoder: [{ type: 'dense', units: 8, activation: 'tanh' }],
  decoder: [],
};

for (const posterior of ['full', 'planar', 'radial', 'iaf'] as const)
  test(`${posterior}: trains, is saved and loaded, encodes and samples`, async () => {
    const device = await nodeDevice();
    const vae = await Vae.create({ ...tinySpec, posterior }, { device, seed: 3 });
    const before = await vae.evaluate(tiny, { samples: 8 });
    await vae.train(tiny, { batchSize: 16, epochs: 8, learningRate: 0.02 }); // the last batch is smaller
    const after = await vae.evaluate(tiny, { samples: 8 });
    expect(after.elbo).toBeGreaterThan(before.elbo + 0.1);
    const again = await Vae.load(await vae.save(), { device });
    expect(again.spec).toEqual(vae.spec);
    expect(await again.evaluate(tiny, { samples: 8 })).toEqual(after);
    const { mean, logVariance } = await again.encode(tiny.values as Float32Array);
    expect(mean.length).toBe(40 * 3);
    expect(logVariance.length).toBe(posterior === 'full' ? 40 * 3 : 0);
    expect(await again.encode(tiny.values as Float32Array)).toEqual(
      await vae.encode(tiny.values as Float32Array),
    );
    expect(await again.sample(4, { seed: 1 })).toEqual(await vae.sample(4, { seed: 1 }));
    for (const model of [vae, again]) model.destroy();
  });

test('the score function takes a full posterior, and tells a flow why it cannot', async () => {
  const device = await nodeDevice();
  const options = {
    batchSize: 40,
    samples: 4,
    estimator: { type: 'score-function', baseline: 'leave-one-out' },
  } as const;
  const full = await Vae.create({ ...tinySpec, posterior: 'full' }, { device });
  await full.train(tiny, { ...options, epochs: 1 });
  const bent = await Vae.create({ ...tinySpec, posterior: 'planar' }, { device });
  await expect(bent.train(tiny, { ...options, epochs: 1 })).rejects.toThrow(
    '[estimator] score-function needs log q(z | x) at any z, which a planar posterior does not have',
  );
  for (const model of [full, bent]) model.destroy();
});
