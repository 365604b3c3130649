/** Picture files as pixels. The browser decodes them; how large they may be is checked before where the file tells. */
import type { Pixels } from 'webgpu-vae';

const MAX_FILE_BYTES = 2 ** 26;
/** More than most cameras give; decoded, it takes 134 MB. */
const MAX_PIXELS = 2 ** 25;
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** PNG, JPEG, GIF, and the RIFF that WebP lies in. */
const openings = [PNG, [0xff, 0xd8], [0x47, 0x49, 0x46, 0x38], [0x52, 0x49, 0x46, 0x46]];

/** Whether bytes open as a picture does. */
export function opensAsPicture(bytes: Uint8Array): boolean {
  return openings.some((opening) => opening.slice(0, bytes.length).every((byte, i) => bytes[i] === byte));
}

/** RGB and full opacity: what is see-through lies on white. @throws Error saying what is wrong with the file */
export async function decodePicture(file: Blob): Promise<Pixels> {
  if (file.size === 0) throw new Error('is empty');
  if (file.size > MAX_FILE_BYTES) throw new Error(`has ${file.size} bytes, more than ${MAX_FILE_BYTES}`);
  await checkPngSize(file);
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: 'none' }).catch(() => undefined);
  if (!bitmap) throw new Error('could not be decoded; the file is damaged or no picture');
  try {
    return pixelsOf(bitmap);
  } finally {
    bitmap.close();
  }
}

/** A PNG of a few kilobytes can promise a picture of gigabytes: its header is read first. */
async function checkPngSize(file: Blob): Promise<void> {
  const head = new DataView(await file.slice(0, 24).arrayBuffer());
  if (head.byteLength < 24 || !PNG.every((byte, i) => head.getUint8(i) === byte)) return;
  checkSize(head.getUint32(16), head.getUint32(20));
}

function checkSize(width: number, height: number): void {
  if (width * height > MAX_PIXELS)
    throw new Error(`is ${width} × ${height}; at most ${MAX_PIXELS} pixels are read`);
}

function pixelsOf(bitmap: ImageBitmap): Pixels {
  const { width, height } = bitmap;
  checkSize(width, height);
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error(`is ${width} × ${height}, too large for a canvas of this browser`);
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, width, height);
}

/** Classes by the folders that files lie in; none where all lie in one. A label is a place in `classes`. */
export function classesOf(paths: readonly string[]): {
  readonly classes: readonly string[];
  readonly labels: readonly (number | undefined)[];
} {
  const folders = paths.map((path) => path.split('/').at(-2) ?? '');
  const classes = [...new Set(folders)].toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const areClasses = classes.length > 1 && classes.length <= 256 && !classes.includes('');
  if (!areClasses) return { classes: [], labels: paths.map(() => undefined) };
  return { classes, labels: folders.map((folder) => classes.indexOf(folder)) };
}
