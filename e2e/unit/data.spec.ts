/**
 * Plan: what `--data` accepts, and where it is looked for.
 * | axis   | control                    | cases                                                             |
 * | source | the bundled set            | folder, one file, a named set in each of its folders, none        |
 * | names  | train-images-idx3-ubyte.gz | plain, and the spelling with a dot; several at once               |
 * | labels | beside the images          | absent, of another count, damaged                                 |
 * | limit  | none                       | fewer, more, 0; after a single file was split                     |
 */
import { expect, test } from '@playwright/test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DataError } from '../../src/gpu/errors.js';
import { loadImages } from '../../src/node/data.js';
import { refused } from '../refused.js';
import { idxFile } from '../idx-file.js';

/** Images of 2 x 3; every pixel of image i is first + i. */
function images(count: number, first: number): Uint8Array {
  return idxFile(
    0x803,
    [count, 2, 3],
    Uint8Array.from({ length: count * 6 }, (_, i) => first + Math.floor(i / 6)),
  );
}

function labels(count: number): Uint8Array {
  return idxFile(
    0x801,
    [count],
    Uint8Array.from({ length: count }, (_, i) => i % 10),
  );
}

/** A folder of the test's own with these files. */
function folderOf(files: Record<string, Uint8Array>, name = 'set'): string {
  const folder = test.info().outputPath(name);
  mkdirSync(folder, { recursive: true });
  for (const [file, bytes] of Object.entries(files)) writeFileSync(join(folder, file), bytes);
  return folder;
}

const refusal = async (promise: Promise<unknown>): Promise<string> =>
  (await refused(() => promise, DataError)).message;

const directory = process.cwd();
const environment: NodeJS.ProcessEnv = { ...process.env };

test.afterEach(() => {
  process.chdir(directory);
  for (const name of ['WEBGPU_VAE_DATA', 'XDG_CACHE_HOME']) {
    if (environment[name] === undefined) delete process.env[name];
    else process.env[name] = environment[name];
  }
});

test('fashion comes with the package, from whatever folder', async () => {
  process.chdir('/');
  const train = await loadImages('fashion', 'train');
  expect(train).toMatchObject({ rows: 20_000, shape: [28, 28, 1] });
  expect(train.values).toHaveLength(20_000 * 784);
  expect(train.labels).toHaveLength(20_000);
  const held = await loadImages('fashion', 'test', { limit: 10 });
  expect(held).toMatchObject({ rows: 10, shape: [28, 28, 1] });
  // Ankle boot, pullover, two trousers, ...: the first labels of the original test file.
  expect([...held.labels!]).toEqual([9, 2, 1, 1, 6, 1, 4, 6, 5, 7]);
  expect(held.values).toHaveLength(7840);
});

for (const [ending, pack] of [
  ['-images-idx3-ubyte.gz', gzipSync],
  ['-images-idx3-ubyte', (bytes: Uint8Array) => bytes],
  ['-images.idx3-ubyte.gz', gzipSync],
  ['-images.idx3-ubyte', (bytes: Uint8Array) => bytes],
] as const)
  test(`a folder with files named *${ending}`, async () => {
    const folder = folderOf({
      [`train${ending}`]: pack(images(3, 10)),
      [`t10k${ending}`]: pack(images(2, 50)),
    });
    expect(await loadImages(folder, 'train')).toEqual({
      rows: 3,
      shape: [2, 3, 1],
      values: Uint8Array.from([10, 11, 12].flatMap((value) => Array<number>(6).fill(value))),
    });
    expect((await loadImages(folder, 'test')).values[0]).toBe(50);
  });

test('of several spellings the original gzipped name wins', async () => {
  const folder = folderOf({
    'train-images.idx3-ubyte': images(1, 1),
    'train-images-idx3-ubyte': images(1, 2),
    'train-images-idx3-ubyte.gz': gzipSync(images(1, 3)),
  });
  expect((await loadImages(folder, 'train')).values[0]).toBe(3);
});

test('labels beside the images come along, cut with them', async () => {
  const folder = folderOf({ 'train-images-idx3-ubyte': images(3, 0), 'train-labels-idx1-ubyte': labels(3) });
  expect((await loadImages(folder, 'train')).labels).toEqual(Uint8Array.from([0, 1, 2]));
  const first = await loadImages(folder, 'train', { limit: 2 });
  expect(first.rows).toBe(2);
  expect(first.labels).toEqual(Uint8Array.from([0, 1]));
  expect(await loadImages(folder, 'train', { limit: 99 })).toMatchObject({ rows: 3 });
});

test('labels that belong to other images, or are damaged, are refused', async () => {
  const name = 'train-labels-idx1-ubyte';
  const other = folderOf({ 'train-images-idx3-ubyte': images(3, 0), [name]: labels(4) });
  expect(await refusal(loadImages(other, 'train'))).toBe(
    `[${join(other, name)}] there are 4 labels for 3 rows; expected one label a row; pass the labels file that belongs to these images`,
  );
  const cut = folderOf({ 'train-images-idx3-ubyte': images(3, 0), [name]: labels(3).slice(0, -1) }, 'cut');
  expect(await refusal(loadImages(cut, 'train'))).toContain(`[${join(cut, name)}] the file is cut short`);
});

test('a folder without the asked part is refused', async () => {
  const folder = folderOf({ 'train-images-idx3-ubyte': images(3, 0) });
  expect(await refusal(loadImages(folder, 'test'))).toBe(
    `[${folder}] the folder holds no test images; expected t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz; ` +
      'rename the files, or pass the path of one',
  );
});

test('a limit of 0 is refused', async () => {
  expect(await refusal(loadImages('fashion', 'test', { limit: 0 }))).toContain(
    '[takeRows] count is 0; expected',
  );
});

test('of a single file the last sixth is the test part, and that is said once', async () => {
  const path = join(folderOf({ 'mine.gz': gzipSync(images(13, 100)) }), 'mine.gz');
  const lines: string[] = [];
  const notify = (line: string): void => void lines.push(line);
  const train = await loadImages(path, 'train', { notify });
  expect(lines).toEqual([]);
  const held = await loadImages(path, 'test', { notify });
  expect(lines).toEqual([
    'webgpu-vae: mine.gz is a single file, so its last 3 of 13 images are held out as the test part',
  ]);
  const firstPixels = (part: typeof train): number[] => [...part.values].filter((_, i) => i % 6 === 0);
  expect(firstPixels(train)).toEqual([100, 101, 102, 103, 104, 105, 106, 107, 108, 109]);
  expect(firstPixels(held)).toEqual([110, 111, 112]);
  expect(held).toMatchObject({ rows: 3, shape: [2, 3, 1] });
  expect(firstPixels(await loadImages(path, 'test', { notify, limit: 2 }))).toEqual([110, 111]);
});

test('a single image cannot be split', async () => {
  const path = join(folderOf({ one: images(1, 0) }), 'one');
  expect(await refusal(loadImages(path, 'train'))).toBe(
    `[${path}] the file holds 1 image; expected at least 2, one to train on and one to test; pass a larger file`,
  );
});

test('a damaged file is refused under its own path', async () => {
  const path = join(folderOf({ broken: images(3, 0).slice(0, -1) }), 'broken');
  expect(await refusal(loadImages(path, 'train'))).toContain(
    `[${path}] the file is cut short: its header promises`,
  );
});

test('what cannot be read is refused with the reason', async () => {
  const folder = folderOf({});
  mkdirSync(join(folder, 'train-images-idx3-ubyte'));
  expect(await refusal(loadImages(folder, 'train'))).toMatch(
    /train-images-idx3-ubyte\] could not be read: EISDIR.*; check the path and its permissions$/,
  );
});

for (const name of ['fashoin', 'constructor', '__proto__', ''])
  test(`the unknown name '${name}' is answered with the known ones`, async () => {
    process.chdir(folderOf({}));
    // An empty name resolves to the folder itself, which is no file of that name either.
    expect(await refusal(loadImages(name, 'train'))).toBe(
      `[${name}] is neither a data set nor a file or folder (looked for ${resolve(name)}); expected fashion ` +
        '(20,000 + 4,000 images that come with webgpu-vae), fashion-mnist (the complete 60,000 + 10,000), ' +
        'mnist (60,000 + 10,000 digits), shapes (drawn, 3 x 6 x 40 x 32 x 32 known factors), ' +
        'or the path of an IDX images or .npy file or of a folder of IDX files, CIFAR-10 batches or pictures; correct the name',
    );
  });

test('a named set is looked for in three folders, the chosen one first', async () => {
  const file = 'train-images-idx3-ubyte';
  const here = folderOf({}, 'here');
  const folders = [
    join(folderOf({}, 'chosen'), 'mnist'),
    join(here, 'data/mnist'),
    join(folderOf({}, 'cache'), 'webgpu-vae/mnist'),
  ];
  process.chdir(here);
  process.env['WEBGPU_VAE_DATA'] = test.info().outputPath('chosen');
  process.env['XDG_CACHE_HOME'] = test.info().outputPath('cache');
  expect(await refusal(loadImages('mnist', 'train'))).toBe(
    `[mnist] there is no ${file} or ${file}.gz in ${folders.join(', ')}; expected it in one of them; put the files there, ` +
      'set WEBGPU_VAE_DATA to a folder that holds mnist/, or use fashion, which needs no download',
  );
  // From the last to the first: each one found hides those after it.
  for (const [i, folder] of [...folders.entries()].toReversed()) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, file), images(1, i));
    expect((await loadImages('mnist', 'train')).values[0]).toBe(i);
  }
  delete process.env['WEBGPU_VAE_DATA'];
  expect((await loadImages('mnist', 'train')).values[0]).toBe(1);
});
