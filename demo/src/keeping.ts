/** What outlives a visit and a lost GPU, on the page's side: what is opened, offered and said. */
import { completeSpec } from 'webgpu-vae';
import { download } from './downloads.js';
import type { Kept } from './kept.js';
import { attempt, studio } from './line.js';
import * as state from './state.js';
import type { ModelFacts } from './studio/protocol.js';

const LOST =
  'The GPU stopped working. It is being brought back, with what was learned up to the last snapshot …';
const BACK = 'The GPU is back';

/** Opens the page with what an earlier visit has saved; where the address asks for something else, that is offered only. */
export async function openSaved(found: Kept | undefined): Promise<boolean> {
  if (!found) return false;
  state.saved.value = found;
  const isAsked = location.search.length > 1 || location.hash.length > 1;
  if (!isAsked || isSameTraining(found.settings)) {
    await goOn(isAsked);
    return true;
  }
  state.note(
    'info',
    `A training of yours is saved at step ${found.step}. This address asks for another one.`,
    [
      { label: 'Go on with it', run: () => attempt(() => goOn(false)) },
      { label: 'Forget it', run: forget },
    ],
  );
  return false;
}

/** Whether the settings that came with the address are those of the saved training. */
function isSameTraining(kept: Kept['settings']): boolean {
  const names = ['source', 'spec', 'seed', 'isPretrained'] as const;
  const asked = state.settings.peek();
  return names.every((name) => JSON.stringify(kept[name]) === JSON.stringify(asked[name]));
}

/** Settings of the address are newer than those that were saved. */
async function goOn(hasSettings: boolean): Promise<void> {
  const opened = await studio.loadSaved();
  await restore(opened, hasSettings);
}

/** A checkpoint that the visitor has chosen, with its settings and curves if this page has written it. */
export async function openFile(file: Blob): Promise<void> {
  await restore(await studio.load(new Uint8Array(await file.arrayBuffer())), false);
}

async function restore(
  { facts, kept }: Awaited<ReturnType<typeof studio.load>>,
  hasSettings: boolean,
): Promise<void> {
  state.history.value = kept?.history ?? { training: [], validation: [] };
  const settings = settingsFrom(kept?.settings ?? state.settings.peek());
  const spec = isSpecOf(settings, facts) ? settings.spec : facts.spec;
  if (!hasSettings) state.change({ ...settings, spec, isPretrained: false });
  const { source } = state.settings.peek();
  if (source === state.data.peek()?.kind) return;
  if (source !== 'own') await studio.useSource({ kind: source });
  else
    state.note(
      'info',
      'The model is back. Your own images are not kept: choose them again to go on, or others to go on with.',
    );
}

/** Those that are missing or of another type are the defaults. */
function settingsFrom(given: object): state.Settings {
  const named = new Map(Object.entries(given));
  const taken = Object.entries(state.defaults).map(([name, value]) => [
    name,
    isAlike(named.get(name), value) ? named.get(name) : value,
  ]);
  return Object.fromEntries(taken) as state.Settings;
}

/** Of the same type; lists hold numbers. */
function isAlike(given: unknown, value: unknown): boolean {
  if (Array.isArray(value))
    return Array.isArray(given) && given.every((entry) => Number.isFinite(entry as number));
  return typeof given === typeof value && given !== null && !Number.isNaN(given);
}

/** Whether the next model would be of the same specification, in which defaults may be left out. */
function isSpecOf({ spec }: state.Settings, facts: ModelFacts): boolean {
  try {
    return JSON.stringify(completeSpec(spec)) === JSON.stringify(facts.spec);
  } catch {
    return false; // what was saved may come from another version of the page
  }
}

/** Deletes what is saved in the browser. */
export async function forget(): Promise<void> {
  await attempt(() => studio.forget());
}

let isAsked = false;

/** Asks the browser, once, not to delete what is saved when space gets short. */
export function keepStorage(): void {
  if (isAsked) return;
  isAsked = true;
  void (navigator.storage as Partial<StorageManager> | undefined)?.persist?.();
}

export function showLost(): void {
  dismissNotes();
  state.note('warning', LOST);
}

/** Those of a loss: the next one takes their place. */
function dismissNotes(): void {
  state.notes.value = state.notes.value.filter(
    ({ message }) => message !== LOST && !message.startsWith(BACK),
  );
}

export function showRecovered(step: number): void {
  dismissNotes();
  state.note('info', `${BACK}, and the model as it was after step ${step}.`);
  const { training, validation } = state.history.value;
  state.history.value = {
    training: training.filter((point) => point.step < step),
    validation: validation.filter((point) => point.step <= step),
  };
}

/** Nothing can be computed any more; what was learned can still be taken away. */
export function showGone(message: string): void {
  dismissNotes();
  state.isGone.value = true;
  state.note('failure', message, [
    { label: 'Download the checkpoint', run: () => download('checkpoint') },
    { label: 'Reload', run: () => location.reload() },
  ]);
}
