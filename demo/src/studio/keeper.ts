/** Snapshots: the newest in memory, from which a lost GPU is brought back, and in the browser's storage, from which a reload goes on. */
import { CheckpointStore } from 'webgpu-vae/storage';
import type { Tell } from './protocol.js';

export interface Snapshot {
  /** A checkpoint: of a training, or of a model alone. */
  readonly bytes: Uint8Array;
  /** Steps that the model had taken. */
  readonly step: number;
  readonly hasTraining: boolean;
}

/** A training loses at most this much. */
const INTERVAL_MS = 10_000;
const NAME = 'demo';

export class Keeper {
  #newest: Snapshot | undefined;
  #store: CheckpointStore | undefined;
  /** What the storage held when the page was opened, until it is taken or forgotten. */
  #found: Uint8Array | undefined;
  #dueMs = 0;
  /** Waits for the write before it; a later snapshot takes its place. */
  #waiting: Snapshot | undefined;
  #isWriting = false;

  constructor(readonly tell: Tell) {}

  get newest(): Snapshot | undefined {
    return this.#newest;
  }

  /** Whether snapshots outlive the page. */
  get isSaving(): boolean {
    return this.#store !== undefined;
  }

  get isDue(): boolean {
    return performance.now() >= this.#dueMs;
  }

  /** What an earlier visit has saved. Without storage the page works on, and says once that nothing is saved. */
  async open(): Promise<Uint8Array | undefined> {
    try {
      this.#store = await CheckpointStore.open(NAME);
      this.#found = await this.#store.load();
    } catch (error) {
      this.tell({ type: 'note', kind: 'info', message: adviceFor(error) });
    }
    return this.#found;
  }

  /** What an earlier visit has saved, once. */
  take(): Uint8Array | undefined {
    const found = this.#found;
    this.#found = undefined;
    return found;
  }

  /** In memory alone: a model that can be had again. */
  hold(snapshot: Snapshot): void {
    this.#newest = snapshot;
    this.#dueMs = performance.now() + INTERVAL_MS;
  }

  /** In memory, and then in the storage. A training whose GPU is lost meanwhile leaves the snapshot before. */
  async keep(making: Promise<Uint8Array>, step: number): Promise<void> {
    this.#dueMs = performance.now() + INTERVAL_MS;
    const bytes = await making.catch(() => undefined);
    if (!bytes) return;
    this.#newest = { bytes, step, hasTraining: true };
    this.#waiting = this.#newest;
    if (!this.#isWriting) await this.#write();
  }

  /** Deletes what is saved, here and in the storage; the training goes on. */
  async forget(): Promise<void> {
    this.#found = undefined;
    this.#waiting = undefined;
    await this.#store?.clear();
    this.tell({ type: 'saved', step: undefined, timeMs: Date.now() });
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    for (let next = this.#next(); next && this.#store; next = this.#next())
      try {
        await this.#store.save(next.bytes);
        this.tell({ type: 'saved', step: next.step, timeMs: Date.now() });
      } catch (error) {
        this.tell({ type: 'note', kind: 'warning', message: (error as Error).message });
      }
    this.#isWriting = false;
  }

  #next(): Snapshot | undefined {
    const next = this.#waiting;
    this.#waiting = undefined;
    return next;
  }
}

function adviceFor(error: unknown): string {
  const { message, cause } = error as Error;
  const isLocked = cause instanceof DOMException && cause.name === 'TimeoutError';
  return isLocked
    ? 'This page is open in another tab, and only the first tab saves its training. Everything else works here too.'
    : `Trainings are not saved here: ${message}`;
}
