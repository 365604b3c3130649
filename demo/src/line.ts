/** The page's line to its worker, and what becomes of what goes wrong on it. */
import { wrap, type Remote } from 'comlink';
import { note } from './state.js';
import type { Studio } from './studio/studio.js';

const worker = new Worker(new URL('./studio/worker.ts', import.meta.url), { type: 'module', name: 'studio' });
worker.addEventListener('error', ({ message }) =>
  fail(new Error(message || 'the worker did not load; reload the page')),
);

/** The worker's half. */
export const studio: Remote<Studio> = wrap<Studio>(worker);

/** Runs what the visitor has asked for; what goes wrong is shown to them. */
export async function attempt(run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    fail(error);
  }
}

export function fail(error: unknown): void {
  note('failure', messageOf(error));
}

/** What an error says; its class does not survive the way from the worker. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
