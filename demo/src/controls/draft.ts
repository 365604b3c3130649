/**
 * The specification that the visitor edits: one text, which the selects change too. A text without errors becomes the
 * settings' specification, which `Train from scratch` uses; one with errors leaves that as it is.
 */
import { computed, effect, signal } from '@preact/signals';
import type { VaeSpec } from 'webgpu-vae';
import { minimal } from '../link.js';
import { messageOf, studio } from '../session.js';
import { formatSpec, locate, readSpec, type Problem } from '../spec-text.js';
import { change, data, device, settings } from '../state.js';
import { presetOf, presetSpec } from './presets.js';

/** What the visitor sees and edits. */
export const draftText = signal(textOf(settings.peek().spec));
export const draft = computed(() => readSpec(draftText.value));

/** What the worker said of a text: how many weights, or what does not fit. */
type Verdict = { readonly text: string } & ({ readonly weights: number } | { readonly message: string });
const verdict = signal<Verdict | undefined>(undefined);

/** Weights of the model that the draft describes, once they are counted. */
export const draftWeights = computed(() => {
  const { value } = verdict;
  return value?.text === draftText.value && 'weights' in value ? value.weights : undefined;
});

/** What is wrong with the draft, and in which line. */
export const problem = computed((): Problem | undefined => {
  const text = draftText.value;
  if (draft.value.problem) return draft.value.problem;
  const { value } = verdict;
  if (value?.text === text && 'message' in value) return locate(text, value.message);
  const mismatch = shapeMismatch(draft.value.spec);
  return mismatch === undefined ? undefined : locate(text, mismatch);
});

function shapeMismatch(spec: VaeSpec | undefined): string | undefined {
  const shape = data.value?.shape;
  if (!spec || !shape || spec.input.join() === shape.join()) return undefined;
  return `[spec.input] is [${spec.input.join(', ')}]; the images are [${shape.join(', ')}]; choose a preset, which fits them, or change it`;
}

/** Changes parts of the draft; undefined takes a part away. */
export function edit(parts: { readonly [Name in keyof VaeSpec]?: unknown }): void {
  const { value } = draft.peek();
  if (typeof value === 'object' && value !== null) draftText.value = formatSpec({ ...value, ...parts });
}

/** Every part in the text, also those that could be left out: what can be changed is there to see. */
function textOf(spec: VaeSpec): string {
  const { input, latent, encoder, decoder, posterior, prior, likelihood, objective, ...others } = spec;
  const parts = {
    posterior: posterior ?? 'diagonal',
    prior: prior ?? 'standard-normal',
    likelihood: likelihood ?? { type: 'bernoulli' },
    objective: objective ?? 'elbo',
  };
  return formatSpec({ input, latent, encoder, decoder, ...parts, ...others });
}

let checking: Promise<void> = Promise.resolve();
/** Of the settings, as it was last seen or made here. */
let known = settings.peek().spec;

/** Resolves when the draft as it is has been checked, and is the settings' specification if it is right. */
export function draftSettled(): Promise<void> {
  return checking;
}

effect(() => {
  const { spec } = settings.value;
  if (spec === known) return;
  known = spec;
  draftText.value = textOf(spec);
});

effect(() => {
  const text = draftText.value;
  const { spec } = draft.value;
  if (!spec || device.value === undefined || shapeMismatch(spec) !== undefined) return;
  if (verdict.peek()?.text === text) return take(spec, text);
  checking = check(spec, text);
});

/** Asks the worker, which knows what layers make of each other. */
async function check(spec: VaeSpec, text: string): Promise<void> {
  try {
    verdict.value = { text, weights: await studio.check(spec) };
    take(spec, text);
  } catch (error) {
    verdict.value = { text, message: messageOf(error) };
  }
}

/** A draft that is right, and still the one that is edited, is what training from scratch uses. */
function take(spec: VaeSpec, text: string): void {
  const isRight = draftText.peek() === text && problem.peek() === undefined;
  if (!isRight || JSON.stringify(minimal(spec)) === JSON.stringify(minimal(known))) return;
  known = spec;
  change({ spec });
}

/** A preset follows the shape of the images. */
effect(() => {
  const shape = data.value?.shape;
  const { spec } = draft.peek();
  const name = shape && spec && shapeMismatch(spec) !== undefined && presetOf(spec);
  if (name) edit(presetSpec(name, shape, spec) ?? presetSpec('small', shape, spec)!);
});
