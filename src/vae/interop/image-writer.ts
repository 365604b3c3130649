/** Rows of images in a buffer become pictures in a texture or on a canvas, by a kernel; nothing is read back. */
import type { Device } from '../../gpu/device.js';
import { ShapeError, SpecError } from '../../gpu/errors.js';
import { ceilDivide, checkCount, type Shape } from '../../gpu/shape.js';
import { imagePipeline, imageSizes, recordPixels, type ImageSizes } from './image-pipeline.js';

/** Formats that every WebGPU device can write to from a kernel. */
export const writableFormats = ['rgba8unorm', 'rgba16float', 'r32float'] as const;
/** Texture formats that a compute shader writes on every device. */
export type WritableFormat = (typeof writableFormats)[number];

/** How images are laid out. */
export interface GridOptions {
  /** `[H, W, C]` of a row, as in `spec.input`; C is 1 or 3. */
  readonly shape: Shape;
  /** Images; 1 by default. */
  readonly rows?: number;
  /** Images beside each other; the square root of `rows`, rounded up, by default. */
  readonly columns?: number;
}

/** What the texture is like. */
export interface ImageWriterOptions extends GridOptions {
  /** Of the textures written to; `rgba8unorm` by default. `r32float` gets the first channel. */
  readonly format?: WritableFormat;
}

/** Rows of a model as a texture, on the GPU. */
export class ImageWriter {
  /** Pixels of the grid of images. */
  readonly width: number;
  readonly height: number;
  readonly #parameters: GPUBuffer;

  private constructor(
    readonly device: Device,
    readonly shape: ImageSizes,
    readonly rows: number,
    columns: number,
    readonly format: WritableFormat,
    readonly pipeline: GPUComputePipeline,
  ) {
    const [height, width, channels] = shape;
    this.width = columns * width;
    this.height = ceilDivide(rows, columns) * height;
    const parameters = Uint32Array.of(width, height, channels, columns, rows, 0, 0, 0);
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.#parameters = device.createBuffer('image writer/parameters', parameters.byteLength, usage);
    device.gpu.queue.writeBuffer(this.#parameters, 0, parameters);
  }

  /** @throws SpecError for a shape, a grid or a format that it cannot write, ShaderError */
  static async create(device: Device, options: ImageWriterOptions): Promise<ImageWriter> {
    const where = 'imageWriter';
    const { rows = 1, columns = Math.ceil(Math.sqrt(rows)), format = 'rgba8unorm' } = options;
    const shape = imageSizes(options.shape, where);
    checkCount(rows, 'rows', where);
    checkCount(columns, 'columns', where);
    if (!writableFormats.includes(format))
      throw new SpecError(
        where,
        `format is ${format as string}; kernels write ${writableFormats.join(', ')}; use one of these`,
      );
    return new ImageWriter(
      device,
      shape,
      rows,
      columns,
      format,
      await imagePipeline(device, `write_${format}`),
    );
  }

  /**
   * Records: the images of `images`, f32[rows, H, W, C] in [0, 1], into the texture, from its top left.
   *
   * @param images a buffer with STORAGE, such as the `output` of a decoder
   * @param texture with STORAGE_BINDING, at least `width` x `height`
   * @throws ShapeError for a texture or a buffer that does not fit, DeviceError after loss
   */
  record(encoder: GPUCommandEncoder, images: GPUBuffer, texture: GPUTexture): void {
    this.device.check();
    const [height, width, channels] = this.shape;
    const byteLength = 4 * this.rows * height * width * channels;
    if (texture.format !== this.format || texture.width < this.width || texture.height < this.height)
      throw new ShapeError(
        'imageWriter',
        `the texture is ${texture.format} ${texture.width}x${texture.height}; expected ${this.format} of at least ${this.width}x${this.height}`,
      );
    if (images.size < byteLength)
      throw new ShapeError(
        'imageWriter',
        `the buffer has ${images.size} bytes; expected ${byteLength}, ${this.rows} rows of f32[${this.shape.join(', ')}]`,
      );
    const bindGroup = this.device.gpu.createBindGroup({
      label: `vae/write_${this.format}`,
      layout: this.pipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: { buffer: this.#parameters } },
        { binding: 1, resource: { buffer: images, size: byteLength } },
        { binding: 2, resource: texture.createView() },
      ],
    });
    recordPixels(encoder, this.pipeline, bindGroup, [this.height, this.width]);
  }

  /** Frees what it made; textures of the caller stay. */
  destroy(): void {
    this.device.destroyBuffer(this.#parameters);
  }
}
