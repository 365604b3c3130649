/** A data set on the GPU: bytes stay bytes, four to a word. */
import type { Device } from '../../gpu/device.js';
import { alignUp, elementCount } from '../../gpu/shape.js';
import type { Dataset } from './dataset.js';

export interface ResidentDataset {
  readonly buffer: GPUBuffer;
  readonly rows: number;
  readonly width: number;
  readonly format: 'bytes' | 'floats';
}

/** Uploads `data`; the caller destroys the buffer. @throws DeviceError or OutOfMemoryError when it does not fit */
export function uploadDataset(device: Device, data: Dataset): ResidentDataset {
  const { values } = data;
  const byteLength = alignUp(values.byteLength, 4);
  const buffer = device.createBuffer('dataset', byteLength, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST);
  const bytes = new Uint8Array(
    values.buffer,
    values.byteOffset,
    values.byteLength,
  ) as Uint8Array<ArrayBuffer>;
  const whole = bytes.byteLength - (bytes.byteLength % 4);
  device.gpu.queue.writeBuffer(buffer, 0, bytes, 0, whole);
  if (whole < bytes.byteLength) {
    const tail = new Uint8Array(4);
    tail.set(bytes.subarray(whole));
    device.gpu.queue.writeBuffer(buffer, whole, tail);
  }
  return {
    buffer,
    rows: data.rows,
    width: elementCount(data.shape),
    format: values instanceof Float32Array ? 'floats' : 'bytes',
  };
}
