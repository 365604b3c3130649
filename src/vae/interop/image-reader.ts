/**
 * Pictures of any size become rows of images in a buffer, on the GPU alone: the pixels go into a texture, and a kernel scales
 * them as `fromPixels` does (area average down, bilinear up, the middle cut out).
 */
import type { Device } from '../../gpu/device.js';
import { ShapeError } from '../../gpu/errors.js';
import type { Shape } from '../../gpu/shape.js';
import { imageTaps, type Taps } from '../data/image.js';
import { imagePipeline, imageSizes, recordPixels, type ImageSizes } from './image-pipeline.js';
import { isTexture, sizeOf, upload, type ImageSource, type Size } from './image-source.js';

/** What one row of the target was last read with; kept while size and target stay. */
interface Slot {
  readonly size: Size;
  readonly target: GPUBuffer;
  /** Ours, or the caller's. */
  readonly texture: GPUTexture;
  readonly isOwned: boolean;
  readonly bindGroup: GPUBindGroup;
  readonly buffers: readonly GPUBuffer[];
}

/** Pictures of every kind as rows of a model, on the GPU. */
export class ImageReader {
  readonly #slots = new Map<number, Slot>();

  private constructor(
    readonly device: Device,
    readonly shape: ImageSizes,
    readonly pipeline: GPUComputePipeline,
  ) {}

  /**
   * @param shape `[H, W, C]` of a row, as in `spec.input`; C is 1 or 3
   * @throws SpecError for another shape, ShaderError
   */
  static async create(device: Device, shape: Shape): Promise<ImageReader> {
    const sizes = imageSizes(shape, 'imageReader');
    return new ImageReader(device, sizes, await imagePipeline(device, 'read_image'));
  }

  /**
   * Records: row `row` of `target`, f32[rows, H, W, C] in [0, 1], becomes the picture. The pixels are copied at once, so
   * that the source may change or close; the same row read twice before a submit holds the later picture.
   *
   * @param target a buffer with STORAGE, such as the `input` of an encoder
   * @throws ShapeError for a row outside the target, DataError for a picture without pixels, DeviceError after loss
   */
  record(encoder: GPUCommandEncoder, source: ImageSource, target: GPUBuffer, row = 0): void {
    this.device.check();
    const [height, width, channels] = this.shape;
    const rows = Math.floor(target.size / (4 * height * width * channels));
    if (!Number.isInteger(row) || row < 0 || row >= rows)
      throw new ShapeError('imageReader', `row is ${row}; the target holds ${rows} rows of these images`);
    const size = sizeOf(source);
    const slot = this.#slot(source, size, target, row);
    if (!isTexture(source)) upload(this.device.gpu.queue, source, slot.texture);
    recordPixels(encoder, this.pipeline, slot.bindGroup, [height, width]);
  }

  /** Frees its textures and buffers; not before what was recorded is submitted. */
  destroy(): void {
    for (const row of this.#slots.keys()) this.#free(row);
  }

  #free(row: number): void {
    const slot = this.#slots.get(row);
    if (!slot) return;
    for (const buffer of slot.buffers) this.device.destroyBuffer(buffer);
    if (slot.isOwned) slot.texture.destroy();
    this.#slots.delete(row);
  }

  #slot(source: ImageSource, size: Size, target: GPUBuffer, row: number): Slot {
    const known = this.#slots.get(row);
    const fits =
      known?.target === target &&
      known.size.width === size.width &&
      known.size.height === size.height &&
      (isTexture(source) ? known.texture === source : known.isOwned);
    if (known && fits) return known;
    this.#free(row);
    const slot = this.#createSlot(source, size, target, row);
    this.#slots.set(row, slot);
    return slot;
  }

  #createSlot(source: ImageSource, size: Size, target: GPUBuffer, row: number): Slot {
    const [height, width, channels] = this.shape;
    const { gpu } = this.device;
    const isOwned = !isTexture(source);
    const texture = isTexture(source) ? source : this.#createTexture(size);
    const { rows, columns } = imageTaps(size, height, width);
    const { words, weights } = packTaps([...rows, ...columns]);
    const first = row * height * width * channels;
    const isGrey = Number(/^r(8|16|32)/.test(texture.format));
    const uniform = Uint32Array.of(width, height, channels, first, isGrey, 0, 0, 0);
    const buffers = [
      this.#buffer('parameters', uniform, GPUBufferUsage.UNIFORM),
      this.#buffer('taps', words, GPUBufferUsage.STORAGE),
      this.#buffer('weights', weights, GPUBufferUsage.STORAGE),
    ] as const;
    const resources = [buffers[0], texture.createView(), buffers[1], buffers[2], target];
    const bindGroup = gpu.createBindGroup({
      label: 'vae/read_image',
      layout: this.pipeline.getBindGroupLayout(0),
      entries: resources.map((resource, binding) => ({
        binding,
        resource: 'createView' in resource || !('size' in resource) ? resource : { buffer: resource },
      })),
    });
    return { size, target, texture, isOwned, bindGroup, buffers };
  }

  #createTexture({ width, height }: Size): GPUTexture {
    return this.device.gpu.createTexture({
      label: 'vae/picture',
      size: [width, height],
      format: 'rgba8unorm',
      // copyExternalImageToTexture asks for the last one
      usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST | GPUTextureUsage.RENDER_ATTACHMENT,
    });
  }

  #buffer(name: string, contents: Uint32Array | Float32Array, usage: GPUBufferUsageFlags): GPUBuffer {
    const label = `image reader/${name}`;
    const buffer = this.device.createBuffer(label, contents.byteLength, usage | GPUBufferUsage.COPY_DST);
    this.device.gpu.queue.writeBuffer(buffer, 0, contents as Float32Array<ArrayBuffer>);
    return buffer;
  }
}

/** The taps as the shader reads them: first pixel, first weight, number of both; and all weights. */
function packTaps(taps: readonly Taps[]): { words: Uint32Array; weights: Float32Array } {
  const weights: number[] = [];
  const words = taps.flatMap((tap) => {
    const begin = weights.length;
    weights.push(...tap.weights);
    return [tap.first, begin, tap.weights.length];
  });
  return { words: Uint32Array.from(words), weights: Float32Array.from(weights) };
}
