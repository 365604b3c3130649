/**
 * Plan: compress and decompress, and bits-back, with small models on 8 x 8 images.
 * | what     | truth                                    | cases                                                              |
 * | lossy    | round(encode(x)), decode of that         | tables of the model, tables in the file, a model that was loaded     |
 * | rate     | -log2 of the learned density             | words within 0.1 %                                                   |
 * | lossless | the data; the bound                      | every bit; the negative ELBO of 64 samples, 4 standard errors        |
 * |          |                                          | grey images under a beta-binomial                                   |
 * | refusals | -                                        | other models, priors, data, kinds, tables, networks, counts          |
 * | damage   | an error of ours, or other latents       | 100 files with changed words and a valid digest                     |
 */
import { expect, test } from '@playwright/test';
import { CheckpointError, DataError, SpecError, VaeError } from '../../src/gpu/errors.js';
import { loadImages } from '../../src/node/data.js';
import {
  binarized,
  compress,
  compressLossless,
  decompress,
  decompressLossless,
  readCodedFile,
  readLatents,
  writeCodedFile,
  type CodedFile,
} from '../../src/vae/coding/index.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { denseSpec } from '../../src/vae/presets.js';
import { Vae } from '../../src/vae/vae.js';
import { integers } from '../random-integers.js';
import { nodeDevice } from '../node-device.js';
import { holdTo } from '../truth.js';
import { refused } from '../refused.js';
import { lossySpecOf } from '../lossy-spec.js';

const shape = { input: [8, 8, 1], hidden: 32, latent: 6 } as const;
const lossySpec = lossySpecOf(shape);

let data: Dataset;
let lossy: Vae;
let lossless: Vae;

test.beforeAll(async () => {
  const device = await nodeDevice();
  const { rows, shape: size, values } = await loadImages('fashion', 'train', { limit: 96, size: [8, 8] });
  data = { rows, shape: size, values };
  const options = { epochs: 30, batchSize: 32, learningRate: 0.005 };
  lossy = await Vae.create(lossySpec, { device });
  await lossy.train(data, options);
  lossless = await Vae.create(denseSpec(shape), { device });
  await lossless.train(binarized(data), options);
});
test.afterAll(() => {
  lossy.destroy();
  lossless.destroy();
});

/** A file with other fields and a digest that is right. */
async function changed(
  bytes: Uint8Array,
  fields: (file: CodedFile) => Partial<CodedFile>,
): Promise<Uint8Array> {
  const file = await readCodedFile(bytes);
  return writeCodedFile({ ...file, ...fields(file) });
}

const refusal = (promise: Promise<unknown>): Promise<VaeError> => refused(() => promise, VaeError);

test('latents come back, and images are what the decoder makes of them', async () => {
  const x = Float32Array.from(data.values, (byte) => byte / 255);
  const { mean } = await lossy.encode(x);
  const rounded = Array.from(mean, (value) => Math.round(value) + 0);
  expect(new Set(rounded).size, 'latents differ').toBeGreaterThan(3);
  const expected = await lossy.decode(Float32Array.from(rounded));
  for (const embedTables of [false, true]) {
    const { bytes } = await compress(lossy, data, { embedTables });
    const { latents } = await readLatents(lossy, bytes);
    expect([...latents]).toEqual(rounded);
    const images = await decompress(lossy, bytes);
    expect(images).toEqual({ rows: 96, shape: [8, 8, 1], values: expected });
  }
});

test('the words take what the density predicts', async () => {
  const { bytes, payloadBits, predictedBits } = await compress(lossy, data);
  expect(predictedBits).toBeGreaterThan(96 * 4);
  // 2^16 slots and f32 densities: see e2e/node/factorized.spec.ts
  const excess = Math.abs(payloadBits / predictedBits - 1);
  holdTo('coding rate-distortion', 'bits of the density, share', excess, 1e-3);
  const file = await readCodedFile(bytes);
  expect(16 * file.words.length - payloadBits).toBeLessThan(64);
  expect(bytes.length).toBe(12 + 12 + 8 + 4 + 17 + 4 + 2 * file.words.length + 8);
});

test('a loaded model reads the file', async () => {
  const { bytes } = await compress(lossy, data);
  const loaded = await Vae.load(await lossy.save(), { device: await nodeDevice() });
  expect(await decompress(loaded, bytes)).toEqual(await decompress(lossy, bytes));
  loaded.destroy();
});

test('lossless: every bit comes back, at the bound', async () => {
  const binary = binarized(data);
  const { bytes, dataBits, bitsPerDimension } = await compressLossless(lossless, binary);
  expect(await decompressLossless(lossless, bytes)).toEqual(binary);
  const { elbo } = await lossless.evaluate(binary, { estimator: 'A', samples: 64 });
  const bound = -elbo / Math.LN2 / 64;
  // One z a datum: the standard error of 96 data is some 1 %. Latents that follow each other's bits were off by 6 %.
  const excess = Math.abs(bitsPerDimension / bound - 1);
  holdTo('coding bits-back', 'negative ELBO of 96 binary images, share', excess, 0.04);
  expect(dataBits).toBeLessThan(binary.values.length); // 1 bit a pixel without a model
  expect(8 * bytes.length - dataBits, 'overhead in bits').toBeLessThan(8 * 120 + 16 * 12);
});

test('lossless: grey images come back under a beta-binomial, at the bound', async () => {
  const spec = denseSpec({ ...shape, likelihood: { type: 'beta-binomial' } });
  const vae = await Vae.create(spec, { device: await nodeDevice() });
  await vae.train(data, { epochs: 30, batchSize: 32, learningRate: 0.005 });
  const { bytes, bitsPerDimension } = await compressLossless(vae, data);
  expect(await decompressLossless(vae, bytes)).toEqual(data);
  const { elbo } = await vae.evaluate(data, { estimator: 'A', samples: 64 });
  const bound = -elbo / Math.LN2 / 64;
  expect(bound).toBeLessThan(8);
  const excess = Math.abs(bitsPerDimension / bound - 1);
  holdTo('coding bits-back', 'negative ELBO of 96 grey images, share', excess, 0.02);
  vae.destroy();
});

test('files that do not fit are refused by name', async () => {
  const { bytes } = await compress(lossy, data);
  const { bytes: other } = await compressLossless(lossless, binarized(data));
  const fresh = await Vae.create(lossySpec, { device: await nodeDevice(), seed: 5 });
  const rows: [name: string, run: () => Promise<unknown>, type: typeof VaeError, message: RegExp][] = [
    [
      'another model',
      () => decompress(fresh, bytes),
      CheckpointError,
      /was made with the model \w{16}; this one is/,
    ],
    [
      'another kind',
      () => decompress(lossy, other),
      DataError,
      /holds bits-back data; expected rate-distortion/,
    ],
    ['another kind back', () => decompressLossless(lossless, bytes), DataError, /holds rate-distortion data/],
    [
      'no factorised prior',
      () => compress(lossless, data),
      SpecError,
      /the prior is standard-normal; expected factorized/,
    ],
    [
      'no Bernoulli likelihood',
      () => compressLossless(lossy, data),
      SpecError,
      /has a gaussian likelihood, a uniform posterior and a factorized prior; expected bernoulli or beta-binomial/,
    ],
    [
      'grey images',
      () => compressLossless(lossless, data),
      DataError,
      /a Bernoulli model codes 0 and 255 only/,
    ],
  ];
  for (const [name, run, type, message] of rows) {
    const error = await refusal(run());
    expect(error, name).toBeInstanceOf(type);
    expect(error.message, name).toMatch(message);
  }
  fresh.destroy();
});

const forgeries: [name: string, fields: (file: CodedFile) => Partial<CodedFile>, message: RegExp][] = [
  ['2^20 images in few words', () => ({ rows: 2 ** 20 }), /states 1048576 data; its words hold at most/],
  ['an image more', ({ rows }) => ({ rows: rows + 1 }), /end before the last symbol/],
  ['an image less', ({ rows }) => ({ rows: rows - 1 }), /left behind the last image/],
  ['another shape', () => ({ shape: [8, 4, 1] }), /states data of \[8, 4, 1\]; the model has \[8, 8, 1\]/],
  ['no words', () => ({ words: new Uint16Array() }), /have 0 words and end in no valid state/],
  ['no extra part', () => ({ extra: new Uint8Array() }), /states tables ""/],
  ['another digest of tables', ({ extra }) => ({ extra: extra.with(3, 0x2d) }), /the model's are \w{16}/],
  [
    'too few tables',
    () => ({ extra: Uint8Array.of(1, 1, 0, 1, 5) }),
    /holds 1 tables; the model has 6 latents/,
  ],
];
for (const [name, fields, message] of forgeries)
  test(`a forged file is refused: ${name}`, async () => {
    const { bytes } = await compress(lossy, data);
    const error = await refusal(decompress(lossy, await changed(bytes, fields)));
    expect(error.message).toMatch(message);
  });

test('changed words give an error of ours or other latents, never a hang', async () => {
  const { bytes } = await compress(lossy, data);
  const { latents } = await readLatents(lossy, bytes);
  let refusals = 0;
  for (let seed = 0; seed < 100; seed++) {
    const [place = 0, value = 0] = integers(2, seed, 65536);
    const damaged = await changed(bytes, ({ words }) => ({ words: words.with(place % words.length, value) }));
    const read = readLatents(lossy, damaged).then(
      (file) => expect(file.latents).not.toEqual(latents),
      (error: unknown) => {
        expect(error).toBeInstanceOf(VaeError);
        refusals++;
      },
    );
    await read;
  }
  expect(refusals).toBeGreaterThan(95);
});

test('lossless: changed words, counts and networks are refused', async () => {
  const { bytes } = await compressLossless(lossless, binarized(data));
  // what is found first depends on the numbers
  const loose = /do not leave the bits|end before|gives no slot/;
  const rows: [fields: (file: CodedFile) => Partial<CodedFile>, message: RegExp][] = [
    [({ words }) => ({ words: words.with(40, words[40]! ^ 1) }), loose],
    [({ words }) => ({ words: words.with(0, words[0]! ^ 1) }), loose],
    [({ rows: count }) => ({ rows: count - 1 }), loose],
    [({ rows: count }) => ({ rows: count + 1 }), loose],
    [() => ({ rows: 2 ** 22 }), /its words hold at most/],
    [({ extra }) => ({ extra: extra.with(0, 0x7a) }), /was made where the networks gave "z/],
  ];
  for (const [fields, message] of rows)
    expect((await refusal(decompressLossless(lossless, await changed(bytes, fields)))).message).toMatch(
      message,
    );
});
