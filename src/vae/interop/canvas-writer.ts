/** Images on a canvas of a page, or on an OffscreenCanvas in a worker: the kernel writes the canvas's own texture. */
import type { Device } from '../../gpu/device.js';
import { DeviceError } from '../../gpu/errors.js';
import { ImageWriter, type GridOptions } from './image-writer.js';

export class CanvasWriter {
  private constructor(
    readonly canvas: HTMLCanvasElement | OffscreenCanvas,
    readonly context: GPUCanvasContext,
    readonly writer: ImageWriter,
  ) {}

  /**
   * Gives the canvas the grid's size, a pixel a value; CSS scales it (`image-rendering: pixelated`).
   * @throws SpecError as ImageWriter, DeviceError for a canvas that has another context
   */
  static async create(
    device: Device,
    canvas: HTMLCanvasElement | OffscreenCanvas,
    options: GridOptions,
  ): Promise<CanvasWriter> {
    const writer = await ImageWriter.create(device, options);
    const context = canvas.getContext('webgpu');
    if (!context)
      throw new DeviceError('canvasWriter', 'the canvas has a context of another kind; pass one without');
    canvas.width = writer.width;
    canvas.height = writer.height;
    context.configure({
      device: device.gpu,
      format: writer.format,
      // copying and binding let the caller go on with what is shown
      usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_SRC | GPUTextureUsage.TEXTURE_BINDING,
      alphaMode: 'opaque',
    });
    return new CanvasWriter(canvas, context, writer);
  }

  /** Records: the images of `images`, f32[rows, H, W, C], onto the canvas; shown once it is submitted. @throws as ImageWriter */
  record(encoder: GPUCommandEncoder, images: GPUBuffer): void {
    this.writer.record(encoder, images, this.context.getCurrentTexture());
  }

  /** Frees what it made; the canvas and the device stay. */
  destroy(): void {
    this.context.unconfigure();
    this.writer.destroy();
  }
}
