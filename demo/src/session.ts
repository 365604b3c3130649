/** The page's line to its worker: what it tells becomes signals, what the visitor asks for becomes calls. */
import { proxy, wrap, type Remote } from 'comlink';
import { effect } from '@preact/signals';
import * as state from './state.js';
import type { StudioEvent, TrainingSettings } from './studio/protocol.js';
import type { Studio } from './studio/studio.js';

const worker = new Worker(new URL('./studio/worker.ts', import.meta.url), { type: 'module', name: 'studio' });
worker.addEventListener('error', ({ message }) =>
  fail(new Error(message || 'the worker did not load; reload the page')),
);

/** The worker's half. */
export const studio: Remote<Studio> = wrap<Studio>(worker);

/** Opens the GPU, then the model and the images that the settings name. */
export async function start(): Promise<void> {
  try {
    await studio.open(proxy(receive));
  } catch (error) {
    state.obstacle.value = messageOf(error);
    return;
  }
  effect(() => {
    const { beta, learningRate, isSlow } = state.settings.value;
    void studio.setLive({ beta, learningRate, isSlow }).catch(fail);
  });
  await attempt(openSettings);
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
  if (source !== 'own') return studio.useSource({ kind: source });
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
    await studio.play(trainingSettings());
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
  await attempt(() => studio.play(trainingSettings()));
}

export async function pause(): Promise<void> {
  await attempt(() => studio.pause());
}

export async function step(): Promise<void> {
  await attempt(() => studio.step(trainingSettings()));
}

/** The settings that a training keeps. */
export function trainingSettings(): TrainingSettings {
  const { batchSize, optimizer, seed } = state.settings.peek();
  return { batchSize, optimizer, seed };
}

/** Runs what the visitor has asked for; what goes wrong is shown to them. */
export async function attempt(run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    fail(error);
  }
}

function fail(error: unknown): void {
  state.note('failure', messageOf(error));
}

/** What an error says; its class does not survive the way from the worker. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function receive(event: StudioEvent): void {
  switch (event.type) {
    case 'device':
      state.device.value = event.description;
      break;
    case 'data':
      state.data.value = event.facts;
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
      state.note('warning', `The GPU was lost (${event.reason}). Bringing it back ...`);
      break;
    case 'recovered':
      state.note('info', `The GPU is back; training goes on from step ${event.step}.`);
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
