/**
 * Makes one GPU call fail, to show that every failure is reported and leaves nothing behind. What a real device
 * does is imitated down to the invalid buffer that WebGPU returns for an allocation it refused.
 */
import type { Device } from '../src/gpu/device.js';
import { DeviceError, OutOfMemoryError, ShaderError } from '../src/gpu/errors.js';

export interface Fault {
  /** Whether the call that was to fail has come. */
  readonly hasFailed: boolean;
  /** Lets every later call through. */
  stop(): void;
}

/** What can fail, and the error that must come of it. */
export const faultKinds = {
  'the budget refuses an allocation': OutOfMemoryError,
  'the GPU refuses an allocation': OutOfMemoryError,
  'a pipeline is refused': ShaderError,
  'a read-back is refused': DeviceError,
} as const;

export type FaultKind = keyof typeof faultKinds;

type IsNth = () => boolean;

/** Makes the nth call (1, 2, ...) of a kind on `device` fail. */
export function injectFault(device: Device, kind: FaultKind, nth: number): Fault {
  let calls = 0;
  let isStopped = false;
  const stops = injectors[kind](device, () => !isStopped && ++calls === nth);
  return {
    get hasFailed() {
      return calls >= nth;
    },
    stop() {
      isStopped = true;
      stops();
    },
  };
}

const injectors: Record<FaultKind, (device: Device, isNth: IsNth) => () => void> = {
  'the budget refuses an allocation': (device, isNth) => {
    const get = (): number => (isNth() ? 0 : Number.POSITIVE_INFINITY); // read once an allocation
    Object.defineProperty(device, 'byteBudget', { get, configurable: true });
    return () => undefined;
  },
  'the GPU refuses an allocation': ({ gpu }, isNth) => {
    const createBuffer = gpu.createBuffer.bind(gpu);
    const popErrorScope = gpu.popErrorScope.bind(gpu);
    let isRefused = false;
    const undo = [
      override(gpu, 'createBuffer', (descriptor) => {
        isRefused = isNth();
        if (!isRefused) return createBuffer(descriptor);
        // An impossible usage gives an invalid buffer; its own error is taken away.
        gpu.pushErrorScope('validation');
        const invalid = createBuffer({
          ...descriptor,
          usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.MAP_WRITE,
        });
        void popErrorScope();
        return invalid;
      }),
      override(gpu, 'popErrorScope', async () => {
        const failed = isRefused;
        isRefused = false;
        const error = await popErrorScope();
        return failed ? { message: 'injected' } : error;
      }),
    ];
    return () => undo.forEach((call) => call());
  },
  'a pipeline is refused': ({ gpu }, isNth) => {
    const create = gpu.createComputePipelineAsync.bind(gpu);
    return override(gpu, 'createComputePipelineAsync', (descriptor) =>
      isNth() ? Promise.reject(new Error('injected')) : create(descriptor),
    );
  },
  'a read-back is refused': ({ gpu }, isNth) => {
    const createBuffer = gpu.createBuffer.bind(gpu);
    return override(gpu, 'createBuffer', (descriptor) => {
      const buffer = createBuffer(descriptor);
      const mapAsync = buffer.mapAsync.bind(buffer);
      override(buffer, 'mapAsync', (...range) => (isNth() ? refuseMapping() : mapAsync(...range)));
      return buffer;
    });
  },
};

function refuseMapping(): Promise<undefined> {
  return Promise.reject(new DOMException('injected', 'AbortError'));
}

/** Puts an own method over the prototype's; the result takes it away again. */
function override<T extends object, M extends keyof T>(target: T, name: M, value: T[M]): () => void {
  Object.defineProperty(target, name, { value, configurable: true });
  return () => void Reflect.deleteProperty(target, name);
}
