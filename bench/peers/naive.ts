/** The floor of the products: what a first kernel, written in ten minutes, reaches. */
import code from '../naive-matmul.wgsl?raw';
import { unsupported, type Peer } from '../peer.js';
import type { Task } from '../task.js';
import { BareKernel, downloadBuffer, requestBareDevice, uploadBuffer } from './bare-kernel.js';

const WORKGROUP_SIDE = 8;

class Naive implements Peer {
  #device!: GPUDevice;
  #kernel!: BareKernel;
  #output!: GPUBuffer;
  #workgroups: [x: number, y: number] = [0, 0];

  async setup(task: Task): Promise<void> {
    if (task.kind !== 'matmul') throw unsupported('naive', task);
    const [M = 0, K = 0] = task.left.shape;
    const N = task.right.shape[1] ?? 0;
    const device = await requestBareDevice();
    this.#device = device;
    this.#output = device.createBuffer({
      label: 'bench/output',
      size: M * N * 4,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC,
    });
    this.#kernel = await BareKernel.create(device, code, [
      uploadBuffer(device, new Uint32Array([M, K, N]), GPUBufferUsage.UNIFORM),
      uploadBuffer(device, task.left.values, GPUBufferUsage.STORAGE),
      uploadBuffer(device, task.right.values, GPUBufferUsage.STORAGE),
      this.#output,
    ]);
    this.#workgroups = [Math.ceil(N / WORKGROUP_SIDE), Math.ceil(M / WORKGROUP_SIDE)];
  }

  async step(_i: number, sync: boolean): Promise<undefined> {
    await this.#kernel.run(...this.#workgroups, sync);
    return undefined;
  }

  async result(): Promise<readonly Float32Array[]> {
    return [await downloadBuffer(this.#device, this.#output)];
  }
}

export const createPeer = (): Peer => new Naive();
