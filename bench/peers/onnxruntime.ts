/** onnxruntime-web with its WebGPU backend, which only infers: it decodes one latent. */
import { DeviceError } from '../../src/gpu/errors.js';
import { decoderModel } from '../onnx.js';
import { unsupported, type Peer } from '../peer.js';
import type { Task } from '../task.js';
import type { DecodeTask } from '../conv-task.js';

/** What is used of the runtime, which is served beside the page and has no types here. */
interface OnnxValue {
  readonly data: Float32Array;
}
interface OnnxRuntime {
  readonly env: { logLevel: string; readonly wasm: { wasmPaths: string; numThreads: number } };
  readonly InferenceSession: {
    create(model: Uint8Array, options: { executionProviders: string[] }): Promise<OnnxSession>;
  };
  readonly Tensor: new (type: 'float32', values: Float32Array, shape: number[]) => OnnxValue;
}
interface OnnxSession {
  run(feeds: Record<string, OnnxValue>): Promise<Record<string, OnnxValue>>;
}

const FOLDER = new URL('onnxruntime/', document.baseURI).href;

class Onnxruntime implements Peer {
  #runtime!: OnnxRuntime;
  #session!: OnnxSession;
  #task!: DecodeTask;
  #last = new Float32Array();

  async setup(task: Task): Promise<void> {
    if (task.kind !== 'decode-one') throw unsupported('onnxruntime', task);
    this.#task = task;
    const url = `${FOLDER}ort.webgpu.min.mjs`;
    this.#runtime = (await import(/* @vite-ignore */ url)) as OnnxRuntime;
    const { env, InferenceSession } = this.#runtime;
    env.logLevel = 'error';
    env.wasm.wasmPaths = FOLDER;
    env.wasm.numThreads = 1;
    this.#session = await InferenceSession.create(decoderModel(task), { executionProviders: ['webgpu'] });
  }

  async step(): Promise<undefined> {
    const { z } = this.#task;
    const feed = new this.#runtime.Tensor('float32', z.values.slice(), [...z.shape]);
    const { y } = await this.#session.run({ z: feed });
    if (!y) throw new DeviceError('bench', 'onnxruntime gave no output y; the model has one');
    this.#last = Float32Array.from(y.data);
    return undefined;
  }

  async result(): Promise<readonly Float32Array[]> {
    return [this.#last];
  }
}

export const createPeer = (): Peer => new Onnxruntime();
