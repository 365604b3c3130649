/**
 * Reads CIFAR-10's binary version (cs.toronto.edu/~kriz/cifar.html): records of 3073 bytes, a label and then the
 * red, green and blue plane of a 32 x 32 image, row by row. There is no header, so the length and the labels are
 * all that tells such a file from another.
 */
import { DataError } from '../../gpu/errors.js';
import type { Dataset } from './dataset.js';

const side = 32;
const channels = 3;
const planeLength = side * side;
const imageLength = channels * planeLength;
const recordLength = 1 + imageLength;
const classes = 10;

/** The default memory budget of the library; the whole data set needs 0.18 GB. */
const maxByteLength = 1024 ** 3;

/** One file of the binary version. */
export interface Cifar10Batch {
  /** What error messages open with, usually the file name. */
  readonly name: string;
  /** The whole file. */
  readonly bytes: Uint8Array;
}

/**
 * Reads one or more batches, in their order, into rows of `[32, 32, 3]`.
 *
 * @returns `u8[N, 32, 32, 3]`, where 255 means 1, with labels `u8[N]`
 * @throws DataError for no batch, a file that is empty, cut short or no batch, or more than 1 GiB
 */
export function readCifar10(batches: readonly Cifar10Batch[]): Dataset {
  const counts = batches.map(countRecords);
  const rows = counts.reduce((sum, count) => sum + count, 0);
  if (rows === 0)
    throw new DataError('readCifar10', 'no batch came; expected at least one; pass data_batch_1.bin');
  if (rows * recordLength > maxByteLength)
    throw new DataError(
      'readCifar10',
      `${rows} images came; at most ${maxByteLength} bytes are read; pass fewer batches`,
    );
  const values = new Uint8Array(rows * imageLength);
  const labels = new Uint8Array(rows);
  let row = 0;
  for (const [i, { name, bytes }] of batches.entries())
    for (let record = 0; record < counts[i]!; record++, row++) {
      const at = record * recordLength;
      labels[row] = readLabel(bytes[at]!, record, name);
      interleave(bytes, at + 1, values, row * imageLength);
    }
  return { rows, shape: [side, side, channels], values, labels };
}

function countRecords({ name, bytes }: Cifar10Batch): number {
  if (bytes.length > 0 && bytes.length % recordLength === 0) return bytes.length / recordLength;
  throw new DataError(
    name,
    `the file has ${bytes.length} bytes; expected whole records of ${recordLength}, a label and 32x32x3 pixels; ` +
      "pass a complete file of CIFAR-10's binary version",
  );
}

function readLabel(label: number, record: number, name: string): number {
  if (label < classes) return label;
  throw new DataError(
    name,
    `record ${record} has the label ${label}; expected 0 to ${classes - 1}; ` +
      "pass a file of CIFAR-10's binary version (CIFAR-100 has another form)",
  );
}

/** Three planes into pixels of three. */
function interleave(planes: Uint8Array, from: number, target: Uint8Array, to: number): void {
  for (let pixel = 0; pixel < planeLength; pixel++)
    for (let c = 0; c < channels; c++)
      target[to + channels * pixel + c] = planes[from + planeLength * c + pixel]!;
}
