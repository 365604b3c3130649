/**
 * The roof over a dispatch (Williams, Waterman and Patterson 2009): no kernel is faster than its arithmetic at the
 * adapter's multiply-add ceiling, nor than its compulsory traffic at the memory's bandwidth. Both are measured when
 * asked for, by kernels that do nothing else (shaders/probes), because clocks and neighbours change.
 */
import { BufferGroup } from '../../gpu/buffer-group.js';
import type { Device } from '../../gpu/device.js';
import type { Cost } from '../../gpu/graph.js';
import { timePasses } from '../../gpu/timestamps.js';
import { probes } from '../probes.generated.js';
import { formatQuantity } from './format.js';

export interface Roof {
  readonly flopPerSecond: number;
  /** Read and written. */
  readonly bytePerSecond: number;
}

/** Which of the two a dispatch meets first, and the time it would take there. */
export interface RoofTime {
  readonly bound: 'arithmetic' | 'memory';
  readonly timeMs: number;
}

const STORAGE = 0x80; // GPUBufferUsage.STORAGE; the global may be missing until a device exists
const COPY_DST = 0x08;
const UNIFORM = 0x40;

/** Enough invocations to fill a large GPU. */
const WORKGROUPS = 2048;
const INVOCATIONS = 64;
/** Of the ceiling kernel: 8 x 4 multiply-adds an invocation and turn. */
const FLOP_PER_TURN = 64;
const FIRST_TURNS = 16;
const MOST_TURNS = 2 ** 22;
/** A run this long is measured well by any clock. */
const TARGET_TIME_MS = 20;
/** Larger than any cache of a CPU or GPU that the copy could hide in, within the default binding limit. */
const COPY_BYTES = 64 * 2 ** 20;
/** The fastest counts: a roof is what was reached once. */
const RUNS = 5;

/** @throws DeviceError without timestamp queries, OutOfMemoryError without room for the copy (128 MiB) */
export async function measureRoof(device: Device): Promise<Roof> {
  const buffers = new BufferGroup(device, 'probe');
  try {
    return {
      flopPerSecond: await measureArithmetic(device, buffers),
      bytePerSecond: await measureMemory(device, buffers),
    };
  } finally {
    buffers.destroy();
  }
}

async function measureArithmetic(device: Device, buffers: BufferGroup): Promise<number> {
  const turns = buffers.create('turns', 16, UNIFORM | COPY_DST);
  const output = buffers.create('output', 4 * WORKGROUPS * INVOCATIONS, STORAGE);
  await buffers.settled();
  const run = await prepare(device, probes.ceiling, [turns, output]);
  for (let count = FIRST_TURNS; ; count *= 2) {
    device.gpu.queue.writeBuffer(turns, 0, new Uint32Array([count]));
    const [timeMs = 0] = await run(1);
    if (timeMs < TARGET_TIME_MS && count < MOST_TURNS) continue;
    const fastestMs = Math.min(...(await run(RUNS)));
    return (1000 * FLOP_PER_TURN * count * WORKGROUPS * INVOCATIONS) / fastestMs;
  }
}

async function measureMemory(device: Device, buffers: BufferGroup): Promise<number> {
  const [from, to] = ['from', 'to'].map((name) => buffers.create(name, COPY_BYTES, STORAGE));
  await buffers.settled();
  const run = await prepare(device, probes.copy, [from!, to!]);
  await run(1); // the first touch of memory is slow
  return (2 * 1000 * COPY_BYTES) / Math.min(...(await run(RUNS)));
}

/** Compiles a probe (entry point `main`) for its buffers, in binding order. */
async function prepare(
  device: Device,
  code: string,
  buffers: readonly GPUBuffer[],
): Promise<(count: number) => Promise<number[]>> {
  const { gpu } = device;
  const module = gpu.createShaderModule({ label: 'vae/probe', code });
  const pipeline = await gpu.createComputePipelineAsync({
    label: 'vae/probe',
    layout: 'auto',
    compute: { module },
  });
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const layout = pipeline.getBindGroupLayout(0);
  const bindGroup = gpu.createBindGroup({ label: 'vae/probe', layout, entries });
  return (count) =>
    timePasses(device, count, (pass) => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(WORKGROUPS);
    });
}

/** The time of a dispatch that reaches the roof. */
export function roofTime({ flops, bytesRead, bytesWritten }: Cost, roof: Roof): RoofTime {
  const arithmeticMs = (1000 * flops) / roof.flopPerSecond;
  const memoryMs = (1000 * (bytesRead + bytesWritten)) / roof.bytePerSecond;
  return arithmeticMs >= memoryMs
    ? { bound: 'arithmetic', timeMs: arithmeticMs }
    : { bound: 'memory', timeMs: memoryMs };
}

/** `6.21 GFLOP/s of multiply-adds, 9.13 GB/s of memory` */
export function describeRoof({ flopPerSecond, bytePerSecond }: Roof): string {
  return `${formatQuantity(flopPerSecond, 'FLOP/s')} of multiply-adds, ${formatQuantity(bytePerSecond, 'B/s')} of memory`;
}
