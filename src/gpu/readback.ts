/** Reading GPU buffers back. Only a read-back proves that work happened, so every failure here throws. */
import type { Device } from './device.js';
import { DeviceError } from './errors.js';

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
  device.check();
  const size = Math.max(4, byteLength);
  const staging = device.createBuffer('readback', size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  try {
    await device.settled();
    const encoder = device.gpu.createCommandEncoder({ label: 'vae/readback' });
    encoder.copyBufferToBuffer(buffer, byteOffset, staging, 0, size);
    device.gpu.queue.submit([encoder.finish()]);
    return await mapAndCopy(device, staging, size);
  } finally {
    device.destroyBuffer(staging);
  }
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
