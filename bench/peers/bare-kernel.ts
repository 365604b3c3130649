/**
 * One WGSL kernel on a device of its own, with nothing of any library around it: the naive product
 * and the ceiling are measured with it. Bindings are numbered in the order of the buffers given.
 */
import { DeviceError } from '../../src/gpu/errors.js';

/** A compiled kernel with its bind group; `run` submits one dispatch. */
export class BareKernel {
  readonly #device: GPUDevice;
  readonly #pipeline: GPUComputePipeline;
  readonly #bindGroup: GPUBindGroup;

  private constructor(device: GPUDevice, pipeline: GPUComputePipeline, buffers: readonly GPUBuffer[]) {
    this.#device = device;
    this.#pipeline = pipeline;
    this.#bindGroup = device.createBindGroup({
      label: 'bench/bare',
      layout: pipeline.getBindGroupLayout(0),
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
  }

  /** Compiles `code` (entry point `main`) for the buffers, in binding order. */
  static async create(device: GPUDevice, code: string, buffers: readonly GPUBuffer[]): Promise<BareKernel> {
    const module = device.createShaderModule({ label: 'bench/bare', code });
    const pipeline = await device.createComputePipelineAsync({
      label: 'bench/bare',
      layout: 'auto',
      compute: { module },
    });
    return new BareKernel(device, pipeline, buffers);
  }

  /** Dispatches x * y workgroups in a submit of its own; with `sync`, waits for the GPU. */
  async run(x: number, y: number, sync: boolean): Promise<void> {
    const encoder = this.#device.createCommandEncoder({ label: 'bench/bare' });
    const pass = encoder.beginComputePass({ label: 'bench/bare' });
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, this.#bindGroup);
    pass.dispatchWorkgroups(x, y);
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
    if (sync) await this.#device.queue.onSubmittedWorkDone();
  }
}

/** A device with the default limits; throws without an adapter. */
export async function requestBareDevice(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter)
    throw new DeviceError('bench', 'no WebGPU adapter; one is needed; start with --adapter swiftshader');
  return adapter.requestDevice({ label: 'bench/bare' });
}

/** A buffer that holds `values`. */
export function uploadBuffer(
  device: GPUDevice,
  values: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
  usage: GPUBufferUsageFlags,
): GPUBuffer {
  const size = Math.max(16, values.byteLength);
  const buffer = device.createBuffer({ label: 'bench/input', size, usage: usage | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(buffer, 0, values);
  return buffer;
}

/** Copies a buffer of f32 back to JavaScript. */
export async function downloadBuffer(device: GPUDevice, source: GPUBuffer): Promise<Float32Array> {
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
  const staging = device.createBuffer({ label: 'bench/staging', size: source.size, usage });
  const encoder = device.createCommandEncoder({ label: 'bench/download' });
  encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const values = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return values;
}
