/**
 * Plan: the calls around training against the float64 reference. encode, decode, reconstruct and sample: shapes and
 * values over row counts on both sides of the plan's 128 rows, posterior x likelihood. evaluate: the bound with the
 * noise that the contract says, over batch sizes that leave a short last batch. Files: a model saved and loaded gives
 * the same bytes, trains on as if it had not been saved, and a tensor too many, too few or misshapen is named.
 */
import { expect, test } from '@playwright/test';
import { CheckpointError } from '../../src/gpu/errors.js';
import { readSafetensors, writeSafetensors } from '../../src/vae/checkpoint/safetensors.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { Vae } from '../../src/vae/vae.js';
import { float32, loadModel, modelFile, randomParameters, scaledError } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { sigmoid } from '../reference/activation.js';
import { normalNoise } from '../reference/noise.js';
import { fromValues, map, randomUniform, roundToFloat32, zeros, type F64 } from '../reference/tensor.js';
import { parameterShapes, vaeForward, type DenseVaeSpec } from '../reference/vae.js';
import { seededData } from '../seeded-run.js';

/** Float32 sums of at most 36 terms, then activations; in units of the tensor's largest value. */
const TOLERANCE = 1e-5;

const [D, K] = [9, 3];
const hidden = { type: 'dense', units: 11, activation: 'silu' } as const;
const base: DenseVaeSpec = { input: [3, 3, 1], latent: K, encoder: [hidden], decoder: [hidden] };
const specs: Record<string, DenseVaeSpec> = {
  'diagonal, bernoulli': base,
  'isotropic, gaussian': {
    ...base,
    posterior: 'isotropic',
    likelihood: { type: 'gaussian', scale: 'per-pixel' },
  },
  'laplace without hidden layers': {
    ...base,
    encoder: [],
    decoder: [],
    likelihood: { type: 'laplace', scale: 0.7 },
  },
};

/** Rows on both sides of one and two plans of 128. */
const ROW_COUNTS = [1, 2, 127, 128, 129, 300];

/** What the reference decodes at a posterior mean: noise of zeros makes z the mean. */
function referenceModel(spec: DenseVaeSpec, x: F64): { mean: F64; logVariance: F64; reconstruction: F64 } {
  const rows = x.shape[0]!;
  const { moments, z, prediction } = vaeForward(spec, randomParameters(spec, 3), x, zeros([rows, K]));
  const columns = moments.shape[1]!;
  const part = (first: number, last: number): F64 => {
    const values = Array.from({ length: rows }, (_, row) => [
      ...moments.values.subarray(row * columns + first, row * columns + last),
    ]);
    return fromValues([rows, last - first], values.flat());
  };
  return { mean: z, logVariance: part(K, columns), reconstruction: likelihoodMean(spec, prediction) };
}

function likelihoodMean(spec: DenseVaeSpec, prediction: F64): F64 {
  return (spec.likelihood?.type ?? 'bernoulli') === 'bernoulli' ? map(prediction, sigmoid) : prediction;
}

/** What the reference decodes from z: an encoder of zeros whose noise is z has z as its sample. */
function referenceDecode(spec: DenseVaeSpec, z: F64): F64 {
  const parameters = new Map(
    [...randomParameters(spec, 3)].map(([name, value]) => [
      name,
      /^(mean|log_variance)\./.test(name) ? zeros(value.shape) : value,
    ]),
  );
  const { prediction } = vaeForward(spec, parameters, zeros([z.shape[0]!, D]), z);
  return likelihoodMean(spec, prediction);
}

for (const [name, spec] of Object.entries(specs))
  test.describe(name, () => {
    for (const rows of ROW_COUNTS)
      test(`encode, decode and reconstruct ${rows} rows`, async () => {
        const vae = await loadModel(spec, randomParameters(spec, 3), await nodeDevice());
        const x = randomUniform([rows, D], 4, 0, 1);
        const expected = referenceModel(spec, x);
        const { mean, logVariance } = await vae.encode(float32(x));
        expect(scaledError(mean, expected.mean.values), 'mean').toBeLessThan(TOLERANCE);
        expect(scaledError(logVariance, expected.logVariance.values), 'logVariance').toBeLessThan(TOLERANCE);
        const reconstruction = await vae.reconstruct(float32(x));
        expect(scaledError(reconstruction, expected.reconstruction.values), 'reconstruct').toBeLessThan(
          TOLERANCE,
        );
        const z = randomUniform([rows, K], 5, -2, 2);
        const decoded = await vae.decode(float32(z));
        expect(scaledError(decoded, referenceDecode(spec, z).values), 'decode').toBeLessThan(TOLERANCE);
        vae.destroy();
      });

    test('sample decodes the prior noise of the seed', async () => {
      const vae = await loadModel(spec, randomParameters(spec, 3), await nodeDevice());
      const seed = 2 ** 40 + 77;
      const noise = normalNoise([131, K], { low: 77, high: 2 ** 8 }, 0x70726900);
      const samples = await vae.sample(131, { seed });
      expect(scaledError(samples, referenceDecode(spec, roundToFloat32(noise)).values)).toBeLessThan(
        TOLERANCE,
      );
      expect(await vae.sample(131, { seed })).toEqual(samples);
      expect(await vae.sample(131, { seed: 77 })).not.toEqual(samples);
      expect(await vae.sample(7, { seed })).toEqual(samples.slice(0, 7 * D)); // the first of many
      vae.destroy();
    });

    for (const { rows, batchSize, samples } of [
      { rows: 10, batchSize: 128, samples: 1 },
      { rows: 10, batchSize: 4, samples: 3 },
      { rows: 130, batchSize: 128, samples: 1 },
      { rows: 300, batchSize: 1, samples: 1 }, // more batches than the ring of metrics holds
    ])
      for (const estimator of ['A', 'B'] as const)
        test(`evaluate ${rows} rows by ${batchSize}, ${samples} samples, estimator ${estimator}`, async () => {
          const vae = await loadModel(spec, randomParameters(spec, 3), await nodeDevice());
          const x = randomUniform([rows, D], 6, 0, 1);
          const [seed, beta] = [2 ** 32 + 12, 0.25];
          const expected = { elbo: 0, reconstruction: 0, kl: 0 };
          const size = Math.min(batchSize, rows);
          for (let first = 0; first < rows; first += size) {
            const rowCount = Math.min(size, rows - first);
            const batch = zeros([size, D]);
            batch.values.set(x.values.subarray(first * D, (first + rowCount) * D));
            const stream = 0x80000000 + first / size; // batches of an evaluation count from here
            const noise = roundToFloat32(normalNoise([samples * size, K], { low: 12, high: 1 }, stream));
            const options = { estimator, beta, rowCount };
            const { terms } = vaeForward(spec, randomParameters(spec, 3), batch, noise, options);
            for (const term of ['elbo', 'reconstruction', 'kl'] as const)
              expected[term] += (terms[term] * rowCount) / rows;
          }
          const data: Dataset = { rows, shape: spec.input, values: float32(x) };
          const actual = await vae.evaluate(data, { batchSize, samples, estimator, seed, beta });
          for (const term of ['elbo', 'reconstruction', 'kl'] as const)
            expect(scaledError([actual[term]], [expected[term]]), term).toBeLessThan(TOLERANCE);
          vae.destroy();
        });
  });

test('bytes mean value / 255', async () => {
  const vae = await loadModel(base, randomParameters(base, 3), await nodeDevice());
  const bytes = Uint8Array.from({ length: 7 * D }, (_, i) => (i * 41) & 255); // 63 bytes: not whole words
  const values = Float32Array.from(bytes, (byte) => byte / 255);
  const fromBytes = await vae.evaluate({ rows: 7, shape: [D], values: bytes }, { seed: 2 });
  const fromFloats = await vae.evaluate({ rows: 7, shape: [D], values }, { seed: 2 });
  expect(fromBytes.elbo).toBeCloseTo(fromFloats.elbo, 5);
  vae.destroy();
});

test('beta may be a function of the step', async () => {
  const vae = await loadModel(base, randomParameters(base, 3, 1), await nodeDevice());
  const values = float32(randomUniform([6, D], 6, 0, 1));
  const data: Dataset = { rows: 6, shape: [D], values };
  const trainer = await vae.trainer(data, { batchSize: 6, learningRate: 1e-30, beta: (step) => step / 2 });
  for (let step = 0; step < 4; step++) await trainer.step();
  for (const { step, elbo, reconstruction, kl } of await trainer.terms())
    expect(elbo).toBeCloseTo(reconstruction - (step / 2) * kl, 4);
  trainer.destroy();
  vae.destroy();
});

test.describe('a saved model', () => {
  for (const [name, spec] of Object.entries(specs))
    test(`loads and saves as the same bytes: ${name}`, async () => {
      const device = await nodeDevice();
      const vae = await Vae.create(spec, { device, seed: 8 });
      const bytes = await vae.save();
      const again = await Vae.load(bytes, { device });
      expect(again.spec).toEqual(vae.spec);
      expect(await again.save()).toEqual(bytes);
      expect(await again.sample(5, { seed: 1 })).toEqual(await vae.sample(5, { seed: 1 }));
      again.destroy();
      vae.destroy();
    });

  test('has the names, shapes and values of the specification', async () => {
    const vae = await loadModel(base, randomParameters(base, 3), await nodeDevice());
    const { tensors, metadata, verified } = await readSafetensors(await vae.save());
    const shapes = parameterShapes(base);
    expect(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))).toEqual(
      Object.fromEntries(shapes),
    );
    for (const [name, { values }] of randomParameters(base, 3))
      expect([...(tensors.get(name)!.values as Float32Array)], name).toEqual([...values]);
    expect(metadata.get('format')).toBe('webgpu-vae 1');
    expect(JSON.parse(metadata.get('spec')!)).toEqual(vae.spec);
    expect(verified).toBe(true);
    vae.destroy();
  });

  test('trains on with the same bits', async () => {
    const device = await nodeDevice();
    const spec: DenseVaeSpec = { ...base, input: [6, 6, 1] };
    const options = { epochs: 2, batchSize: 16, optimizer: { type: 'sgd' }, seed: 4 } as const; // no moments to lose
    const vae = await Vae.create(spec, { device });
    const copy = await Vae.load(await vae.save(), { device });
    await vae.train(seededData, options);
    await copy.train(seededData, options);
    expect(await copy.save()).toEqual(await vae.save());
    copy.destroy();
    vae.destroy();
  });
});

test.describe('a file that does not fit is refused', () => {
  type Tensors = Map<string, { shape: number[]; values: Float32Array }>;
  const metadata = { format: 'webgpu-vae 1', spec: JSON.stringify(base) };

  /** The tensors of a good file, for a test to spoil. */
  async function tensorsOf(): Promise<Tensors> {
    const { tensors } = await readSafetensors(await modelFile(base, randomParameters(base, 3)));
    return tensors as unknown as Tensors;
  }

  const files: Record<string, { file: () => Promise<Uint8Array>; says: string | RegExp }> = {
    'a tensor is missing': {
      file: async () => {
        const tensors = await tensorsOf();
        tensors.delete('mean.bias');
        return writeSafetensors(tensors, metadata);
      },
      says: '[checkpoint] has no tensor mean.bias; the specification needs it',
    },
    'a tensor too many': {
      file: async () =>
        writeSafetensors(
          (await tensorsOf()).set('decoder.9.bias', { shape: [1], values: new Float32Array(1) }),
          metadata,
        ),
      says: '[checkpoint] has the tensor decoder.9.bias, which the specification does not know',
    },
    'a transposed tensor': {
      file: async () => {
        const tensors = await tensorsOf();
        const { values } = tensors.get('encoder.0.weight')!;
        return writeSafetensors(tensors.set('encoder.0.weight', { shape: [D, 11], values }), metadata);
      },
      says: '[checkpoint] encoder.0.weight is [9, 11]; the specification needs f32[11, 9]',
    },
    'another format': {
      file: async () => writeSafetensors(await tensorsOf(), { ...metadata, format: 'webgpu-vae 99' }),
      says: "[checkpoint] format is webgpu-vae 99; expected 'webgpu-vae 1'; save it with Vae.save()",
    },
    'no metadata': {
      file: async () => writeSafetensors(await tensorsOf(), {}),
      says: "[checkpoint] format is absent; expected 'webgpu-vae 1'; save it with Vae.save()",
    },
    'a specification that cannot be built': {
      file: async () => {
        const spec = JSON.stringify({ ...base, latent: 0 });
        return writeSafetensors(await tensorsOf(), { ...metadata, spec });
      },
      says: /^\[checkpoint\] its specification cannot be built: .*\[spec\.latent\] is 0/,
    },
    'a specification that is not JSON': {
      file: async () => writeSafetensors(await tensorsOf(), { ...metadata, spec: '{' }),
      says: /^\[checkpoint\] its specification cannot be built: /,
    },
    'a flipped bit': {
      file: async () => {
        const bytes = await modelFile(base, randomParameters(base, 3));
        bytes[bytes.length - 7]! ^= 1;
        return bytes;
      },
      says: /^\[safetensors\] the content has SHA-256 .* it changed after it was saved; restore a copy$/,
    },
    'half a file': {
      file: async () => (await modelFile(base, randomParameters(base, 3))).slice(0, 700),
      says: /^\[safetensors\] .*cut short/,
    },
    'no bytes': {
      file: async () => new Uint8Array(0),
      says: /^\[safetensors\] the file has 0 bytes; /,
    },
  };
  for (const [name, { file, says }] of Object.entries(files))
    test(name, async () => {
      const device = await nodeDevice();
      const before = device.liveByteLength;
      const error = await Vae.load(await file(), { device }).catch((reason: unknown) => reason as Error);
      expect(error).toBeInstanceOf(CheckpointError);
      if (typeof says === 'string') expect((error as Error).message).toBe(says);
      else expect((error as Error).message).toMatch(says);
      expect(device.liveByteLength).toBe(before);
    });
});

test.describe('calls at the same time do not mix', () => {
  test('of encode and of decode', async () => {
    const vae = await loadModel(base, randomParameters(base, 3), await nodeDevice());
    const inputs = [1, 2, 3].map((seed) => float32(randomUniform([200, D], seed, 0, 1)));
    const latents = [4, 5].map((seed) => float32(randomUniform([200, K], seed)));
    const alone: unknown[] = [];
    for (const rows of inputs) alone.push(await vae.encode(rows));
    for (const z of latents) alone.push(await vae.decode(z));
    const together = [...inputs.map((rows) => vae.encode(rows)), ...latents.map((z) => vae.decode(z))];
    expect(await Promise.all<unknown>(together)).toEqual(alone);
    vae.destroy();
  });

  test('of steps that are fed', async () => {
    const device = await nodeDevice();
    const batches = [1, 2, 3, 4, 5].map((seed) => ({
      x: float32(randomUniform([4, D], seed, 0, 1)),
      noise: float32(randomUniform([4, K], seed + 10)),
    }));
    const results: unknown[] = [];
    for (const isTogether of [false, true]) {
      const vae = await loadModel(base, randomParameters(base, 3), device);
      const trainer = await vae.trainer(undefined, { batchSize: 4 });
      if (isTogether) await Promise.all(batches.map((batch) => trainer.step(batch)));
      else for (const batch of batches) await trainer.step(batch);
      results.push({ terms: await trainer.terms(), weights: await vae.readWeights() });
      trainer.destroy();
      vae.destroy();
    }
    expect(results[1]).toEqual(results[0]);
  });

  test('of training and of looking at the model', async () => {
    const device = await nodeDevice();
    const digests: Uint8Array[] = [];
    for (const isWatched of [false, true]) {
      const vae = await Vae.create({ ...base, input: [6, 6, 1] }, { device, seed: 2 });
      const looks: Promise<unknown>[] = [];
      const onStep = (): void => void looks.push(vae.sample(3), vae.save(), vae.evaluate(seededData));
      await vae.train(seededData, { epochs: 3, batchSize: 16, ...(isWatched ? { onStep } : {}) });
      await Promise.all(looks);
      digests.push(await vae.save());
      expect(looks.length > 0).toBe(isWatched);
      vae.destroy();
    }
    expect(digests[1]).toEqual(digests[0]);
  });
});
