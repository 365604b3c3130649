/**
 * The metric ring: every step copies a few words into a GPU ring; the ring is read every so often through
 * staging buffers that rotate, so that the step loop never waits for a value.
 */
import type { BufferGroup } from './buffer-group.js';
import type { Device } from './device.js';
import { mapAndCopy, type BufferRange } from './readback.js';

/** What one step leaves: f32 words, in the order of the sources given to `record`. */
export type MetricEntry = Float32Array;

/** A ring of numbers on the GPU that steps append to and that is read now and then. */
export class MetricRing {
  readonly #device: Device;
  readonly #ring: GPUBuffer;
  readonly #staging: GPUBuffer[];
  #recorded = 0;
  #read = 0;
  #reading: Promise<unknown> = Promise.resolve();

  /** The ring's buffers join `buffers`, which frees them. */
  constructor(
    buffers: BufferGroup,
    readonly wordsPerEntry: number,
    readonly capacity = 256,
  ) {
    const byteLength = 4 * wordsPerEntry * capacity;
    this.#device = buffers.device;
    this.#ring = buffers.create('metrics', byteLength, GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST);
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    this.#staging = [0, 1].map((index) => buffers.create(`metrics staging ${index}`, byteLength, usage));
  }

  /** Entries recorded and not yet read. Read before it reaches `capacity`. */
  get pending(): number {
    return this.#recorded - this.#read;
  }

  /** Encodes the copies of one step's entry. */
  record(encoder: GPUCommandEncoder, sources: readonly BufferRange[]): void {
    let byteOffset = 4 * this.wordsPerEntry * (this.#recorded % this.capacity);
    for (const source of sources) {
      encoder.copyBufferToBuffer(source.buffer, source.byteOffset, this.#ring, byteOffset, source.byteLength);
      byteOffset += source.byteLength;
    }
    this.#recorded++;
  }

  /** All entries since the last read, oldest first. Reads are served in order. */
  read(): Promise<MetricEntry[]> {
    const result = this.#reading.then(() => this.#readPending());
    this.#reading = result.catch(() => undefined);
    return result;
  }

  async #readPending(): Promise<MetricEntry[]> {
    const [first, last] = [this.#read, this.#recorded];
    if (first === last) return [];
    this.#read = last;
    const staging = this.#staging[0]!;
    this.#staging.reverse();
    const encoder = this.#device.gpu.createCommandEncoder({ label: 'vae/metrics' });
    encoder.copyBufferToBuffer(this.#ring, 0, staging, 0, staging.size);
    this.#device.gpu.queue.submit([encoder.finish()]);
    const words = new Float32Array(await mapAndCopy(this.#device, staging, staging.size));
    const entries: MetricEntry[] = [];
    for (let index = Math.max(first, last - this.capacity); index < last; index++) {
      const start = this.wordsPerEntry * (index % this.capacity);
      entries.push(words.slice(start, start + this.wordsPerEntry));
    }
    return entries;
  }
}
