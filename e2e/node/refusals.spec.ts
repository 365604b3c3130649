/**
 * Plan: what cannot be trained on, built or computed is refused by name before any GPU work, and nothing stays
 * allocated. Tables of specifications, data sets and options, each row with its error class and its message.
 */
import { expect, test } from '@playwright/test';
import { DataError, ShapeError, SpecError, VaeError } from '../../src/gpu/errors.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import type { EvaluateOptions } from '../../src/vae/evaluate.js';
import { denseSpec } from '../../src/vae/presets.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import type { TrainOptions } from '../../src/vae/train.js';
import { Vae } from '../../src/vae/vae.js';
import { nodeDevice } from '../node-device.js';
import { errorOf } from '../refused.js';

const spec = denseSpec({ input: [6, 6, 1], hidden: 8, latent: 2 });

/** Four grey images; `change` may spoil a field, `at` a value. */
function grey(change: Record<string, unknown> = {}, at: Record<number, number> = {}): Dataset {
  return {
    rows: 4,
    shape: [6, 6, 1],
    values: Object.assign(new Float32Array(4 * 36).fill(0.5), at),
    ...change,
  };
}

/** Four images of one number, but for the values `at`. */
function filled(value: number, at: Record<number, number>): Dataset {
  return grey({ values: Object.assign(new Float32Array(4 * 36).fill(value), at) });
}

/** What plain JavaScript may pass is wider than the types. */
type Loose<T> = { [K in keyof T]?: unknown };

interface Refusal {
  spec?: Loose<VaeSpec>;
  data?: Dataset | null;
  train?: Loose<TrainOptions>;
  evaluate?: Loose<EvaluateOptions>;
  call?: (vae: Vae) => unknown;
  /** Defaults to SpecError. */
  error?: abstract new (...values: never[]) => Error;
  says: string | RegExp;
}

const gaussian = { type: 'gaussian', scale: 1 };
const activations = 'identity, relu, leakyRelu, sigmoid, tanh, softplus, silu, gelu';
const seedRange = 'expected an integer from 0 to 2^53 - 1';

const specifications: Record<string, Refusal> = {
  'latent 0': { spec: { latent: 0 }, says: '[spec.latent] is 0; expected an integer from 1 to 4096' },
  'latent 1.5': { spec: { latent: 1.5 }, says: '[spec.latent] is 1.5; expected an integer from 1 to 4096' },
  'latent as text': {
    spec: { latent: '8' },
    says: '[spec.latent] is "8"; expected an integer from 1 to 4096',
  },
  'latent 1e9': {
    spec: { latent: 1e9 },
    says: '[spec.latent] is 1000000000; expected an integer from 1 to 4096',
  },
  'an unknown likelihood': {
    spec: { likelihood: { type: 'poisson' } },
    says: '[spec.likelihood.type] is "poisson"; expected one of bernoulli, gaussian, laplace, discretized-logistic-mixture, categorical, negative-binomial, beta-binomial',
  },
  'a scale of 0': {
    spec: { likelihood: { type: 'gaussian', scale: 0 } },
    says: `[spec.likelihood.scale] is 0; expected a number from 1e-4 to 1e4, 'decoder', 'learned' or 'per-pixel'`,
  },
  'a scale for bernoulli': {
    spec: { likelihood: { type: 'bernoulli', scale: 1 } },
    says: '[spec.likelihood] bernoulli has no scale; remove it',
  },
  'a scale of the decoder for laplace': {
    spec: { likelihood: { type: 'laplace', scale: 'decoder' } },
    says: `[spec.likelihood.scale] is "decoder"; expected a number from 1e-4 to 1e4, 'learned' or 'per-pixel'`,
  },
  'a mixture of no components': {
    spec: { likelihood: { type: 'discretized-logistic-mixture', components: 0 } },
    says: '[spec.likelihood.components] is 0; expected an integer from 1 to 100',
  },
  'classes left out': {
    spec: { likelihood: { type: 'categorical' } },
    says: '[spec.likelihood.classes] is undefined; expected an integer from 2 to 65536',
  },
  'an unknown mean of counts': {
    spec: { likelihood: { type: 'negative-binomial', mean: 'relu' } },
    says: '[spec.likelihood.mean] is "relu"; expected one of exp, softplus',
  },
  'classes for a beta-binomial': {
    spec: { likelihood: { type: 'beta-binomial', classes: 256 } },
    says: '[spec.likelihood] beta-binomial has no classes; remove it',
  },
  'an unknown activation': {
    spec: { encoder: [{ type: 'dense', units: 3, activation: 'swish' }] },
    says: `[spec.encoder[0].activation] activation is 'swish'; expected one of ${activations}`,
  },
  'an activation that an object inherits': {
    spec: { encoder: [{ type: 'dense', units: 3, activation: 'constructor' }] },
    says: `[spec.encoder[0].activation] activation is 'constructor'; expected one of ${activations}`,
  },
  'no units': {
    spec: { decoder: [{ type: 'dense', units: 0 }] },
    says: '[spec.decoder[0].units] is 0; expected an integer from 1 to 65536',
  },
  'an unknown layer': {
    spec: { encoder: [{ type: 'lstm', units: 3 }] },
    says: /^\[spec\.encoder\[0\]\.type\] is "lstm"; expected one of dense, conv, .*, flatten, reshape, own$/,
  },
  'a layer that does not fit the one before it': {
    spec: {
      encoder: [
        { type: 'conv', channels: 2, kernel: 3, stride: 2 },
        { type: 'maxPool', kernel: 4 },
      ],
    },
    says: '[spec.encoder[1]] maxPool: the kernel of 4 is larger than the image (3) and its padding (0 on each side); make it smaller',
  },
  'layers that are a number': {
    spec: { encoder: 8 },
    says: '[spec.encoder] is 8; expected a list of at most 256 layers',
  },
  'an input that is a number': {
    spec: { input: 784 },
    says: '[spec.input] is 784; expected the shape of a datum, such as [28, 28, 1]',
  },
  'an input of no axes': {
    spec: { input: [] },
    says: '[spec.input] is []; expected the shape of a datum, such as [28, 28, 1]',
  },
  'an input of 2^60 pixels': {
    spec: { input: [2 ** 20, 2 ** 20, 2 ** 20] },
    says: /^\[spec\.input\] \[1048576, 1048576, 1048576\] has \d+ elements; at most 4194304 are supported$/,
  },
  'an unknown posterior': {
    spec: { posterior: 'banded' },
    says: /^\[spec\.posterior\] is "banded"; expected 'diagonal', 'isotropic', /,
  },
  'a field that does not exist': {
    spec: { hidden: 3 } as Loose<VaeSpec>,
    says: `[spec] has the unknown field 'hidden'; it may have input, latent, encoder, decoder, posterior, prior, likelihood, condition, objective`,
  },
};

const datasets: Record<string, Refusal> = {
  'a NaN pixel': {
    data: grey({}, { [2 * 36 + 7]: Number.NaN }),
    error: DataError,
    says: '[data] row 2, element 7 is NaN; every value must be finite; remove the row or repair the step that made it',
  },
  'an infinite pixel, also for gaussian': {
    spec: { likelihood: gaussian },
    data: grey({}, { 0: Number.POSITIVE_INFINITY }),
    error: DataError,
    says: '[data] row 0, element 0 is Infinity; every value must be finite; remove the row or repair the step that made it',
  },
  'a value above 1 with bernoulli': {
    data: grey({}, { 40: 1.5 }),
    error: DataError,
    says: '[data] row 1, element 4 is 1.5; the bernoulli likelihood needs values in [0, 1]; rescale to [0, 1] or choose the gaussian likelihood',
  },
  'a value below 0 with bernoulli': {
    data: grey({}, { 143: -0.25 }),
    error: DataError,
    says: '[data] row 3, element 35 is -0.25; the bernoulli likelihood needs values in [0, 1]; rescale to [0, 1] or choose the gaussian likelihood',
  },
  'a value outside [0, 1] to binarize': {
    spec: { likelihood: gaussian },
    data: grey({}, { 40: 7 }),
    train: { binarize: true },
    error: DataError,
    says: /^\[data\] row 1, element 4 is 7; .*binariz/,
  },
  ...Object.fromEntries(
    [0.5, -1 / 255, 256 / 255].map((value) => [
      `${value} among 256 levels`,
      {
        spec: { likelihood: { type: 'beta-binomial' } },
        data: filled(1, { 40: value }),
        error: DataError,
        says: `[data] row 1, element 4 is ${Math.fround(value)}; the beta-binomial likelihood needs 0, 1/255, ..., 1; pass the bytes as Uint8Array, or round to 255 steps`,
      },
    ]),
  ),
  'a grey value among the levels of a mixture': {
    spec: { likelihood: { type: 'discretized-logistic-mixture', components: 2 } },
    data: grey(),
    error: DataError,
    says: '[data] row 0, element 0 is 0.5; the discretized-logistic-mixture likelihood needs 0, 1/255, ..., 1; pass the bytes as Uint8Array, or round to 255 steps',
  },
  'a class too many': {
    spec: { likelihood: { type: 'categorical', classes: 4 } },
    data: filled(3, { 143: 4 }),
    error: DataError,
    says: '[data] row 3, element 35 is 4; the categorical likelihood needs whole numbers from 0 to 3; pass them as Float32Array, or choose the gaussian likelihood',
  },
  'classes in bytes': {
    spec: { likelihood: { type: 'categorical', classes: 4 } },
    data: grey({ values: new Uint8Array(144).fill(3) }),
    error: DataError,
    says: '[data] row 0, element 0 is 3 / 255; the categorical likelihood needs whole numbers from 0 to 3; pass them as Float32Array, or choose the gaussian likelihood',
  },
  'a count below 0': {
    spec: { likelihood: { type: 'negative-binomial', mean: 'exp' } },
    data: filled(7, { 5: -1 }),
    error: DataError,
    says: '[data] row 0, element 5 is -1; the negative-binomial likelihood needs whole numbers from 0; pass them as Float32Array, or choose the gaussian likelihood',
  },
  'half a count': {
    spec: { likelihood: { type: 'negative-binomial', mean: 'exp' } },
    data: filled(1e6, { 5: 2.5 }),
    error: DataError,
    says: /^\[data\] row 0, element 5 is 2.5; the negative-binomial likelihood needs whole numbers from 0; /,
  },
  'no rows': {
    data: grey({ rows: 0, values: new Float32Array(0) }),
    error: DataError,
    says: '[data] the dataset has zero images (rows is 0); expected at least one; check the file, or the filter before it',
  },
  'fewer values than rows': {
    data: grey({ rows: 5 }),
    error: DataError,
    says: '[data] values holds 144 numbers; 5 rows of [6, 6, 1] need 180; correct rows, shape or values',
  },
  'another size than the model': {
    data: grey({ shape: [36, 2], values: new Float32Array(4 * 72) }),
    error: ShapeError,
    says: "[data] a row is [36, 2]; the model's input is [6, 6, 1]; change spec.input or the data",
  },
  'channels first': {
    spec: { input: [6, 6, 3] },
    data: grey({ shape: [3, 6, 6], values: new Float32Array(4 * 108) }),
    error: ShapeError,
    says: "[data] a row is [3, 6, 6]; the model's input is [6, 6, 3]; change spec.input or the data",
  },
  'an empty shape': {
    data: grey({ shape: [] }),
    error: DataError,
    says: '[data] shape is []; expected the shape of one row, e.g. [28, 28, 1] or [784]',
  },
  'a shape of negative sizes': {
    data: grey({ shape: [-6, -6] }),
    error: DataError,
    says: '[data] shape is [-6, -6]; expected whole sizes of at least 1, e.g. [28, 28, 1]',
  },
  'values in a plain array': {
    data: grey({ values: [1, 2] }),
    error: DataError,
    says: '[data] values is Array; expected Uint8Array (0 to 255) or Float32Array; convert with Float32Array.from(values)',
  },
  'one label too few': {
    data: grey({ labels: new Uint8Array(3) }),
    error: DataError,
    says: '[data] there are 3 labels for 4 rows; expected one label a row; pass the labels file that belongs to these images',
  },
  'no data at all': { data: null, error: DataError, says: /^\[(data|train)\] / },
};

const trainOptions: Record<string, Refusal> = {
  'a batch larger than the data': {
    train: { batchSize: 5 },
    error: DataError,
    says: '[batchSize] is 5; the data has 4 rows; use at most 4',
  },
  'batches of 0': { train: { batchSize: 0 }, says: '[batchSize] is 0; expected an integer >= 1' },
  'batches of 1.5': { train: { batchSize: 1.5 }, says: '[batchSize] is 1.5; expected an integer >= 1' },
  'no epochs': { train: { epochs: 0 }, says: '[epochs] is 0; expected an integer >= 1' },
  'epochs left out': {
    train: { epochs: undefined },
    says: '[epochs] is undefined; expected an integer >= 1',
  },
  'learning rate 0': { train: { learningRate: 0 }, says: '[learningRate] is 0; expected a number > 0' },
  'learning rate NaN': {
    train: { learningRate: Number.NaN },
    says: '[learningRate] is NaN; expected a number > 0',
  },
  'learning rate infinite': {
    train: { learningRate: Number.POSITIVE_INFINITY },
    says: '[learningRate] is Infinity; expected a number > 0',
  },
  'beta below 0': {
    train: { beta: -1 },
    says: '[beta] is -1; expected a number of at least 0 and below 1000000',
  },
  'beta NaN': {
    train: { beta: Number.NaN },
    says: '[beta] is NaN; expected a number of at least 0 and below 1000000',
  },
  'a beta function that gives NaN': {
    train: { beta: () => Number.NaN },
    error: VaeError,
    says: /beta.* is NaN/,
  },
  'estimator C': {
    train: { estimator: 'C' },
    says: `[estimator] is "C"; expected 'A', 'B' or { type } with iwae, miwae, piwae, ciwae, score-function`,
  },
  'no samples': { train: { samples: 0 }, says: /samples.* is 0; expected an integer >= 1$/ },
  'half a sample': { train: { samples: 1.5 }, says: /samples.* is 1\.5; expected an integer >= 1$/ },
  'a seed below 0': { train: { seed: -1 }, says: `[seed] is -1; ${seedRange}` },
  'a broken seed': { train: { seed: 1.5 }, says: `[seed] is 1.5; ${seedRange}` },
  'an unknown optimizer': {
    train: { optimizer: { type: 'rmsprop' } },
    says: '[optimizer] type is "rmsprop"; expected one of adam, adamw, sgd, adagrad',
  },
  'an optimizer that is null': { train: { optimizer: null }, says: /^\[optimizer\] / },
  'momentum 1': {
    train: { optimizer: { type: 'sgd', momentum: 1 } },
    says: '[optimizer.momentum] is 1; expected a number in [0, 1)',
  },
  'a negative clipping norm': {
    train: { optimizer: { type: 'adam', maxNorm: -1 } },
    says: '[optimizer.maxNorm] is -1; expected a number >= 0 (0: no clipping)',
  },
  'a negative epsilon': {
    train: { optimizer: { type: 'adam', epsilon: -1 } },
    says: /^\[optimizer\.epsilon\] is -1; expected a number/,
  },
  'weight decay NaN': {
    train: { optimizer: { type: 'adamw', weightDecay: Number.NaN } },
    says: /^\[optimizer\.weightDecay\] is NaN; expected a number/,
  },
};

const otherCalls: Record<string, Refusal> = {
  'evaluate: batches of 0': {
    evaluate: { batchSize: 0 },
    says: '[batchSize] is 0; expected an integer >= 1',
  },
  'evaluate: batches of 1.5': {
    evaluate: { batchSize: 1.5 },
    says: '[batchSize] is 1.5; expected an integer >= 1',
  },
  'evaluate: estimator Z': {
    evaluate: { estimator: 'Z' },
    says: `[estimator] is "Z"; expected 'A', 'B' or { type } with iwae, miwae, piwae, ciwae, score-function`,
  },
  'evaluate: no samples': { evaluate: { samples: 0 }, says: /samples.* is 0; expected an integer >= 1$/ },
  'evaluate: a seed below 0': { evaluate: { seed: -1 }, says: `[seed] is -1; ${seedRange}` },
  'evaluate: beta NaN': {
    evaluate: { beta: Number.NaN },
    says: '[beta] is NaN; expected a number of at least 0 and below 1000000',
  },
  'evaluate: a NaN pixel': {
    evaluate: {},
    data: grey({}, { 3: Number.NaN }),
    error: DataError,
    says: '[data] row 0, element 3 is NaN; every value must be finite; remove the row or repair the step that made it',
  },
  'encode: part of a row': {
    call: (vae) => vae.encode(new Float32Array(35)),
    error: ShapeError,
    says: '[encode] got 35 values; expected a multiple of 36, one row or more',
  },
  'encode: nothing': {
    call: (vae) => vae.encode(new Float32Array(0)),
    error: ShapeError,
    says: '[encode] got 0 values; expected a multiple of 36, one row or more',
  },
  'encode: a NaN, which relu would hide': {
    call: (vae) => vae.encode(Object.assign(new Float32Array(36), { 5: Number.NaN })),
    error: VaeError,
    says: /^\[encode\] .*NaN/,
  },
  'encode: bytes, whose meaning it cannot know': {
    call: (vae) => vae.encode(new Uint8Array(36) as unknown as Float32Array),
    error: VaeError,
    says: /^\[encode\] .*Uint8Array/,
  },
  'decode: part of a row': {
    call: (vae) => vae.decode(new Float32Array(3)),
    error: ShapeError,
    says: '[decode] got 3 values; expected a multiple of 2, one row or more',
  },
  'sample: none': { call: (vae) => vae.sample(0), says: '[sample] count is 0; expected an integer >= 1' },
  'sample: one and a half': {
    call: (vae) => vae.sample(1.5),
    says: '[sample] count is 1.5; expected an integer >= 1',
  },
  'sample: a seed below 0': {
    call: (vae) => vae.sample(1, { seed: -1 }),
    says: `[seed] is -1; ${seedRange}`,
  },
};

/** Makes the model and the call of a row. */
async function attempt({ spec: change, data = grey(), train, evaluate, call }: Refusal): Promise<unknown> {
  const vae = await Vae.create({ ...spec, ...change } as VaeSpec, { device: await nodeDevice() });
  try {
    if (call) return await call(vae);
    if (evaluate) return await vae.evaluate(data!, evaluate as EvaluateOptions);
    return await vae.train(data!, { epochs: 1, batchSize: 2, ...train } as TrainOptions);
  } finally {
    vae.destroy();
    await Promise.resolve();
  }
}

for (const [group, rows] of Object.entries({
  specifications,
  datasets,
  'training options': trainOptions,
  'other calls': otherCalls,
}))
  test.describe(group, () => {
    for (const [name, refusal] of Object.entries(rows))
      test(name, async () => {
        const device = await nodeDevice();
        const before = device.liveByteLength;
        const error = (await errorOf(() => attempt(refusal))) as Error;
        if (typeof refusal.says === 'string') expect(error.message).toBe(refusal.says);
        else expect(error.message).toMatch(refusal.says);
        expect(error).toBeInstanceOf(refusal.error ?? SpecError);
        expect(device.liveByteLength, 'bytes left').toBe(before);
      });
  });
