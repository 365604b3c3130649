/** One picture file as pixels. Its first bytes say what it is; names lie. */
import { readFile, stat } from 'node:fs/promises';
import type { Pixels } from '../../vae/data/image.js';
import { decodeJpeg } from './jpeg.js';
import { brokenPicture, maxFileByteLength } from './picture.js';
import { decodePng } from './png.js';

const signatures = {
  PNG: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  JPEG: [0xff, 0xd8],
} as const;

/** What a file is by its first bytes, or undefined where it is no picture that is read here. */
export function pictureFormat(bytes: Uint8Array): keyof typeof signatures | undefined {
  const names = ['PNG', 'JPEG'] as const;
  return names.find((name) => signatures[name].every((byte, i) => bytes[i] === byte));
}

/**
 * Reads and decodes a PNG or JPEG file.
 *
 * @throws DataError naming the file, for one that cannot be read or decoded
 */
export async function decodePicture(path: string): Promise<Pixels> {
  const bytes = await readPicture(path);
  const format = pictureFormat(bytes);
  if (format === 'PNG') return decodePng(bytes, path);
  if (format === 'JPEG') return decodeJpeg(bytes, path);
  if (bytes.length === 0) throw brokenPicture(path, 'the file is empty');
  const opening = bytes.subarray(0, 4).toString('hex').match(/../g)!.join(' ');
  throw brokenPicture(path, `the file begins with ${opening}; expected PNG (89 50 4e 47) or JPEG (ff d8)`);
}

async function readPicture(path: string): Promise<Buffer> {
  let size: number;
  try {
    ({ size } = await stat(path));
    if (size <= maxFileByteLength) return await readFile(path);
  } catch (cause) {
    throw brokenPicture(path, `cannot be read (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
  throw brokenPicture(path, `the file has ${size} bytes; expected at most ${maxFileByteLength}`);
}
