/**
 * Reads IDX, the format of MNIST and its relatives: big-endian magic (0, 0, type, rank), one u32 a
 * dimension, then the bytes (yann.lecun.com/exdb/mnist). A header can promise 2^128 bytes and 1 MB of
 * gzip can hold 1 GB, so the length is worked out exactly first and nothing past it is read.
 */
import { DataError } from '../../gpu/errors.js';
import type { Dataset } from './dataset.js';
import { gunzipExactly, isGzip } from './gunzip.js';

const unsignedByte = 0x08;
const imagesMagic = 0x0803;
const labelsMagic = 0x0801;

/** 4096 x 4096, far above any picture a VAE of this library is trained on. */
const maxPixels = 16 * 1024 * 1024;

/** The default memory budget of the library; EMNIST, the largest of the family, needs 0.6 GiB. */
const maxByteLength = 1024 ** 3;

interface Kind {
  readonly magic: number;
  readonly rank: number;
  readonly one: string;
  readonly many: string;
}
const images: Kind = { magic: imagesMagic, rank: 3, one: 'image', many: 'images' };
const labels: Kind = { magic: labelsMagic, rank: 1, one: 'label', many: 'labels' };

interface Header {
  readonly dims: readonly number[];
  readonly totalByteLength: number;
}

/**
 * Reads an IDX images file, plain or gzipped, into rows of `[h, w, 1]`. A plain file is not copied:
 * the values are a view of `bytes`.
 *
 * @param bytes the whole file
 * @param name what error messages open with, usually the file name
 * @returns `u8[N, h, w, 1]`, where 255 means 1
 * @throws DataError if the file is not IDX images of unsigned bytes, is empty, cut short, too long or damaged
 */
export async function readIdxImages(bytes: Uint8Array, name: string): Promise<Dataset> {
  const { dims, values } = await readIdx(bytes, name, images);
  const [rows = 0, height = 0, width = 0] = dims; // parseHeader gave exactly three
  return { rows, shape: [height, width, 1], values };
}

/**
 * Reads an IDX labels file, plain or gzipped. A plain file is not copied: the labels are a view.
 *
 * @param bytes the whole file
 * @param name what error messages open with, usually the file name
 * @returns `u8[N]`, one class a row
 * @throws DataError if the file is not IDX labels of unsigned bytes, is empty, cut short, too long or damaged
 */
export async function readIdxLabels(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  return (await readIdx(bytes, name, labels)).values;
}

async function readIdx(bytes: Uint8Array, where: string, kind: Kind) {
  const headerByteLength = 4 + 4 * kind.rank;
  let content = bytes;
  if (isGzip(bytes)) {
    content = await gunzipExactly(bytes, {
      where,
      headerByteLength,
      totalByteLength: (head) => parseHeader(head, where, kind).totalByteLength,
    });
  }
  const header = parseHeader(content.subarray(0, headerByteLength), where, kind);
  checkLength(content.length, header, where, kind);
  // Not subarray: of a Node Buffer that would be a Buffer, whose methods differ from Uint8Array's.
  const values = new Uint8Array(
    content.buffer,
    content.byteOffset + headerByteLength,
    header.totalByteLength - headerByteLength,
  );
  return { dims: header.dims, values };
}

function parseHeader(head: Uint8Array, where: string, kind: Kind): Header {
  checkMagic(head, where, kind);
  const byteLength = 4 + 4 * kind.rank;
  if (head.length < byteLength) {
    throw new DataError(
      where,
      `the file is cut short: ${head.length} of the ${byteLength} header bytes are there; download or copy it again`,
    );
  }
  const view = new DataView(head.buffer, head.byteOffset, byteLength);
  const dims = Array.from({ length: kind.rank }, (_, i) => view.getUint32(4 + 4 * i));
  return { dims, totalByteLength: checkSize(dims, byteLength, where, kind) };
}

function checkMagic(head: Uint8Array, where: string, kind: Kind): void {
  if (head.length === 0) {
    throw new DataError(
      where,
      `the file is empty; expected IDX ${kind.many}; check the path or download it again`,
    );
  }
  if (head.length < 4 && head.every((byte, i) => byte === [0, 0, unsignedByte][i])) {
    throw new DataError(
      where,
      `the file is cut short: ${head.length} of the 4 magic bytes are there; download or copy it again`,
    );
  }
  if (head.length < 4 || head[0] !== 0 || head[1] !== 0) throw notIdx(head, where);
  const magic = (head[2]! << 8) | head[3]!;
  if (magic === kind.magic) return;
  throw new DataError(where, `magic ${hex(magic)} ${magicAdvice(magic, kind)}`);
}

function magicAdvice(magic: number, kind: Kind): string {
  const expected = `expected ${hex(kind.magic)}, ${kind.many}`;
  if (magic === labelsMagic) return `means that these are labels; ${expected}; pass the images file`;
  if (magic === imagesMagic) return `means that these are images; ${expected}; pass the labels file`;
  if (magic >> 8 !== unsignedByte) {
    return `has type 0x${(magic >> 8).toString(16).padStart(2, '0')}; ${expected} of unsigned bytes (type 0x08); convert the file`;
  }
  return `announces ${magic & 0xff} dimensions; ${expected} with ${kind.rank}; pass a file of that form`;
}

function notIdx(head: Uint8Array, where: string): DataError {
  const opening = Array.from(head.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return new DataError(
    where,
    `the file begins with ${opening}; expected IDX (00 00 08) or gzip (1f 8b); ` +
      'check that the download is the data file and not a web page or an archive',
  );
}

/** Length of the whole file as the header states it; BigInt, since three u32 multiply out to 2^96. */
function checkSize(dims: readonly number[], headerByteLength: number, where: string, kind: Kind): number {
  const [rows, ...shape] = dims;
  if (rows === 0) {
    throw new DataError(
      where,
      `the file holds zero ${kind.many}; expected at least one; check which file was written`,
    );
  }
  const pixels = shape.reduce((product, size) => product * BigInt(size), 1n);
  if (pixels === 0n || pixels > BigInt(maxPixels)) {
    throw new DataError(
      where,
      `an image is ${shape.join('x')}; expected 1 to ${maxPixels} pixels an image; the header is damaged or forged`,
    );
  }
  const total = BigInt(headerByteLength) + BigInt(rows!) * pixels;
  if (total > BigInt(maxByteLength)) {
    throw new DataError(
      where,
      `the header promises ${describe(dims, kind)}, ${total} bytes; at most ${maxByteLength} are read; split the file`,
    );
  }
  return Number(total);
}

function checkLength(byteLength: number, header: Header, where: string, kind: Kind): void {
  const { dims, totalByteLength } = header;
  if (byteLength === totalByteLength) return;
  const promise = `its header promises ${describe(dims, kind)}, ${totalByteLength} bytes in all, and ${byteLength} are there`;
  throw new DataError(
    where,
    byteLength < totalByteLength
      ? `the file is cut short: ${promise}; download or copy it again`
      : `the file has trailing bytes: ${promise}; use the original file`,
  );
}

function describe([rows, ...shape]: readonly number[], kind: Kind): string {
  const noun = rows === 1 ? kind.one : kind.many;
  return shape.length > 0 ? `${rows} ${noun} of ${shape.join('x')}` : `${rows} ${noun}`;
}

function hex(magic: number): string {
  return `0x${magic.toString(16).padStart(8, '0')}`;
}
