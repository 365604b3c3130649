/**
 * How many multiply-adds the adapter does when nothing else is asked of it. It takes part in every
 * round like a peer, so that a share of the ceiling compares two figures of the same minute.
 */
import code from '../../shaders/probes/ceiling.wgsl?raw';
import type { Peer } from '../peer.js';
import { BareKernel, requestBareDevice, uploadBuffer } from './bare-kernel.js';

const WORKGROUP_SIZE = 64;
/** Enough invocations to fill a large GPU (131072) and still a multiple of any number of cores. */
const WORKGROUPS = 2048;
const FLOP_PER_TURN = 64;
/** Turns double until a run takes this long: the submit and the wait, about 0.1 ms, then weigh nothing. */
const TARGET_TIME_MS = 60;
const FIRST_TURNS = 16;
const MOST_TURNS = 2 ** 22;

class Ceiling implements Peer {
  #device!: GPUDevice;
  #kernel!: BareKernel;
  #turns = FIRST_TURNS;

  get flop(): number {
    return WORKGROUPS * WORKGROUP_SIZE * this.#turns * FLOP_PER_TURN;
  }

  async setup(): Promise<void> {
    const device = await requestBareDevice();
    this.#device = device;
    const turns = uploadBuffer(device, new Uint32Array([this.#turns]), GPUBufferUsage.UNIFORM);
    const output = device.createBuffer({
      label: 'bench/output',
      size: WORKGROUPS * WORKGROUP_SIZE * 4,
      usage: GPUBufferUsage.STORAGE,
    });
    this.#kernel = await BareKernel.create(device, code, [turns, output]);
    await this.#calibrate(turns);
  }

  async #calibrate(turns: GPUBuffer): Promise<void> {
    await this.step(0, true);
    for (; this.#turns < MOST_TURNS; this.#turns *= 2) {
      this.#device.queue.writeBuffer(turns, 0, new Uint32Array([this.#turns]));
      const start = performance.now();
      await this.step(0, true);
      if (performance.now() - start >= TARGET_TIME_MS) return;
    }
    this.#device.queue.writeBuffer(turns, 0, new Uint32Array([this.#turns]));
  }

  async step(_i: number, sync: boolean): Promise<undefined> {
    await this.#kernel.run(WORKGROUPS, 1, sync);
    return undefined;
  }
}

export const createPeer = (): Peer => new Ceiling();
