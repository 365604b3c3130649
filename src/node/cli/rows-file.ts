/** Rows of numbers in files: NumPy's .npy, .csv, and pictures of them as .png; the ending of a name says which. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { DataError, SpecError } from '../../gpu/errors.js';
import { elementCount } from '../../gpu/shape.js';
import { readCsv, writeCsv, type NumberTable } from '../../vae/data/csv.js';
import { isNpy, readNpy, writeNpy } from '../../vae/data/npy.js';
import { encodePng, type Picture } from '../pictures.js';
import { reasonOf, writeWhole } from './artifacts.js';

/** What is written: rows, and how they are told to people. */
export interface RowsToWrite {
  /** Shape of a row. */
  readonly shape: readonly number[];
  /** f32[N, ...shape] */
  readonly values: Float32Array;
  /** One a column of a .csv; numbers by default. */
  readonly names?: readonly string[];
  /** For .png; without it there is no picture of these rows. */
  readonly picture?: () => Picture;
}

const endings = ['.npy', '.csv', '.png'] as const;
type Ending = (typeof endings)[number];

/** Whether a name is that of a file of rows, and not of a folder. */
export function isRowsFile(path: string): boolean {
  return endings.some((ending) => ending === extname(path).toLowerCase());
}

/** What `--out` may end in. @throws SpecError for another ending, before any work is done */
export function checkEnding(path: string, hasPicture: boolean): Ending {
  const allowed = hasPicture ? endings : endings.slice(0, 2);
  const found = allowed.find((ending) => ending === extname(path).toLowerCase());
  if (found) return found;
  throw new SpecError(
    '--out',
    `is '${path}'; expected a file that ends in ${allowed.join(' or ')}; rename it`,
  );
}

/** Writes the file whole or not at all. @throws SpecError for another ending, DataError when it cannot be written */
export async function writeRows(path: string, { shape, values, names, picture }: RowsToWrite): Promise<void> {
  const width = elementCount(shape);
  const ending = checkEnding(path, picture !== undefined);
  if (ending === '.png' && picture) return writeWhole(path, encodePng(picture()));
  if (ending === '.npy') return writeWhole(path, writeNpy([values.length / width, ...shape], values));
  const columns = names ?? Array.from({ length: width }, (_, i) => `${i}`);
  return writeWhole(path, new TextEncoder().encode(writeCsv(columns, values)));
}

/** Reads a table of numbers, told by its first bytes. @throws DataError naming the file */
export async function readRows(path: string): Promise<NumberTable> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new DataError(
      path,
      `cannot be read (${reasonOf(cause)}); expected a .npy or .csv file of rows of numbers; correct the path`,
      { cause },
    );
  }
  if (!isNpy(bytes)) return readCsv(new TextDecoder().decode(bytes), path);
  const { shape, values } = readNpy(bytes, path);
  const [rows = 0, ...row] = shape;
  if (shape.length < 2 || rows === 0)
    throw new DataError(
      path,
      `is an array of [${shape.join(', ')}]; expected rows, such as [16, 20]; reshape it`,
    );
  return { rows, columns: elementCount(row), values: Float32Array.from(values) };
}
