/**
 * Plan: encode, decode, reconstruct, interpolate and sample of the built command line, against the library's own calls.
 * | axis   | control   | cases                                                                                   |
 * | file   | .npy      | .csv gives the same bits; .png has the size of its grid; NumPy itself reads ours, we its |
 * | input  | fashion   | a .npy of images, as data                                                               |
 * | refused| good      | another ending, another width, a row past the end, no variance, a missing file           |
 * Every command's help ends with an example.
 */
import { expect, test } from '@playwright/test';
import { decode as decodePng } from 'fast-png';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadImages } from '../../src/node/data.js';
import { readCsv } from '../../src/vae/data/csv.js';
import { readNpy, writeNpy } from '../../src/vae/data/npy.js';
import { floatRows } from '../../src/vae/data/dataset.js';
import { denseSpec } from '../../src/vae/presets.js';
import { sphericalPath } from '../../src/vae/samplers/paths.js';
import { Vae } from '../../src/vae/vae.js';
import { nodeDevice } from '../node-device.js';
import { runCli, runProcess, testFolder, type Finished } from './command-line.js';
import { findTorch } from './torch.js';

const K = 3;
const ROWS = 6;
const spec = denseSpec({ input: [8, 8, 1], hidden: 8, latent: K });
const images = ['--size', '8', '--limit', `${ROWS}`];

/** A fresh model in the test's folder, and the images that the commands see. */
async function setUp(): Promise<{
  folder: string;
  vae: Vae;
  x: Float32Array;
  run: (...words: string[]) => Promise<Finished>;
}> {
  const folder = testFolder();
  const vae = await Vae.create(spec, { device: await nodeDevice(), seed: 3 });
  writeFileSync(join(folder, 'model.safetensors'), await vae.save());
  const data = await loadImages('fashion', 'test', { size: [8, 8], limit: ROWS });
  const run = (command: string, ...words: string[]): Promise<Finished> =>
    runCli([command, '.', ...words], folder);
  return { folder, vae, x: floatRows(data, 0, ROWS), run };
}

const npy = (folder: string, name: string): ReturnType<typeof readNpy> =>
  readNpy(readFileSync(join(folder, name)), name);

test('encode writes the means, and the log-variances where they are asked for', async () => {
  const { folder, vae, x, run } = await setUp();
  const { mean, logVariance } = await vae.encode(x);
  expect(await run('encode', ...images)).toMatchObject({ code: 0, stdout: 'codes.npy: 6 x 3\n' });
  expect(npy(folder, 'codes.npy')).toEqual({ shape: [ROWS, K], values: mean });
  const both = await run('encode', ...images, '--log-variance', '--json', '--out', 'both.csv');
  expect(JSON.parse(both.stdout)).toEqual({ out: 'both.csv', shape: [ROWS, 2 * K] });
  const text = readFileSync(join(folder, 'both.csv'), 'utf8');
  expect(text.split('\n')[0]).toBe('mean_0,mean_1,mean_2,log_variance_0,log_variance_1,log_variance_2');
  const { values } = readCsv(text, 'both.csv');
  for (let row = 0; row < ROWS; row++) {
    expect(values.slice(row * 2 * K, row * 2 * K + K)).toEqual(mean.slice(row * K, (row + 1) * K));
    expect(values.slice(row * 2 * K + K, (row + 1) * 2 * K)).toEqual(
      logVariance.slice(row * K, (row + 1) * K),
    );
  }
  vae.destroy();
});

test('decode gives back what reconstruct gives, from either kind of table', async () => {
  const { folder, vae, x, run } = await setUp();
  const expected = await vae.reconstruct(x);
  await run('reconstruct', ...images, '--out', 'r.npy');
  expect(npy(folder, 'r.npy')).toEqual({ shape: [ROWS, 8, 8, 1], values: expected });
  for (const codes of ['codes.npy', 'codes.csv']) {
    await run('encode', ...images, '--out', codes);
    expect(await run('decode', codes, '--out', 'd.npy')).toMatchObject({ code: 0 });
    expect(npy(folder, 'd.npy').values).toEqual(expected);
  }
  vae.destroy();
});

test('pictures have the size of their grids', async () => {
  const { folder, vae, run } = await setUp();
  await run('reconstruct', ...images);
  const pairs = decodePng(readFileSync(join(folder, 'reconstructions.png')));
  const cell = 2 * 8 + 2; // scale 2, gap 2
  expect([pairs.width, pairs.height]).toEqual([ROWS * cell + 2, 2 * cell + 2]);
  expect((await run('interpolate', ...images, '--steps', '5')).stdout).toBe(
    'interpolation.png: 5 x 8 x 8 x 1\n',
  );
  const way = decodePng(readFileSync(join(folder, 'interpolation.png')));
  expect([way.width, way.height]).toEqual([5 * cell + 2, cell + 2]);
  vae.destroy();
});

test('interpolate decodes the path between two codes', async () => {
  const { folder, vae, x, run } = await setUp();
  const { mean } = await vae.encode(x);
  const ends = [2, 5].map((row) => mean.slice(row * K, (row + 1) * K)) as [Float32Array, Float32Array];
  const words = ['--from', '2', '--to', '5', '--steps', '4', '--path', 'spherical', '--out', 'i.npy'];
  expect(await run('interpolate', ...images, ...words)).toMatchObject({ code: 0 });
  expect(npy(folder, 'i.npy').values).toEqual(await vae.decode(sphericalPath(...ends, 4)));
  vae.destroy();
});

test('sample writes a file of rows where it is given one', async () => {
  const { folder, vae, run } = await setUp();
  expect(await run('sample', '--count', '5', '--seed', '4', '--out', 's.npy')).toMatchObject({
    code: 0,
    stdout: 's.npy\n',
  });
  expect(npy(folder, 's.npy')).toEqual({ shape: [5, 8, 8, 1], values: await vae.sample(5, { seed: 4 }) });
  vae.destroy();
});

test('a .npy file is a data set', async () => {
  const { folder, vae, x, run } = await setUp();
  writeFileSync(join(folder, 'x.npy'), writeNpy([ROWS, 8, 8], x));
  expect(await run('encode', '--data', 'x.npy', '--part', 'train', '--out', 'c.npy')).toMatchObject({
    code: 0,
  });
  const rows = ROWS - 1; // the last sixth is the test part
  expect(npy(folder, 'c.npy')).toEqual({
    shape: [rows, K],
    values: (await vae.encode(x)).mean.slice(0, rows * K),
  });
  vae.destroy();
});

const refused: readonly (readonly [what: string, words: string[], message: RegExp])[] = [
  [
    'a picture of codes',
    ['encode', '.', '--out', 'c.png'],
    /\[--out\] is 'c\.png'; expected a file that ends in \.npy or \.csv/,
  ],
  ['an ending of its own', ['decode', '.', 'c.csv', '--out', 'c.txt'], /ends in \.npy or \.csv or \.png/],
  ['codes that are missing', ['decode', '.', 'no.csv'], /\[no\.csv\] cannot be read \(ENOENT/],
  [
    'codes of another width',
    ['decode', '.', 'two.csv'],
    /\[two\.csv\] has rows of 2 numbers; the model's codes have 3/,
  ],
  ['codes that are words', ['decode', '.', 'words.csv'], /\[words\.csv\] line 2, field 1 is 'x'/],
  [
    'a row past the end',
    ['interpolate', '.', ...images, '--to', '6'],
    /\[--to\] is 6; there are 6 images, 0 to 5/,
  ],
  [
    'one step',
    ['interpolate', '.', '--steps', '1'],
    /\[--steps\] is '1'; expected a whole number of at least 2/,
  ],
];

test('what cannot be done is refused, and nothing is written', async () => {
  const { folder, vae } = await setUp();
  writeFileSync(join(folder, 'two.csv'), '1,2\n');
  writeFileSync(join(folder, 'words.csv'), '1,2,3\nx,2,3\n');
  for (const [what, words, message] of refused) {
    const { code, stdout, stderr } = await runCli(words, folder);
    expect([what, code, stdout]).toEqual([what, 1, '']);
    expect(stderr).toMatch(message);
  }
  vae.destroy();
});

test("NumPy reads our files, and we read NumPy's", async () => {
  const python = findTorch();
  if (!python)
    throw new Error(
      '[numpy] no python3 that imports torch and numpy; install PyTorch (Debian: python3-torch)',
    );
  const folder = testFolder();
  const values = Float32Array.of(0.1, -2, 3e-40, 4, 5, 6);
  writeFileSync(join(folder, 'ours.npy'), writeNpy([2, 3], values));
  const code = `import numpy
x = numpy.load('ours.npy', allow_pickle=False)
assert x.dtype == numpy.float32 and x.shape == (2, 3), (x.dtype, x.shape)
numpy.save('theirs.npy', x.astype('float64'))
numpy.save('bytes.npy', numpy.arange(6, dtype='uint8').reshape(3, 2))`;
  const { code: status, stderr } = await runProcess(python, ['-c', code], folder);
  expect(status, stderr).toBe(0);
  expect(npy(folder, 'theirs.npy')).toEqual({ shape: [2, 3], values });
  expect([...npy(folder, 'bytes.npy').values]).toEqual([0, 1, 2, 3, 4, 5]);
});

test('the help of every command ends with an example', async () => {
  const folder = testFolder();
  const { stdout } = await runCli(['--help'], folder);
  const commands = [...stdout.matchAll(/^ {2}([a-z-]+) .*$/gm)]
    .map(([, name]) => name!)
    .filter((name) => name !== 'help');
  expect(commands).toEqual(
    expect.arrayContaining(['train', 'encode', 'decode', 'interpolate', 'bench-device']),
  );
  for (const name of commands) {
    const help = await runCli([name, '--help'], folder);
    expect(help.stdout, name).toMatch(new RegExp(`\\nExample:\\n {2}webgpu-vae ${name}\\b.*\\n$`));
  }
});

test('bench-device says what it measured', async () => {
  const { code, stdout } = await runCli(['bench-device', '--steps', '1', '--json'], testFolder());
  expect(code).toBe(0);
  const report = JSON.parse(stdout) as { steps: { name: string; medianMs: number }[]; emptySubmitMs: number };
  expect(report.steps.map(({ name }) => name)).toEqual(['dense', 'conv']);
  for (const { medianMs } of report.steps) expect(medianMs).toBeGreaterThan(0);
  expect(report.emptySubmitMs).toBeGreaterThan(0);
});
