/**
 * The one contract that every measured library meets, in a page. A peer is made fresh for each workload in
 * a fresh browser, so that its first step pays for its own device, shaders and pipelines, and so that the
 * browser's end frees all of it.
 */
import { SpecError } from '../src/gpu/errors.js';
import type { Task } from './task.js';

/** One library (or bare kernel) at work on one task. */
export interface Peer {
  /** Operations of one step, where that is not the workload's own (the ceiling kernel). Read after setup. */
  readonly flop?: number | undefined;
  /** Acquires the device and uploads the task. Throws when the library cannot do this task. */
  setup(task: Task): Promise<void>;
  /**
   * Does step i: one training step, one product or convolution, or one decoded image that is read back.
   * @param sync wait until the GPU has finished; a training step then returns its loss in nats.
   */
  step(i: number, sync: boolean): Promise<number | undefined>;
  /** What the last step computed, in the layout of the task's tensors. */
  result?(): Promise<readonly Float32Array[]>;
}

/** The part of a peer that does one kind of task; made when the device is there. */
export type Work = Pick<Peer, 'step' | 'result' | 'flop'>;

/** The error of a peer that has no such workload. */
export function unsupported(peer: string, task: Task): Error {
  return new SpecError(
    'bench',
    `${peer} was given ${task.kind}; it does not do that; leave it out with --peers`,
  );
}
