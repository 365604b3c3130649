/** Goes over to other images, and sees to it that the next model takes them. */
import { computed, signal } from '@preact/signals';
import { ownSource, type OwnKind } from './own-images.js';
import { attempt, play, studio } from './session.js';
import { change, codes, data, isPlaying, model, settings } from './state.js';
import type { Source } from './studio/protocol.js';

/** What a visitor can choose. */
export type Choice = 'fashion' | 'shapes' | OwnKind;

const ownKind = signal<OwnKind | undefined>(undefined);
let choices = 0;
/** What the visitor has asked for last, until it is there. */
const wanted = signal<Choice | undefined>(undefined);

/** Whose images are shown, or will be; none of them while the visitor's own are gone, as after a reload. */
export const choice = computed<Choice | undefined>(() => {
  const { source } = settings.value;
  return wanted.value ?? (source === 'own' ? ownKind.value : source);
});

/** Sides and channels that the model shown does not take, as words; undefined where it takes the images. */
export const mismatch = computed<{ readonly images: string; readonly model: string } | undefined>(() => {
  const [images, input] = [data.value?.shape, model.value?.spec.input];
  if (!images || !input || images.join() === input.join()) return undefined;
  return { images: images.join(' × '), model: input.join(' × ') };
});

/**
 * Shows these images from now on, and trains on them; a training that can go on with them does. Resolves to whether the model
 * shown takes them.
 */
export async function choose(kind: Choice): Promise<boolean> {
  let isFitting = false;
  const asked = ++choices;
  wanted.value = kind;
  await attempt(async () => {
    const wasPlaying = isPlaying.peek();
    const source = await sourceOf(kind);
    if (asked !== choices) return;
    const { shape } = await studio.useSource(source);
    if (asked !== choices) return; // another choice is on its way
    if (source.kind === 'own') ownKind.value = kind as OwnKind;
    change({ source: source.kind });
    isFitting = follow(shape);
    if (wasPlaying && isFitting) await play();
  });
  if (asked === choices) wanted.value = undefined;
  return isFitting;
}

/** Goes over to the visitor's images as they are now, and trains where the model takes them; else the page says what to do. */
export async function trainOn(kind: OwnKind): Promise<void> {
  if (await choose(kind)) await play();
}

async function sourceOf(kind: Choice): Promise<Source> {
  return kind === 'fashion' || kind === 'shapes' ? { kind } : ownSource(kind);
}

/** The next model takes images of this shape. Tells whether the one shown does; if not, what was said of it no longer holds. */
function follow(shape: readonly number[]): boolean {
  const { spec } = settings.peek();
  if (shape.join() !== spec.input.join()) change({ spec: { ...spec, input: shape } });
  const isFitting = shape.join() === model.peek()?.spec.input.join();
  if (!isFitting) codes.value = undefined;
  return isFitting;
}
