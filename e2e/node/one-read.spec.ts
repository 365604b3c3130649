/**
 * Plan: a checkpoint is parsed and hashed once, whatever is done with it. Counted are the digests taken whose result is the one
 * that the file states: one a reading.
 * | axis    | control            | cases                                                            |
 * | library | readSafetensors: 1 | load, exports, resume; of a file that was read before: 0         |
 * | command |                    | evaluate, sample, encode, decode, compress, export, info, resume |
 * What is neither bytes nor a file that was read is refused by its kind.
 */
import { expect, test } from '@playwright/test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { denseSpec, Vae } from '../../src/index.js';
import { readModelFile } from '../../src/vae/checkpoint/model-file.js';
import { readSafetensors } from '../../src/vae/checkpoint/safetensors.js';
import { readTrainingFile } from '../../src/vae/checkpoint/training-file.js';
import { exportOnnx, exportTorch } from '../../src/vae/export/index.js';
import { runCli, testFolder } from './command-line.js';
import { nodeDevice } from '../node-device.js';
import { seededData } from '../seeded-run.js';

const spec = denseSpec({ input: [6, 6, 1], hidden: 24, latent: 3 });

/** The digest in a file's metadata. */
function statedDigest(bytes: Uint8Array): string {
  return /"sha256":"([0-9a-f]{64})"/.exec(Buffer.from(bytes).toString('latin1'))![1]!;
}

/** How often `bytes` are hashed while `run` runs. */
async function readings(bytes: Uint8Array, run: () => Promise<unknown>): Promise<number> {
  const { subtle } = globalThis.crypto;
  const taken: string[] = [];
  const digest = subtle.digest.bind(subtle);
  subtle.digest = async (...args) => {
    const result = await digest(...args);
    taken.push(Buffer.from(result).toString('hex'));
    return result;
  };
  try {
    await run();
  } finally {
    subtle.digest = digest;
  }
  return taken.filter((hex) => hex === statedDigest(bytes)).length;
}

test('the library reads a checkpoint once, and one that was read not again', async () => {
  const device = await nodeDevice();
  const vae = await Vae.create(spec, { device, seed: 3 });
  const bytes = await vae.save();
  const saved: Uint8Array[] = [];
  await vae.train(seededData, {
    epochs: 1,
    batchSize: 16,
    onSave: (checkpoint) => void saved.push(checkpoint),
  });
  const checkpoint = saved.at(-1)!;
  const [file, training] = [await readModelFile(bytes), await readTrainingFile(checkpoint)];
  const load = async (source: Parameters<typeof Vae.load>[0]): Promise<void> =>
    (await Vae.load(source, { device })).destroy();
  const resume = (given: typeof checkpoint | typeof training) => () =>
    vae.train(seededData, { epochs: 2, resume: given });
  // An export to PyTorch writes the same file anew, with its digest.
  const counted: [name: string, of: Uint8Array, run: () => Promise<unknown>, expected: number][] = [
    ['readSafetensors', bytes, () => readSafetensors(bytes), 1],
    ['load', bytes, () => load(bytes), 1],
    ['load a training', checkpoint, () => load(checkpoint), 1],
    ['load what was read', bytes, () => load(file), 0],
    ['load a training that was read', checkpoint, () => load(training), 0],
    ['exportTorch', bytes, () => exportTorch(bytes), 2],
    ['exportOnnx', bytes, () => exportOnnx(bytes), 1],
    ['exportOnnx of what was read', bytes, () => exportOnnx(file), 0],
    ['resume', checkpoint, resume(checkpoint), 1],
    ['resume what was read', checkpoint, resume(training), 0],
  ];
  for (const [name, of, run, expected] of counted) expect(await readings(of, run), name).toBe(expected);
  vae.destroy();
});

test('a file that was read gives the numbers of its bytes', async () => {
  const device = await nodeDevice();
  const vae = await Vae.create(spec, { device, seed: 3 });
  const trainer = await vae.trainer(seededData, { batchSize: 16 });
  await trainer.step();
  const checkpoint = await trainer.save();
  const both = [checkpoint, await readTrainingFile(checkpoint)];
  const ends: Uint8Array[] = [];
  for (const source of both) {
    const loaded = await Vae.load(source, { device });
    expect(await loaded.readWeights()).toEqual(await vae.readWeights());
    const again = await loaded.trainer(seededData, { resume: source as Uint8Array });
    await again.step();
    ends.push(await again.save());
    again.destroy();
    loaded.destroy();
  }
  expect(ends[1]).toEqual(ends[0]);
  trainer.destroy();
  vae.destroy();
});

/** Runs before a program of Node and tells of every digest on stderr. */
const preload = `const { subtle } = globalThis.crypto;
const digest = subtle.digest.bind(subtle);
subtle.digest = async (...args) => {
  const result = await digest(...args);
  process.stderr.write('digest ' + Buffer.from(result).toString('hex') + '\\n');
  return result;
};`;
const environment = {
  NODE_OPTIONS: `--import=data:text/javascript;base64,${Buffer.from(preload).toString('base64')}`,
};

test('every command reads its checkpoint once', async () => {
  test.setTimeout(240_000);
  const folder = testFolder();
  const trained = [
    'train',
    '--limit',
    '64',
    '--batch',
    '32',
    '--hidden',
    '4',
    '--epochs',
    '1',
    '--out',
    'run',
  ];
  expect((await runCli(trained, folder)).code).toBe(0);
  const model = readFileSync(join(folder, 'run/model.safetensors'));
  const training = readFileSync(join(folder, 'run/training.safetensors'));
  writeFileSync(join(folder, 'codes.csv'), `${'0,'.repeat(19)}0\n`);
  const images = ['--limit', '8'];
  const cases: [words: string[], of: Uint8Array][] = [
    [['evaluate', 'run', ...images], model],
    [['sample', 'run', '--count', '1', '--out', 'one.npy'], model],
    [['encode', 'run', ...images, '--out', 'codes.npy'], model],
    [['decode', 'run', 'codes.csv', '--out', 'images.npy'], model],
    [['compress', 'run', '--limit', '2', '--binarize', '--out', 'images.wvae'], model],
    [['export', 'run', '--to', 'onnx', '--out', 'onnx'], model],
    [['info', 'run'], model],
    [['resume', 'run', '--epochs', '2'], training],
  ];
  for (const [words, of] of cases) {
    const { code, stderr } = await runCli(words, folder, { environment });
    expect(code, `${words[0]}: ${stderr}`).toBe(0);
    // compress also saves the model, whose digest it states in its file.
    const expected = words[0] === 'compress' ? 2 : 1;
    expect(stderr.split(`digest ${statedDigest(of)}`).length - 1, words[0]).toBe(expected);
  }
});

test('what is no file is refused by its kind', async () => {
  for (const [given, kind] of [
    [new ArrayBuffer(8), 'ArrayBuffer'],
    [undefined, 'Undefined'],
    ['model.safetensors', 'String'],
  ] as const)
    await expect(Vae.load(given as unknown as Uint8Array)).rejects.toThrow(
      `[checkpoint] is [object ${kind}]; expected the bytes of a file as a Uint8Array, or what readModelFile() made of them`,
    );
});
