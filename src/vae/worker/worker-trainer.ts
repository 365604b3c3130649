/** A training in a worker that the page steps. */
import type { DispatchTime } from '../../gpu/scheduler.js';
import type { SaveOptions } from '../resume.js';
import type { FedBatch, StepTerms } from '../trainer-options.js';
import type { Trainer } from '../trainer.js';
import type { Channel } from './channel.js';
import { buffersOf, type TrainerFacts, type TrainerMethod, type TrainerState } from './protocol.js';
import type { Transfer } from './transfer.js';

/** What a Trainer has that can be sent; each method throws what the Trainer's throws, of the same class. */
export class WorkerTrainer implements Pick<
  Trainer,
  TrainerMethod | 'batchSize' | 'dispatchesPerStep' | 'stepCount' | 'stepsPerEpoch'
> {
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  readonly #channel: Channel;
  readonly #trainer: number;
  #now: TrainerState;

  /** Made by `WorkerVae.trainer`. */
  constructor(channel: Channel, { trainer, batchSize, stepsPerEpoch, now }: TrainerFacts) {
    this.#channel = channel;
    this.#trainer = trainer;
    this.batchSize = batchSize;
    this.stepsPerEpoch = stepsPerEpoch;
    this.#now = now;
  }

  /** Steps submitted, as of the last call that resolved. */
  get stepCount(): number {
    return this.#now.stepCount;
  }

  /** Of the next step. */
  get dispatchesPerStep(): number {
    return this.#now.dispatchesPerStep;
  }

  /** Submits one optimizer step. Resolves when submitted, at most two steps ahead of the GPU. */
  step(batch?: FedBatch, { transfer }: Transfer = {}): Promise<void> {
    return this.#call('step', [batch], transfer ? buffersOf(batch) : []);
  }

  /** One optimizer step with the time of each of its dispatches. Needs timestamp queries. */
  profile(batch?: FedBatch, { transfer }: Transfer = {}): Promise<DispatchTime[]> {
    return this.#call('profile', [batch], transfer ? buffersOf(batch) : []);
  }

  /** The terms of all steps since the last call. @throws NumericError as on the main thread */
  terms(): Promise<StepTerms[]> {
    return this.#call('terms', []);
  }

  /** The training after the steps asked for so far, as safetensors bytes for `resume`. Steps may be taken meanwhile. */
  save(options: SaveOptions = {}): Promise<Uint8Array> {
    return this.#call('save', [options]);
  }

  /** Frees everything the training made; the model and its weights stay. */
  destroy(): Promise<void> {
    return this.#channel.call('close', { part: this.#trainer });
  }

  async #call<M extends TrainerMethod>(
    method: M,
    args: readonly unknown[],
    transfer: readonly Transferable[] = [],
  ): Promise<Awaited<ReturnType<Trainer[M]>>> {
    const takes = { trainer: this.#trainer, method, args };
    const { value, now } = await this.#channel.call('advance', takes, { transfer });
    this.#now = now;
    return value as Awaited<ReturnType<Trainer[M]>>;
  }
}
