/**
 * Ctrl-C as a wish, not a blow: the first one lets the step in flight end and its results be written, the
 * second one ends the process at once.
 */

/** What a shell reports for a program that Ctrl-C ended. */
export const interruptedCode = 130;

const signals = ['SIGINT', 'SIGTERM'] as const;

/** npm passes a Ctrl-C on that the terminal has sent us already; that copy is no second wish. */
const COPY_WITHIN_MS = 300;

export interface StopOptions {
  /** Receives the line that answers the first one. */
  readonly notify: (line: string) => void;
  /** Called before the second one ends the process, which runs no exit handlers then. */
  readonly leave: () => void;
}

/**
 * Listens for Ctrl-C until the process ends.
 *
 * @returns aborted from the first Ctrl-C on
 */
export function listenForStop({ notify, leave }: StopOptions): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  const stop = (): void => {
    if (controller.signal.aborted) {
      if (performance.now() - first < COPY_WITHIN_MS) return;
      leave();
      endAtOnce(stop);
      return;
    }
    first = performance.now();
    notify(
      'stopping after the step in flight, then writing what there is; press Ctrl-C again to exit at once',
    );
    controller.abort();
  };
  for (const signal of signals) process.on(signal, stop);
  return controller.signal;
}

/** As if nobody had listened: process.exit would take Dawn apart under its own threads, which can crash. */
function endAtOnce(listener: () => void): void {
  for (const signal of signals) process.off(signal, listener);
  if (process.platform !== 'win32') process.kill(process.pid, 'SIGINT');
  process.exit(interruptedCode); // Windows, and the first process of a container, which no signal ends
}
