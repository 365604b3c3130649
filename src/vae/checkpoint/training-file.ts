/**
 * A training as a safetensors file: the model's own file (Vae.load() opens it as one), beside it the optimizers' moments of
 * every weight under `optimizer.<moment>.<weight>`, and in the metadata under `training` what decides all later steps.
 */
import { integer, list, oneOf, record, show } from '../../gpu/check.js';
import { CheckpointError, SpecError } from '../../gpu/errors.js';
import type { DataFingerprint } from '../data/fingerprint.js';
import type { Model } from '../model.js';
import { savedSums, type TermSums } from '../terms.js';
import type { TrainingSettings } from '../trainer-options.js';
import {
  isMoment,
  modelFileOf,
  MOMENTS_PREFIX,
  modelTensors,
  modelValues,
  readModelTensors,
  writeModelTensors,
  type FileTensor,
  type FlatTensors,
  type ModelFile,
  type ModelValues,
} from './model-file.js';
import { readSafetensors } from './safetensors.js';

/** Changes when older files would continue with other bits: the order of an epoch, the noise, an optimizer. */
const VERSION = 1;

/** What a training has been so far, for reports; no step depends on it. */
export interface TrainingCourse {
  /** Spent on training steps. */
  readonly seconds: number;
  /** Of the epoch so far, or of the one that has just ended. */
  readonly epochTerms: TermSums;
}

/** Everything but the numbers on the GPU that decides the steps to come. */
export interface TrainingRecord {
  /** Steps taken. Noise, the order of the data, schedules and turns follow from it and the seed. */
  readonly step: number;
  readonly settings: TrainingSettings;
  /** Undefined where the caller feeds batches. */
  readonly data?: DataFingerprint;
  /** As `Device.description` has it; another one gives other bits. */
  readonly adapter: string;
  readonly course?: TrainingCourse;
}

/** A model's numbers, and the optimizers' flat moments by name, laid out as the weights. */
export interface TrainingValues extends ModelValues {
  readonly moments: Readonly<Record<string, Float32Array>>;
}

/** A training's file, read and verified: `resume` takes it in the place of bytes, and `Vae.load` the model in it. */
export interface TrainingFile extends ModelFile {
  readonly record: TrainingRecord;
  /** The caller's own text. */
  readonly note?: string;
  /** The optimizers' moments, as tensors by name. */
  readonly moments: ReadonlyMap<string, FileTensor>;
}

/** Names of moments, such as `moment1`, come first in a tensor's name. */
const momentPrefix = (name: string): string => `${MOMENTS_PREFIX}${name}.`;

/** The file of a training. */
export function writeTrainingFile(
  model: Model,
  values: TrainingValues,
  training: TrainingRecord,
  note?: string,
): Promise<Uint8Array> {
  const json = JSON.stringify({ version: VERSION, ...training });
  const tensors = [...modelTensors(model, values), ...momentTensors(model, values.moments)];
  return writeModelTensors(model, tensors, {
    training: json,
    ...(note !== undefined && { note }),
  });
}

/**
 * Reads and verifies a training's file.
 * @throws CheckpointError when it is broken, of another version, or a model alone
 * @example
 * const file = await readTrainingFile(bytes);
 * const vae = await Vae.load(file);
 * await vae.train(images, { epochs: 2, resume: file });
 */
export async function readTrainingFile(bytes: Uint8Array): Promise<TrainingFile> {
  const file = await readSafetensors(bytes, { name: 'checkpoint' });
  const note = file.metadata.get('note');
  return {
    ...modelFileOf(file),
    record: parseRecord(file.metadata.get('training')),
    ...(note !== undefined && { note }),
    moments: new Map([...file.tensors].filter(([name]) => isMoment(name))),
  };
}

/** A training's numbers, for the moments of these names. @throws CheckpointError when a tensor is missing, unknown, or of another shape */
export function trainingValues(model: Model, file: TrainingFile, names: Iterable<string>): TrainingValues {
  const flat = [...names].map((name) => [name, new Float32Array(model.weights.set.length)] as const);
  const moments = Object.fromEntries(flat);
  readModelTensors(file.moments, momentTensors(model, moments));
  return { ...modelValues(model, file.tensors), moments };
}

function momentTensors({ weights }: Model, moments: TrainingValues['moments']): FlatTensors {
  return Object.entries(moments).flatMap(([name, flat]) =>
    weights.fileTensors().map(({ layout, offset }) => ({
      layout: { ...layout, name: `${momentPrefix(name)}${layout.name}` },
      offset,
      flat,
    })),
  );
}

/** Settings are checked where they are used, like any caller's. */
function parseRecord(json: string | undefined): TrainingRecord {
  if (json === undefined)
    throw new CheckpointError(
      'checkpoint',
      'holds a model and no training; expected what Trainer.save() or onSave gave; load it with Vae.load() and train anew',
    );
  try {
    const names = ['version', 'step', 'settings', 'data', 'adapter', 'course'];
    const fields = record(JSON.parse(json), 'training', names);
    integer(fields['version'], 'training.version', VERSION, VERSION);
    const { data, course } = fields;
    return {
      step: integer(fields['step'], 'training.step', 0, 2 ** 31),
      settings: record(fields['settings'], 'training.settings', settingNames) as unknown as TrainingSettings,
      adapter: text(fields['adapter'], 'training.adapter'),
      ...(data !== undefined && { data: parseData(data) }),
      ...(course !== undefined && { course: parseCourse(course) }),
    };
  } catch (cause) {
    throw new CheckpointError(
      'checkpoint',
      `its training cannot be read: ${String(cause)}; use the version that wrote it, or another checkpoint`,
      { cause },
    );
  }
}

const settingNames = [
  'batchSize',
  'learningRate',
  'optimizer',
  'beta',
  'estimator',
  'scheme',
  'samples',
  'seed',
  'binarize',
] as const satisfies (keyof TrainingSettings)[];

function parseData(value: unknown): DataFingerprint {
  const fields = record(value, 'training.data', ['rows', 'shape', 'format', 'sha256', 'labels']);
  const { labels } = fields;
  return {
    rows: integer(fields['rows'], 'training.data.rows', 1, Number.MAX_SAFE_INTEGER),
    shape: list(fields['shape'], 'training.data.shape', 1, 8).map(Number),
    format: oneOf(fields['format'], 'training.data.format', ['bytes', 'floats']),
    sha256: text(fields['sha256'], 'training.data.sha256'),
    ...(labels !== undefined && { labels: text(labels, 'training.data.labels') }),
  };
}

function text(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  throw new SpecError(where, `is ${show(value)}; expected text`);
}

function parseCourse(value: unknown): TrainingCourse {
  const fields = record(value, 'training.course', ['seconds', 'epochTerms']);
  return { seconds: Number(fields['seconds']), epochTerms: savedSums(fields['epochTerms']) };
}
