/**
 * How a camera was held: EXIF's orientation (tag 0x0112 of the first directory of a TIFF header; CIPA DC-008,
 * section 4.6.5.1), and pictures turned by it. Anything unreadable counts as upright, as in browsers.
 */
import type { Pixels } from '../../vae/data/image.js';

const tag = 0x0112;
const entryLength = 12;
const prefix = 'Exif\0\0';

/**
 * @param segment content of a JPEG's APP1
 * @returns 1 to 8, or undefined where the segment states none
 */
export function readOrientation(segment: Buffer): number | undefined {
  if (segment.toString('latin1', 0, prefix.length) !== prefix) return undefined;
  const tiff = segment.subarray(prefix.length);
  const order = tiff.toString('latin1', 0, 2);
  if (tiff.length < 8 || (order !== 'II' && order !== 'MM')) return undefined;
  const isLittle = order === 'II';
  const word = (at: number): number => {
    if (at + 2 > tiff.length) return 0;
    return isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at);
  };
  const directory = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  const entries = Array.from({ length: word(directory) }, (_, i) => directory + 2 + entryLength * i);
  const found = entries.find((entry) => word(entry) === tag);
  const value = found === undefined ? 0 : word(found + 8);
  return value >= 1 && value <= 8 ? value : undefined;
}

/**
 * The picture as it is meant to be seen.
 *
 * @param orientation 1 to 8: where the stored first line and first column are on the upright picture
 */
export function turn(picture: Pixels, orientation: number): Pixels {
  if (orientation === 1) return picture;
  const { width, height, data } = picture;
  const channels = data.length / (width * height);
  const isTransposed = orientation > 4;
  const [newWidth, newHeight] = isTransposed ? [height, width] : [width, height];
  const mirrorsX = [2, 3, 7, 8].includes(orientation);
  const mirrorsY = [3, 4, 6, 7].includes(orientation);
  const turned = new Uint8Array(data.length);
  for (let y = 0; y < newHeight; y++)
    for (let x = 0; x < newWidth; x++) {
      const [u, v] = isTransposed ? [y, x] : [x, y];
      const column = mirrorsX ? width - 1 - u : u;
      const line = mirrorsY ? height - 1 - v : v;
      const from = (line * width + column) * channels;
      for (let c = 0; c < channels; c++) turned[(y * newWidth + x) * channels + c] = data[from + c]!;
    }
  return { width: newWidth, height: newHeight, data: turned };
}
