/**
 * Plan: damaged files, FILES of each format from a seed. Readers either give what was in the original or refuse with an error
 * of ours: no other exception, no hang, no more memory than a file of that length may ask for. A checkpoint that is accepted has
 * the weights, names, shapes and specification of the original, bit for bit; one without a digest has whole, finite tensors.
 * The counts of refused and accepted files are in the test's annotations, and the accepted ones must not be all or none.
 */
import { expect, test } from '@playwright/test';
import { crc32, gzipSync } from 'node:zlib';
import { VaeError } from '../../src/gpu/errors.js';
import { decodePng } from '../../src/node/images/png.js';
import { modelValues, readModelFile, writeModelFile } from '../../src/vae/checkpoint/model-file.js';
import { readSafetensors } from '../../src/vae/checkpoint/safetensors.js';
import { readCsv, writeCsv } from '../../src/vae/data/csv.js';
import { readIdxImages, readIdxLabels } from '../../src/vae/data/idx.js';
import { readNpy, writeNpy } from '../../src/vae/data/npy.js';
import { Model } from '../../src/vae/model.js';
import { denseSpec } from '../../src/vae/presets.js';
import { completeSpec } from '../../src/vae/spec.js';
import { elementCount } from '../../src/gpu/shape.js';
import { encodePng } from '../../src/node/pictures.js';
import { mutated } from '../mutate.js';
import { integers } from '../random-integers.js';
import { randomNormal } from '../reference/tensor.js';

const FILES = 10_000;
/** One file may take this long on a machine that other work shares; a hang takes for ever. */
const SLOWEST_MS = 5_000;
/** Of buffers at the end of a file's reading: far below what a forged header can promise, far above what these files hold. */
const MOST_BYTES = 600 * 2 ** 20;

interface Outcome {
  readonly accepted: number;
  readonly refused: number;
  readonly slowestMs: number;
}

/** Reads FILES damaged copies; `read` throws for one that it refuses, and checks one that it accepts. */
async function fuzz(
  original: Uint8Array,
  seed: number,
  read: (bytes: Uint8Array<ArrayBuffer>) => unknown,
  mend: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> = (bytes) => bytes,
): Promise<Outcome> {
  let [accepted, slowestMs] = [0, 0];
  for (let index = 0; index < FILES; index++) {
    const bytes = mutated(original, seed, index);
    const file = index % 2 === 0 ? bytes : mend(bytes);
    const started = performance.now();
    try {
      await read(file);
      accepted++;
    } catch (error) {
      if (!(error instanceof VaeError))
        throw new Error(`file ${index} of seed ${seed} was answered with ${String(error)}`, { cause: error });
    }
    slowestMs = Math.max(slowestMs, performance.now() - started);
    const { arrayBuffers, external } = process.memoryUsage();
    if (index % 500 === 0)
      expect(arrayBuffers + external, `bytes after file ${index}`).toBeLessThan(MOST_BYTES);
  }
  const refused = FILES - accepted;
  test.info().annotations.push({
    type: 'fuzz',
    description: `${test.info().title}: ${FILES} files: ${refused} refused, ${accepted} accepted, the slowest ${slowestMs.toFixed(0)} ms`,
  });
  expect(slowestMs).toBeLessThan(SLOWEST_MS);
  return { accepted, refused, slowestMs };
}

const spec = completeSpec(denseSpec({ input: [4], hidden: 3, latent: 2 }));

async function checkpoint(): Promise<Uint8Array> {
  const model = new Model(spec);
  return writeModelFile(model, { weights: model.weights.initialValues(1), state: new Float32Array() });
}

test('safetensors: a checkpoint is itself or refused', async () => {
  test.setTimeout(600_000);
  const original = await checkpoint();
  const model = new Model(spec);
  const expected = modelValues(model, (await readModelFile(original)).tensors);
  const { refused } = await fuzz(original, 1, async (bytes) => {
    const read = await readModelFile(bytes);
    expect(read.spec).toEqual(spec);
    expect(modelValues(new Model(read.spec), read.tensors)).toEqual(expected);
  });
  expect(refused).toBeGreaterThan(0.9 * FILES);
});

test('safetensors without a digest: whole finite tensors, or refused', async () => {
  test.setTimeout(600_000);
  const header = JSON.stringify({
    weight: { dtype: 'F32', shape: [3, 2], data_offsets: [0, 24] },
    half: { dtype: 'F16', shape: [4], data_offsets: [24, 32] },
  });
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  const original = new Uint8Array(8 + padded.length + 32);
  new DataView(original.buffer).setBigUint64(0, BigInt(padded.length), true);
  original.set(new TextEncoder().encode(padded), 8);
  original.set(new Uint8Array(Float32Array.from([1, -2, 3, 0.5, 1e-3, 7]).buffer), 8 + padded.length);
  const { accepted, refused } = await fuzz(original, 2, async (bytes) => {
    const { tensors, verified } = await readSafetensors(bytes);
    expect(verified).toBe(false);
    for (const { shape, values } of tensors.values()) {
      expect(values.length).toBe(elementCount(shape));
      expect([...values].every((value) => Number.isFinite(Number(value)))).toBe(true);
    }
  });
  expect(Math.min(accepted, refused)).toBeGreaterThan(0);
});

const pixels = Uint8Array.from(integers(2 * 5 * 7, 9, 256));

function idx(dims: readonly number[], data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * dims.length + data.length);
  bytes.set([0, 0, 8, dims.length]);
  dims.forEach((size, i) => new DataView(bytes.buffer).setUint32(4 + 4 * i, size));
  bytes.set(data, 4 + 4 * dims.length);
  return bytes;
}

for (const [name, original] of [
  ['IDX images', idx([2, 5, 7], pixels)],
  ['IDX images, gzipped', new Uint8Array(gzipSync(idx([2, 5, 7], pixels)))],
] as const)
  test(`${name}: rows of their shape, or refused`, async () => {
    test.setTimeout(600_000);
    const { accepted, refused } = await fuzz(original, 3, async (bytes) => {
      const { rows, shape, values } = await readIdxImages(bytes, 'images');
      expect(values.length).toBe(rows * elementCount(shape));
      expect(rows).toBeGreaterThan(0);
    });
    expect(Math.min(accepted, refused)).toBeGreaterThan(0);
  });

test('IDX labels: as many as they say, or refused', async () => {
  const { refused } = await fuzz(idx([70], pixels), 4, async (bytes) => {
    expect((await readIdxLabels(bytes, 'labels')).length).toBe(new DataView(bytes.buffer).getUint32(4));
  });
  expect(refused).toBeGreaterThan(0);
});

test('NumPy files: an array of its shape, or refused', async () => {
  test.setTimeout(600_000);
  const original = writeNpy([5, 6], Float32Array.from(randomNormal([30], 3).values));
  const { accepted, refused } = await fuzz(original, 5, (bytes) => {
    const { shape, values } = readNpy(bytes, 'x.npy');
    expect(values.length).toBe(elementCount(shape));
    expect([...values].every((value) => Number.isFinite(value))).toBe(true);
  });
  expect(Math.min(accepted, refused)).toBeGreaterThan(0);
});

test('CSV: rows of finite numbers, or refused', async () => {
  const text = writeCsv(['a', 'b', 'c'], Float32Array.from(randomNormal([30], 4).values));
  const { accepted, refused } = await fuzz(new TextEncoder().encode(text), 6, (bytes) => {
    const { rows, columns, values } = readCsv(new TextDecoder().decode(bytes), 'x.csv');
    expect(values.length).toBe(rows * columns);
    expect([...values].every((value) => Number.isFinite(value))).toBe(true);
  });
  expect(Math.min(accepted, refused)).toBeGreaterThan(0);
});

/** The file with the checksums of its chunks made right, as far as it has chunks: damage gets past the first gate. */
function withChecksums(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const mended = bytes.slice();
  const view = new DataView(mended.buffer);
  for (let at = 8; at + 12 <= mended.length;) {
    const length = view.getUint32(at);
    if (at + 12 + length > mended.length) break;
    view.setUint32(at + 8 + length, crc32(mended.subarray(at + 4, at + 8 + length)));
    at += 12 + length;
  }
  return mended;
}

test('PNG: a picture of its size, or refused', async () => {
  test.setTimeout(600_000);
  const original = encodePng({ width: 7, height: 5, channels: 1, pixels: pixels.subarray(0, 35) });
  const read = (bytes: Uint8Array<ArrayBuffer>): void => {
    const { width, height, data } = decodePng(Buffer.from(bytes), 'x.png');
    expect([1, 2, 3, 4].map((channels) => channels * width * height)).toContain(data.length);
  };
  const { accepted, refused } = await fuzz(original, 7, read, withChecksums);
  expect(Math.min(accepted, refused)).toBeGreaterThan(0);
});
