/**
 * A folder of PNG and JPEG files as a data set. One picture at a time is decoded and written into the final
 * bytes, so the memory needed is that of the rows and of the largest picture.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../../gpu/errors.js';
import { threefry } from '../../gpu/threefry.js';
import type { Dataset } from '../../vae/data/dataset.js';
import { fitInto, type ImageShape, type Pixels } from '../../vae/data/image.js';
import { decodePicture } from './decode.js';

/** What a folder of pictures becomes. */
export interface PictureOptions {
  /** `[H, W]` of a row; by default every picture must be of one size. */
  readonly size?: readonly [height: number, width: number] | undefined;
  /** 3 by default. */
  readonly channels?: 1 | 3 | undefined;
  /** Decode only the first pictures of the part. */
  readonly limit?: number | undefined;
  /** Leave out files that cannot be read; each is named to `notify`. */
  readonly skipBroken?: boolean | undefined;
}

/** One picture in six is held out, as of a single IDX file. */
const heldOutShare = 6;

/** Key and counter word of the split ("split"), which is the same whatever `--seed` is. */
const splitKey = 0x73706c69;

/** The default memory budget of the library. */
const maxByteLength = 1024 ** 3;

const progressEveryMs = 5000;

const readableEndings = /\.(png|jpe?g)$/i;
const otherEndings = /\.(webp|gif|bmp|tiff?|avif|heic|jxl)$/i;

/**
 * Reads the training or the test part: what lies in `train/` and `test/` where both are there, and else all
 * pictures, of which a sixth that is always the same is held out.
 *
 * @returns `u8[N, H, W, C]`, where 255 means 1, in the order of their paths
 * @throws DataError for a folder without pictures, too many of them, and a broken file
 */
export async function loadPictures(
  folder: string,
  part: 'train' | 'test',
  options: PictureOptions,
  notify: (line: string) => void,
): Promise<Dataset> {
  const paths = choosePart(folder, part, notify);
  const rows = new PictureRows(paths.slice(0, options.limit), options);
  const skipped: DataError[] = [];
  let said = performance.now();
  for (const [i, path] of rows.paths.entries()) {
    try {
      rows.add(await decodePicture(join(folder, path)), join(folder, path));
    } catch (error) {
      if (!options.skipBroken || !(error instanceof DataError) || error instanceof UnfitError) throw error;
      skipped.push(error);
    }
    if (performance.now() - said < progressEveryMs) continue;
    said = performance.now();
    notify(`webgpu-vae: ${i + 1} of ${rows.paths.length} ${part} pictures read`);
  }
  for (const { message } of skipped) notify(`webgpu-vae: skipped ${message}`);
  if (skipped.length > 0)
    notify(`webgpu-vae: ${skipped.length} of ${rows.paths.length} ${part} pictures were skipped`);
  return rows.finish(folder);
}

/** A fault of the request, not of one file: nothing to skip. */
class UnfitError extends DataError {}

/** Rows of the shape that the options or the first picture give. */
class PictureRows {
  #shape: ImageShape | undefined;
  #values = new Uint8Array(0);
  #count = 0;
  #first = '';

  constructor(
    readonly paths: readonly string[],
    readonly options: PictureOptions,
  ) {}

  add(picture: Pixels, path: string): void {
    this.#shape ??= this.#open(picture, path);
    const [height, width, channels] = this.#shape;
    if (!this.options.size && (picture.height !== height || picture.width !== width))
      throw new UnfitError(
        path,
        `is ${picture.height}x${picture.width}; ${this.#first} is ${height}x${width}; expected one size; ` +
          'pass --size, such as --size 64, to scale and crop all of them',
      );
    const length = height * width * channels;
    fitInto(picture, this.#shape, this.#values.subarray(this.#count * length), path);
    this.#count++;
  }

  finish(folder: string): Dataset {
    const rows = this.#count;
    if (!this.#shape || rows === 0)
      throw new DataError(
        folder,
        `none of its ${this.paths.length} pictures could be read; expected at least one; pass another folder`,
      );
    const length = this.#values.length / this.paths.length;
    return { rows, shape: [...this.#shape], values: this.#values.subarray(0, rows * length) };
  }

  #open({ height, width }: Pixels, path: string): ImageShape {
    const shape = [...(this.options.size ?? ([height, width] as const)), this.options.channels ?? 3] as const;
    this.#values = new Uint8Array(checkByteLength(this.paths.length, shape, path));
    this.#first = path;
    return shape;
  }
}

/** The bytes of so many images of a shape. @throws DataError when no memory is meant for them */
export function checkByteLength(count: number, shape: ImageShape, where: string): number {
  const byteLength = count * shape[0] * shape[1] * shape[2];
  if (byteLength <= maxByteLength) return byteLength;
  throw new UnfitError(
    where,
    `${count} pictures of ${shape.join('x')} are ${byteLength} bytes; at most ${maxByteLength} are ` +
      'read; pass a smaller --size, a --limit, or a folder of fewer pictures',
  );
}

/** Paths below the folder with '/', sorted by code units, the same on every machine; without hidden ones. */
function listFiles(folder: string): string[] {
  try {
    return walk(folder, '').toSorted((a, b) => (a < b ? -1 : 1));
  } catch (cause) {
    throw new DataError(
      folder,
      `cannot be read (${(cause as Error).message}); expected a folder that may be read with all below it; allow it`,
      { cause },
    );
  }
}

/** Not readdir's own recursion, which follows links to folders, in circles too. */
function walk(folder: string, below: string): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below + entry.name;
    if (entry.name.startsWith('.') || entry.name === '__MACOSX') return [];
    if (entry.isDirectory()) return walk(folder, `${path}/`);
    // A link to nowhere stays: that it cannot be read is worth an error.
    const isLink = entry.isSymbolicLink();
    const target = isLink ? statSync(join(folder, path), { throwIfNoEntry: false }) : entry;
    return (target?.isFile() ?? isLink) ? [path] : [];
  });
}

/** Whether any picture lies in the folder or below it. */
export function holdsPictures(folder: string): boolean {
  return listFiles(folder).some((path) => readableEndings.test(path));
}

/** The pictures of a part; what is left out is said once, with the test part. */
function choosePart(folder: string, part: 'train' | 'test', notify: (line: string) => void): string[] {
  const files = listFiles(folder);
  const paths = files.filter((path) => readableEndings.test(path));
  const say = (count: number, what: string): void => {
    if (count > 0 && part === 'test') notify(`webgpu-vae: ${count} ${what} in ${folder} are left out`);
  };
  say(files.filter((path) => otherEndings.test(path)).length, 'pictures of other formats than PNG and JPEG');
  const inside = (name: string): string[] => paths.filter((path) => path.startsWith(`${name}/`));
  const [train, test] = [inside('train'), inside('test')];
  if (train.length > 0 && test.length > 0) {
    say(paths.length - train.length - test.length, 'pictures that are neither in train/ nor in test/');
    return part === 'train' ? train : test;
  }
  if (paths.length < 2)
    throw new DataError(
      folder,
      'the folder holds 1 picture; expected at least 2, one to train on and one to test; add pictures',
    );
  const held = heldOut(paths.length);
  return paths.filter((_, i) => held.has(i) === (part === 'test'));
}

/** Numbers of the pictures whose Threefry words are the smallest. */
function heldOut(count: number): Set<number> {
  const words = Array.from({ length: count }, (_, i) => threefry(splitKey, 0, i, 0)[0]);
  const order = words.map((_, i) => i).toSorted((a, b) => words[a]! - words[b]! || a - b);
  return new Set(order.slice(0, Math.ceil(count / heldOutShare)));
}
