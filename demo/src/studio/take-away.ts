/** Files to take away. What makes them is loaded when somebody asks for them. */
import type { Vae } from 'webgpu-vae';
import { arrange } from './pictures.js';
import type { Recorder } from './recorder.js';

const FRAME_MS = 120;
const LAST_FRAME_MS = 2000;

/** For PyTorch, or as ONNX graphs: a folder in a ZIP file. @throws SpecError for a part that cannot leave */
export async function exportZip(
  bytes: Uint8Array,
  format: 'pytorch' | 'onnx',
  folder: string,
): Promise<Uint8Array> {
  const [{ exportTorch, exportOnnx }, { zipSync }] = await Promise.all([
    import('webgpu-vae/export'),
    import('fflate'),
  ]);
  const files = await (format === 'onnx' ? exportOnnx : exportTorch)(bytes);
  return zipSync(Object.fromEntries(Array.from(files, ([path, file]) => [`${folder}/${path}`, file])));
}

/** The recorded frames as an animation that repeats. */
export async function animation({ frames, columns }: Recorder, { spec }: Vae): Promise<Uint8Array> {
  const { GIFEncoder, quantize, applyPalette } = await import('gifenc');
  const gif = GIFEncoder();
  const grey = Array.from({ length: 256 }, (_, value) => [value, value, value]);
  frames.forEach(({ images }, index) => {
    const { canvas, context } = arrange(images, spec.input, columns);
    const { width, height } = canvas;
    const { data } = context.getImageData(0, 0, width, height);
    const palette = spec.input[2] === 1 ? grey : quantize(data, 256);
    const pixels = palette === grey ? data.filter((_, i) => i % 4 === 0) : applyPalette(data, palette);
    gif.writeFrame(pixels, width, height, {
      palette,
      delay: index === frames.length - 1 ? LAST_FRAME_MS : FRAME_MS,
    });
  });
  gif.finish();
  return gif.bytes();
}
