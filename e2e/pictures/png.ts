/** Writes PNG files of every form, and broken ones: what the reader must tell apart (www.w3.org/TR/png-3). */
import { crc32, deflateSync } from 'node:zlib';

export interface PngForm {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly depth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and opacity, 6 RGBA. */
  readonly colourType: number;
  readonly isInterlaced?: boolean;
  /** Bytes of PLTE and tRNS. */
  readonly palette?: readonly number[];
  readonly transparency?: readonly number[];
  /** Chunks between the header and the pixels. */
  readonly extra?: readonly Buffer[];
}

export const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const channelsOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

export function pngChunk(type: string, data: Uint8Array | readonly number[]): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), Buffer.from(data)]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(named.length - 4, 0);
  frame.writeUInt32BE(crc32(named), 4);
  return Buffer.concat([frame.subarray(0, 4), named, frame.subarray(4)]);
}

export function pngHeader({ width, height, depth, colourType, isInterlaced }: PngForm): Buffer {
  const data = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, depth, colourType, 0, 0, isInterlaced ? 1 : 0]);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  return pngChunk('IHDR', data);
}

/** @param samples `[height, width, channels]`, each below 2^depth */
export function pngFile(form: PngForm, samples: readonly number[]): Buffer {
  return pngOf(form, deflateSync(pixelData(form, samples)));
}

/** The same around pixel data that are deflated already. */
export function pngOf(form: PngForm, packed: Uint8Array): Buffer {
  const half = Math.floor(packed.length / 2);
  return Buffer.concat([
    pngSignature,
    pngHeader(form),
    ...(form.extra ?? []),
    ...(form.palette ? [pngChunk('PLTE', form.palette)] : []),
    ...(form.transparency ? [pngChunk('tRNS', form.transparency)] : []),
    pngChunk('IDAT', packed.subarray(0, half)), // two, as large files have them
    pngChunk('IDAT', packed.subarray(half)),
    pngChunk('IEND', []),
  ]);
}

/** Lines without a filter; of an interlaced picture, pass after pass. */
export function pixelData(form: PngForm, samples: readonly number[]): Buffer {
  const { width, height, depth, colourType } = form;
  const channels = channelsOf[colourType]!;
  const passes = form.isInterlaced
    ? ['0088', '4088', '0448', '2044', '0224', '1022', '0112'].map((text) => Array.from(text, Number))
    : [[0, 0, 1, 1]];
  const lines: number[] = [];
  for (const [left = 0, top = 0, stepX = 1, stepY = 1] of passes)
    for (let y = left < width ? top : height; y < height; y += stepY) {
      let bits = '';
      for (let x = left; x < width; x += stepX)
        for (let c = 0; c < channels; c++)
          bits += samples[(y * width + x) * channels + c]!.toString(2).padStart(depth, '0');
      lines.push(0);
      for (const byte of bits.match(/.{1,8}/g) ?? []) lines.push(parseInt(byte.padEnd(8, '0'), 2));
    }
  return Buffer.from(lines);
}
