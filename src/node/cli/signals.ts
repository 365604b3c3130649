/**
 * Ctrl-C as a wish, not a blow: the first one lets the step in flight end and its results be written, the
 * second one exits at once.
 */

/** What a shell reports for a program that Ctrl-C ended. */
export const interruptedCode = 130;

const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * Listens for Ctrl-C until the process ends.
 *
 * @param notify receives the line that answers the first one
 * @returns aborted from the first Ctrl-C on
 */
export function listenForStop(notify: (line: string) => void): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(interruptedCode);
    notify(
      'stopping after the step in flight, then writing what there is; press Ctrl-C again to exit at once',
    );
    controller.abort();
  };
  for (const signal of signals) process.on(signal, stop);
  return controller.signal;
}
