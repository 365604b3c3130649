/** The pictures of a model: what it makes of test images, of the prior, and of a two-dimensional latent plane. */
import { floatRows, type Dataset } from '../../vae/data/dataset.js';
import { conditionOf } from '../../vae/evaluation/encode-rows.js';
import type { LinearGaussian } from '../../vae/classical/index.js';
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
  const originals = floatRows(test, 0, RECONSTRUCTIONS);
  const condition = conditionOf(vae, test, 0, RECONSTRUCTIONS);
  const pairs = reconstructionPairs(originals, await vae.reconstruct(originals, condition), shape);
  const gallery = new Map<ArtifactName, Uint8Array>([['reconstructions.png', encodePng(pairs)]]);
  gallery.set('samples.png', encodePng(await drawSamples(vae, SAMPLES, shape, 0)));
  if (vae.spec.latent === 2) {
    const labels = vae.spec.condition && { labels: new Uint8Array(MANIFOLD_SIDE ** 2) }; // of class 0
    const plane = await vae.decode(manifoldCodes(MANIFOLD_SIDE, 2), labels);
    gallery.set('manifold.png', encodePng(manifoldGrid(plane, shape, { scale: 1 })));
  }
  return gallery;
}

/**
 * Samples of the prior, decoded, as a square grid; of a model with a condition as a column for each class, or all of one.
 *
 * @param shape `[H, W, C]` of an image
 * @param label the class, where only one is asked for
 * @throws ShapeError when that is no image's shape; DataError for a label past the classes
 */
export async function drawSamples(
  vae: Vae,
  count: number,
  shape: readonly number[],
  seed: number,
  label?: number,
): Promise<Picture> {
  const { condition } = vae.spec;
  if (!condition)
    return imageGrid(
      await vae.sample(count, { seed, ...(label !== undefined && { labels: [label] }) }),
      shape,
    );
  const labels = Array.from({ length: count }, (_, i) => label ?? i % condition.classes);
  const columns = label === undefined && { columns: condition.classes };
  return imageGrid(await vae.sample(count, { seed, labels }), shape, { ...columns });
}

/**
 * Draws the PNG files of a linear model: the columns of W (grey is 0, each column to its own scale), reconstructions and
 * samples of p(x given z)'s mean.
 */
export function drawLinearGallery(model: LinearGaussian, test: Dataset): Map<ArtifactName, Uint8Array> {
  const { shape } = test;
  const originals = floatRows(test, 0, RECONSTRUCTIONS);
  const pairs = reconstructionPairs(originals, model.reconstruct(originals), shape);
  return new Map<ArtifactName, Uint8Array>([
    ['baseline-components.png', encodePng(imageGrid(componentImages(model, SAMPLES), shape))],
    ['baseline-reconstructions.png', encodePng(pairs)],
    ['baseline-samples.png', encodePng(imageGrid(model.sample(SAMPLES), shape))],
  ]);
}

/** The first columns of W as images, `f32[min(K, count), D]`: 1/2 where a weight is 0, 0 or 1 where it is largest. */
function componentImages({ weight, latent }: LinearGaussian, count: number): Float32Array {
  const [D, shown] = [weight.rows, Math.min(latent, count)];
  const images = new Float32Array(shown * D);
  for (let k = 0; k < shown; k++) {
    const column = Float64Array.from({ length: D }, (_, j) => weight.values[j * latent + k]!);
    const largest = column.reduce((most, value) => Math.max(most, Math.abs(value)), Number.MIN_VALUE);
    column.forEach((value, j) => (images[k * D + j] = 0.5 + value / (2 * largest)));
  }
  return images;
}
