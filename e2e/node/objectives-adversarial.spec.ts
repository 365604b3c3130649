/**
 * Plan: objectives with a second network.
 * | what                         | truth                                                                           |
 * | the model's gradients        | float64 differences, the discriminator fixed; only the model's weights get any  |
 * | the discriminator's          | float64 differences, the model fixed; only its own weights get any              |
 * | running statistics           | moved once a step, as without the discriminator                                 |
 * | a trained discriminator      | the log ratio of two known Gaussians, which a step's phases must leave alone    |
 */
import { expect, test } from '@playwright/test';
import type { ObjectiveInput } from '../../src/vae/objectives/objective-spec.js';
import { Vae } from '../../src/vae/vae.js';
import { loadModel, randomParameters, readParameters } from '../model.js';
import { nodeDevice } from '../node-device.js';
import {
  BATCH,
  differences,
  gradientError,
  runObjective,
  stepNoise,
  stepSeed,
  STREAM,
  validOf,
  validRows,
} from '../objective-run.js';
import { largestError } from '../reference/difference.js';
import * as reference from '../reference/objectives.js';
import { permuteColumns } from '../reference/permute-columns.js';
import { fromValues, map, randomUniform, TestRandom, zeros, type F64 } from '../reference/tensor.js';
import { vaeForward, type DenseVaeSpec, type Parameters } from '../reference/vae.js';
import { holdTo } from '../truth.js';

/** Of the loss and of each term, relative: chains of about 60 roundings. */
const VALUE_TOLERANCE = 1e-5;
/** Of a gradient, in units of the largest gradient. */
const GRADIENT_TOLERANCE = 1e-5;

const [N, D, K, WEIGHT] = [13, 6, 3, 2.5];
const layer = { type: 'dense', units: 5, activation: 'tanh' } as const;
const dense: DenseVaeSpec = { input: [D], latent: K, encoder: [layer], decoder: [layer] };
const data = randomUniform([N, D], 9, 0, 1);
const [SHUFFLE, ADVERSARIAL_PRIOR, GAN_PRIOR] = [0x66616300, 0x61647600, 0x67616e00];

/** A discriminator with four tanh units on `inputs` numbers. */
function discriminatorParameters(inputs: number): Parameters {
  return new Map([
    ['objective.0.weight', randomUniform([4, inputs], 71, -0.9, 0.9)],
    ['objective.0.bias', randomUniform([4], 72, -0.9, 0.9)],
    ['objective.logit.weight', randomUniform([1, 4], 73, -0.9, 0.9)],
    ['objective.logit.bias', randomUniform([1], 74, -0.9, 0.9)],
  ]);
}

function networkOf(parameters: Parameters, names: readonly string[]): reference.Network {
  const take = (name: string): F64 => parameters.get(name)!;
  return names.map((name) => ({ weight: take(`${name}.weight`), bias: take(`${name}.bias`) }));
}

interface Pass {
  readonly stages: reference.Stages & { prediction: F64 };
  readonly count: number;
  readonly x: F64;
  readonly judge: (rows: F64) => reference.Judged;
  readonly parameters: Parameters;
}

interface Row {
  readonly type: 'factor' | 'adversarial' | 'vae-gan';
  readonly samples: number;
  model(pass: Pass, whose: 'encoder' | 'decoder'): reference.Value;
  adversary(pass: Pass): number;
}

const sigmoid = (x: F64): F64 => map(x, (v) => 1 / (1 + Math.exp(-v)));
const prior = (tag: number, count: number): F64 => validOf(stepNoise([BATCH, K], tag), count);

/** Reconstructions, and what the decoder makes of the prior's samples. */
function images({
  stages,
  x,
  judge,
  parameters,
  count,
}: Pass): Record<'real' | 'reconstructed' | 'sampled', reference.Judged> {
  const decoder = networkOf(parameters, ['decoder.0', 'decoder.2']);
  const sampled = sigmoid(reference.runNetwork(decoder, prior(GAN_PRIOR, count)));
  return { real: judge(x), reconstructed: judge(sigmoid(stages.prediction)), sampled: judge(sampled) };
}

/** The first sample of every datum. */
const firstOf = (z: F64, count: number): F64 => fromValues([count, K], z.values.slice(0, count * K));

/** z with every latent shuffled over the valid rows; the padding rows take no part. */
function shuffled(z: F64, count: number): F64 {
  const whole = zeros([BATCH, K]);
  whole.values.set(z.values);
  return validOf(permuteColumns(whole, count, stepSeed(SHUFFLE), STREAM), count);
}

const rows: readonly Row[] = [
  {
    type: 'factor',
    samples: 2,
    model: ({ stages, judge }) => reference.factor(stages, judge(stages.z), WEIGHT),
    adversary({ stages, judge, count }) {
      const z = firstOf(stages.z, count);
      return reference.discriminatorLoss(judge(z), [judge(shuffled(z, count))]);
    },
  },
  {
    type: 'adversarial',
    samples: 1,
    model: ({ stages, judge }) => reference.adversarial(stages, judge(stages.z), WEIGHT),
    adversary: ({ stages, judge, count }) =>
      reference.discriminatorLoss(judge(prior(ADVERSARIAL_PRIOR, count)), [judge(stages.z)]),
  },
  {
    type: 'vae-gan',
    samples: 1,
    model: (pass, whose) => reference.vaeGan(pass.stages, images(pass), WEIGHT, whose),
    adversary(pass) {
      const { real, reconstructed, sampled } = images(pass);
      return reference.discriminatorLoss(real, [reconstructed, sampled]);
    },
  },
];

for (const row of rows)
  test(`${row.type}: gradients of both networks`, async () => {
    const { type, samples } = row;
    const own = discriminatorParameters(type === 'vae-gan' ? D : K);
    const parameters = new Map([...randomParameters(dense, 3, 0.9), ...own]);
    const objective = { type, weight: WEIGHT, layers: [{ ...layer, units: 4 }] } as const;
    const given = { spec: { ...dense, objective }, parameters, data, samples };
    const { x, noise, count } = validRows(given);
    const judge = (values: F64): reference.Judged =>
      reference.judge(networkOf(parameters, ['objective.0', 'objective.logit']), values);
    const pass = (): Pass => ({
      stages: vaeForward(dense, parameters, x, noise),
      count,
      x,
      judge,
      parameters,
    });

    const model = await runObjective(given);
    const adversary = await runObjective({ ...given, phase: 'adversary' });
    const isEncoders = (name: string): boolean => /^(encoder|mean|log_variance)/.test(name);
    const names = [...parameters.keys()].filter((name) => !own.has(name));
    expect([...model.gradients.keys()].toSorted()).toEqual(names.toSorted());
    expect([...adversary.gradients.keys()].toSorted()).toEqual([...own.keys()].toSorted());

    const expected = row.model(pass(), 'encoder');
    expect(Math.abs(model.loss - expected.loss)).toBeLessThan(VALUE_TOLERANCE * Math.abs(expected.loss));
    for (const [name, term] of Object.entries(expected.terms))
      expect(Math.abs(model.terms[name]! - term), name).toBeLessThan(
        VALUE_TOLERANCE * Math.max(1, Math.abs(term)),
      );
    const lossOf = (whose: 'encoder' | 'decoder') => () => row.model(pass(), whose).loss;
    const modelGradients = new Map([
      ...differences(parameters, names.filter(isEncoders), lossOf('encoder')),
      ...differences(
        parameters,
        names.filter((name) => !isEncoders(name)),
        lossOf('decoder'),
      ),
    ]);
    const modelError = gradientError(model.gradients, modelGradients);
    const truth = 'float64 differences, of the largest gradient';
    holdTo(`objective ${type}`, truth, modelError, GRADIENT_TOLERANCE);

    const loss = row.adversary(pass());
    expect(Math.abs(adversary.loss - loss)).toBeLessThan(VALUE_TOLERANCE * loss);
    const own64 = differences(parameters, own.keys(), () => row.adversary(pass()));
    const adversaryError = gradientError(adversary.gradients, own64);
    holdTo(`objective ${type}, discriminator`, truth, adversaryError, GRADIENT_TOLERANCE);
    const description = `model ${modelError.toExponential(1)}, discriminator ${adversaryError.toExponential(1)}`;
    test.info().annotations.push({ type: 'relative error of gradients', description });
  });

/** Rows of correlated normals, f32[rows, 2]. */
function correlated(count: number, correlation: number): Float32Array {
  const random = new TestRandom(17);
  return Float32Array.from(
    Array.from({ length: count }, () => {
      const [a, b] = [random.normal(), random.normal()];
      return [a, correlation * a + Math.sqrt(1 - correlation ** 2) * b];
    }).flat(),
  );
}

interface Ratio {
  readonly objective: ObjectiveInput;
  /** z = slope x + shift with hardly any noise. */
  readonly slope: number;
  readonly shift: number;
  readonly truth: (a: number, b: number) => number;
}

/** Enough for the ratio to be told from every simpler one; each takes tenths of a second on a software adapter. */
const STEPS = 200;
const CORRELATION = 0.7;
const [SLOPE, SHIFT] = [0.8, 0.6];
const discriminatorFields = {
  weight: 1,
  layers: [{ type: 'dense', units: 24, activation: 'tanh' }],
  learningRate: 0.03,
} as const;

/** log of the density of normals with this correlation over that of independent ones. */
const logDependence = (a: number, b: number): number => {
  const r = CORRELATION;
  const rest = 1 - r * r;
  return -Math.log(rest) / 2 - (r * r * (a * a + b * b) - 2 * r * a * b) / (2 * rest);
};

const ratios: readonly Ratio[] = [
  { objective: { type: 'factor', ...discriminatorFields }, slope: 1, shift: 0, truth: logDependence },
  {
    objective: { type: 'adversarial', ...discriminatorFields },
    slope: SLOPE,
    shift: SHIFT,
    // log p(z) - log q(z), q being the data's normal stretched and moved
    truth: (a, b) => {
      const [u, v] = [(a - SHIFT) / SLOPE, (b - SHIFT) / SLOPE];
      const data2 = -(u * u + v * v) / 2 + logDependence(u, v) - 2 * Math.log(SLOPE);
      return -(a * a + b * b) / 2 - data2;
    },
  },
];

for (const { objective, slope, shift, truth } of ratios)
  test(`density ratio of two known Gaussians: ${(objective as { type: string }).type}`, async () => {
    const spec = {
      input: [2],
      latent: 2,
      encoder: [],
      decoder: [],
      likelihood: { type: 'gaussian', scale: 1 },
      objective,
    } as const;
    const fresh = await readParameters(await Vae.create(spec, { device: await nodeDevice(), seed: 1 }));
    const parameters = new Map(fresh)
      .set('mean.weight', fromValues([2, 2], [slope, 0, 0, slope]))
      .set('mean.bias', fromValues([2], [shift, shift]))
      .set('log_variance.weight', zeros([2, 2]))
      .set('log_variance.bias', fromValues([2], [-14, -14]));
    const vae = await loadModel(spec, parameters, await nodeDevice());
    const set = { rows: 4096, shape: [2], values: correlated(4096, CORRELATION) };
    // steps of the model that change no bit of it: the discriminator's phase alone is looked at
    const options = { batchSize: 1024, learningRate: 1e-30, optimizer: { type: 'sgd' } } as const;
    const trainer = await vae.trainer(set, options);
    for (let step = 0; step < STEPS; step++) {
      await trainer.step();
      if (trainer.pendingTerms > 50) await trainer.terms();
    }
    const after = await readParameters(vae);
    for (const [name, { values }] of parameters)
      if (name.startsWith('objective.')) expect(after.get(name)!.values, name).not.toEqual(values);
      else expect(largestError(after.get(name)!.values, values.map(Math.fround)), name).toBeLessThan(1e-20);

    const z = fromValues(
      [set.rows, 2],
      set.values.map((value) => slope * value + shift),
    );
    const { logits } = reference.judge(networkOf(after, ['objective.0', 'objective.logit']), z);
    const expected = Array.from({ length: set.rows }, (_, i) =>
      truth(z.values[2 * i]!, z.values[2 * i + 1]!),
    );
    const average = (values: readonly number[]): number =>
      values.reduce((sum, v) => sum + v, 0) / values.length;
    const error = Math.sqrt(average(expected.map((value, i) => (logits[i]! - value) ** 2)));
    const spread = Math.sqrt(average(expected.map((value) => (value - average(expected)) ** 2)));
    const description = `${error.toFixed(3)} nats of a spread of ${spread.toFixed(3)}; mean ${average([...logits]).toFixed(3)} of ${average(expected).toFixed(3)}`;
    test.info().annotations.push({ type: 'root mean square error', description });
    expect(error).toBeLessThan(0.35 * spread);
    trainer.destroy();
    vae.destroy();
  });

for (const type of ['factor', 'adversarial'] as const)
  test(`${type} moves running statistics once a step`, async () => {
    const norm = { type: 'batchNorm', momentum: 0.3 } as const;
    const spec = { ...dense, encoder: [layer, norm], decoder: [layer, norm] };
    const set = { rows: N, shape: [D], values: Float32Array.from(data.values) };
    const [first, second] = [new Map<string, number[]>(), new Map<string, number[]>()];
    for (const [objective, seen] of [
      ['elbo', first],
      [type, second],
    ] as const) {
      const vae = await Vae.create({ ...spec, objective }, { device: await nodeDevice(), seed: 3 });
      const trainer = await vae.trainer(set, { batchSize: BATCH });
      await trainer.step();
      for (const [name, { values }] of await readParameters(vae))
        if (/running|tracked/.test(name)) seen.set(name, [...values]);
      trainer.destroy();
      vae.destroy();
    }
    expect([...first.keys()]).toHaveLength(6);
    expect(first.get('encoder.2.num_batches_tracked')).toEqual([1]);
    expect(second).toEqual(first);
  });
