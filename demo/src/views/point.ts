/** The latent point: moved at most once a frame, and what costs more than one image follows it a few times a second. */
import { effect, signal } from '@preact/signals';
import { change, settings } from '../state.js';

/** Half the width of what is shown of each latent: 999 of 1000 draws of the prior. */
export const RANGE = 3.3;
const FOLLOW_MS = 150;

let waiting: readonly number[] | undefined;

/** Where it is, or will be in the next frame: K numbers. */
export function point(): readonly number[] {
  return waiting ?? settings.peek().z;
}

/** Moves it with the next frame; values beyond the range stay at its edge. */
export function movePoint(z: readonly number[]): void {
  if (!waiting) requestAnimationFrame(arrive);
  waiting = z.map((value) => Math.min(RANGE, Math.max(-RANGE, value)));
}

/** Moves it along some latents, given as pairs of latent and value. */
export function moveLatents(...moves: readonly (readonly [latent: number, value: number])[]): void {
  const to = new Map(moves);
  movePoint(point().map((value, k) => to.get(k) ?? value));
}

function arrive(): void {
  const z = waiting;
  waiting = undefined;
  // a model of another latent size may have come meanwhile
  if (z?.length === settings.peek().z.length) change({ z });
}

/** The point as of a moment ago, for pictures of many images. */
export const slowPoint = signal(settings.peek().z);
let timer: ReturnType<typeof setTimeout> | undefined;

effect(() => {
  if (settings.value.z === slowPoint.peek()) return;
  timer ??= setTimeout(() => {
    timer = undefined;
    slowPoint.value = settings.peek().z;
  }, FOLLOW_MS);
});
