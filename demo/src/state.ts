/** What the page knows, as signals: what the visitor has chosen, and what the worker has told. Views read them, controls set them. */
import { computed, signal } from '@preact/signals';
import type { OptimizerSpec, StepTerms, Terms, VaeSpec } from 'webgpu-vae';
import { pretrainedSpec } from './pretrained-spec.js';
import type { Codes, DataFacts, Loading, ModelFacts, NoteKind, Source, Speed } from './studio/protocol.js';

/** What the visitor has chosen; the address of the page holds all of it. */
export interface Settings {
  readonly source: Source['kind'];
  /** Of the model that `Train from scratch` makes. */
  readonly spec: VaeSpec;
  readonly seed: number;
  readonly batchSize: number;
  readonly optimizer: OptimizerSpec['type'];
  readonly learningRate: number;
  readonly beta: number;
  readonly isSlow: boolean;
  /** Whether the page shows the model that it came with. */
  readonly isPretrained: boolean;
  /** The latent point, K numbers. */
  readonly z: readonly number[];
  /** The latents across and up. */
  readonly axes: readonly [number, number];
}

export const defaults: Settings = {
  source: 'fashion',
  spec: pretrainedSpec,
  seed: 1,
  batchSize: 128,
  optimizer: 'adam',
  learningRate: 1e-3,
  beta: 1,
  isSlow: false,
  isPretrained: true,
  z: [0, 0],
  axes: [0, 1],
};

export const settings = signal<Settings>(defaults);

/** Changes some of the settings. */
export function change(part: Partial<Settings>): void {
  settings.value = { ...settings.value, ...part };
}

/** Why the page cannot work, with advice. */
export const obstacle = signal<string | undefined>(undefined);
export const device = signal<string | undefined>(undefined);
export const data = signal<DataFacts | undefined>(undefined);
export const loading = signal<Loading | undefined>(undefined);
export const model = signal<ModelFacts | undefined>(undefined);
export const isPlaying = signal(false);
export const speed = signal<Speed | undefined>(undefined);
export const codes = signal<Codes | undefined>(undefined);

/** What a reload goes on from. */
export interface Saved {
  readonly step: number;
  /** As Date.now() counts. */
  readonly timeMs: number;
}

export const saved = signal<Saved | undefined>(undefined);
/** Whether the GPU is lost for good, so that no control does anything. */
export const isGone = signal(false);

/** Terms by step, the newest last; older ones are thinned out. */
export interface History {
  readonly training: readonly StepTerms[];
  readonly validation: readonly (Terms & { readonly step: number })[];
}

export const history = signal<History>({ training: [], validation: [] });
export const latestTerms = computed(() => history.value.training.at(-1));
export const latestValidation = computed(() => history.value.validation.at(-1));

export interface Note {
  readonly id: number;
  readonly kind: NoteKind;
  readonly message: string;
  /** What the visitor may do about it; any of them closes the note. */
  readonly actions?: readonly NoteAction[] | undefined;
}

export interface NoteAction {
  readonly label: string;
  readonly run: () => unknown;
}

/** What the visitor should know, the newest last. */
export const notes = signal<readonly Note[]>([]);
let lastNote = 0;

/** Shows a note; one that is there already is not repeated. */
export function note(kind: NoteKind, message: string, actions?: readonly NoteAction[]): void {
  if (notes.value.some((shown) => shown.message === message)) return;
  notes.value = [...notes.value, { id: ++lastNote, kind, message, actions }];
}

export function dismiss(id: number): void {
  notes.value = notes.value.filter((shown) => shown.id !== id);
}

/** Curves need no more points than a screen has pixels. */
const MOST_POINTS = 2000;

/** The list without every second of its older half, once it is long. */
export function thinned<T>(points: readonly T[]): readonly T[] {
  if (points.length <= MOST_POINTS) return points;
  const half = points.length / 2;
  return points.filter((_, index) => index >= half || index % 2 === 0);
}
