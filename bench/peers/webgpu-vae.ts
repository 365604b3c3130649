/** This library, as its users get it: products through the low-level entry, training through the model's plan. */
import { Device, Executable, input, makePlan, matmul, Scheduler } from 'webgpu-vae/gpu';
import { denseSpec, Vae, writeSafetensors, type TensorToWrite, type Trainer, type VaeSpec } from 'webgpu-vae';
import type { Peer, Work } from '../peer.js';
import { type DenseStepTask, type LayerName, type MatmulTask, type Task, type Weights } from '../task.js';
import { batchOf, type Tensor } from '../tensor.js';
import { DENSE } from '../workloads.js';
import { createConvTraining, createDecoder, type ConvVariant } from './webgpu-vae-conv.js';
import { createConvLayer } from './webgpu-vae-layer.js';

/** Multiplies with one plan; the inputs are written once. */
class Product {
  readonly #scheduler: Scheduler;
  readonly #executable: Executable;

  private constructor(device: Device, executable: Executable) {
    this.#scheduler = new Scheduler(device);
    this.#executable = executable;
  }

  static async create(device: Device, { left, right }: MatmulTask): Promise<Product> {
    const product = matmul(input('left', left.shape), input('right', right.shape));
    const plan = makePlan({ label: 'bench', outputs: { product } }, device.adapterClass);
    const executable = await Executable.create(device, plan);
    executable.write('left', left.values);
    executable.write('right', right.values);
    return new Product(device, executable);
  }

  async step(_i: number, sync: boolean): Promise<undefined> {
    await this.#scheduler.run(this.#executable, {});
    if (sync) await this.#scheduler.idle();
    return undefined;
  }

  async result(): Promise<readonly Float32Array[]> {
    return [await this.#executable.read('product')];
  }
}

/** PyTorch's names of the bench's weights, as a checkpoint holds them. */
const FILE_NAMES: Record<LayerName, string> = {
  encoder: 'encoder.0',
  mean: 'mean',
  logVariance: 'log_variance',
  decoder: 'decoder.0',
  output: 'decoder.2',
};

/** The training step through the public Trainer, batches and noise fed by the caller. */
class Training {
  readonly #trainer: Trainer;
  readonly #task: DenseStepTask;

  private constructor(trainer: Trainer, task: DenseStepTask) {
    this.#trainer = trainer;
    this.#task = task;
  }

  static async create(device: Device, task: DenseStepTask): Promise<Training> {
    const spec = denseSpec({ input: [DENSE.pixels], hidden: DENSE.hidden, latent: DENSE.latent });
    const vae = await Vae.load(await checkpoint(task.weights, spec), { device });
    const trainer = await vae.trainer(undefined, { batchSize: DENSE.batchSize, learningRate: 1e-3 });
    return new Training(trainer, task);
  }

  async step(i: number, sync: boolean): Promise<number | undefined> {
    await this.#trainer.step({
      x: batchOf(this.#task.x, i, DENSE.batchSize),
      noise: batchOf(this.#task.noise, i, DENSE.batchSize),
    });
    if (!sync && this.#trainer.pendingTerms < 200) return undefined;
    const last = (await this.#trainer.terms()).at(-1);
    return sync && last ? -last.elbo : undefined;
  }
}

/** The initial weights as one of our files. */
function checkpoint(weights: Weights<Tensor>, spec: VaeSpec): Promise<Uint8Array> {
  const named = Object.entries(weights).map(([name, { shape, values }]): [string, TensorToWrite] => {
    const [layer, kind] = name.split('.') as [LayerName, string];
    return [`${FILE_NAMES[layer]}.${kind}`, { shape, values }];
  });
  return writeSafetensors(new Map(named), { format: 'webgpu-vae 1', spec: JSON.stringify(spec) });
}

/** This library at one of its ways to do a task. */
class WebGpuVae implements Peer {
  readonly #variant: ConvVariant;
  #work!: Work;

  constructor(variant: ConvVariant) {
    this.#variant = variant;
  }

  get flop(): number | undefined {
    return this.#work.flop;
  }

  async setup(task: Task): Promise<void> {
    this.#work = await createWork(await Device.open(), task, this.#variant);
  }

  step(i: number, sync: boolean): Promise<number | undefined> {
    return this.#work.step(i, sync);
  }

  async result(): Promise<readonly Float32Array[]> {
    return this.#work.result?.() ?? [];
  }
}

function createWork(device: Device, task: Task, variant: ConvVariant): Promise<Work> {
  switch (task.kind) {
    case 'matmul':
      return Product.create(device, task);
    case 'dense-step':
      return Training.create(device, task);
    case 'conv-step':
      return createConvTraining(device, task, variant);
    case 'decode-one':
      return createDecoder(device, task);
    default:
      return createConvLayer(device, task);
  }
}

/** @param variant by reshape, or with another batch size; the peers' function at their batch size by default */
export const createPeer = (variant: ConvVariant = {}): Peer => new WebGpuVae(variant);
