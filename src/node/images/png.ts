/**
 * Reads PNG files through fast-png. It gets each pass of an interlaced picture as a picture of its own, since it
 * takes the pixels of such passes for whole bytes, and without the transparent colour, which it refuses beside few
 * pixels; what it gets was inflated and verified before (png-file.ts).
 */
import { deflateSync } from 'node:zlib';
import { convertIndexedToRgb, decode } from 'fast-png';
import type { Pixels } from '../../vae/data/image.js';
import { brokenPicture } from './picture.js';
import { indexed, passLength, passSize, readPngFile, type PngFile, type PngHeader } from './png-file.js';

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/**
 * Decodes a PNG file; 16 bits a channel are rounded to 8.
 *
 * @param path what error messages open with
 * @returns `u8[height, width, n]`: grey, grey and opacity, RGB or RGBA
 * @throws DataError for a file that is cut short, damaged or too large
 */
export function decodePng(bytes: Buffer, path: string): Pixels {
  const file = readPngFile(bytes, path);
  const { width, height } = file.header;
  try {
    return { width, height, data: decodePasses(file) };
  } catch (cause) {
    throw brokenPicture(path, `the PNG file is damaged (${(cause as Error).message})`, cause);
  }
}

function decodePasses(file: PngFile): Uint8Array {
  const { header, passes, lines } = file;
  let whole = new Uint8Array(0);
  let at = 0;
  for (const pass of passes) {
    const [width, height] = passSize(header, pass);
    const length = passLength(header, pass);
    if (length === 0) continue;
    const part = decodePass({ ...header, width, height }, lines.subarray(at, at + length), file);
    if (!header.isInterlaced) return part;
    const channels = part.length / (width * height);
    if (at === 0) whole = new Uint8Array(header.width * header.height * channels);
    const [left, top, stepX, stepY] = pass;
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const to = ((top + y * stepY) * header.width + left + x * stepX) * channels;
        for (let c = 0; c < channels; c++) whole[to + c] = part[(y * width + x) * channels + c]!;
      }
    at += length;
  }
  return whole;
}

/** A picture that is not interlaced, from its lines. */
function decodePass(header: PngHeader, lines: Buffer, { PLTE, tRNS }: PngFile): Uint8Array {
  const { width, height, depth, colourType } = header;
  const palette = colourType === indexed ? [makeChunk('PLTE', PLTE), makeChunk('tRNS', tRNS)] : [];
  const size = Buffer.alloc(8);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  const png = decode(
    Buffer.concat([
      signature,
      makeChunk('IHDR', Buffer.concat([size, Buffer.from([depth, colourType, 0, 0, 0])])),
      ...palette,
      makeChunk('IDAT', deflateSync(lines, { level: 0 })),
      makeChunk('IEND', Buffer.alloc(0)),
    ]),
  );
  if (colourType === indexed) return convertIndexedToRgb(png);
  const clear = clearColour(header, tRNS);
  // Grey of a few bits is a palette of greys, which the library can unpack.
  if (depth < 8) return convertIndexedToRgb({ ...png, palette: greys(depth, clear?.[0]) });
  const { data, channels } = png;
  const bytes =
    depth === 16 ? Uint8Array.from(data, (value) => Math.round(value / 257)) : (data as Uint8Array);
  return clear ? withOpacity(bytes, data, channels, clear) : bytes;
}

/** Without a checksum, which is not asked for; nothing where there are no data. */
function makeChunk(type: string, data: Buffer | undefined): Buffer {
  if (!data) return Buffer.alloc(0);
  const opening = Buffer.alloc(8);
  opening.writeUInt32BE(data.length);
  opening.write(type, 4, 'latin1');
  return Buffer.concat([opening, data, Buffer.alloc(4)]);
}

/** The samples of the one colour that is clear, where there is one. */
function clearColour({ colourType }: PngHeader, tRNS: Buffer | undefined): number[] | undefined {
  const count = { 0: 1, 2: 3 }[colourType];
  if (!tRNS || count === undefined) return undefined;
  return Array.from({ length: count }, (_, c) => tRNS.readUInt16BE(2 * c));
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
