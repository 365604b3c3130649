/**
 * Makes data/fashion-mnist/, the images that come with the project so that a first run needs no download:
 * the first 20,000 training and 4,000 test images of Fashion-MNIST with their labels, as IDX files.
 *
 *     node tools/bundle-data.mjs [folder of the complete set]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

/** Where Debian's package dataset-fashion-mnist puts the complete set. */
const source = process.argv[2] ?? '/usr/share/datasets/fashion-mnist';
const target = join(dirname(fileURLToPath(import.meta.url)), '../data/fashion-mnist');

const trainRows = 20_000;
const testRows = 4_000;

cut('train-images-idx3-ubyte.gz', trainRows);
cut('train-labels-idx1-ubyte.gz', trainRows);
cut('t10k-images-idx3-ubyte.gz', testRows);
cut('t10k-labels-idx1-ubyte.gz', testRows);

/**
 * Writes the first rows of an IDX file of bytes: a header of one magic word and one u32 a dimension, of
 * which the first is the number of rows, then the rows.
 *
 * @param {string} name
 * @param {number} rows
 */
function cut(name, rows) {
  const whole = gunzipSync(readFileSync(join(source, name)));
  const rank = whole.readUInt8(3);
  const headerByteLength = 4 + 4 * rank;
  const available = whole.readUInt32BE(4);
  if (available < rows)
    throw new Error(`[${name}] holds ${available} rows; ${rows} are needed; pass the complete set`);
  const rowByteLength = (whole.length - headerByteLength) / available;
  const part = Buffer.from(whole.subarray(0, headerByteLength + rows * rowByteLength));
  part.writeUInt32BE(rows, 4);
  const packed = gzipSync(part, { level: 9 });
  writeFileSync(join(target, name), packed);
  console.log(`${name}: ${rows} of ${available} rows, ${packed.length} bytes`);
}
