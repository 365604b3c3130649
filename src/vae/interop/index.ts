/**
 * Device in, GPU out: a model between the buffers, textures and canvases of an application, on its own device. Everything
 * here records into the caller's command encoder.
 */
export { CanvasWriter } from './canvas-writer.js';
export {
  gpuDecoder,
  gpuEncoder,
  GpuFunction,
  gpuReconstructor,
  gpuSampler,
  type GpuFunctionOptions,
  type RecordOptions,
} from './gpu-function.js';
export { ModelCanvas, type ModelCanvasOptions } from './model-canvas.js';
export { ImageReader } from './image-reader.js';
export type { ImageSource } from './image-source.js';
export {
  ImageWriter,
  writableFormats,
  type GridOptions,
  type ImageWriterOptions,
  type WritableFormat,
} from './image-writer.js';
