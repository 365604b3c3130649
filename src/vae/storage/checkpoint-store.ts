/**
 * Checkpoints in the origin private file system, in two slots that take turns: whatever ends the page while one is written,
 * the other is whole. One store of a name is open at a time, over all tabs and workers of the site.
 */
import { CheckpointError } from '../../gpu/errors.js';
import { readFile, replaceFile } from './slot-file.js';
import { frameSlot, readSlot, type SlotContent } from './slot.js';

const FOLDER = 'webgpu-vae';
const SLOTS = ['slot-0', 'slot-1'] as const;
/** A page that is reloaded gets its lock back a moment after it has asked. */
const LOCK_WAIT_MS = 1000;

export class CheckpointStore {
  readonly name: string;
  readonly #folder: FileSystemDirectoryHandle;
  readonly #release: () => void;
  /** Slot and number of the last whole save; unknown until somebody looks. */
  #newest: { readonly slot: number; readonly sequence: number } | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(name: string, folder: FileSystemDirectoryHandle, release: () => void) {
    this.name = name;
    this.#folder = folder;
    this.#release = release;
  }

  /**
   * Opens the store of that name, empty at first.
   * @param name 1 to 64 of A-Z a-z 0-9 _ -
   * @throws CheckpointError when it is open elsewhere, or the browser has no such storage (plain http, some private windows)
   */
  static async open(name: string): Promise<CheckpointStore> {
    if (!/^[\w-]{1,64}$/.test(name))
      throw new CheckpointError(
        'storage',
        `the name is ${JSON.stringify(name)}; expected 1 to 64 of A-Z a-z 0-9 _ -; choose such a name`,
      );
    const { storage, locks } = environment();
    const release = await takeLock(locks, name);
    try {
      const root = await storage.getDirectory();
      const stores = await root.getDirectoryHandle(FOLDER, { create: true });
      return new CheckpointStore(name, await stores.getDirectoryHandle(name, { create: true }), release);
    } catch (cause) {
      release();
      throw new CheckpointError(
        'storage',
        `the browser opened no private file system (${String(cause)}); leave private browsing, or offer the checkpoint as a download`,
        { cause },
      );
    }
  }

  /**
   * Writes into the slot of the save before the last; resolves when a crash could no longer lose it.
   * @throws CheckpointError when it does not fit, with the sizes; the last save is kept
   */
  save(bytes: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#newest) await this.#look();
      const { slot, sequence } = this.#newest ?? { slot: 1, sequence: 0 };
      const next = { slot: 1 - slot, sequence: sequence + 1 };
      await replaceFile(this.#folder, SLOTS[next.slot]!, await frameSlot(bytes, next.sequence));
      this.#newest = next;
    });
  }

  /** The last whole save; undefined if there is none. @throws CheckpointError when both slots are damaged */
  load(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#inTurn(async () => (await this.#look())?.bytes);
  }

  /** Deletes what was saved. */
  clear(): Promise<void> {
    return this.#inTurn(async () => {
      for await (const name of this.#folder.keys()) await this.#folder.removeEntry(name);
      this.#newest = undefined;
    });
  }

  /** Lets others open it; saves that have begun are finished before. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#turn;
    this.#release();
  }

  async #look(): Promise<SlotContent | undefined> {
    const files = await Promise.all(SLOTS.map((name) => readFile(this.#folder, name)));
    const contents = await Promise.all(files.map(readSlot));
    const sequences = contents.map((content) => content?.sequence ?? -1);
    const slot = sequences[1]! > sequences[0]! ? 1 : 0;
    const content = contents[slot];
    if (!content && files.every(({ length }) => length > 0))
      throw new CheckpointError(
        'storage',
        `both slots of '${this.name}' are damaged; clear() the store and begin anew`,
      );
    this.#newest = content && { slot, sequence: content.sequence };
    return content;
  }

  /** One after the other: two saves at a time would write into the same slot. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    if (this.#isClosed)
      return Promise.reject(new CheckpointError('storage', `'${this.name}' was closed; open it again`));
    const result = this.#turn.then(run);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

/** Missing outside a secure context and in Node, whatever the types say. */
function environment(): { storage: StorageManager; locks: LockManager } {
  const { storage, locks } = (globalThis.navigator ?? {}) as Partial<Navigator>;
  if (typeof storage?.getDirectory === 'function' && locks) return { storage, locks };
  throw new CheckpointError(
    'storage',
    'this environment has no private file system or no locks; use a page or worker on https or localhost; in Node use writeAtomically of webgpu-vae/node',
  );
}

/** Resolves with what gives the lock back; the browser does so too when the page goes. */
function takeLock(locks: LockManager, name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(LOCK_WAIT_MS);
    const hold = (): Promise<void> => new Promise<void>((release) => resolve(release));
    locks
      .request(`${FOLDER}/${name}`, { signal }, hold)
      .catch((cause: unknown) =>
        reject(
          new CheckpointError(
            'storage',
            `'${name}' is open in another tab or worker of this site; close it there, or choose another name`,
            { cause },
          ),
        ),
      );
  });
}
