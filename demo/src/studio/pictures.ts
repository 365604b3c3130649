/** Drawings of the model as files: decoded anew, for what a canvas shows stays on the GPU. */
import { fromPixels, type Pixels, type Vae } from 'webgpu-vae';
import { toPixels } from './gallery.js';
import { toFloats } from './observer.js';
import type { Drawing } from './protocol.js';

/** The images of a drawing, f32[N, D]; called in turn. */
export function imagesOf(vae: Vae, drawing: Drawing): Promise<Float32Array> {
  const labels = drawing.labels && { labels: drawing.labels };
  if ('decode' in drawing) return vae.decode(drawing.decode, { ...labels });
  if ('sample' in drawing) return vae.sample(drawing.sample.rows, { seed: drawing.sample.seed, ...labels });
  return vae.reconstruct(rowsOf(vae, drawing.reconstruct), { ...labels });
}

/** Pictures as the model reads them, f32[N, D]. @throws DataError as fromPixels */
export function rowsOf({ spec }: Vae, pictures: readonly Pixels[]): Float32Array {
  return toFloats(fromPixels(pictures, spec.input as [number, number, 1 | 3]).values);
}

/** Images side by side. @param values rows of images; bytes, or floats in [0, 1] */
export function arrange(
  values: Uint8Array | Float32Array,
  shape: readonly number[],
  columns: number,
): { canvas: OffscreenCanvas; context: OffscreenCanvasRenderingContext2D } {
  const images = toPixels(values, shape);
  const [height = 1, width = 1] = shape;
  const canvas = new OffscreenCanvas(columns * width, Math.ceil(images.length / columns) * height);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  images.forEach((image, i) =>
    context.putImageData(imageData(image), (i % columns) * width, Math.floor(i / columns) * height),
  );
  return { canvas, context };
}

function imageData({ data, width, height }: Pixels): ImageData {
  return new ImageData(data as Uint8ClampedArray<ArrayBuffer>, width, height);
}

/** A drawing as a PNG file; called in turn. */
export async function pngOf(vae: Vae, drawing: Drawing): Promise<Uint8Array> {
  const { canvas } = arrange(await imagesOf(vae, drawing), vae.spec.input, drawing.columns);
  return new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer());
}
