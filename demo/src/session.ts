/** The page's end of its worker: what it tells becomes signals, what the visitor asks for becomes calls. */
import { proxy } from 'comlink';
import { effect } from '@preact/signals';
import { recordManifold } from './downloads.js';
import type { Kept, PageState } from './kept.js';
import { keepStorage, openSaved, showGone, showLost, showRecovered } from './keeping.js';
import { attempt, fail, messageOf, studio } from './line.js';
import * as state from './state.js';
import type { StudioEvent, TrainingSettings } from './studio/protocol.js';

export { attempt, messageOf, studio };

/** Opens the GPU, then the model and the images that the settings name. */
export async function start(): Promise<void> {
  let found: Kept | undefined;
  try {
    found = await studio.open(proxy(receive), proxy(pageState));
  } catch (error) {
    state.obstacle.value = messageOf(error);
    return;
  }
  effect(() => {
    const { beta, learningRate, isSlow } = state.settings.value;
    void studio.setLive({ beta, learningRate, isSlow }).catch(fail);
  });
  await attempt(async () => {
    if (!(await openSaved(found))) await openSettings();
  });
  // where a page in the background is ended, it has saved before
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') void studio.keep().catch(() => undefined);
  });
}

/** What a snapshot holds of the page. */
async function pageState(): Promise<PageState> {
  return { settings: state.settings.peek(), history: state.history.peek() };
}

/** Shows the model and the images that the settings name; those that cannot be built give way to the defaults. */
export async function openSettings(): Promise<void> {
  const { isPretrained, source } = state.settings.peek();
  try {
    if (isPretrained) await loadPretrained();
    else await reset();
  } catch (error) {
    if (isPretrained) throw error;
    fail(error);
    state.change({ ...state.defaults, source });
    await loadPretrained();
  }
  if (source === state.data.peek()?.kind) return;
  if (source !== 'own') {
    await studio.useSource({ kind: source });
    return;
  }
  state.note(
    'info',
    'The images of this address are in the tab where they were shown; here is Fashion-MNIST.',
  );
  state.change({ source: 'fashion' });
  await studio.useSource({ kind: 'fashion' });
}

/** The small model that the page comes with. */
export async function loadPretrained(): Promise<void> {
  const response = await fetch('./pretrained.safetensors');
  if (!response.ok) throw new Error(`the model came with status ${response.status}; reload the page`);
  await studio.load(new Uint8Array(await response.arrayBuffer()), { isPretrained: true });
}

/** A fresh model of the settings, and training. */
export async function trainFromScratch(): Promise<void> {
  await attempt(async () => {
    await reset();
    await begin();
  });
}

/** A fresh model of the settings, untrained. @throws SpecError */
export async function reset(): Promise<void> {
  const { spec, seed, isPretrained } = state.settings.peek();
  state.change({ isPretrained: false });
  try {
    await studio.build(spec, seed);
  } catch (error) {
    state.change({ isPretrained }); // the model is still there
    throw error;
  }
}

export async function play(): Promise<void> {
  await attempt(begin);
}

async function begin(): Promise<void> {
  await beforeTraining();
  await studio.play(trainingSettings());
}

async function beforeTraining(): Promise<void> {
  keepStorage();
  await recordManifold();
}

export async function pause(): Promise<void> {
  await attempt(() => studio.pause());
}

export async function step(): Promise<void> {
  await attempt(async () => (await beforeTraining(), await studio.step(trainingSettings())));
}

/** The settings that a training keeps. */
export function trainingSettings(): TrainingSettings {
  const { batchSize, optimizer, seed } = state.settings.peek();
  return { batchSize, optimizer, seed };
}

function receive(event: StudioEvent): void {
  switch (event.type) {
    case 'device':
      state.device.value = event.description;
      break;
    case 'data':
      state.data.value = event.facts;
      break;
    case 'loading':
      state.loading.value = event.progress;
      break;
    case 'model':
      useModel(event.facts);
      break;
    case 'steps':
      state.speed.value = event.speed;
      state.history.value = {
        ...state.history.value,
        training: state.thinned([...state.history.value.training, ...event.terms]),
      };
      break;
    case 'validation':
      state.history.value = {
        ...state.history.value,
        validation: state.thinned([...state.history.value.validation, { ...event.terms, step: event.step }]),
      };
      break;
    case 'codes':
      state.codes.value = event.codes;
      break;
    case 'playing':
      state.isPlaying.value = event.isPlaying;
      break;
    case 'lost':
      showLost();
      break;
    case 'recovered':
      showRecovered(event.step);
      break;
    case 'gone':
      showGone(event.message);
      break;
    case 'saved':
      state.saved.value = event.step === undefined ? undefined : { ...event, step: event.step };
      break;
    case 'note':
      state.note(event.kind, event.message);
      break;
  }
}

function useModel(facts: NonNullable<typeof state.model.value>): void {
  const before = state.model.peek();
  state.model.value = facts;
  const { latent } = facts.spec;
  const { z, axes } = state.settings.peek();
  if (z.length !== latent)
    state.change({
      z: Array.from({ length: latent }, (_, k) => z[k] ?? 0),
      axes: axes.every((axis) => axis < latent) ? axes : [0, Math.min(1, latent - 1)],
    });
  const goesOn = before && before.spec === facts.spec;
  if (!goesOn && facts.step === 0) state.history.value = { training: [], validation: [] };
}
