/**
 * A WebGPU device, borrowed from the caller or acquired. A borrowed device is never destroyed. Every buffer is
 * labelled, counted in a ledger and allocated inside an out-of-memory error scope.
 */
import type { AdapterClass } from './dispatch.js';
import { DeviceError, OutOfMemoryError, ShaderError } from './errors.js';
import { KernelCache } from './kernel.js';
import { misfit, readTuneTable, tuningOf, type TuneTable, type Tuning } from './tuning.js';

/** Measured kernels for a device. */
export interface TuningOptions {
  /** What `npm run tune` measured on this adapter; a table of another adapter is left unused (`tuningNote` says so). */
  readonly tuning?: TuneTable | undefined;
}

/** Where a device comes from. */
export interface OpenDeviceOptions extends TuningOptions {
  /** Where adapters come from; `navigator.gpu` by default. */
  readonly gpu?: GPU;
  readonly powerPreference?: GPUPowerPreference;
}

const ADVICE =
  'use a browser with WebGPU (Chrome 113+, Safari 26+, Firefox 141+) on https or localhost; in Node use webgpu-vae/node';

/** The limits worth raising above the defaults, to what the adapter offers. */
const RAISED_LIMITS = ['maxBufferSize', 'maxStorageBufferBindingSize'] as const;

/** Timestamps for profiles, subgroups for a faster matmul; asked for where the adapter has them. */
const USEFUL_FEATURES: readonly GPUFeatureName[] = ['timestamp-query', 'subgroups'];

/** Live GPU memory is refused beyond this many bytes unless the caller raises `byteBudget`. */
const DEFAULT_BYTE_BUDGET = 4 * 2 ** 30;

/** A GPUDevice with what this library keeps on it: pipelines, a ledger of buffers, the reason of its loss. */
export class Device {
  readonly kernels: KernelCache;
  readonly adapterClass: AdapterClass;
  /** `nvidia hopper`, `google swiftshader`: what a report calls the adapter. */
  readonly description: string;
  /** The measured choices that plans for this device are made with. */
  readonly tuning: Tuning | undefined;
  /** Why the tuning table that was given is not used. */
  readonly tuningNote: string | undefined;
  /** Resolves with the reason when the device is gone. */
  readonly lost: Promise<string>;
  byteBudget = DEFAULT_BYTE_BUDGET;
  #liveBytes = 0;
  #lostReason: string | undefined;
  #uncaptured: string | undefined;
  readonly #buffers = new Map<GPUBuffer, number>();
  /** Allocations not yet known to have succeeded. */
  #allocations = new Set<Promise<void>>();
  readonly #onUncaptured = (event: Event): void => {
    const { message } = (event as GPUUncapturedErrorEvent).error;
    // on a borrowed device only errors that name something of ours are ours
    if (!this.borrowed || message.includes('vae/')) this.#uncaptured ??= message;
  };

  private constructor(
    readonly gpu: GPUDevice,
    readonly borrowed: boolean,
    info: GPUAdapterInfo | undefined,
    table: TuneTable | undefined,
  ) {
    this.description = describeAdapter(info);
    this.adapterClass = classify(gpu, info);
    this.tuningNote = table && misfit(table, this.description, this.adapterClass);
    this.tuning = table && this.tuningNote === undefined ? tuningOf(table) : undefined;
    this.kernels = new KernelCache(gpu);
    this.lost = gpu.lost.then(({ reason, message }) => (this.#lostReason = `${reason}: ${message}`));
    gpu.addEventListener('uncapturederror', this.#onUncaptured);
  }

  /** Acquires a device of our own. @throws DeviceError with advice when there is no adapter; SpecError for no table */
  static async open(options: OpenDeviceOptions = {}): Promise<Device> {
    const table = options.tuning && readTuneTable(options.tuning);
    const gpu = options.gpu ?? (globalThis.navigator as Navigator | undefined)?.gpu;
    if (!gpu) throw new DeviceError('device', `this environment has no WebGPU; ${ADVICE}`);
    const { powerPreference = 'high-performance' } = options;
    const adapter = (await gpu.requestAdapter({ powerPreference })) ?? (await gpu.requestAdapter());
    if (!adapter) throw new DeviceError('device', `no WebGPU adapter was found; ${ADVICE}`);
    const requiredLimits = Object.fromEntries(RAISED_LIMITS.map((name) => [name, adapter.limits[name]]));
    const requiredFeatures = USEFUL_FEATURES.filter((feature) => adapter.features.has(feature));
    try {
      const device = await adapter.requestDevice({ label: 'vae', requiredLimits, requiredFeatures });
      return new Device(device, false, adapter.info, table);
    } catch (cause) {
      throw new DeviceError('device', `the adapter refused a device: ${String(cause)}; ${ADVICE}`, { cause });
    }
  }

  /** Works on the caller's device, which stays the caller's: it is never destroyed here. @throws SpecError for no table */
  static borrow(device: GPUDevice, { tuning }: TuningOptions = {}): Device {
    return new Device(device, true, device.adapterInfo, tuning && readTuneTable(tuning));
  }

  /** Bytes of the buffers made here that are not yet destroyed. */
  get liveByteLength(): number {
    return this.#liveBytes;
  }

  /**
   * A zero-filled buffer. Allocation failures surface in `settled()`.
   * @throws OutOfMemoryError over the byte budget, DeviceError over the device's limits or after loss
   */
  createBuffer(label: string, byteLength: number, usage: GPUBufferUsageFlags): GPUBuffer {
    this.check();
    const { maxBufferSize } = this.gpu.limits;
    if (byteLength > maxBufferSize)
      throw new DeviceError(
        label,
        `needs a buffer of ${byteLength} bytes; this device allows ${maxBufferSize}; use a smaller batch, a smaller model or less data`,
      );
    if (this.#liveBytes + byteLength > this.byteBudget)
      throw new OutOfMemoryError(
        label,
        `needs ${byteLength} bytes with ${this.#liveBytes} live; the budget is ${this.byteBudget}; use a smaller batch or raise byteBudget`,
      );
    this.gpu.pushErrorScope('out-of-memory');
    const buffer = this.gpu.createBuffer({ label: `vae/${label}`, size: Math.max(16, byteLength), usage });
    const scope = this.gpu.popErrorScope();
    const allocation = scope.then((error) => {
      if (!error) return;
      const live = this.#liveBytes;
      this.destroyBuffer(buffer);
      throw new OutOfMemoryError(
        label,
        `the GPU refused ${byteLength} bytes with ${live} live: ${error.message}; use a smaller batch`,
      );
    });
    this.#allocations.add(allocation);
    // A failure stays for settled() to report; until then Node would take it for unhandled.
    allocation.then(
      () => this.#allocations.delete(allocation),
      () => undefined,
    );
    this.#buffers.set(buffer, buffer.size);
    this.#liveBytes += buffer.size;
    return buffer;
  }

  /** Resolves when all allocations so far have succeeded. @throws OutOfMemoryError for the first that failed */
  async settled(): Promise<void> {
    const allocations = this.#allocations;
    this.#allocations = new Set();
    const results = await Promise.allSettled(allocations);
    const failure = results.find((result) => result.status === 'rejected');
    if (failure) throw failure.reason as Error;
    this.check();
  }

  /** Frees a buffer that was made here; another is left alone. */
  destroyBuffer(buffer: GPUBuffer): void {
    const size = this.#buffers.get(buffer);
    if (size === undefined) return;
    this.#buffers.delete(buffer);
    this.#liveBytes -= size;
    buffer.destroy();
  }

  /** @throws DeviceError when the device is lost; ShaderError for a WebGPU error that nothing caught. */
  check(): void {
    if (this.#lostReason !== undefined)
      throw new DeviceError(
        'device',
        `the GPU device is lost (${this.#lostReason}); open a new one and load the last checkpoint`,
      );
    if (this.#uncaptured !== undefined)
      throw new ShaderError('device', `uncaptured WebGPU error: ${this.#uncaptured}`);
  }

  /** Frees every buffer made here; destroys the device itself only if it is ours. */
  destroy(): void {
    for (const buffer of this.#buffers.keys()) this.destroyBuffer(buffer);
    this.gpu.removeEventListener('uncapturederror', this.#onUncaptured);
    if (!this.borrowed) this.gpu.destroy();
  }
}

function describeAdapter(info: GPUAdapterInfo | undefined): string {
  const words = [info?.vendor, info?.architecture, info?.description].filter((word) => word);
  return words.join(' ') || 'unnamed adapter';
}

/** CPU implementations of Vulkan run barriers as fibers and have no latency to hide. */
function classify(gpu: GPUDevice, info: GPUAdapterInfo | undefined): AdapterClass {
  const software =
    info?.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe/i.test(describeAdapter(info));
  if (!software) return 'gpu';
  return gpu.features.has('subgroups') ? 'software-subgroups' : 'software';
}
