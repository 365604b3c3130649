/** What the page writes into a checkpoint's note, so that a training comes back with its settings and curves. A note may be anybody's. */
import type { StepTerms, Terms } from 'webgpu-vae';
import type { History, Settings } from './state.js';

/** What the page knows and the worker does not. */
export interface PageState {
  readonly settings: Settings;
  readonly history: History;
}

export interface Kept {
  /** As they came. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly history: History;
  /** Steps that the model had taken, in all its trainings. */
  readonly step: number;
  /** When it was written, as Date.now() counts. */
  readonly timeMs: number;
}

const FORMAT = 'webgpu-vae demo 1';
/** The header of a checkpoint holds the note, and has room for a megabyte. */
const MOST_POINTS = 500;
/** As many tell every f32 from its neighbours: what is shown stays as it was. */
const DIGITS = 9;

export function writeNote(step: number, { settings, history }: PageState): string {
  const curves = { training: fewer(history.training), validation: fewer(history.validation) };
  return JSON.stringify({ format: FORMAT, step, timeMs: Date.now(), settings, history: curves });
}

/** Undefined for another program's note. */
export function readNote(text: string | undefined): Kept | undefined {
  const note = parse(text);
  if (note?.['format'] !== FORMAT || !Number.isSafeInteger(note['step'])) return undefined;
  const { training, validation } = asRecord(note['history']);
  return {
    step: note['step'] as number,
    timeMs: Number(note['timeMs']),
    settings: asRecord(note['settings']),
    history: {
      training: points(training) as StepTerms[],
      validation: points(validation) as (Terms & { step: number })[],
    },
  };
}

/** The newest point and others at even distances, each number as it can be read off a curve. */
function fewer<T extends object>(all: readonly T[]): T[] {
  const every = Math.ceil(all.length / MOST_POINTS);
  return all
    .filter((_, index) => (all.length - 1 - index) % every === 0)
    .map((point) => JSON.parse(JSON.stringify(point, rounded)) as T);
}

function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(DIGITS)) : value;
}

function points(value: unknown): unknown[] {
  const names = ['step', 'elbo', 'reconstruction', 'kl'];
  const isPoint = (point: unknown): boolean =>
    names.every((name) => Number.isFinite(asRecord(point)[name] as number));
  return Array.isArray(value) ? value.filter(isPoint) : [];
}

function parse(text: string | undefined): Record<string, unknown> | undefined {
  try {
    return text === undefined ? undefined : asRecord(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
