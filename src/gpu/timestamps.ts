/** Times of compute passes: by the GPU's own clock, a timestamp before and one behind each, or by the wall clock. */
import type { Device } from './device.js';
import { DeviceError } from './errors.js';
import { mapAndCopy } from './readback.js';

/**
 * Submits `count` passes that `encode` fills, then what `after` encodes; resolves with the milliseconds of each pass.
 * @throws DeviceError when the device lacks the feature `timestamp-query`
 */
export async function timePasses(
  device: Device,
  count: number,
  encode: (pass: GPUComputePassEncoder, index: number) => void,
  after?: (encoder: GPUCommandEncoder) => void,
): Promise<number[]> {
  const { gpu } = device;
  if (!gpu.features.has('timestamp-query'))
    throw new DeviceError(
      'profile',
      'this device has no timestamp queries; request the feature when creating it',
    );
  const querySet = gpu.createQuerySet({ label: 'vae/profile', type: 'timestamp', count: 2 * count });
  const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
  const resolved = device.createBuffer('profile', 16 * count, usage);
  const staging = device.createBuffer(
    'profile staging',
    16 * count,
    GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  );
  try {
    const encoder = gpu.createCommandEncoder({ label: 'vae/profile' });
    for (let index = 0; index < count; index++) {
      const timestampWrites = {
        querySet,
        beginningOfPassWriteIndex: 2 * index,
        endOfPassWriteIndex: 2 * index + 1,
      };
      const pass = encoder.beginComputePass({ label: 'vae/profile', timestampWrites });
      encode(pass, index);
      pass.end();
    }
    after?.(encoder);
    encoder.resolveQuerySet(querySet, 0, 2 * count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16 * count);
    gpu.queue.submit([encoder.finish()]);
    const times = new BigUint64Array(await mapAndCopy(device, staging, 16 * count));
    return Array.from({ length: count }, (_, i) => Number(times[2 * i + 1]! - times[2 * i]!) / 1e6);
  } finally {
    querySet.destroy();
    device.destroyBuffer(resolved);
    device.destroyBuffer(staging);
  }
}

/** The same of one pass by the wall clock, for devices without timestamps: submit and wait are in it. */
export async function clockPass(
  device: Device,
  encode: (pass: GPUComputePassEncoder) => void,
): Promise<number> {
  const encoder = device.gpu.createCommandEncoder({ label: 'vae/clock' });
  const pass = encoder.beginComputePass({ label: 'vae/clock' });
  encode(pass);
  pass.end();
  const start = performance.now();
  device.gpu.queue.submit([encoder.finish()]);
  await device.gpu.queue.onSubmittedWorkDone();
  device.check();
  return performance.now() - start;
}
