/** A model drawn on a canvas: what is decoded, sampled or reconstructed goes from the GPU to the canvas and nowhere else. */
import { ShapeError } from '../../gpu/errors.js';
import type { Vae } from '../vae.js';
import { CanvasWriter } from './canvas-writer.js';
import { gpuDecoder, gpuReconstructor, gpuSampler, type GpuFunction } from './gpu-function.js';
import { ImageReader } from './image-reader.js';
import type { ImageSource } from './image-source.js';
import type { GridOptions } from './image-writer.js';

const functions = { decode: gpuDecoder, reconstruct: gpuReconstructor, sample: gpuSampler } as const;

/** How the canvas is drawn. */
export interface ModelCanvasOptions extends Omit<GridOptions, 'shape'> {
  /** The class of each image, for a model with a condition. */
  readonly labels?: ArrayLike<number>;
}

/** A canvas that shows what a model decodes. */
export class ModelCanvas {
  readonly #functions = new Map<keyof typeof functions, Promise<GpuFunction>>();
  #reader: Promise<ImageReader> | undefined;

  private constructor(
    readonly vae: Vae,
    readonly canvas: CanvasWriter,
    readonly rows: number,
    readonly labels: ArrayLike<number> | undefined,
  ) {}

  /** @throws as CanvasWriter: SpecError for a model of other data than images, DeviceError */
  static async create(
    vae: Vae,
    canvas: HTMLCanvasElement | OffscreenCanvas,
    { labels, ...grid }: ModelCanvasOptions = {},
  ): Promise<ModelCanvas> {
    const writer = await CanvasWriter.create(vae.device, canvas, { ...grid, shape: vae.spec.input });
    return new ModelCanvas(vae, writer, grid.rows ?? 1, labels);
  }

  /** Shows the decoded z, f32[rows, K]. @throws ShapeError for another number of values */
  async decode(z: Float32Array): Promise<void> {
    const decode = await this.#function('decode');
    // the buffer has room for four values at least
    const { latent } = this.vae.spec;
    if (z.length !== this.rows * latent)
      throw new ShapeError(
        'canvas',
        `got ${z.length} values; expected ${this.rows * latent}, ${this.rows} rows of ${latent}`,
      );
    this.vae.device.gpu.queue.writeBuffer(decode.input, 0, z as Float32Array<ArrayBuffer>);
    await this.#show(decode, (encoder) => decode.record(encoder));
  }

  /** Shows samples of the prior. The same seed gives the same samples. */
  async sample({ seed = 0 }: { readonly seed?: number } = {}): Promise<void> {
    const sample = await this.#function('sample');
    await this.#show(sample, (encoder) => sample.record(encoder, { seed }));
  }

  /** Shows reconstructions of pictures, one a row; rows without one keep what they last read. @throws as ImageReader */
  async reconstruct(...pictures: readonly ImageSource[]): Promise<void> {
    this.#reader ??= ImageReader.create(this.vae.device, this.vae.spec.input);
    const [reader, reconstruct] = await Promise.all([this.#reader, this.#function('reconstruct')]);
    await this.#show(reconstruct, (encoder) => {
      pictures.forEach((picture, row) => reader.record(encoder, picture, reconstruct.input, row));
      reconstruct.record(encoder);
    });
  }

  /** Frees its buffers; the model and the canvas stay. */
  destroy(): void {
    for (const made of [...this.#functions.values(), this.#reader])
      void made?.then((value) => value.destroy()).catch(() => undefined);
    this.canvas.destroy();
  }

  #function(name: keyof typeof functions): Promise<GpuFunction> {
    let made = this.#functions.get(name);
    if (!made) {
      made = this.#open(name);
      this.#functions.set(name, made);
      made.catch(() => this.#functions.delete(name));
    }
    return made;
  }

  async #open(name: keyof typeof functions): Promise<GpuFunction> {
    const made = await functions[name](this.vae, { rows: this.rows });
    if (this.labels) made.setLabels(this.labels);
    return made;
  }

  /** Submits what `record` records and the drawing of its output; resolves when the GPU has done it. */
  async #show(fn: GpuFunction, record: (encoder: GPUCommandEncoder) => void): Promise<void> {
    const { device } = this.vae;
    const encoder = device.gpu.createCommandEncoder({ label: 'vae/canvas' });
    record(encoder);
    this.canvas.record(encoder, fn.output);
    device.gpu.queue.submit([encoder.finish()]);
    await device.gpu.queue.onSubmittedWorkDone();
    device.check();
  }
}
