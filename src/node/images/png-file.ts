/**
 * The container of a PNG file, judged before anything is taken from it: sizes, the order and the checksums of the
 * chunks that carry pixels, and pixel data that inflate to exactly what the header states (a PNG of 1 MB can hold
 * 1 GB). Chunks of other kinds, such as colour profiles and texts, are passed over.
 * Specification: www.w3.org/TR/png-3.
 */
import { crc32, inflateSync } from 'node:zlib';
import { brokenPicture, checkPictureSize } from './picture.js';

const signatureLength = 8;
const headerEnd = 33;
/** Length, type and checksum around the data of a chunk. */
const chunkFrame = 12;

/** Chunks that pixels need, and the most bytes that each may hold. */
const neededChunks = new Map([
  ['IHDR', 13],
  ['PLTE', 3 * 256],
  ['tRNS', 256],
  ['IDAT', Infinity],
  ['IEND', 0],
]);

/** The colour type whose samples are places in a palette. */
export const indexed = 3;
const channelsOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, [indexed]: 1, 4: 2, 6: 4 };

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly depth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and opacity, 6 RGBA. */
  readonly colourType: number;
  readonly isInterlaced: boolean;
}

/** Where a pass begins, and its steps. */
export type Pass = readonly [left: number, top: number, stepX: number, stepY: number];

/** Section 8.1, Adam7. */
const interlaced: readonly Pass[] = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];
const plain: readonly Pass[] = [[0, 0, 1, 1]];

export interface PngFile {
  readonly header: PngHeader;
  readonly passes: readonly Pass[];
  /** Pass after pass, line after line: a filter byte and whole bytes of pixels. */
  readonly lines: Buffer;
  /** Content of the chunks of these names. */
  readonly PLTE: Buffer | undefined;
  readonly tRNS: Buffer | undefined;
}

/** @throws DataError for a file that is cut short, damaged or too large, and one of no known form */
export function readPngFile(bytes: Buffer, path: string): PngFile {
  const header = readHeader(bytes, path);
  const passes = header.isInterlaced ? interlaced : plain;
  const chunks = readChunks(bytes, path);
  const packed = Buffer.concat(chunks.flatMap(({ type, data }) => (type === 'IDAT' ? [data] : [])));
  const lengths = passes.map((pass) => passLength(header, pass));
  const expected = lengths.reduce((sum, length) => sum + length, 0);
  const find = (name: string): Buffer | undefined => chunks.find(({ type }) => type === name)?.data;
  const lines = inflateLines(packed, expected, path);
  return { header, passes, lines, PLTE: find('PLTE'), tRNS: find('tRNS') };
}

/** Pixels of a pass; a small picture has passes without any. */
export function passSize(
  header: PngHeader,
  [left, top, stepX, stepY]: Pass,
): [width: number, height: number] {
  return [countFrom(left, stepX, header.width), countFrom(top, stepY, header.height)];
}

function countFrom(first: number, step: number, side: number): number {
  return Math.max(0, Math.ceil((side - first) / step));
}

/** Bytes of a pass in `lines`. */
export function passLength(header: PngHeader, pass: Pass): number {
  const [width, height] = passSize(header, pass);
  const bits = header.depth * channelsOf[header.colourType]!;
  return width === 0 ? 0 : height * (1 + Math.ceil((width * bits) / 8));
}

function readHeader(bytes: Buffer, path: string): PngHeader {
  if (bytes.length < headerEnd || bytes.toString('latin1', 12, 16) !== 'IHDR')
    throw brokenPicture(path, 'the PNG file is cut short in its header, or has none');
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  checkPictureSize(width, height, path);
  const [depth, colourType, packing, filter, interlacing] = bytes.subarray(24, 29);
  const allowed = colourType === 0 ? [1, 2, 4, 8, 16] : colourType === indexed ? [1, 2, 4, 8] : [8, 16];
  if (channelsOf[colourType!] === undefined || !allowed.includes(depth!))
    throw brokenPicture(
      path,
      `a PNG file of colour type ${colourType} with ${depth} bits came; there is none`,
    );
  if (packing !== 0 || filter !== 0 || interlacing! > 1)
    throw brokenPicture(path, 'a PNG file with unknown methods came; it is damaged');
  return { width, height, depth: depth!, colourType: colourType!, isInterlaced: interlacing === 1 };
}

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

/** The chunks that pixels need, in their order. */
function readChunks(bytes: Buffer, path: string): Chunk[] {
  const chunks: Chunk[] = [];
  let at = signatureLength;
  while (chunks.at(-1)?.type !== 'IEND') {
    const length = at + 8 <= bytes.length ? bytes.readUInt32BE(at) : 0;
    const end = at + chunkFrame + length;
    if (end > bytes.length)
      throw brokenPicture(path, `the PNG file is cut short after ${bytes.length} bytes`);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const limit = neededChunks.get(type);
    if (limit !== undefined) {
      const isSecond = type !== 'IDAT' && chunks.some((chunk) => chunk.type === type);
      if (length > limit || isSecond)
        throw brokenPicture(path, `the PNG file has a second or an overlong ${type} chunk; it is damaged`);
      if (crc32(bytes.subarray(at + 4, end - 4)) !== bytes.readUInt32BE(end - 4))
        throw brokenPicture(path, `the checksum of a ${type} chunk is wrong; the PNG file is damaged`);
      chunks.push({ type, data: bytes.subarray(at + 8, end - 4) });
    }
    at = end;
  }
  return chunks;
}

function inflateLines(packed: Buffer, expected: number, path: string): Buffer {
  let lines: Buffer;
  try {
    lines = inflateSync(packed, { maxOutputLength: expected });
  } catch (cause) {
    const isLong = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const fault = isLong ? `hold more than the ${expected} bytes that its header promises` : 'do not inflate';
    throw brokenPicture(
      path,
      `the pixel data of the PNG file ${fault}; it is damaged, cut short or forged`,
      cause,
    );
  }
  if (lines.length === expected) return lines;
  throw brokenPicture(
    path,
    `the PNG file is cut short: its header promises ${expected} bytes of pixel data and ${lines.length} are there`,
  );
}
