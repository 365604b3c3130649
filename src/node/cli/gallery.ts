/** The pictures of a model: what it makes of test images, of the prior, and of a two-dimensional latent plane. */
import type { Dataset } from '../../vae/data/dataset.js';
import { elementCount } from '../../gpu/shape.js';
import type { Vae } from '../../vae/vae.js';
import {
  encodePng,
  imageGrid,
  manifoldCodes,
  manifoldGrid,
  reconstructionPairs,
  type Picture,
} from '../pictures.js';
import type { ArtifactName } from './artifacts.js';

const RECONSTRUCTIONS = 20;
const SAMPLES = 64;
const MANIFOLD_SIDE = 20;

/**
 * Draws the PNG files of a run.
 *
 * @param test images `u8[N, H, W, C]` or `f32[N, H, W, C]`; the first ones are reconstructed
 */
export async function drawGallery(vae: Vae, test: Dataset): Promise<Map<ArtifactName, Uint8Array>> {
  const { shape } = test;
  const originals = firstRows(test, RECONSTRUCTIONS);
  const pairs = reconstructionPairs(originals, await vae.reconstruct(originals), shape);
  const gallery = new Map<ArtifactName, Uint8Array>([['reconstructions.png', encodePng(pairs)]]);
  gallery.set('samples.png', encodePng(await drawSamples(vae, SAMPLES, shape, 0)));
  if (vae.spec.latent === 2) {
    const plane = await vae.decode(manifoldCodes(MANIFOLD_SIDE, 2));
    gallery.set('manifold.png', encodePng(manifoldGrid(plane, shape, { scale: 1 })));
  }
  return gallery;
}

/**
 * Samples of the prior, decoded, as a square grid.
 *
 * @param shape `[H, W, C]` of an image
 * @throws ShapeError when that is no image's shape
 */
export async function drawSamples(
  vae: Vae,
  count: number,
  shape: readonly number[],
  seed: number,
): Promise<Picture> {
  return imageGrid(await vae.sample(count, { seed }), shape);
}

/** The first rows as the model sees them: `f32[min(N, count), H, W, C]`, bytes divided by 255. */
export function firstRows({ values, shape, rows }: Dataset, count: number): Float32Array {
  const part = values.subarray(0, Math.min(rows, count) * elementCount(shape));
  return part instanceof Float32Array ? part : Float32Array.from(part, (byte) => byte / 255);
}
