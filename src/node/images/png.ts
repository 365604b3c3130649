/**
 * Reads PNG files through fast-png. What that leaves to its caller is done here, because a file may be hostile:
 * the header is judged before anything is inflated, the pixel data are inflated once with a limit (a PNG of 1 MB
 * can hold 1 GB), and chunks that carry no pixels (profiles, texts) never reach the decoder.
 * Specification: www.w3.org/TR/png-3.
 */
import { inflateSync } from 'node:zlib';
import { convertIndexedToRgb, decode, type DecodedPng } from 'fast-png';
import { VaeError } from '../../gpu/errors.js';
import type { Pixels } from '../../vae/data/image.js';
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

const indexed = 3;
const channelsOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, [indexed]: 1, 4: 2, 6: 4 };

/** Where the seven passes of an interlaced picture begin, and their steps (section 8.1). */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colourType: number;
  readonly isInterlaced: boolean;
}

/**
 * Decodes a PNG file; 16 bits a channel are rounded to 8.
 *
 * @param path what error messages open with
 * @returns `u8[height, width, n]`: grey, grey and opacity, RGB or RGBA
 * @throws DataError for a file that is cut short, damaged, too large, or of a form that fast-png cannot read
 */
export function decodePng(bytes: Buffer, path: string): Pixels {
  const header = readHeader(bytes, path);
  const chunks = readChunks(bytes, path);
  checkPixelData(chunks, header, path);
  try {
    const kept = [bytes.subarray(0, signatureLength), ...chunks.map(({ whole }) => whole)];
    const png = decode(Buffer.concat(kept), { checkCrc: true });
    return { width: png.width, height: png.height, data: toBytes(png, header) };
  } catch (cause) {
    if (cause instanceof VaeError) throw cause;
    throw brokenPicture(path, `the PNG file is damaged (${(cause as Error).message})`, cause);
  }
}

function readHeader(bytes: Buffer, path: string): Header {
  if (bytes.length < headerEnd || bytes.toString('latin1', 12, 16) !== 'IHDR')
    throw brokenPicture(path, 'the PNG file is cut short in its header, or has none');
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  checkPictureSize(width, height, path);
  const [depth, colourType, isInterlaced] = [bytes[24]!, bytes[25]!, bytes[28] === 1];
  const isKnown = channelsOf[colourType] !== undefined && [1, 2, 4, 8, 16].includes(depth);
  const allowsDepth =
    depth === 8 || (depth === 16 ? colourType !== indexed : [0, indexed].includes(colourType));
  if (!isKnown || !allowsDepth)
    throw brokenPicture(
      path,
      `a PNG file of colour type ${colourType} with ${depth} bits came; there is none`,
    );
  if (isInterlaced && depth < 8)
    throw brokenPicture(
      path,
      `the PNG file is interlaced with ${depth} bits a pixel, which is not read; save it without interlacing`,
    );
  return { width, height, depth, colourType, isInterlaced };
}

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
  /** With length, type and checksum. */
  readonly whole: Buffer;
}

/** The chunks that pixels need, in their order. */
function readChunks(bytes: Buffer, path: string): Chunk[] {
  const chunks: Chunk[] = [];
  let at = signatureLength;
  while (chunks.at(-1)?.type !== 'IEND') {
    const dataLength = at + 8 <= bytes.length ? bytes.readUInt32BE(at) : 0;
    const end = at + chunkFrame + dataLength;
    if (end > bytes.length)
      throw brokenPicture(path, `the PNG file is cut short after ${bytes.length} bytes`);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const whole = bytes.subarray(at, end);
    const limit = neededChunks.get(type);
    const isSecond = type !== 'IDAT' && chunks.some((chunk) => chunk.type === type);
    if (limit !== undefined && (dataLength > limit || isSecond))
      throw brokenPicture(path, `the PNG file has a second or an overlong ${type} chunk; it is damaged`);
    if (limit !== undefined) chunks.push({ type, whole, data: whole.subarray(8, -4) });
    at = end;
  }
  return chunks;
}

/** Inflates within the length that the header states; the checksum of zlib is verified by the way. */
function checkPixelData(chunks: readonly Chunk[], header: Header, path: string): void {
  const expected = pixelDataLength(header);
  const packed = Buffer.concat(chunks.flatMap(({ type, data }) => (type === 'IDAT' ? [data] : [])));
  let length: number;
  try {
    length = inflateSync(packed, { maxOutputLength: expected }).length;
  } catch (cause) {
    const isLong = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const fault = isLong ? `hold more than the ${expected} bytes that its header promises` : 'do not inflate';
    throw brokenPicture(
      path,
      `the pixel data of the PNG file ${fault}; it is damaged, cut short or forged`,
      cause,
    );
  }
  if (length < expected)
    throw brokenPicture(
      path,
      `the PNG file is cut short: its header promises ${expected} bytes of pixel data and ${length} are there`,
    );
}

/** Each line is a filter byte and whole bytes of pixels. */
function pixelDataLength({ width, height, depth, colourType, isInterlaced }: Header): number {
  const bits = depth * channelsOf[colourType]!;
  const linesLength = (columns: number, lines: number): number =>
    columns > 0 && lines > 0 ? lines * (1 + Math.ceil((columns * bits) / 8)) : 0;
  if (!isInterlaced) return linesLength(width, height);
  return passes.reduce(
    (sum, [x, y, stepX, stepY]) =>
      sum + linesLength(Math.ceil((width - x) / stepX), Math.ceil((height - y) / stepY)),
    0,
  );
}

function toBytes(png: DecodedPng, { colourType, depth }: Header): Uint8Array {
  if (colourType === indexed) return convertIndexedToRgb(png);
  const [clear, ...others] = png.transparency ?? [];
  // Grey of a few bits is a palette of greys, which the library can unpack.
  if (depth < 8) return convertIndexedToRgb({ ...png, palette: greys(depth, clear) });
  const { data, channels } = png;
  const bytes = depth === 16 ? Uint8Array.from(data, (value) => Math.round(value / 257)) : data;
  if (clear === undefined) return bytes as Uint8Array;
  return withOpacity(bytes, data, channels, [clear, ...others]);
}

function greys(depth: number, clear: number | undefined): number[][] {
  const top = 2 ** depth - 1;
  return Array.from({ length: top + 1 }, (_, value) => {
    const grey = (255 * value) / top;
    return clear === undefined ? [grey] : [grey, value === clear ? 0 : 255];
  });
}

/** Adds a channel that is 0 where a pixel has the one colour that tRNS makes clear. */
function withOpacity(
  bytes: ArrayLike<number>,
  exact: ArrayLike<number>,
  channels: number,
  clear: readonly number[],
): Uint8Array {
  const result = new Uint8Array((bytes.length / channels) * (channels + 1)).fill(255);
  for (let pixel = 0; pixel < bytes.length / channels; pixel++) {
    let isClear = true;
    for (let c = 0; c < channels; c++) {
      result[pixel * (channels + 1) + c] = bytes[pixel * channels + c]!;
      isClear &&= exact[pixel * channels + c] === clear[c];
    }
    if (isClear) result[pixel * (channels + 1) + channels] = 0;
  }
  return result;
}
