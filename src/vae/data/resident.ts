/** A data set on the GPU: bytes stay bytes, four to a word. */
import type { BufferGroup } from '../../gpu/buffer-group.js';
import { alignUp, elementCount } from '../../gpu/shape.js';
import { bytesOf, type Dataset } from './dataset.js';

export interface ResidentDataset {
  readonly buffer: GPUBuffer;
  readonly rows: number;
  readonly width: number;
  readonly format: 'bytes' | 'floats';
}

/** Uploads `data` into a buffer of `buffers` with a name. @throws DeviceError or OutOfMemoryError when it does not fit */
export async function uploadDataset(
  buffers: BufferGroup,
  data: Dataset,
  name = 'dataset',
): Promise<ResidentDataset> {
  const { values } = data;
  const { queue } = buffers.device.gpu;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const buffer = buffers.create(name, alignUp(values.byteLength, 4), usage);
  await buffers.settled();
  const bytes = bytesOf(values);
  const whole = bytes.byteLength - (bytes.byteLength % 4);
  queue.writeBuffer(buffer, 0, bytes, 0, whole);
  if (whole < bytes.byteLength) {
    const tail = new Uint8Array(4);
    tail.set(bytes.subarray(whole));
    queue.writeBuffer(buffer, whole, tail);
  }
  return {
    buffer,
    rows: data.rows,
    width: elementCount(data.shape),
    format: values instanceof Float32Array ? 'floats' : 'bytes',
  };
}
