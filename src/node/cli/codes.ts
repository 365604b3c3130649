/** The commands encode, decode, reconstruct and interpolate: between images and codes, in files. */
import { DataError, SpecError } from '../../gpu/errors.js';
import { elementCount } from '../../gpu/shape.js';
import { floatRows, type Dataset } from '../../vae/data/dataset.js';
import { conditionOf, encodeRows } from '../../vae/evaluation/encode-rows.js';
import { linearPath, sphericalPath } from '../../vae/samplers/paths.js';
import type { Vae } from '../../vae/vae.js';
import { loadImages, type DataPart } from '../data.js';
import { imageGrid, reconstructionPairs } from '../pictures.js';
import { readModel, withModel } from './checkpoint.js';
import type { AdapterSettings, DataSettings } from './options.js';
import { checkEnding, readRows, writeRows, type RowsToWrite } from './rows-file.js';
import { openDevice } from './session.js';

/** What commands that write one file of rows share. */
interface OutputSettings extends AdapterSettings {
  readonly out: string;
  readonly json: boolean;
}

export interface ImagesSettings extends OutputSettings, DataSettings {
  readonly part: DataPart;
}

export interface EncodeSettings extends ImagesSettings {
  /** Write the log-variances behind the means. */
  readonly logVariance: boolean;
}

export interface DecodeSettings extends OutputSettings {
  /** The class, for a model with a condition. */
  readonly label?: number;
}

export interface InterpolateSettings extends ImagesSettings {
  /** Rows of the part. */
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  readonly path: 'linear' | 'spherical';
}

/** Values in memory at a time, over all rows of a part that becomes one picture or array: 1 GiB. */
const MAX_VALUES = 2 ** 28;

/** Writes the posterior means of images, f32[N, K], or with log-variances f32[N, 2 K]. */
export async function encodeCommand(path: string, settings: EncodeSettings): Promise<number> {
  checkEnding(settings.out, false);
  return withImages(path, settings, async (vae, images) => {
    const { mean, logVariance } = await encodeRows(vae, images);
    if (settings.logVariance && !logVariance)
      throw new SpecError(
        '--log-variance',
        `came; a ${vae.spec.posterior.type} posterior has no variance of its own; leave it out`,
      );
    const parts = [{ name: 'mean', ...mean }];
    if (settings.logVariance && logVariance) parts.push({ name: 'log_variance', ...logVariance });
    const names = parts.flatMap(({ name, columns }) =>
      Array.from({ length: columns }, (_, k) => `${name}_${k}`),
    );
    const values = new Float32Array(images.rows * names.length);
    for (let row = 0, at = 0; row < images.rows; row++)
      for (const { columns, values: of } of parts) {
        values.set(of.subarray(row * columns, (row + 1) * columns), at);
        at += columns;
      }
    return { shape: [names.length], values, names };
  });
}

/** Writes the decoded means of codes from a file, f32[N, ...shape of a datum]. */
export async function decodeCommand(
  path: string,
  codesPath: string,
  settings: DecodeSettings,
): Promise<number> {
  checkEnding(settings.out, true);
  const file = await readModel(path);
  const codes = await readRows(codesPath);
  return withModel(file, await openDevice(settings), async (vae) => {
    const { latent, input } = vae.spec;
    if (codes.columns !== latent)
      throw new DataError(
        codesPath,
        `has rows of ${codes.columns} numbers; the model's codes have ${latent}; write them with encode, without --log-variance`,
      );
    checkSize(codes.rows, input);
    const values = await vae.decode(codes.values, labelsOf(settings.label, codes.rows));
    await finish(settings, { shape: input, values, picture: () => imageGrid(values, input) });
  });
}

/** Writes reconstructions of images, f32[N, ...shape]; a picture shows each row of images above its reconstructions. */
export async function reconstructCommand(path: string, settings: ImagesSettings): Promise<number> {
  checkEnding(settings.out, true);
  return withImages(path, settings, async (vae, images) => {
    const { shape, rows } = images;
    const originals = floatRows(images, 0, rows);
    const values = await vae.reconstruct(originals, conditionOf(vae, images, 0, rows));
    return { shape, values, picture: () => reconstructionPairs(originals, values, shape) };
  });
}

/** Writes the decoded way between the codes of two images, f32[steps, ...shape]. */
export async function interpolateCommand(path: string, settings: InterpolateSettings): Promise<number> {
  checkEnding(settings.out, true);
  return withImages(path, settings, async (vae, images) => {
    const { from, to, steps } = settings;
    const way = settings.path === 'linear' ? linearPath : sphericalPath;
    const ends = await Promise.all([codeOf(vae, images, from, '--from'), codeOf(vae, images, to, '--to')]);
    const { shape } = images;
    checkSize(steps, shape);
    const label = vae.spec.condition && images.labels?.[from];
    const values = await vae.decode(way(...ends, steps), labelsOf(label, steps));
    return { shape, values, picture: () => imageGrid(values, shape, { columns: steps }) };
  });
}

async function codeOf(vae: Vae, images: Dataset, row: number, option: string): Promise<Float32Array> {
  if (row >= images.rows)
    throw new SpecError(
      option,
      `is ${row}; there are ${images.rows} images, 0 to ${images.rows - 1}; choose one of them`,
    );
  return (await vae.encode(floatRows(images, row, row + 1), conditionOf(vae, images, row, row + 1))).mean;
}

/** Opens model and images, and writes what `make` makes of them. */
async function withImages(
  path: string,
  settings: ImagesSettings,
  make: (vae: Vae, images: Dataset) => Promise<RowsToWrite>,
): Promise<number> {
  const { data, part, limit, size, channels, skipBroken } = settings;
  const file = await readModel(path);
  const { input } = file.spec;
  const images = await loadImages(data, part, { limit, size, channels, skipBroken, pictureShape: input });
  checkSize(images.rows, images.shape);
  return withModel(file, await openDevice(settings), async (vae) => {
    await finish(settings, await make(vae, images));
  });
}

async function finish({ out, json }: OutputSettings, rows: RowsToWrite): Promise<void> {
  await writeRows(out, rows);
  const shape = [rows.values.length / elementCount(rows.shape), ...rows.shape];
  process.stdout.write(`${json ? JSON.stringify({ out, shape }) : `${out}: ${shape.join(' x ')}`}\n`);
}

function checkSize(rows: number, shape: readonly number[]): void {
  if (rows * elementCount(shape) > MAX_VALUES)
    throw new DataError(
      '--limit',
      `${rows} rows of [${shape.join(', ')}] are more than 2^28 numbers; give fewer`,
    );
}

function labelsOf(label: number | undefined, rows: number): { labels?: Uint8Array } {
  return label === undefined ? {} : { labels: new Uint8Array(rows).fill(label) };
}
