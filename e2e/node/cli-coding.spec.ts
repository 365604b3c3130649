/**
 * Plan: compress and decompress of the built command line.
 * | axis  | control                     | cases                                                        |
 * | file  | lossy, 32 images of 8 x 8   | lossless; --json; every picture is what the library decodes  |
 * | input | good                        | no such file, another model's file, a folder that is missing |
 */
import { expect, test } from '@playwright/test';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CompressReport } from '../../src/node/cli/coding.js';
import { loadImages } from '../../src/node/data.js';
import { binarized, decompress } from '../../src/vae/coding/index.js';
import { denseSpec } from '../../src/vae/presets.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import { nodeDevice } from '../node-device.js';
import { lossySpecOf } from '../lossy-spec.js';
import { decode } from 'fast-png';
import { runCli, testFolder } from './command-line.js';

const shape = { input: [8, 8, 1], hidden: 16, latent: 4 } as const;
const lossySpec = lossySpecOf(shape);
const images = ['--data', 'fashion', '--size', '8', '--limit', '32'];

/** Writes a fresh model. */
async function saveModel(spec: VaeSpec, path: string): Promise<void> {
  const vae = await Vae.create(spec, { device: await nodeDevice() });
  writeFileSync(path, await vae.save());
  vae.destroy();
}

test('images go into a file and come back as pictures', async () => {
  const folder = testFolder();
  writeFileSync(join(folder, 'spec.json'), JSON.stringify(lossySpec));
  const run = [
    'train',
    '--model',
    'spec.json',
    ...images,
    '--epochs',
    '1',
    '--batch',
    '16',
    '--out',
    'lossy',
  ];
  expect(await runCli(run, folder)).toMatchObject({ code: 0 });
  const made = await runCli(['compress', 'lossy', ...images, '--out', 'a.wvae', '--json'], folder);
  expect(made, made.stderr).toMatchObject({ code: 0 });
  const report = JSON.parse(made.stdout) as CompressReport;
  const bytes = readFileSync(join(folder, 'a.wvae'));
  expect(report).toMatchObject({ images: 32, byteLength: bytes.length });
  expect(report.bitsPerPixel).toBeCloseTo((8 * bytes.length) / (32 * 64), 10);
  expect(Math.abs(bytes.length - report.predictedByteLength!)).toBeLessThan(80); // the head and two digests
  const back = await runCli(['decompress', 'lossy', 'a.wvae', '--out', 'pictures'], folder);
  expect(back.stdout).toBe('pictures: 32 images of 8x8x1\n');

  const vae = await Vae.load(readFileSync(join(folder, 'lossy/model.safetensors')), {
    device: await nodeDevice(),
  });
  const { values } = await decompress(vae, bytes);
  vae.destroy();
  expect(readdirSync(join(folder, 'pictures'))).toHaveLength(32);
  const picture = decode(readFileSync(join(folder, 'pictures/00031.png')));
  const apart = Array.from(picture.data, (byte, i) =>
    Math.abs(byte - 255 * Math.min(1, Math.max(0, values[31 * 64 + i]!))),
  );
  expect(Math.max(...apart)).toBeLessThan(0.51);
});

test('black and white images come back to the bit', async () => {
  const folder = testFolder();
  await saveModel(denseSpec(shape), join(folder, 'binary.safetensors'));
  await saveModel(lossySpec, join(folder, 'lossy.safetensors'));
  const refused = await runCli(['compress', 'binary.safetensors', ...images], folder);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('a Bernoulli model codes 0 and 255 only; use binarized(data)');
  const words = ['compress', 'binary.safetensors', ...images, '--binarize', '--out', 'b.wvae'];
  const made = await runCli(words, folder);
  expect(made.stdout).toMatch(/^b\.wvae: [\d,]+ bytes, \d\.\d{4} bits per pixel\n$/);
  expect(statSync(join(folder, 'b.wvae')).size).toBeGreaterThan(100);
  await runCli(['decompress', 'binary.safetensors', 'b.wvae', '--out', 'pictures'], folder);
  const test32 = binarized(await loadImages('fashion', 'test', { limit: 32, size: [8, 8] }));
  for (const row of [0, 13, 31]) {
    const picture = decode(readFileSync(join(folder, `pictures/${String(row).padStart(5, '0')}.png`)));
    expect([...picture.data]).toEqual([...test32.values.subarray(64 * row, 64 * row + 64)]);
  }
  const rows: [words: string[], line: RegExp][] = [
    [
      ['decompress', 'lossy.safetensors', 'b.wvae'],
      /\[b\.wvae\] was made with the model \w{16}; this one is \w{16}; load the model/,
    ],
    [['decompress', 'lossy.safetensors', 'no.wvae'], /\[no\.wvae\] cannot be read \(ENOENT/],
    [
      ['decompress', 'lossy.safetensors', 'lossy.safetensors'],
      /\[lossy\.safetensors\] the file does not begin with 'WVAE'/,
    ],
    [
      ['compress', 'lossy.safetensors', ...images, '--out', 'no/such/folder.wvae'],
      /\[no\/such\/folder\.wvae\] cannot be written \(ENOENT/,
    ],
  ];
  for (const [command, line] of rows) {
    const { code, stderr } = await runCli(command, folder);
    expect(code, command.join(' ')).toBe(1);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(line);
  }
});
