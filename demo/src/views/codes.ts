/** What the views of the latent space share: codes of the model that is shown, and drawings of codes. */
import { computed, signal } from '@preact/signals';
import { codes, data, model } from '../state.js';
import type { Codes, Drawing } from '../studio/protocol.js';

/** K of the model, 0 before there is one. */
export const latentSize = computed(() => model.value?.spec.latent ?? 0);

/** Codes of the held-out images; undefined while they are those of another model or of other images. */
export const heldOutCodes = computed<Codes | undefined>(() => {
  const [shown, facts] = [codes.value, data.value];
  if (!shown || !facts || !model.value) return undefined;
  const isFitting = model.value.spec.input.join() === facts.shape.join();
  return isFitting && shown.mean.length === facts.testRows * latentSize.value ? shown : undefined;
});

/** The class that a model with a condition decodes for. */
export const shownClass = signal(0);

/** Codes f32[N, K] as images side by side; undefined before there is a model, or when they are of another. */
export function drawingOf(decode: Float32Array, columns: number): Drawing | undefined {
  const K = latentSize.value;
  if (K === 0 || decode.length === 0 || decode.length % K !== 0) return undefined;
  const classes = model.value?.spec.condition?.classes;
  if (classes === undefined) return { columns, decode };
  const label = Math.min(shownClass.value, classes - 1);
  return { columns, decode, labels: Array.from({ length: decode.length / K }, () => label) };
}

/** What a latent is called. */
export function latentName(k: number): string {
  return `z${k + 1}`;
}

export function className(label: number): string {
  return data.value?.classes[label] ?? `class ${label}`;
}
