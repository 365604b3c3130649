/** The page's end of the line to a worker: calls that wait for their answers. */
import { DeviceError, SpecError } from '../../gpu/errors.js';
import { errorFrom, type FromWorker, type ToWorker, type TrainEvent, type WorkerCalls } from './protocol.js';

export interface CallOptions {
  /** Moved to the worker; the caller cannot use them any more. */
  readonly transfer?: readonly Transferable[];
  readonly signal?: AbortSignal | undefined;
  /** What a running call tells; only `onEpoch` is waited for. */
  readonly listeners?: Partial<Record<TrainEvent, (...values: never[]) => unknown>>;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  readonly options: CallOptions;
  /** What a listener threw: the call ends with it. */
  failure?: { readonly error: unknown };
}

export class Channel {
  /** Resolves with the reason when the worker's device is gone. */
  readonly lost: Promise<string>;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #ended: Error | undefined;
  #tellLost: (reason: string) => void = () => undefined;

  constructor(readonly worker: Worker) {
    this.lost = new Promise((resolve) => (this.#tellLost = resolve));
    worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.#receive(data));
    worker.addEventListener('messageerror', () =>
      this.end(
        new DeviceError('worker', 'sent a message that cannot be read; use one version of webgpu-vae'),
      ),
    );
  }

  /** The answer to a call. @throws what the worker threw, of the same class; SpecError for what cannot be sent */
  call<C extends keyof WorkerCalls>(
    call: C,
    takes: WorkerCalls[C]['takes'],
    options: CallOptions = {},
  ): Promise<WorkerCalls[C]['gives']> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    const { signal, transfer = [] } = options;
    const abort = (): void => this.#send({ abort: id });
    const answer = new Promise<WorkerCalls[C]['gives']>((resolve, reject) => {
      this.#send({ id, call, takes }, transfer);
      this.#pending.set(id, { resolve, reject, options });
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort);
    });
    return answer.finally(() => {
      this.#pending.delete(id);
      signal?.removeEventListener('abort', abort);
    });
  }

  /** Ends every call, those to come too, with `error`. */
  end(error: Error): void {
    this.#ended ??= error;
    for (const pending of this.#pending.values()) pending.reject(error);
  }

  #send(message: ToWorker, transfer: readonly Transferable[] = []): void {
    try {
      this.worker.postMessage(message, [...transfer]);
    } catch (cause) {
      throw new SpecError(
        'worker',
        `something cannot be sent to it: ${String(cause)}; pass plain data, and schedules as data, not as functions`,
        { cause },
      );
    }
  }

  #receive(message: FromWorker): void {
    if ('lost' in message) return this.#tellLost(message.lost);
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    if ('event' in message) void this.#tell(message.id, pending, message.event, message.values);
    else if (pending.failure) pending.reject(pending.failure.error);
    else if ('error' in message) pending.reject(errorFrom(message.error));
    else pending.resolve(message.gives);
  }

  /** A listener that throws ends its call, as it does on the main thread. */
  async #tell(id: number, pending: Pending, event: TrainEvent, values: readonly unknown[]): Promise<void> {
    try {
      await (pending.options.listeners?.[event] as ((...told: readonly unknown[]) => unknown) | undefined)?.(
        ...values,
      );
    } catch (error) {
      pending.failure ??= { error };
      this.#send({ abort: id });
    }
    if (event === 'onEpoch') this.#send({ acknowledge: id });
  }
}
