/// <reference types="vite/client" />
/**
 * The page around one peer. Node drives it through `window.bench`; the clock and the counts are here,
 * beside the work, so that the driver's messages are never inside a measured time.
 */
import { SpecError } from '../../src/gpu/errors.js';
import type { Evidence, Opened, Sample } from '../contestant.js';
import { outputError } from '../check.js';
import type { Peer } from '../peer.js';
import { createTask, type Task } from '../task.js';
import { BATCH_SIZES, workload as factsOf, type BatchContestant, type WorkloadName } from '../workloads.js';
import { adapterInUse, callsOf, watchWebGpu } from './witness.js';

/** A peer by the name of its row. */
const PEERS: Record<string, () => Promise<Peer>> = {
  'webgpu-vae': async () => (await import('../peers/webgpu-vae.js')).createPeer(),
  'webgpu-vae by reshape': async () =>
    (await import('../peers/webgpu-vae.js')).createPeer({ byReshape: true }),
  ...Object.fromEntries(
    BATCH_SIZES.map((batchSize): [BatchContestant, () => Promise<Peer>] => [
      `webgpu-vae batch ${batchSize}`,
      async () => (await import('../peers/webgpu-vae.js')).createPeer({ batchSize }),
    ]),
  ),
  'jax-js': async () => (await import('../peers/jax-js.js')).createPeer(),
  tfjs: async () => (await import('../peers/tfjs.js')).createPeer(),
  onnxruntime: async () => (await import('../peers/onnxruntime.js')).createPeer(),
  naive: async () => (await import('../peers/naive.js')).createPeer(),
  ceiling: async () => (await import('../peers/ceiling.js')).createPeer(),
};

/** One peer on one workload, from its first step to its result. */
class Bench {
  #peer!: Peer;
  #task!: Task;
  #isTraining = false;
  #next = 0;
  readonly #losses: [step: number, loss: number][] = [];

  /** Sets the peer up and does its first step, timed together: what a user waits for after loading. */
  async open(peerName: string, workload: WorkloadName): Promise<Opened> {
    const load = PEERS[peerName];
    if (!load)
      throw new SpecError('bench', `no peer ${peerName}; there are ${Object.keys(PEERS).join(', ')}`);
    this.#task = createTask(workload);
    this.#isTraining = factsOf(workload).isTraining;
    this.#peer = await load();
    const start = performance.now();
    await this.#peer.setup(this.#task);
    await this.#step(true);
    const firstMs = performance.now() - start;
    return {
      firstMs,
      adapter: adapterInUse(),
      ...(this.#peer.flop === undefined ? {} : { flop: this.#peer.flop }),
    };
  }

  async #step(sync: boolean): Promise<void> {
    const i = this.#next++;
    const loss = await this.#peer.step(i, sync);
    if (loss !== undefined) this.#losses.push([i, loss]);
  }

  /** Does `count` steps, each waited for. */
  async sample(count: number): Promise<Sample> {
    const timesMs: number[] = [];
    let calls;
    for (let k = 0; k < count; k++) {
      const start = performance.now();
      calls = await callsOf(() => this.#step(true));
      timesMs.push(performance.now() - start);
    }
    return { timesMs, ...(calls ? { calls } : {}) };
  }

  /** Does `count` steps and waits for the last one only; returns the time of one step in ms. */
  async burst(count: number): Promise<number> {
    const start = performance.now();
    for (let k = 1; k < count; k++) await this.#step(false);
    await this.#step(true);
    return (performance.now() - start) / count;
  }

  /** What shows that the work was right. */
  async evidence(): Promise<Evidence> {
    if (this.#isTraining) return { losses: this.#losses };
    if (!this.#peer.result) return {};
    return { outputError: outputError(this.#task, await this.#peer.result()) };
  }
}

declare global {
  interface Window {
    bench: Bench;
  }
}

watchWebGpu();
window.bench = new Bench();
