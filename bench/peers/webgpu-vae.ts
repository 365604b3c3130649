/** This library, as its users get it: products through the low-level entry, training through the model's plan. */
import { Device, Executable, input, makePlan, matmul, Scheduler } from 'webgpu-vae/gpu';
import { unsupported, type Peer } from '../peer.js';
import type { MatmulTask, Task } from '../task.js';

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

class WebGpuVae implements Peer {
  #device!: Device;
  #work!: Product;

  async setup(task: Task): Promise<void> {
    if (task.kind !== 'matmul') throw unsupported('webgpu-vae', task);
    this.#device = await Device.open();
    this.#work = await Product.create(this.#device, task);
  }

  step(i: number, sync: boolean): Promise<number | undefined> {
    return this.#work.step(i, sync);
  }

  result(): Promise<Float32Array> {
    return this.#work.result();
  }
}

export const createPeer = (): Peer => new WebGpuVae();
