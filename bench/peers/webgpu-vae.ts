/** This library, as its users get it: products through the low-level entry, training through the model's plan. */
import { Device, Executable, input, makePlan, matmul, Scheduler } from 'webgpu-vae/gpu';
import {
  denseSpec,
  SpecError,
  Vae,
  writeSafetensors,
  type TensorToWrite,
  type Trainer,
  type VaeSpec,
} from 'webgpu-vae';
import type { Peer } from '../peer.js';
import {
  batchOf,
  type DenseStepTask,
  type LayerName,
  type MatmulTask,
  type Task,
  type Tensor,
  type Weights,
} from '../task.js';
import { DENSE } from '../workloads.js';

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

  result(): Promise<Float32Array> {
    return this.#executable.read('product');
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
    await this.#trainer.step({ x: batchOf(this.#task.x, i), noise: batchOf(this.#task.noise, i) });
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

class WebGpuVae implements Peer {
  #device!: Device;
  #work!: Product | Training;

  async setup(task: Task): Promise<void> {
    this.#device = await Device.open();
    this.#work =
      task.kind === 'matmul'
        ? await Product.create(this.#device, task)
        : await Training.create(this.#device, task);
  }

  step(i: number, sync: boolean): Promise<number | undefined> {
    return this.#work.step(i, sync);
  }

  async result(): Promise<Float32Array> {
    if (!(this.#work instanceof Product)) throw unsupportedResult();
    return this.#work.result();
  }
}

function unsupportedResult(): Error {
  return new SpecError('bench', 'a training step has no product; read its loss instead');
}

export const createPeer = (): Peer => new WebGpuVae();
