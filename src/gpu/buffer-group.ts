/**
 * Buffers that are made together and freed together. When one of them cannot be made, the group frees the
 * others, so that a failure leaves nothing allocated.
 */
import type { Device } from './device.js';

export class BufferGroup {
  readonly #buffers: GPUBuffer[] = [];

  constructor(
    readonly device: Device,
    readonly label: string,
  ) {}

  /** A zero-filled buffer `label/name`. @throws as Device.createBuffer, after freeing the group */
  create(name: string, byteLength: number, usage: GPUBufferUsageFlags): GPUBuffer {
    try {
      const buffer = this.device.createBuffer(`${this.label}/${name}`, byteLength, usage);
      this.#buffers.push(buffer);
      return buffer;
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  /** Waits until the GPU has accepted all buffers; only then may they be written. Frees the group otherwise. */
  async settled(): Promise<void> {
    try {
      await this.device.settled();
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  /** Frees all of them. */
  destroy(): void {
    for (const buffer of this.#buffers.splice(0)) this.device.destroyBuffer(buffer);
  }
}
