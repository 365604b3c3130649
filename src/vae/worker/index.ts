/**
 * The same models with the work in a Web Worker, so that the page stays free: training, inference and drawing happen there,
 * plain data goes back and forth.
 */
import { DeviceError } from '../../gpu/errors.js';
import type { VaeSpec } from '../spec.js';
import { Channel } from './channel.js';
import type { WorkerDeviceOptions } from './protocol.js';
import { WorkerVae } from './worker-vae.js';

export * from '../../gpu/errors.js';
export type { SentPicture, WorkerDeviceOptions } from './protocol.js';
export type { Transfer } from './transfer.js';
export { WorkerTrainer } from './worker-trainer.js';
export { WorkerCanvas, WorkerVae, type WorkerTrainOptions } from './worker-vae.js';

/** How the worker is made and what device it opens. */
export interface OpenWorkerOptions extends WorkerDeviceOptions {
  /** A worker of the caller's that runs `webgpu-vae/worker-main`; by default one is made from the file beside this one. */
  readonly worker?: Worker;
}

const ADVICE =
  'serve worker-main.js beside worker.js and allow it in worker-src, or pass { worker } that imports webgpu-vae/worker-main';

/** A worker with a device of its own, and the models in it. */
export class GpuWorker {
  readonly #channel: Channel;

  /** Made by `openWorker`. */
  constructor(
    channel: Channel,
    /** What a report calls its adapter. */
    readonly description: string,
  ) {
    this.#channel = channel;
  }

  /** Resolves with the reason when the worker's device is gone; calls then throw DeviceError. */
  get lost(): Promise<string> {
    return this.#channel.lost;
  }

  /** A model with fresh weights. @throws as Vae.create */
  async create(spec: VaeSpec, { seed = 0 }: { readonly seed?: number } = {}): Promise<WorkerVae> {
    return new WorkerVae(this.#channel, await this.#channel.call('create', { spec, seed }));
  }

  /** A model from `save()`'s bytes. @throws as Vae.load */
  async load(bytes: Uint8Array): Promise<WorkerVae> {
    return new WorkerVae(this.#channel, await this.#channel.call('load', { bytes }));
  }

  /** Ends the worker at once with all its models; calls that wait, and later ones, throw DeviceError. */
  terminate(): void {
    this.#channel.worker.terminate();
    this.#channel.end(
      new DeviceError('worker', 'it was terminated; open another and load the last checkpoint'),
    );
  }
}

/**
 * Starts a worker and opens its device.
 * @throws DeviceError where there are no workers (Node), where its module does not load, or where it has no WebGPU
 */
export async function openWorker({ worker: given, ...options }: OpenWorkerOptions = {}): Promise<GpuWorker> {
  if (!given && typeof Worker === 'undefined')
    throw new DeviceError(
      'worker',
      'this environment has no Web Worker; in Node use Vae with openNodeGpu() of webgpu-vae/node, where Dawn computes beside the main thread',
    );
  const worker = given ?? new Worker(new URL('./worker-main.js', import.meta.url), { type: 'module' });
  const channel = new Channel(worker);
  const failed = (event: ErrorEvent): void =>
    channel.end(
      new DeviceError('worker', `it did not start: ${event.message || 'its module did not load'}; ${ADVICE}`),
    );
  worker.addEventListener('error', failed);
  try {
    return new GpuWorker(channel, await channel.call('open', options));
  } catch (error) {
    if (!given) worker.terminate();
    throw error;
  } finally {
    worker.removeEventListener('error', failed); // later ones are those of the caller's own code
  }
}
