/**
 * Sees what a peer does with WebGPU by wrapping its prototypes, so that every peer is counted the same way
 * and none has to cooperate. Must run before a peer is loaded, since a library may keep a method.
 */
import { DeviceError } from '../../src/gpu/errors.js';

/** GPU calls of one step. */
export interface Calls {
  readonly dispatches: number;
  readonly submits: number;
}

const total = { dispatches: 0, submits: 0 };
const adapters = new Set<string>();

function watch<T extends object>(prototype: T, method: keyof T & string, seen: (self: T) => void): void {
  const original: unknown = Reflect.get<object, string>(prototype, method);
  if (typeof original !== 'function') {
    throw new DeviceError(
      'bench',
      `this browser has no ${method}; its calls are counted; use a browser with WebGPU`,
    );
  }
  const watched = function (this: T, ...args: unknown[]): unknown {
    seen(this);
    return Reflect.apply(original, this, args);
  };
  Object.defineProperty(prototype, method, { value: watched, configurable: true, writable: true });
}

/** Starts watching this page, once. */
export function watchWebGpu(): void {
  watch(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', () => total.dispatches++);
  watch(GPUComputePassEncoder.prototype, 'dispatchWorkgroupsIndirect', () => total.dispatches++);
  watch(GPUQueue.prototype, 'submit', () => total.submits++);
  watch(GPUAdapter.prototype, 'requestDevice', (adapter) => adapters.add(describe(adapter.info)));
}

function describe({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  return [vendor, architecture, device, description].filter((part) => part !== '').join(' ');
}

/** Runs `work` and returns the calls it made. */
export async function callsOf(work: () => Promise<void>): Promise<Calls> {
  const before = { ...total };
  await work();
  return { dispatches: total.dispatches - before.dispatches, submits: total.submits - before.submits };
}

/** The adapter that the peer took its device from; throws when it took none, for then it ran elsewhere. */
export function adapterInUse(): string {
  if (adapters.size === 0) {
    throw new DeviceError(
      'bench',
      'the peer took no WebGPU device; it must run on WebGPU; try --adapter swiftshader',
    );
  }
  return [...adapters].join(' and ');
}
