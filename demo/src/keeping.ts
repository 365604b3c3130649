/** What outlives a visit and a lost GPU, on the page's side: what is opened, offered and said. */
import { download } from './downloads.js';
import type { Kept } from './kept.js';
import { attempt, studio } from './line.js';
import * as state from './state.js';

const LOST =
  'The GPU stopped working. It is being brought back, with what was learned up to the last snapshot …';
const BACK = 'The GPU is back';

/** Opens the page with what an earlier visit has saved; where the address asks for something else, that is offered only. */
export async function openSaved(found: Kept | undefined): Promise<boolean> {
  if (!found) return false;
  state.saved.value = found;
  const isAsked = location.search.length > 1 || location.hash.length > 1;
  if (!isAsked || (await isSameTraining(found.settings))) return opens(() => goOn(isAsked));
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

/** What cannot be opened is told, and the page opens as it does without it. */
async function opens(run: () => Promise<void>): Promise<boolean> {
  let isOpen = false;
  await attempt(async () => {
    await run();
    isOpen = true;
  });
  return isOpen;
}

/** Whether the settings that came with the address are those of the saved training. */
async function isSameTraining(kept: Kept['settings']): Promise<boolean> {
  const names = ['source', 'seed', 'isPretrained'] as const;
  const asked = state.settings.peek();
  return names.every((name) => kept[name] === asked[name]) && studio.isSameSpec(kept['spec'], asked.spec);
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
  const settings = kept ? settingsFrom(kept.settings) : { ...state.settings.peek(), isPretrained: false };
  // the visitor's own words for the specification, as long as they describe this model
  const spec = (await studio.isSameSpec(settings.spec, facts.spec)) ? settings.spec : facts.spec;
  if (!hasSettings) state.change({ ...settings, spec });
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
