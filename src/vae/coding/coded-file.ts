/**
 * The .wvae file: what was coded, with which model, and the words of the coder. Little-endian:
 *
 * | bytes     | what                                                                            |
 * | --------- | ------------------------------------------------------------------------------- |
 * | 4         | `WVAE`                                                                          |
 * | 1 1 1 1   | version, kind (1 rate-distortion, 2 bits-back), rank of a datum, 0              |
 * | 4         | N, the data                                                                     |
 * | 4 x rank  | sizes of a datum, channels last                                                 |
 * | 8         | the model: first bytes of the SHA-256 of its file                               |
 * | 4 + n     | what the kind needs beside: its length, then it                                 |
 * | 4 + 2 W   | the number of 16-bit words, then those                                          |
 * | 8         | first bytes of the SHA-256 of everything before; against damage, not forgery    |
 *
 * Nothing in it is believed before it is checked against the file's length, and the data it promises against what
 * its words can hold, so that a forged count neither hangs nor allocates.
 */
import { DataError } from '../../gpu/errors.js';
import { concatenate } from '../checkpoint/concatenate.js';
import { sha256 } from '../checkpoint/digest.js';

/** The kinds of .wvae files. */
export const codedKinds = ['rate-distortion', 'bits-back'] as const;
/** What a .wvae file holds: a lossy code, or bits back. */
export type CodedKind = (typeof codedKinds)[number];

/** What a file holds. */
export interface CodedFile {
  readonly kind: CodedKind;
  /** N. */
  readonly rows: number;
  /** Shape of a datum, channels last. */
  readonly shape: readonly number[];
  /** 16 hexadecimal digits: the beginning of the SHA-256 of the model's file. */
  readonly model: string;
  /** What the kind needs beside. */
  readonly extra: Uint8Array;
  /** Words of the coder. */
  readonly words: Uint16Array;
}

/** How a .wvae file is read. */
export interface ReadCodedOptions {
  /** What error messages open with; default `'wvae'`. */
  readonly name?: string;
  /** Most numbers (rows times the elements of a datum) that are decoded; default 2^28. */
  readonly maxElements?: number;
}

const magic = [0x57, 0x56, 0x41, 0x45];
const version = 1;
const digestByteLength = 8;
const maxRank = 3;
const defaultMaxElements = 2 ** 28;

/** The first 8 bytes of the SHA-256 of bytes, as 16 hexadecimal digits. */
export async function shortDigest(bytes: Uint8Array<ArrayBuffer>, where = 'wvae'): Promise<string> {
  return (await sha256(bytes, where)).slice(0, 2 * digestByteLength);
}

/** The bytes of a file. */
export async function writeCodedFile(file: CodedFile): Promise<Uint8Array<ArrayBuffer>> {
  const { kind, rows, shape, model, extra, words } = file;
  const head = [...magic, version, 1 + codedKinds.indexOf(kind), shape.length, 0];
  const body = concatenate(
    Uint8Array.from(head),
    ...[rows, ...shape].map(u32),
    fromHex(model),
    u32(extra.length),
    extra,
    u32(words.length),
    wordBytes(words),
  );
  return concatenate(body, fromHex(await shortDigest(body)));
}

/**
 * Reads a file and refuses everything that is not exactly one.
 * @throws DataError naming what came, what was expected, and what to do
 */
export async function readCodedFile(bytes: Uint8Array, options: ReadCodedOptions = {}): Promise<CodedFile> {
  const { name: where = 'wvae', maxElements = defaultMaxElements } = options;
  // a copy, so that bytes that change while the digest is taken cannot slip past it
  const copy = new Uint8Array(bytes);
  const file = parse(new ByteReader(copy, where), where);
  checkElements(file, maxElements, where);
  const end = copy.length - digestByteLength;
  const stated = toHex(copy.subarray(end));
  const found = await shortDigest(copy.slice(0, end), where);
  if (found !== stated)
    throw new DataError(
      where,
      `the content has digest ${found} and the file says ${stated}; it changed after it was written; restore a copy`,
    );
  return file;
}

function parse(reader: ByteReader, where: string): CodedFile {
  const [kind, rank] = parseHead(reader.take(8, 'the head'), where);
  const rows = reader.u32('the number of data');
  const shape = Array.from({ length: rank }, (_, axis) => reader.u32(`size ${axis} of a datum`));
  const model = toHex(reader.take(digestByteLength, "the model's digest"));
  const extra = reader.take(reader.u32('the length of the extra part'), 'the extra part');
  const words = toWords(reader.take(2 * reader.u32('the number of words'), 'the words'));
  reader.take(digestByteLength, 'the digest');
  reader.end();
  return { kind, rows, shape, model, extra, words };
}

function parseHead(head: Uint8Array, where: string): [kind: CodedKind, rank: number] {
  const [, , , , stated = 0, kindCode = 0, rank = 0, reserved = 0] = head;
  if (magic.some((byte, i) => head[i] !== byte))
    throw new DataError(where, "the file does not begin with 'WVAE'; expected a file that compress() wrote");
  if (stated !== version)
    throw new DataError(where, `is of version ${stated}; this library reads version ${version}; update it`);
  const kind = codedKinds[kindCode - 1];
  if (!kind || rank < 1 || rank > maxRank || reserved !== 0)
    throw new DataError(
      where,
      `its head states kind ${kindCode}, rank ${rank} and ${reserved}; expected kind 1 to ${codedKinds.length}, rank 1 to ${maxRank} and 0; the file is damaged or forged`,
    );
  return [kind, rank];
}

function checkElements({ rows, shape }: CodedFile, maxElements: number, where: string): void {
  let elements = rows;
  for (const size of shape) elements *= size; // at most 2^128: large products stay large
  if (elements >= 1 && elements <= maxElements) return;
  throw new DataError(
    where,
    `states ${rows} data of [${shape.join(', ')}]; expected 1 to ${maxElements} numbers in all; ` +
      'raise maxElements if you trust the file',
  );
}

/** A reader that never passes the end: a forged length is refused before anything is allocated for it. */
class ByteReader {
  #at = 0;
  constructor(
    private readonly bytes: Uint8Array,
    private readonly where: string,
  ) {}

  take(length: number, what: string): Uint8Array {
    const left = this.bytes.length - this.#at;
    if (length > left)
      throw new DataError(
        this.where,
        `${what} takes ${length} bytes and ${left} are left; the file is cut short or forged; copy it again`,
      );
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  u32(what: string): number {
    const four = this.take(4, what);
    return new DataView(four.buffer, four.byteOffset, 4).getUint32(0, true);
  }

  end(): void {
    if (this.#at === this.bytes.length) return;
    throw new DataError(
      this.where,
      `${this.bytes.length - this.#at} bytes follow the digest; expected none; use the original file`,
    );
  }
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function wordBytes(words: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(2 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setUint16(2 * i, word, true));
  return bytes;
}

function toWords(bytes: Uint8Array): Uint16Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Uint16Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i, true));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function fromHex(digits: string): Uint8Array {
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number(`0x${digits.slice(2 * i, 2 * i + 2)}`),
  );
}
