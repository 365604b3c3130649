/**
 * Plan: the built command line on data of the user's own.
 * | axis       | control                  | cases                                                          |
 * | data       | 6 pictures of many forms | CIFAR-10's batches, IDX with --size, a broken file in between   |
 * | commands   | train, 2 steps           | evaluate in the model's own size, with --binarize              |
 * | pictures   | -                        | the grids of a colour model have colours                       |
 * | refusals   | -                        | options, an archive, damaged checkpoints under their names     |
 */
import { expect, test } from '@playwright/test';
import { decode } from 'fast-png';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { denseSpec } from '../../src/vae/presets.js';
import type { Terms } from '../../src/vae/terms.js';
import { Vae } from '../../src/vae/vae.js';
import { nodeDevice } from '../node-device.js';
import { pngFile } from '../pictures/png.js';
import { runCli, testFolder, readReport } from './command-line.js';

const tiny = ['--epochs', '1', '--hidden', '8', '--latent', '2'];
const jpegs = join(import.meta.dirname, '../pictures');

/** Six pictures of several forms and sizes, in a sub-folder and beside it. */
function writePhotos(folder: string): void {
  mkdirSync(join(folder, 'photos/more'), { recursive: true });
  const samples = Array.from({ length: 30 * 20 }, (_, i) => [200, i % 256, 40]).flat();
  const rgb = { width: 30, height: 20, depth: 8, colourType: 2 };
  writeFileSync(join(folder, 'photos/a.png'), pngFile(rgb, samples));
  writeFileSync(join(folder, 'photos/b.png'), pngFile({ ...rgb, isInterlaced: true }, samples));
  writeFileSync(join(folder, 'photos/more/c.png'), pngFile({ ...rgb, width: 20, height: 30 }, samples));
  for (const name of ['baseline', 'progressive', 'grey'])
    copyFileSync(join(jpegs, `${name}.jpg`), join(folder, `photos/more/${name}.jpg`));
}

/** Whether some pixel of a PNG file differs between its channels. */
function hasColours(path: string): boolean {
  const { data, channels } = decode(readFileSync(path));
  return channels === 3 && data.some((value, i) => i % 3 > 0 && value !== data[i - 1]);
}

test('a folder of pictures trains, and its model evaluates them in its own size', async () => {
  const folder = testFolder();
  writePhotos(folder);
  const words = ['train', '--data', 'photos', '--size', '16x12', '--batch', '3', ...tiny];
  const { code, stderr } = await runCli(words, folder);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('data photos, 5 training and 1 test images of 16x12x3\n');
  const report = readReport(join(folder, 'out'));
  expect(report).toMatchObject({
    steps: 2,
    data: { name: 'photos', rows: 5, testRows: 1, shape: [16, 12, 3] },
    model: { input: [16, 12, 3] },
    options: { size: [16, 12] },
  });
  for (const name of ['reconstructions.png', 'samples.png', 'manifold.png'])
    expect(hasColours(join(folder, 'out', name)), name).toBe(true);

  const evaluation = ['evaluate', 'out', '--data', 'photos', '--json'];
  const plain = await runCli(evaluation, folder);
  expect(plain.code, plain.stderr).toBe(0);
  expect(JSON.parse(plain.stdout)).toEqual(report.test);
  const drawn = JSON.parse((await runCli([...evaluation, '--binarize'], folder)).stdout) as Terms;
  expect(Number.isFinite(drawn.elbo)).toBe(true);
  expect(drawn.elbo).not.toBe(report.test!.elbo);
});

test('CIFAR-10 trains, in grey and smaller if asked', async () => {
  const folder = testFolder();
  mkdirSync(join(folder, 'cifar'));
  const records = (count: number): Buffer =>
    Buffer.from(
      Array.from({ length: count * 3073 }, (_, i) => (i % 3073 === 0 ? 3 : (Math.imul(i, 7919) >> 3) & 255)),
    );
  for (let i = 1; i <= 5; i++) writeFileSync(join(folder, `cifar/data_batch_${i}.bin`), records(2));
  writeFileSync(join(folder, 'cifar/test_batch.bin'), records(3));
  const words = ['train', '--data', 'cifar', '--batch', '5', ...tiny];
  const colour = await runCli(words, folder);
  expect(colour.code, colour.stderr).toBe(0);
  expect(readReport(join(folder, 'out'))).toMatchObject({
    steps: 2,
    data: { rows: 10, testRows: 3, shape: [32, 32, 3] },
  });
  const grey = await runCli([...words, '--channels', '1', '--size', '16'], folder);
  expect(grey.code, grey.stderr).toBe(0);
  expect(readReport(join(folder, 'out'))).toMatchObject({
    data: { shape: [16, 16, 1] },
    options: { channels: 1 },
  });
});

test('a broken picture stops the run by name, or is skipped and named', async () => {
  const folder = testFolder();
  writePhotos(folder);
  writeFileSync(
    join(folder, 'photos/broken.jpg'),
    readFileSync(join(jpegs, 'baseline.jpg')).subarray(0, -40),
  );
  const words = ['train', '--data', 'photos', '--size', '8', '--batch', '2', ...tiny];
  const refused = await runCli(words, folder);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toBe(
    'webgpu-vae: [photos/broken.jpg] the JPEG file is cut short: it has no end within its 367 bytes; ' +
      'replace or remove it, or pass --skip-broken\n',
  );
  const { code, stderr } = await runCli([...words, '--skip-broken'], folder);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('webgpu-vae: skipped [photos/broken.jpg] the JPEG file is cut short');
  const { rows, testRows } = readReport(join(folder, 'out')).data;
  expect(rows + testRows).toBe(6);
});

const one = pngFile({ width: 1, height: 1, depth: 8, colourType: 0 }, [7]);
const bad: Record<string, { file?: [string, Buffer]; words: string[]; line: string }> = {
  'a size that is none': {
    words: ['--size', '64x'],
    line: "[--size] is '64x'; expected a side, or height x width, of 1 to 4096 pixels, such as 64 or 48x64; give one",
  },
  'a size of three sides': {
    words: ['--size', '1x2x3'],
    line: "[--size] is '1x2x3'; expected a side, or height",
  },
  'a size beyond all bounds': {
    words: ['--size', '5000'],
    line: "[--size] is '5000'; expected a side, or height",
  },
  'two channels': {
    words: ['--channels', '2'],
    line: "[--channels] is '2'; expected 1 (grey) or 3 (colour); choose one of them",
  },
  'an archive': {
    file: ['cifar-10-binary.tar.gz', Buffer.from([0x1f, 0x8b])],
    words: ['--data', 'cifar-10-binary.tar.gz'],
    line:
      '[cifar-10-binary.tar.gz] is an archive; expected an IDX images file or a folder; ' +
      'unpack it (tar -xf FILE) and pass the folder',
  },
  'one picture': {
    file: ['one.png', one],
    words: ['--data', 'one.png'],
    line: '[one.png] is one picture (PNG); expected a folder of at least 2; pass the folder that holds it',
  },
};
for (const [name, { file, words, line }] of Object.entries(bad))
  test(`${name} is answered in one line`, async () => {
    const folder = testFolder();
    if (file) writeFileSync(join(folder, file[0]), file[1]);
    const { code, stdout, stderr } = await runCli(['train', ...words], folder);
    expect(stderr).toContain(`webgpu-vae: ${line}`);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

test('a damaged checkpoint is told under its name', async () => {
  const folder = testFolder();
  const device = await nodeDevice();
  const vae = await Vae.create(denseSpec({ input: [28, 28, 1], hidden: 4, latent: 2 }), { device });
  const bytes = await vae.save();
  vae.destroy();
  mkdirSync(join(folder, 'out'));
  writeFileSync(join(folder, 'out/model.safetensors'), bytes.subarray(0, -4));
  writeFileSync(join(folder, 'text'), 'no model at all');
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(join(folder, 'flipped'), bytes);
  const path = join('out', 'model.safetensors');
  for (const words of [
    ['evaluate', 'out', '--limit', '10'],
    ['sample', 'out', '--out', 'drawn'],
  ]) {
    const { code, stderr } = await runCli(words, folder);
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(`webgpu-vae: [${path}] `);
    expect(stderr).not.toContain('[safetensors]');
  }
  for (const name of ['text', 'flipped'])
    expect((await runCli(['evaluate', name, '--limit', '10'], folder)).stderr).toMatch(
      new RegExp(`^webgpu-vae: \\[${name}\\] `, 'm'),
    );
});
