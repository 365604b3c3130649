/**
 * Turns what a user types after `--data` into images: a data set's name, a folder of IDX files, of CIFAR-10's
 * batches or of pictures, or one IDX file. Nothing is downloaded; where a named set is missing, the error lists every
 * place that was looked in.
 */
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { DataError } from '../gpu/errors.js';
import { readCifar10 } from '../vae/data/cifar.js';
import { checkDataset, takeRows, type Dataset } from '../vae/data/dataset.js';
import { readIdxImages, readIdxLabels } from '../vae/data/idx.js';
import { isNpy, readNpy } from '../vae/data/npy.js';
import { fitInto, type ImageShape } from '../vae/data/image.js';
import { pictureFormat } from './images/decode.js';
import { checkByteLength, holdsPictures, loadPictures, type PictureOptions } from './images/folder.js';
import { packageRoot } from './package.js';
import { describeShapes, loadShapes } from './shapes-data.js';

export type DataPart = 'train' | 'test';

/** What loadImages takes beside the name. */
export interface LoadOptions extends PictureOptions {
  /** Keep only the first rows; by default all. */
  readonly limit?: number | undefined;
  /** `[H, W]`: scale and crop the images; by default they stay as they are. */
  readonly size?: readonly [height: number, width: number] | undefined;
  /** 1 makes grey, 3 makes colour; by default as stored, and 3 for pictures. */
  readonly channels?: 1 | 3 | undefined;
  /** A model's `[H, W, C]` or `[H, W]`, which stands for size and channels where they are not given; a vector's `[D]` does not. */
  readonly pictureShape?: readonly number[] | undefined;
  /** Takes notes for the user, such as that a test part had to be split off; by default they go to stderr. */
  readonly notify?: (line: string) => void;
}

/** Data sets by name: what they are, and the folders that may hold them, the first choice first. */
const knownSets: Record<string, { readonly about: string; readonly folders: () => string[] }> = {
  fashion: {
    about: '20,000 + 4,000 images that come with webgpu-vae',
    folders: () => [join(packageRoot(), 'data/fashion-mnist')],
  },
  'fashion-mnist': {
    about: 'the complete 60,000 + 10,000',
    folders: () => [
      ...userFolders('fashion-mnist', 'data/fashion-mnist-full'),
      '/usr/share/datasets/fashion-mnist',
    ],
  },
  mnist: { about: '60,000 + 10,000 digits', folders: () => userFolders('mnist', 'data/mnist') },
};

const filePrefix: Record<DataPart, string> = { train: 'train', test: 't10k' };

/** What follows the prefix: on the original site, and on some mirrors; each plain or gzipped. */
const imageEndings = ['-images-idx3-ubyte', '-images.idx3-ubyte'];
const labelEndings = ['-labels-idx1-ubyte', '-labels.idx1-ubyte'];

/** File names of CIFAR-10's binary version. */
const cifarFiles: Record<DataPart, readonly string[]> = {
  train: [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.bin`),
  test: ['test_batch.bin'],
};

/** One image in six of a single IDX file is held out. */
const heldOutShare = 6;

/**
 * Loads the training or the test part of a data set.
 *
 * @param nameOrPath `fashion` (comes with the package), `fashion-mnist`, `mnist`, `shapes` (drawn, with known factors);
 *   a folder of IDX files or of CIFAR-10's binary files under their usual names, or with PNG and JPEG files anywhere
 *   below it; or one IDX images file, whose last sixth then is the test part
 * @returns `u8[N, H, W, C]`, with labels where the files state them
 * @throws DataError if there is no such set or file, or a file is damaged
 */
export async function loadImages(
  nameOrPath: string,
  part: DataPart,
  options: LoadOptions = {},
): Promise<Dataset> {
  const complete = completeOptions(options);
  const all = await loadAll(nameOrPath, part, complete);
  const data = options.limit === undefined ? all : takeRows(all, options.limit);
  const reshaped = reshape(data, complete, nameOrPath);
  // Said with one part only, and not where the user asked for that size.
  if (reshaped !== data && part === 'test' && !options.size && !options.channels)
    (options.notify ?? writeToStderr)(
      `webgpu-vae: the ${data.shape.join('x')} images of ${nameOrPath} become ${reshaped.shape.join('x')}, as the model has them`,
    );
  return reshaped;
}

/** Size and channels from the model's shape, where they were not asked for. */
function completeOptions(options: LoadOptions): LoadOptions {
  const [height, width, count] = options.pictureShape ?? [];
  const size = height && width ? ([height, width] as const) : undefined;
  const channels = count === 1 || count === 3 ? count : undefined;
  return { ...options, size: options.size ?? size, channels: options.channels ?? channels };
}

async function loadAll(nameOrPath: string, part: DataPart, options: LoadOptions): Promise<Dataset> {
  if (nameOrPath === 'shapes') return loadShapes(part, options);
  // hasOwn, since 'constructor' is a name that every object has.
  const known = Object.hasOwn(knownSets, nameOrPath) ? knownSets[nameOrPath] : undefined;
  if (known) return loadNamed(nameOrPath, known.folders(), part);
  const stats = statSync(nameOrPath, { throwIfNoEntry: false });
  const notify = options.notify ?? writeToStderr;
  if (stats?.isDirectory()) return loadFolder(nameOrPath, part, options, notify);
  if (stats?.isFile()) return loadFile(nameOrPath, part, notify);
  const names = Object.entries(knownSets).map(([name, { about }]) => `${name} (${about})`);
  names.push(`shapes (drawn, ${describeShapes()} known factors)`);
  throw new DataError(
    nameOrPath,
    `is neither a data set nor a file or folder (looked for ${resolve(nameOrPath)}); expected ${names.join(', ')}, ` +
      'or the path of an IDX images or .npy file or of a folder of IDX files, CIFAR-10 batches or pictures; correct the name',
  );
}

/** Scales, crops and converts rows that were read in their own shape. */
function reshape(data: Dataset, { size, channels }: LoadOptions, where: string): Dataset {
  const [height = 1, width = 1, count = 1] = data.shape;
  const shape = [...(size ?? ([height, width] as const)), channels ?? (count === 1 ? 1 : 3)] as ImageShape;
  const { rows, values } = data;
  if (shape.every((length, i) => length === data.shape[i]) || !(values instanceof Uint8Array)) return data;
  checkByteLength(rows, shape, where);
  const [from, to] = [values.length / rows, shape[0] * shape[1] * shape[2]];
  const reshaped = new Uint8Array(rows * to);
  for (let row = 0; row < rows; row++) {
    const picture = { height, width, data: values.subarray(row * from, (row + 1) * from) };
    fitInto(picture, shape, reshaped.subarray(row * to, (row + 1) * to), where);
  }
  return { ...data, shape: [...shape], values: reshaped };
}

function loadNamed(name: string, folders: readonly string[], part: DataPart): Promise<Dataset> {
  const folder = folders.find((candidate) => findFile(candidate, part, imageEndings));
  if (folder) return loadIdxFolder(folder, part);
  const wanted = filePrefix[part] + imageEndings[0];
  const debian = name === 'fashion-mnist' ? ' (Debian: apt-get install dataset-fashion-mnist)' : '';
  throw new DataError(
    name,
    `there is no ${wanted} or ${wanted}.gz in ${folders.join(', ')}; expected it in one of them; ` +
      `put the files there${debian}, set WEBGPU_VAE_DATA to a folder that holds ${name}/, or use fashion, which needs no download`,
  );
}

/** What either part's files show decides the kind of the folder, so that the error for a missing part names that part. */
async function loadFolder(
  folder: string,
  part: DataPart,
  options: LoadOptions,
  notify: (line: string) => void,
): Promise<Dataset> {
  const parts = ['train', 'test'] as const;
  if (parts.some((name) => findFile(folder, name, imageEndings))) return loadIdxFolder(folder, part);
  if (parts.some((name) => findBatches(folder, name).length > 0)) return loadCifar(folder, part, notify);
  if (holdsPictures(folder)) return loadPictures(folder, part, options, notify);
  const isPickled = existsSync(join(folder, 'data_batch_1'));
  throw new DataError(
    folder,
    isPickled
      ? "the folder holds CIFAR-10's Python version; expected data_batch_1.bin; download the binary version"
      : `the folder holds no images; expected ${filePrefix.train + imageEndings[0]} (or .gz), data_batch_1.bin, ` +
          'or .png, .jpg and .jpeg files; pass the folder that holds them',
  );
}

function findBatches(folder: string, part: DataPart): string[] {
  return cifarFiles[part].map((name) => join(folder, name)).filter((path) => existsSync(path));
}

async function loadCifar(folder: string, part: DataPart, notify: (line: string) => void): Promise<Dataset> {
  const found = findBatches(folder, part);
  const wanted = cifarFiles[part];
  if (found.length === 0)
    throw new DataError(
      folder,
      `the folder holds no ${part} batch of CIFAR-10; expected ${wanted.join(', ')}; unpack all of the archive`,
    );
  if (found.length < wanted.length)
    notify(`webgpu-vae: ${folder} holds ${found.length} of CIFAR-10's ${wanted.length} ${part} batches`);
  return readCifar10(await Promise.all(found.map(async (name) => ({ name, bytes: await readBytes(name) }))));
}

async function loadIdxFolder(folder: string, part: DataPart): Promise<Dataset> {
  const imagesPath = findFile(folder, part, imageEndings);
  if (!imagesPath) {
    const wanted = filePrefix[part] + imageEndings[0];
    throw new DataError(
      folder,
      `the folder holds no ${part} images; expected ${wanted} or ${wanted}.gz; rename the files, or pass the path of one`,
    );
  }
  const images = await readIdxImages(await readBytes(imagesPath), imagesPath);
  const labelsPath = findFile(folder, part, labelEndings);
  if (!labelsPath) return images;
  const data = { ...images, labels: await readIdxLabels(await readBytes(labelsPath), labelsPath) };
  checkDataset(data, labelsPath);
  return data;
}

async function loadFile(path: string, part: DataPart, notify: (line: string) => void): Promise<Dataset> {
  const bytes = await readBytes(path);
  checkSingleFile(path, bytes);
  const all = isNpy(bytes) ? npyRows(bytes, path) : await readIdxImages(bytes, path);
  const testRows = Math.ceil(all.rows / heldOutShare);
  const trainRows = all.rows - testRows;
  if (trainRows === 0) {
    throw new DataError(
      path,
      'the file holds 1 image; expected at least 2, one to train on and one to test; pass a larger file',
    );
  }
  if (part === 'train') return takeRows(all, trainRows);
  notify(
    `webgpu-vae: ${basename(path)} is a single file, so its last ${testRows} of ${all.rows} images are held out as the test part`,
  );
  const elementCount = all.values.length / all.rows;
  return { rows: testRows, shape: all.shape, values: all.values.subarray(trainRows * elementCount) };
}

/** Rows of a NumPy file: [N, H, W, C], [N, H, W] of grey images, or [N, D]. */
function npyRows(bytes: Uint8Array, path: string): Dataset {
  const { shape, values } = readNpy(bytes, path);
  const [rows = 0, ...row] = shape;
  if (shape.length < 2 || shape.length > 4)
    throw new DataError(
      path,
      `is an array of [${shape.join(', ')}]; expected [N, H, W, C], [N, H, W] or [N, D]; reshape it`,
    );
  const data = { rows, shape: shape.length === 3 ? [...row, 1] : row, values };
  checkDataset(data, path);
  return data;
}

/** Refuses a file that belongs to a form of data that is passed as a folder, and says how. @throws DataError */
function checkSingleFile(path: string, bytes: Uint8Array): void {
  if (/\.(tar|tgz|tar\.gz|zip)$/i.test(path))
    throw new DataError(
      path,
      'is an archive; expected an IDX images file or a folder; unpack it (tar -xf FILE) and pass the folder',
    );
  const format = pictureFormat(bytes);
  if (format !== undefined)
    throw new DataError(
      path,
      `is one picture (${format}); expected a folder of at least 2; pass the folder that holds it`,
    );
  if (/_batch(_\d)?\.bin$/.test(path))
    throw new DataError(
      path,
      'is one file of CIFAR-10; expected the folder; pass the folder that holds data_batch_1.bin and test_batch.bin',
    );
}

function userFolders(name: string, local: string): string[] {
  const chosen = process.env['WEBGPU_VAE_DATA'];
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return [...(chosen ? [join(chosen, name)] : []), resolve(local), join(cache, 'webgpu-vae', name)];
}

function findFile(folder: string, part: DataPart, endings: readonly string[]): string | undefined {
  return endings
    .flatMap((ending) => [`${ending}.gz`, ending])
    .map((ending) => join(folder, filePrefix[part] + ending))
    .find((path) => existsSync(path));
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new DataError(
      path,
      `could not be read: ${cause instanceof Error ? cause.message : String(cause)}; check the path and its permissions`,
      { cause },
    );
  }
}

function writeToStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
