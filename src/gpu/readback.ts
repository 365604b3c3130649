/** Reading GPU buffers back. Only a read-back proves that work happened, so every failure here throws. */
import { BufferGroup } from './buffer-group.js';
import type { Device } from './device.js';
import { DeviceError } from './errors.js';

/** A part of a buffer that has COPY_SRC; offset and length are multiples of 4. */
export interface BufferRange {
  readonly buffer: GPUBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/**
 * Records copies of all ranges at one point of the queue and resolves when they are submitted: work that is submitted
 * later does not show in them. What it gives waits for the bytes, and must be called.
 * @throws DeviceError when the device is lost; OutOfMemoryError when there is no room for the copies
 */
export async function snapshot(
  device: Device,
  ranges: readonly BufferRange[],
): Promise<() => Promise<ArrayBuffer[]>> {
  device.check();
  const buffers = new BufferGroup(device, 'readback');
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const copies = ranges.map(({ byteLength }, index) => buffers.create(`${index}`, byteLength, usage));
  await buffers.settled();
  const encoder = device.gpu.createCommandEncoder({ label: 'vae/readback' });
  ranges.forEach(({ buffer, byteOffset, byteLength }, index) =>
    encoder.copyBufferToBuffer(buffer, byteOffset, copies[index]!, 0, byteLength),
  );
  device.gpu.queue.submit([encoder.finish()]);
  return async () => {
    try {
      return await Promise.all(
        copies.map((copy, index) => mapAndCopy(device, copy, ranges[index]!.byteLength)),
      );
    } finally {
      buffers.destroy();
    }
  };
}

/**
 * A copy of `byteLength` bytes of `buffer` (which needs COPY_SRC).
 * @throws DeviceError when the device is lost; OutOfMemoryError when there is no room for the copy
 */
export async function readBuffer(
  device: Device,
  buffer: GPUBuffer,
  byteOffset: number,
  byteLength: number,
): Promise<ArrayBuffer> {
  const read = await snapshot(device, [{ buffer, byteOffset, byteLength }]);
  return (await read())[0]!;
}

/** The contents of a MAP_READ buffer. @throws DeviceError when mapping fails; never returns made-up zeros */
export async function mapAndCopy(
  device: Device,
  staging: GPUBuffer,
  byteLength: number,
): Promise<ArrayBuffer> {
  try {
    await staging.mapAsync(GPUMapMode.READ, 0, byteLength);
  } catch (cause) {
    device.check();
    throw new DeviceError(staging.label, `reading back ${byteLength} bytes failed: ${String(cause)}`, {
      cause,
    });
  }
  const copy = staging.getMappedRange(0, byteLength).slice(0);
  staging.unmap();
  return copy;
}
