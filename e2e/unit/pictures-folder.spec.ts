/**
 * Plan: what `--data FOLDER` makes of folders of pictures and of CIFAR-10's batches.
 * | axis     | control                  | cases                                                              |
 * | folder   | 12 PNG files side by side | sub-folders, train/ and test/, hidden and other files, JPEG, names that lie |
 * | split    | a sixth                  | always the same, no file twice; 2 pictures, 1, none                |
 * | size     | as they are              | --size, --channels, one of another size; IDX and CIFAR too         |
 * | broken   | none                     | each kind in the middle: refused by name, or skipped and named     |
 * | budget   | within                   | beyond: size and cures                                             |
 * | archives | -                        | tar.gz, zip, one picture, one batch, the pickled version           |
 */
import { expect, test } from '@playwright/test';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DataError } from '../../src/gpu/errors.js';
import { loadImages, type LoadOptions } from '../../src/node/data.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { pngFile, pngOf } from '../pictures/png.js';
import { refused } from '../refused.js';

type Files = Record<string, Uint8Array | string>;

/** A folder of the test's own with these files. */
function folderOf(files: Files, name = 'set'): string {
  const folder = test.info().outputPath(name);
  mkdirSync(folder, { recursive: true });
  for (const [file, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), bytes);
  }
  return folder;
}

/** A grey picture of one value. */
function grey(value: number, width = 4, height = 3): Buffer {
  const samples = Array<number>(width * height).fill(value);
  return pngFile({ width, height, depth: 8, colourType: 0 }, samples);
}

/** `name(i)` to a picture of the value 10 + i. */
function numbered(count: number, name = (i: number): string => `${String(i).padStart(2, '0')}.png`): Files {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [name(i), grey(10 + i)]));
}

/** The first value of each row. */
function values({ values: all, rows, shape }: Dataset): number[] {
  const length = all.length / rows;
  expect(length).toBe(shape.reduce((product, size) => product * size, 1));
  return Array.from({ length: rows }, (_, row) => all[row * length]!);
}

async function load(folder: string, part: 'train' | 'test', options: LoadOptions = {}) {
  const lines: string[] = [];
  const data = await loadImages(folder, part, { ...options, notify: (line) => void lines.push(line) });
  return { data, lines, values: values(data) };
}

const refusal = async (promise: Promise<unknown>): Promise<string> =>
  (await refused(() => promise, DataError)).message;

test.describe('pictures', () => {
  test('are split the same way every time, a sixth and the rest, in the order of their paths', async () => {
    const folder = folderOf(numbered(12));
    const train = await load(folder, 'train');
    const held = await load(folder, 'test');
    expect(train.data).toMatchObject({ rows: 10, shape: [3, 4, 3] });
    expect(train.data.values).toBeInstanceOf(Uint8Array);
    // Kept from the first run: a change would evaluate old checkpoints on pictures that they have seen.
    expect(held.values).toEqual([14, 17]);
    expect([...train.values, ...held.values].toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 12 }, (_, i) => 10 + i),
    );
    expect(train.values).toEqual(train.values.toSorted((a, b) => a - b));
    expect((await load(folder, 'test')).values).toEqual(held.values);
    expect([...train.lines, ...held.lines]).toEqual([]);
  });

  test('in sub-folders, with any ending, but not hidden ones', async () => {
    const names = ['b/x.PNG', 'a/y.png', 'c.jpeg', 'a/z/deep.png', 'lies.jpg', '1.png'];
    const files: Files = Object.fromEntries(names.map((name, i) => [name, grey(i)]));
    files['c.jpeg'] = readFileSync(join(import.meta.dirname, '../pictures/grey.jpg'));
    const others = { '.hidden.png': 'x', '.git/x.png': 'x', '__MACOSX/._a.png': 'x', 'labels.csv': 'x' };
    const folder = folderOf({ ...files, ...others, 'x.webp': 'x', 'a/x.GIF': 'x' });
    const train = await load(folder, 'train', { size: [3, 4], channels: 1 });
    const held = await load(folder, 'test', { size: [3, 4], channels: 1 });
    expect([train.data.rows, held.data.rows]).toEqual([5, 1]);
    expect(train.lines).toEqual([]);
    expect(held.lines).toEqual([
      `webgpu-vae: 2 pictures of other formats than PNG and JPEG in ${folder} are left out`,
    ]);
    // Code units: digits before letters, 'a/y' before 'a/z'.
    const order = [5, 1, 3, 0, -1, 4];
    const all = [...train.values, ...held.values];
    for (const value of order) if (value >= 0) expect(all).toContain(value);
    const sorted = train.values.filter((value) => order.includes(value));
    expect(sorted).toEqual(order.filter((value) => sorted.includes(value)));
  });

  test('in train/ and test/ stay there', async () => {
    const inTrain = numbered(3, (i) => `train/${i}.png`);
    const folder = folderOf({ ...inTrain, 'test/a/b.png': grey(99), 'else.png': grey(1) });
    expect((await load(folder, 'train')).values).toEqual([10, 11, 12]);
    const held = await load(folder, 'test');
    expect(held.values).toEqual([99]);
    expect(held.lines).toEqual([
      `webgpu-vae: 1 pictures that are neither in train/ nor in test/ in ${folder} are left out`,
    ]);
  });

  test('a folder train/ alone is a folder like others', async () => {
    const folder = folderOf(numbered(6, (i) => `train/${i}.png`));
    expect((await load(folder, 'train')).data.rows).toBe(5);
    expect((await load(folder, 'test')).data.rows).toBe(1);
  });

  test('links to files count, links to folders do not', async () => {
    const elsewhere = folderOf(numbered(2), 'elsewhere');
    const folder = folderOf(numbered(2));
    symlinkSync(join(elsewhere, '00.png'), join(folder, 'link.png'));
    symlinkSync(elsewhere, join(folder, 'folder.png'));
    symlinkSync(folder, join(folder, 'circle'));
    expect((await load(folder, 'train')).data.rows).toBe(2);
  });

  test('a limit decodes no more than it', async () => {
    const files = numbered(12);
    for (const name of Object.keys(files).slice(6)) files[name] = 'broken';
    const folder = folderOf(files);
    const { data } = await load(folder, 'train', { limit: 3 });
    expect(data.rows).toBe(3);
  });

  test('of one size keep it, in grey if asked; others are scaled and cropped', async () => {
    const folder = folderOf(numbered(4));
    expect((await load(folder, 'train', { channels: 1 })).data.shape).toEqual([3, 4, 1]);
    expect((await load(folder, 'train', { size: [8, 8] })).data.shape).toEqual([8, 8, 3]);
    expect((await load(folder, 'train', { size: [2, 3], channels: 1 })).data.shape).toEqual([2, 3, 1]);
    expect((await load(folder, 'train', { pictureShape: [5, 6, 1] })).data.shape).toEqual([5, 6, 1]);
    const both = { pictureShape: [5, 6, 1], size: [2, 2], channels: 3 } as const;
    expect((await load(folder, 'train', both)).data.shape).toEqual([2, 2, 3]);
  });

  test('of another size are refused without --size', async () => {
    const folder = folderOf({ ...numbered(5), '03.png': grey(1, 5, 3) });
    const parts = ['train', 'test'] as const;
    const all = Promise.all(parts.map((part) => load(folder, part, { skipBroken: true })));
    expect(await refusal(all)).toBe(
      `[${join(folder, '03.png')}] is 3x5; ${join(folder, '00.png')} is 3x4; expected one size; ` +
        'pass --size, such as --size 64, to scale and crop all of them',
    );
  });

  test('too few or none are refused', async () => {
    expect(await refusal(load(folderOf(numbered(1)), 'train'))).toContain(
      'the folder holds 1 picture; expected',
    );
    const none = folderOf({ 'readme.txt': 'x' }, 'none');
    expect(await refusal(load(none, 'train'))).toBe(
      `[${none}] the folder holds no images; expected train-images-idx3-ubyte (or .gz), data_batch_1.bin, ` +
        'or .png, .jpg and .jpeg files; pass the folder that holds them',
    );
  });

  test('beyond the budget are refused before the second one is read', async () => {
    const folder = folderOf({ ...numbered(30), '09.png': 'broken' });
    const message = await refusal(load(folder, 'train', { size: [4096, 4096] }));
    expect(message).toContain(
      '25 pictures of 4096x4096x3 are 1258291200 bytes; at most 1073741824 are read; ' +
        'pass a smaller --size, a --limit, or a folder of fewer pictures',
    );
    expect((await load(folder, 'train', { size: [4096, 4096], limit: 1 })).data.rows).toBe(1);
  });
});

const broken: [name: string, bytes: Uint8Array | string, fault: string][] = [
  ['empty', '', 'the file is empty'],
  ['a text', 'hello', 'the file begins with 68 65 6c 6c; expected PNG (89 50 4e 47) or JPEG (ff d8)'],
  ['a WebP picture', 'RIFF....WEBP', 'the file begins with 52 49 46 46; expected PNG'],
  ['cut short', grey(1).subarray(0, 50), 'the PNG file is cut short'],
  [
    'absurd',
    pngOf({ width: 60000, height: 60000, depth: 1, colourType: 0 }, Buffer.alloc(9)),
    'its header promises 60000x60000',
  ],
  [
    'CMYK',
    readFileSync(join(import.meta.dirname, '../pictures/cmyk.jpg')),
    'the JPEG file has 4 components (CMYK)',
  ],
];
for (const [name, bytes, fault] of broken)
  test(`a file in the middle that is ${name} is refused by name, or skipped and named`, async () => {
    const folder = folderOf({ ...numbered(12), '05.png': bytes });
    const path = join(folder, '05.png');
    const message = await refusal(load(folder, 'train'));
    expect(message).toContain(`[${path}] ${fault}`);
    expect(message).toContain('; replace or remove it, or pass --skip-broken');
    const { lines, data, values: kept } = await load(folder, 'train', { skipBroken: true });
    expect(lines).toEqual([
      `webgpu-vae: skipped ${message}`,
      'webgpu-vae: 1 of 10 train pictures were skipped',
    ]);
    expect(data.rows).toBe(9);
    expect(kept).not.toContain(15);
    expect(kept).not.toContain(0);
  });

test('a file that went away, and nothing but broken files', async () => {
  const folder = folderOf(numbered(4));
  symlinkSync(join(folder, 'nowhere'), join(folder, '05.png'));
  symlinkSync(join(folder, 'nowhere'), join(folder, '06.png'));
  expect(await refusal(load(folder, 'train'))).toMatch(
    /^\[.*0[56]\.png\] cannot be read \(ENOENT\); replace/,
  );
  const none = folderOf({ 'a.png': 'x', 'b.png': 'x', 'c.png': 'x' }, 'none');
  expect(await refusal(load(none, 'train', { skipBroken: true }))).toBe(
    `[${none}] none of its 2 pictures could be read; expected at least one; pass another folder`,
  );
});

/** Records whose pixels and label are `value` and its last digit. */
function batch(...records: number[]): Buffer {
  return Buffer.concat(records.map((value) => Buffer.alloc(3073, value).fill(value % 10, 0, 1)));
}

test.describe('CIFAR-10', () => {
  const files = {
    'batches.meta.txt': 'x',
    'data_batch_1.bin': batch(1),
    'data_batch_2.bin': batch(2, 3),
    'test_batch.bin': batch(9, 8),
  };
  const whole = {
    ...files,
    'data_batch_3.bin': batch(4),
    'data_batch_4.bin': batch(5),
    'data_batch_5.bin': batch(6),
  };

  test('is known by its files', async () => {
    const folder = folderOf(whole);
    const train = await load(folder, 'train');
    expect(train.data).toMatchObject({ rows: 6, shape: [32, 32, 3] });
    expect(train.values).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...train.data.labels!]).toEqual([1, 2, 3, 4, 5, 6]);
    expect((await load(folder, 'test')).values).toEqual([9, 8]);
    expect(train.lines).toEqual([]);
  });

  test('may lack batches, which is said', async () => {
    const folder = folderOf(files);
    const { values: kept, lines } = await load(folder, 'train');
    expect(kept).toEqual([1, 2, 3]);
    expect(lines).toEqual([`webgpu-vae: ${folder} holds 2 of CIFAR-10's 5 train batches`]);
  });

  test('is scaled and made grey like pictures', async () => {
    const { data, values: kept } = await load(folderOf(whole), 'train', {
      size: [8, 16],
      channels: 1,
      limit: 2,
    });
    expect(data).toMatchObject({ rows: 2, shape: [8, 16, 1] });
    expect(kept).toEqual([1, 2]);
    expect([...data.labels!]).toEqual([1, 2]);
  });

  test('without a part, damaged, pickled or still packed is refused', async () => {
    const folder = folderOf({ 'data_batch_1.bin': batch(1).subarray(1) });
    expect(await refusal(load(folder, 'test'))).toBe(
      `[${folder}] the folder holds no test batch of CIFAR-10; expected test_batch.bin; unpack all of the archive`,
    );
    expect(await refusal(load(folder, 'train'))).toContain(
      `[${join(folder, 'data_batch_1.bin')}] the file has 3072 bytes; expected whole records of 3073`,
    );
    const pickled = folderOf({ data_batch_1: 'x', test_batch: 'x' }, 'pickled');
    expect(await refusal(load(pickled, 'train'))).toBe(
      `[${pickled}] the folder holds CIFAR-10's Python version; expected data_batch_1.bin; download the binary version`,
    );
  });
});

test('single files that are something else are told the way', async () => {
  const folder = folderOf({
    'cifar-10-binary.tar.gz': Buffer.from([0x1f, 0x8b]),
    'a.zip': 'PK',
    'a.png': grey(1),
    'test_batch.bin': batch(1),
  });
  const unpack =
    'is an archive; expected an IDX images file or a folder; unpack it (tar -xf FILE) and pass the folder';
  const tar = join(folder, 'cifar-10-binary.tar.gz');
  expect(await refusal(load(tar, 'train'))).toBe(`[${tar}] ${unpack}`);
  expect(await refusal(load(join(folder, 'a.zip'), 'train'))).toContain('] is an archive; expected');
  expect(await refusal(load(join(folder, 'a.png'), 'train'))).toContain(
    '] is one picture (PNG); expected a folder',
  );
  expect(await refusal(load(join(folder, 'test_batch.bin'), 'train'))).toContain(
    '] is one file of CIFAR-10; expected',
  );
});

test('IDX images take a size and channels too', async () => {
  const train = await loadImages('fashion', 'train', { limit: 3, size: [32, 32], channels: 3 });
  expect(train).toMatchObject({ rows: 3, shape: [32, 32, 3] });
  expect(train.labels).toHaveLength(3);
});

test("images of every kind take a model's shape, which is said once, and what was asked for before it", async () => {
  const lines: string[] = [];
  const loadFashion = (part: 'train' | 'test', options: object): Promise<Dataset> =>
    loadImages('fashion', part, { limit: 3, notify: (line) => lines.push(line), ...options });
  const pictureShape = [32, 24, 3];
  expect((await loadFashion('train', { pictureShape })).shape).toEqual([32, 24, 3]);
  expect((await loadFashion('test', { pictureShape })).shape).toEqual([32, 24, 3]);
  expect(lines).toEqual(['webgpu-vae: the 28x28x1 images of fashion become 32x24x3, as the model has them']);
  expect((await loadFashion('test', { pictureShape, size: [8, 8] })).shape).toEqual([8, 8, 3]);
  expect((await loadFashion('test', { pictureShape, channels: 1 })).shape).toEqual([32, 24, 1]);
  expect((await loadFashion('test', { pictureShape: [64, 64] })).shape).toEqual([64, 64, 1]);
  expect((await loadFashion('test', { pictureShape: [784] })).shape).toEqual([28, 28, 1]);
  expect((await loadFashion('test', { pictureShape: [28, 28, 1] })).shape).toEqual([28, 28, 1]);
  expect(lines).toHaveLength(2); // [64, 64] is the only other that nobody has asked for
});

test('images that become too many bytes are refused', async () => {
  expect(await refusal(loadImages('fashion', 'train', { size: [4096, 4096] }))).toBe(
    '[fashion] 20000 pictures of 4096x4096x1 are 335544320000 bytes; at most 1073741824 are read; ' +
      'pass a smaller --size, a --limit, or a folder of fewer pictures',
  );
});
