/**
 * Plan: a training that goes on from a checkpoint has the bits of one that was never interrupted.
 * | axis      | control         | cases                                                                        |
 * | training  | Adam, dense     | optimizers, schedules, schemes, adversary, BatchNorm, binarized, conditional  |
 * | place     | within an epoch | its end, its first step, twice                                                |
 * | loop      | Trainer         | train() with onSave                                                           |
 * | file      | as saved        | opened as a model; other model, data, options, version; damaged               |
 * A checkpoint holds the step at the call of save(), and steps go on while it is read back.
 */
import { expect, test } from '@playwright/test';
import { CheckpointError, DataError, SpecError } from '../../src/gpu/errors.js';
import { readSafetensors, writeSafetensors } from '../../src/vae/checkpoint/safetensors.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { denseSpec } from '../../src/vae/presets.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import type { EpochReport, TrainOptions } from '../../src/vae/train.js';
import type { Trainer } from '../../src/vae/trainer.js';
import type { TrainerOptions } from '../../src/vae/trainer-options.js';
import { Vae } from '../../src/vae/vae.js';
import { nodeDevice } from '../node-device.js';
import { numbersDigest, smallOptions, smallSpec } from '../resume-run.js';
import { seededData } from '../seeded-run.js';

interface Training {
  readonly spec?: VaeSpec;
  readonly data?: Dataset;
  readonly options?: TrainerOptions;
}

const normed: VaeSpec = {
  input: [6, 6, 1],
  latent: 3,
  encoder: [
    { type: 'dense', units: 12 },
    { type: 'batchNorm', activation: 'relu' },
  ],
  decoder: [
    { type: 'dense', units: 12, activation: 'relu' },
    { type: 'dropout', rate: 0.3 },
  ],
};
const labelled = { ...seededData, labels: Uint8Array.from({ length: 50 }, (_, i) => i % 3) };

/** What training may have in it that lasts longer than a step. */
const trainings: Record<string, Training> = {
  'Adam with a last batch of 2 rows': {},
  AdamW: { options: { optimizer: { type: 'adamw', weightDecay: 0.1, maxNorm: 1 } } },
  Adagrad: { options: { optimizer: { type: 'adagrad' } } },
  'SGD with momentum': { options: { optimizer: { type: 'sgd', momentum: 0.9 }, learningRate: 1e-3 } },
  'schedules of learning rate and beta': {
    options: {
      learningRate: { type: 'linear', from: 0.02, to: 0.001, steps: 15 },
      beta: { type: 'cyclical', from: 0, to: 1, steps: 8 },
    },
  },
  'binarized pixels, two samples': { options: { binarize: true, samples: 2, estimator: { type: 'iwae' } } },
  'alternating scheme': {
    options: { scheme: { type: 'alternating', encoderSteps: 3, decoderSteps: 2 } },
  },
  'an adversary with an optimizer of its own': {
    spec: { ...smallSpec, objective: { type: 'factor' } },
    options: { optimizer: { type: 'sgd', momentum: 0.5 }, learningRate: 1e-3 },
  },
  'BatchNorm and dropout': { spec: normed },
  'a condition': { spec: { ...smallSpec, condition: { classes: 3 } }, data: labelled },
};

const STEPS = 18;
const INTERRUPTED = 10; // the third of the third epoch's four steps comes next

async function stepsTo(trainer: Trainer, count: number): Promise<void> {
  while (trainer.stepCount < count) await trainer.step();
  await trainer.terms();
}

/** Trains up to `steps`, from a checkpoint where there is one, and returns that of the end. */
async function checkpointAfter(
  steps: number,
  { spec = smallSpec, data = seededData, options }: Training,
  resume?: Uint8Array,
): Promise<Uint8Array> {
  // The seed of a model that goes on is another, so that nothing of its own can be what agrees.
  const vae = await Vae.create(spec, { device: await nodeDevice(), seed: resume ? 99 : 1 });
  const trainer = await vae.trainer(data, { ...smallOptions, ...options, ...(resume && { resume }) });
  await stepsTo(trainer, steps);
  const bytes = await trainer.save();
  trainer.destroy();
  vae.destroy();
  return bytes;
}

test.describe('the same bits as without an interruption', () => {
  for (const [name, training] of Object.entries(trainings))
    test(name, async () => {
      const whole = await checkpointAfter(STEPS, training);
      const half = await checkpointAfter(INTERRUPTED, training);
      expect(await numbersDigest(half)).not.toBe(await numbersDigest(whole));
      const resumed = await checkpointAfter(STEPS, training, half);
      expect(await numbersDigest(resumed)).toBe(await numbersDigest(whole));
      expect(Buffer.compare(resumed, whole), 'metadata too').toBe(0);
    });

  for (const at of [1, 4, 8])
    test(`interrupted after step ${at}`, async () => {
      const whole = await checkpointAfter(STEPS, {});
      expect(await checkpointAfter(STEPS, {}, await checkpointAfter(at, {}))).toEqual(whole);
    });

  test('interrupted twice', async () => {
    const whole = await checkpointAfter(STEPS, {});
    const second = await checkpointAfter(13, {}, await checkpointAfter(5, {}));
    expect(await checkpointAfter(STEPS, {}, second)).toEqual(whole);
  });

  test('a schedule as a function, passed again', async () => {
    const options = { learningRate: (step: number) => 0.01 / (1 + step) };
    const whole = await checkpointAfter(STEPS, { options });
    const half = await checkpointAfter(INTERRUPTED, { options });
    expect(await checkpointAfter(STEPS, { options }, half)).toEqual(whole);
    const vae = await Vae.create(smallSpec, { device: await nodeDevice() });
    await expect(vae.trainer(seededData, { resume: half })).rejects.toThrow(
      '[learningRate] was a function of the step, which a checkpoint cannot keep; pass the same function again',
    );
    vae.destroy();
  });

  test('batches fed by the caller', async () => {
    const device = await nodeDevice();
    const x = Float32Array.from(seededData.values.subarray(0, 4 * 36), (byte) => byte / 255);
    const noise = Float32Array.from({ length: 4 * 3 }, (_, i) => Math.sin(i));
    const run = async (count: number, resume?: Uint8Array): Promise<Uint8Array> => {
      const vae = await Vae.create(smallSpec, { device });
      const trainer = await vae.trainer(undefined, { batchSize: 4, ...(resume && { resume }) });
      while (trainer.stepCount < count) await trainer.step({ x, noise });
      const bytes = await trainer.save();
      trainer.destroy();
      vae.destroy();
      return bytes;
    };
    expect(await run(6, await run(3))).toEqual(await run(6));
  });
});

test('options that are left out are those of the checkpoint', async () => {
  const options = { beta: 0.5, samples: 2, optimizer: { type: 'adamw' } } as const;
  const whole = await checkpointAfter(6, { options });
  const half = await checkpointAfter(3, { options });
  const vae = await Vae.load(half, { device: await nodeDevice() });
  const trainer = await vae.trainer(seededData, { resume: half });
  expect([trainer.stepCount, trainer.batchSize]).toEqual([3, 16]);
  await stepsTo(trainer, 6);
  expect(await trainer.save()).toEqual(whole);
  trainer.destroy();
  vae.destroy();
});

test.describe('saving while training', () => {
  test('holds the step at the call, and steps go on before the bytes are there', async () => {
    const expected = await checkpointAfter(5, {});
    const vae = await Vae.create(smallSpec, { device: await nodeDevice(), seed: 1 });
    const trainer = await vae.trainer(seededData, smallOptions);
    for (let step = 0; step < 5; step++) void trainer.step(); // asked for, not yet submitted
    const state = { isSaved: false };
    const saving = trainer.save().finally(() => (state.isSaved = true));
    let stepsMeanwhile = 0; // submitted before the bytes were there
    do {
      await trainer.step();
      if (!state.isSaved) stepsMeanwhile++;
    } while (!state.isSaved && stepsMeanwhile < 200);
    test.info().annotations.push({ type: 'steps during a save', description: String(stepsMeanwhile) });
    expect(await saving).toEqual(expected);
    expect(stepsMeanwhile).toBeGreaterThanOrEqual(1);
    trainer.destroy();
    vae.destroy();
  });

  test('gives back its memory, and says so after destroy()', async () => {
    const device = await nodeDevice();
    const vae = await Vae.create(smallSpec, { device });
    const trainer = await vae.trainer(seededData, smallOptions);
    const before = device.liveByteLength;
    await Promise.all([trainer.save(), trainer.save(), trainer.step()]);
    expect(device.liveByteLength).toBe(before);
    trainer.destroy();
    await expect(trainer.save()).rejects.toThrow(/destroyed/);
    vae.destroy();
  });
});

interface Course {
  readonly epochs: Omit<EpochReport, 'seconds' | 'imagesPerSecond'>[];
  readonly saves: Map<number, Uint8Array>;
}

/** train() with every report and checkpoint kept. */
async function course(options: Partial<TrainOptions>, stopAt = Infinity): Promise<Course & { end: string }> {
  const vae = await Vae.create(smallSpec, { device: await nodeDevice(), seed: 1 });
  const stop = new AbortController();
  const [epochs, saves]: [Course['epochs'], Course['saves']] = [[], new Map()];
  const report = await vae.train(seededData, {
    ...smallOptions,
    epochs: 4,
    signal: stop.signal,
    onEpoch: ({ epoch, train }) => void epochs.push({ epoch, train }),
    onSave(bytes, step) {
      saves.set(step, bytes);
      if (step === stopAt) stop.abort();
    },
    ...options,
  });
  const end = JSON.stringify([report.epochs, report.steps, report.train, report.stopped]);
  vae.destroy();
  return { epochs, saves, end };
}

test.describe('train()', () => {
  test('saves after every epoch, every few steps and at the end; and goes on with the same bits and reports', async () => {
    const whole = await course({ saveEvery: 3 });
    expect([...whole.saves.keys()]).toEqual([3, 4, 6, 8, 9, 12, 15, 16]);
    for (const step of [6, 8, 15]) {
      const resumed = await course({ resume: whole.saves.get(step)! });
      expect(resumed.end).toBe(whole.end);
      expect(resumed.epochs).toEqual(whole.epochs.filter(({ epoch }) => epoch > Math.floor(step / 4)));
      expect(await numbersDigest(resumed.saves.get(16)!)).toBe(await numbersDigest(whole.saves.get(16)!));
    }
  });

  test('saves where it is stopped, and nothing where it took no step', async () => {
    const stop = new AbortController();
    const stopped = await course({ signal: stop.signal, onStep: () => stop.abort() });
    const [last] = [...stopped.saves.keys()].slice(-1);
    expect(last).toBeGreaterThan(0);
    const whole = await course({});
    const resumed = await course({ resume: stopped.saves.get(last!)! });
    expect(resumed.end).toBe(whole.end);
    stop.abort();
    expect((await course({ signal: stop.signal })).saves.size).toBe(0);
  });

  test('takes more epochs than were asked for before, and no fewer than were taken', async () => {
    const short = await course({ epochs: 2 });
    const whole = await course({});
    const bytes = short.saves.get(8)!;
    const more = await course({ resume: bytes });
    expect(await numbersDigest(more.saves.get(16)!)).toBe(await numbersDigest(whole.saves.get(16)!));
    expect((await course({ resume: bytes, epochs: 2 })).end, 'already there').toBe(short.end);
    await expect(course({ resume: bytes, epochs: 1 })).rejects.toThrow(
      '[epochs] is 1, 4 steps; the checkpoint has taken 8; ask for more epochs',
    );
  });

  test('ends with the error of onSave, and keeps the note', async () => {
    const full = new Error('the disk is full');
    await expect(course({ onSave: () => Promise.reject(full) })).rejects.toBe(full);
    const { saves } = await course({ epochs: 1, note: 'mine' });
    expect((await readSafetensors(saves.get(4)!)).metadata.get('note')).toBe('mine');
    await expect(course({ saveEvery: 0.5 })).rejects.toThrow('[saveEvery] is 0.5; expected an integer >= 1');
  });
});

test('a checkpoint opens as a model', async () => {
  const device = await nodeDevice();
  const vae = await Vae.create(normed, { device });
  const trainer = await vae.trainer(seededData, smallOptions);
  await stepsTo(trainer, 3);
  const checkpoint = await trainer.save();
  const model = await vae.save();
  const loaded = await Vae.load(checkpoint, { device });
  expect(await loaded.save()).toEqual(model);
  const { tensors } = await readSafetensors(checkpoint);
  for (const name of (await readSafetensors(model)).tensors.keys())
    expect(tensors.has(name), name).toBe(true);
  for (const destroyed of [trainer, vae, loaded]) destroyed.destroy();
});

test.describe('refuses', () => {
  let checkpoint: Uint8Array;
  test.beforeAll(async () => {
    checkpoint = await checkpointAfter(3, { options: { optimizer: { type: 'adamw' } } });
  });

  /** The message of a resume, which leaves the model as it was. */
  async function refusal(
    options: TrainerOptions,
    { data = seededData, spec = smallSpec }: { data?: Dataset | undefined; spec?: VaeSpec } = {},
  ): Promise<Error> {
    const vae = await Vae.create(spec, { device: await nodeDevice() });
    const before = await vae.readWeights();
    const error: unknown = await vae.trainer(data, options).catch((caught: unknown) => caught);
    expect(await vae.readWeights()).toEqual(before);
    vae.destroy();
    return error as Error;
  }

  const others: [option: TrainerOptions, message: string][] = [
    [{ batchSize: 8 }, '[batchSize] is 8; the checkpoint was trained with 16'],
    [{ learningRate: 0.02 }, '[learningRate] is 0.02; the checkpoint was trained with 0.01'],
    [
      { learningRate: { type: 'linear', from: 1, to: 0, steps: 9 } },
      '[learningRate] is {"type":"linear","from":1,"to":0,"steps":9,"delay":0}; the checkpoint was trained with 0.01',
    ],
    [{ optimizer: { type: 'adam' } }, '[optimizer.type] is "adam"; the checkpoint was trained with "adamw"'],
    [
      { optimizer: { type: 'adamw', beta2: 0.99 } },
      '[optimizer.beta2] is 0.99; the checkpoint was trained with 0.999',
    ],
    [{ beta: 2 }, '[beta] is 2; the checkpoint was trained with 1'],
    [{ samples: 2 }, '[samples] is 2; the checkpoint was trained with 1'],
    [{ seed: 4 }, '[seed] is 4; the checkpoint was trained with 3'],
    [{ binarize: true }, '[binarize] is true; the checkpoint was trained with false'],
    [{ estimator: 'A' }, '[estimator] is "A"; the checkpoint was trained with "B"'],
    [
      { scheme: { type: 'alternating', encoderSteps: 1, decoderSteps: 1 } },
      '[scheme.decoderSteps] is 1; the checkpoint was trained with undefined',
    ],
  ];
  for (const [options, message] of others)
    test(`another option: ${message}`, async () => {
      const error = await refusal({ ...options, resume: checkpoint });
      expect(error).toBeInstanceOf(SpecError);
      expect(error.message).toBe(`${message}; leave it out to go on, or train anew without resume`);
    });

  test('the same options, spelt in full', async () => {
    const optimizer = { type: 'adamw', beta1: 0.9, epsilon: 1e-8, weightDecay: 0.01, maxNorm: 0 } as const;
    const vae = await Vae.create(smallSpec, { device: await nodeDevice() });
    const options = { ...smallOptions, optimizer, beta: 1, scheme: { type: 'joint' } } as const;
    (await vae.trainer(seededData, { ...options, resume: checkpoint })).destroy();
    vae.destroy();
  });

  test('other data', async () => {
    const values = seededData.values.slice();
    const fewer = { ...seededData, rows: 40, values: values.subarray(0, 40 * 36) as Uint8Array };
    const flat = { ...seededData, shape: [36] };
    values[7]! ^= 1;
    const changed = { ...seededData, values };
    const floats = Float32Array.from(seededData.values, (byte) => byte / 255);
    for (const [data, message] of [
      [fewer, /^\[data\] rows is 40; the checkpoint was trained on data with 50; resume with the same rows/],
      [flat, /^\[data\] shape\.0 is 36; the checkpoint was trained on data with 6/],
      [changed, /^\[data\] sha256 is "[0-9a-f]{64}"; the checkpoint was trained on data with "[0-9a-f]{64}"/],
      [{ ...seededData, values: floats }, /^\[data\] format is "floats"; .* with "bytes"/],
    ] as const) {
      const error = await refusal({ resume: checkpoint }, { data });
      expect(error).toBeInstanceOf(DataError);
      expect(error.message).toMatch(message);
    }
    const vae = await Vae.create(smallSpec, { device: await nodeDevice() });
    await expect(vae.trainer(undefined, { resume: checkpoint })).rejects.toThrow(
      '[resume] the training had a data set and was given none; go on as it began',
    );
    vae.destroy();
  });

  test('another model', async () => {
    const error = await refusal(
      { resume: checkpoint },
      { spec: denseSpec({ input: [6, 6, 1], hidden: 24, latent: 4 }) },
    );
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error.message).toBe(
      "[resume] the model's latent is 4; the checkpoint's is 3; make the model with Vae.load(checkpoint)",
    );
  });

  test('files that hold no training, of another version, or with a tensor too few', async () => {
    const { tensors, metadata } = await readSafetensors(checkpoint);
    const file = (
      change: Record<string, string>,
      without = '',
      training = JSON.parse(metadata.get('training')!) as object,
    ): Promise<Uint8Array> => {
      const kept = [...tensors].filter(([name]) => name !== without);
      const text = { ...Object.fromEntries(metadata), training: JSON.stringify({ ...training, ...change }) };
      return writeSafetensors(new Map(kept as [string, { shape: number[]; values: Float32Array }][]), text);
    };
    const vae = await Vae.create(smallSpec, { device: await nodeDevice() });
    const model = await vae.save();
    vae.destroy();
    const damaged = checkpoint.slice();
    damaged[damaged.length - 5]! ^= 4;
    for (const [bytes, message] of [
      [model, /^\[checkpoint\] holds a model and no training; .* load it with Vae\.load\(\)/],
      [await file({ version: '2' }), /^\[checkpoint\] its training cannot be read: .*training\.version/],
      [await file({ step: '-1' }), /^\[checkpoint\] its training cannot be read: .*training\.step/],
      [
        await file({}, 'optimizer.moment2.encoder.0.bias'),
        /^\[checkpoint\] has no tensor optimizer\.moment2\.encoder\.0\.bias/,
      ],
      [checkpoint.subarray(0, checkpoint.length - 9), /cut short/],
      [damaged, /it changed after it was saved/],
    ] as const) {
      const error = await refusal({ resume: bytes });
      expect(error).toBeInstanceOf(CheckpointError);
      expect(error.message).toMatch(message);
    }
  });
});

test('another adapter is told, with what it means', async () => {
  const half = await checkpointAfter(3, {});
  const { tensors, metadata } = await readSafetensors(half);
  const training = JSON.parse(metadata.get('training')!) as object;
  const moved = await writeSafetensors(
    tensors as unknown as Map<string, { shape: number[]; values: Float32Array }>,
    { ...Object.fromEntries(metadata), training: JSON.stringify({ ...training, adapter: 'acme rocket' }) },
  );
  const warnings: string[] = [];
  await course({ resume: moved, epochs: 1, onWarning: (text) => void warnings.push(text) });
  expect(warnings).toEqual([
    expect.stringMatching(/^the checkpoint was made on acme rocket and goes on on .+, whose numbers differ/),
  ]);
});
