/** How far reconstructions are from their images. */
import type { Dataset, Vae } from 'webgpu-vae';
import { toFloats } from './observer.js';

/** Means over all pixels of all images, with values in [0, 1]. */
export interface Errors {
  readonly squared: number;
  readonly absolute: number;
  /** 10 log10(1 / squared error) of each image in decibels, and the mean of these. */
  readonly psnr: number;
}

/** Images of a data set, by their rows. */
export function pickRows({ values, labels, ...data }: Dataset, rows: readonly number[]): Dataset {
  const length = values.length / data.rows;
  const picked =
    values instanceof Uint8Array
      ? new Uint8Array(rows.length * length)
      : new Float32Array(rows.length * length);
  rows.forEach((row, index) => picked.set(values.subarray(row * length, (row + 1) * length), index * length));
  return {
    ...data,
    rows: rows.length,
    values: picked,
    ...(labels && { labels: Uint8Array.from(rows, (row) => labels[row]!) }),
  };
}

/** Labels for a model that has a condition. */
export function labelsFor({ spec }: Vae, { labels }: Dataset): { readonly labels?: Uint8Array } {
  return spec.condition && labels ? { labels } : {};
}

/** The images' reconstructions f32[N, D], of the posteriors' means. */
export function reconstruct(vae: Vae, images: Dataset): Promise<Float32Array> {
  return vae.reconstruct(toFloats(images.values), labelsFor(vae, images));
}

export async function measure(vae: Vae, images: Dataset): Promise<Errors> {
  return errorsOf(toFloats(images.values), await reconstruct(vae, images), images.rows);
}

function errorsOf(images: Float32Array, made: Float32Array, rows: number): Errors {
  const length = images.length / rows;
  const squares = new Float64Array(rows);
  let absolute = 0;
  images.forEach((value, i) => {
    const error = made[i]! - value;
    squares[Math.floor(i / length)]! += (error * error) / length;
    absolute += Math.abs(error) / images.length;
  });
  return { absolute, squared: mean(squares), psnr: mean(squares.map((square) => -10 * Math.log10(square))) };
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
