/**
 * Turns what a user types after `--data` into images: a data set's name, a folder of IDX files, or one
 * IDX file. Nothing is downloaded; a set that is not there is answered with every place that was looked in.
 */
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { DataError } from '../gpu/errors.js';
import { checkDataset, takeRows, type Dataset } from '../vae/data/dataset.js';
import { readIdxImages, readIdxLabels } from '../vae/data/idx.js';
import { packageRoot } from './package.js';

export type DataPart = 'train' | 'test';

/** What loadImages takes beside the name. */
export interface LoadOptions {
  /** Keep only the first rows; by default all. */
  readonly limit?: number | undefined;
  /** Receives one line when a test set had to be split off; by default it goes to stderr. */
  readonly notify?: (line: string) => void;
}

/** Names, what they are, and the folders that may hold them, in the order they are looked in. */
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

/** The names on the original site and the ones that some mirrors use, each plain or gzipped. */
const imageEndings = ['-images-idx3-ubyte', '-images.idx3-ubyte'];
const labelEndings = ['-labels-idx1-ubyte', '-labels.idx1-ubyte'];

/** Of a single file, one image in six is held out. */
const heldOutShare = 6;

/**
 * Loads the training or the test part of a data set.
 *
 * @param nameOrPath `fashion` (comes with the package), `fashion-mnist`, `mnist`, a folder that holds IDX
 *   files under their usual names, or one IDX images file, whose last sixth then is the test part
 * @returns `u8[N, H, W, 1]`, with labels where a labels file lies beside the images
 * @throws DataError if there is no such set or file, or a file is damaged
 */
export async function loadImages(
  nameOrPath: string,
  part: DataPart,
  options: LoadOptions = {},
): Promise<Dataset> {
  const data = await loadAll(nameOrPath, part, options.notify ?? writeToStderr);
  return options.limit === undefined ? data : takeRows(data, options.limit);
}

async function loadAll(nameOrPath: string, part: DataPart, notify: (line: string) => void): Promise<Dataset> {
  // hasOwn, since 'constructor' is a name that every object has.
  const known = Object.hasOwn(knownSets, nameOrPath) ? knownSets[nameOrPath] : undefined;
  if (known) return loadNamed(nameOrPath, known.folders(), part);
  const stats = statSync(nameOrPath, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return loadFolder(nameOrPath, part);
  if (stats?.isFile()) return loadFile(nameOrPath, part, notify);
  const names = Object.entries(knownSets).map(([name, { about }]) => `${name} (${about})`);
  throw new DataError(
    nameOrPath,
    `is neither a data set nor a file or folder (looked for ${resolve(nameOrPath)}); expected ${names.join(', ')}, ` +
      'or the path of an IDX images file or of a folder of IDX files; correct the name',
  );
}

function loadNamed(name: string, folders: readonly string[], part: DataPart): Promise<Dataset> {
  const folder = folders.find((candidate) => findFile(candidate, part, imageEndings));
  if (folder) return loadFolder(folder, part);
  const wanted = filePrefix[part] + imageEndings[0];
  const debian = name === 'fashion-mnist' ? ' (Debian: apt-get install dataset-fashion-mnist)' : '';
  throw new DataError(
    name,
    `there is no ${wanted} or ${wanted}.gz in ${folders.join(', ')}; expected it in one of them; ` +
      `put the files there${debian}, set WEBGPU_VAE_DATA to a folder that holds ${name}/, or use fashion, which needs no download`,
  );
}

async function loadFolder(folder: string, part: DataPart): Promise<Dataset> {
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
  const all = await readIdxImages(await readBytes(path), path);
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
