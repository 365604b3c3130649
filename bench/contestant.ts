/**
 * A peer as the scheduler sees it, wherever it runs: a page in a browser of its own, or a child process.
 * All values that cross are plain data.
 */
import { DeviceError } from '../src/gpu/errors.js';
import type { Calls } from './page/witness.js';
import type { WorkloadName } from './workloads.js';

/** A peer that is set up and has done its first step. */
export interface Opened {
  /** Device, upload, compilation and the first step, in ms; loading the library is not in it. */
  readonly firstMs: number;
  /** The WebGPU adapter, or what stands in for one. */
  readonly adapter: string;
  /** Operations of one step where they are not the workload's. */
  readonly flop?: number;
}

/** Times of some steps, each waited for, in ms, with the GPU calls of the last. */
export interface Sample {
  readonly timesMs: readonly number[];
  readonly calls?: Calls;
}

/** What shows that a peer did the work: losses by step, or the relative error of its outputs. */
export interface Evidence {
  readonly losses?: readonly (readonly [step: number, loss: number])[];
  readonly outputError?: number;
}

/** One peer on one workload. Every call throws when the peer fails or outlasts its time. */
export interface Contestant {
  open(workload: WorkloadName): Promise<Opened>;
  sample(count: number): Promise<Sample>;
  burst(count: number): Promise<number>;
  evidence(): Promise<Evidence>;
  close(): Promise<void>;
}

/** Longest time a call may take: a naive product of 1024 takes half a minute on a software adapter. */
const CALL_TIME_MS = 180_000;

/** The promise, or an error once the call has taken too long. */
export async function withinTime<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `${what} took more than ${CALL_TIME_MS / 1000} s; leave the peer out with --peers`;
    timer = setTimeout(() => reject(new DeviceError('bench', message)), CALL_TIME_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
