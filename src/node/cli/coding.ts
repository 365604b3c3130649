/** The commands compress and decompress: images of a data set into one file, and back into PNG files. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../gpu/errors.js';
import { elementCount } from '../../gpu/shape.js';
import {
  binarized,
  compress,
  compressLossless,
  decompress,
  decompressLossless,
  readCodedFile,
} from '../../vae/coding/index.js';
import { floatRows, type Dataset } from '../../vae/data/dataset.js';
import type { Vae } from '../../vae/vae.js';
import { loadImages, type DataPart } from '../data.js';
import { encodePng, imageGrid } from '../pictures.js';
import { reasonOf, writeWhole } from './artifacts.js';
import { readModel, withModel } from './checkpoint.js';
import { formatCount } from './format.js';
import type { AdapterSettings, DataSettings } from './options.js';
import { openDevice, say } from './session.js';

export interface CompressSettings extends DataSettings, AdapterSettings {
  readonly part: DataPart;
  readonly out: string;
  /** Every pixel becomes 0 or 1, at one half. */
  readonly binarize: boolean;
  readonly embedTables: boolean;
  readonly json: boolean;
}

export interface DecompressSettings extends AdapterSettings {
  readonly out: string;
}

/** What compress prints. */
export interface CompressReport {
  readonly images: number;
  readonly byteLength: number;
  readonly bitsPerPixel: number;
  /** -log2 of the learned density, in bytes; lossy files only. */
  readonly predictedByteLength?: number;
}

/**
 * Writes a .wvae file: lossy with a factorised prior, otherwise lossless by bits-back.
 *
 * @param path of a checkpoint, or of a folder that holds model.safetensors
 * @throws CheckpointError, DataError, SpecError, DeviceError
 */
export async function compressCommand(path: string, settings: CompressSettings): Promise<number> {
  const { data, part, limit, size, channels, skipBroken, out } = settings;
  const file = await readModel(path);
  const { input, prior } = file.spec;
  const chosen = { limit, size, channels, skipBroken, pictureShape: input };
  const loaded = await loadImages(data, part, chosen);
  const images = settings.binarize ? binarized(loaded) : loaded;
  return withModel(file, await openDevice(settings), async (vae) => {
    say(`${formatCount(images.rows)} images of ${data}, ${prior.type} prior`);
    const { bytes, ...coded } = await compressed(vae, images, settings);
    await writeWhole(out, bytes);
    const pixels = images.rows * elementCount(images.shape.slice(0, 2));
    const report = {
      images: images.rows,
      byteLength: bytes.length,
      bitsPerPixel: (8 * bytes.length) / pixels,
      ...coded,
    };
    process.stdout.write(`${settings.json ? JSON.stringify(report) : describe(report, out)}\n`);
  });
}

async function compressed(
  vae: Vae,
  images: Dataset,
  { embedTables }: CompressSettings,
): Promise<{ bytes: Uint8Array; predictedByteLength?: number }> {
  if (vae.spec.prior.type !== 'factorized') return { bytes: (await compressLossless(vae, images)).bytes };
  const { bytes, predictedBits } = await compress(vae, images, { embedTables });
  return { bytes, predictedByteLength: predictedBits / 8 };
}

function describe({ byteLength, bitsPerPixel, predictedByteLength }: CompressReport, out: string): string {
  const predicted =
    predictedByteLength === undefined ? '' : `, ${formatCount(Math.round(predictedByteLength))} predicted`;
  return `${out}: ${formatCount(byteLength)} bytes${predicted}, ${bitsPerPixel.toFixed(4)} bits per pixel`;
}

/**
 * Writes the images of a .wvae file as 00000.png, 00001.png, ...
 *
 * @param path of a checkpoint, or of a folder that holds model.safetensors
 * @throws CheckpointError, DataError, DeviceError, ShapeError when the data are no images
 */
export async function decompressCommand(
  path: string,
  coded: string,
  { out, adapter }: DecompressSettings,
): Promise<number> {
  const file = await readModel(path);
  const bytes = await readCoded(coded);
  const { kind } = await readCodedFile(bytes, { name: coded });
  return withModel(file, await openDevice({ ...(adapter && { adapter }) }), async (vae) => {
    const read = kind === 'bits-back' ? decompressLossless : decompress;
    const { rows, shape, values } = await read(vae, bytes, { name: coded });
    const images = floatRows({ rows, shape, values });
    await mkdir(out, { recursive: true });
    const width = elementCount(shape);
    for (let row = 0; row < rows; row++) {
      const image = images.subarray(row * width, (row + 1) * width);
      const picture = imageGrid(image, shape, { gap: 0, scale: 1 });
      await writeFile(join(out, `${String(row).padStart(5, '0')}.png`), encodePng(picture));
    }
    process.stdout.write(`${out}: ${formatCount(rows)} images of ${shape.join('x')}\n`);
  });
}

async function readCoded(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new DataError(
      path,
      `cannot be read (${reasonOf(cause)}); expected a file that compress wrote; correct the path`,
      { cause },
    );
  }
}
