/**
 * Training checkpoints, both ways. Going on from one wants the same model, data and options, or refuses with the name of
 * what differs, because the promise is the bits of a training that was never interrupted.
 */
import { CheckpointError, SpecError } from '../gpu/errors.js';
import { snapshot } from '../gpu/readback.js';
import { isRead } from './checkpoint/model-file.js';
import {
  readTrainingFile,
  trainingValues,
  writeTrainingFile,
  type TrainingCourse,
  type TrainingFile,
} from './checkpoint/training-file.js';
import { checkForModel } from './data/check.js';
import { checkRange, type Dataset } from './data/dataset.js';
import { checkSameData, fingerprint, type DataFingerprint } from './data/fingerprint.js';
import { difference } from './difference.js';
import {
  completeOptions,
  savedSettings,
  type CompleteOptions,
  type TrainerOptions,
} from './trainer-options.js';
import type { TrainerParts } from './trainer-parts.js';
import type { Vae } from './vae.js';

/** A training as it was asked for, checked. */
export interface TrainingSetup {
  readonly settings: CompleteOptions;
  /** Taken when first asked for: hashing a large set takes its time. Undefined where batches are fed. */
  readonly fingerprint: () => Promise<DataFingerprint | undefined>;
  /** What it goes on from. */
  readonly file: TrainingFile | undefined;
}

/** What a checkpoint holds beside the training itself. */
export interface SaveOptions {
  /** Text of the caller's own, kept in the metadata. */
  readonly note?: string;
  /** For the report of a training that goes on from here. */
  readonly course?: TrainingCourse;
}

/** @throws SpecError, DataError, CheckpointError, ShapeError naming what cannot be trained, or differs from the checkpoint */
export async function prepareTraining(
  vae: Vae,
  data: Dataset | undefined,
  given: TrainerOptions,
): Promise<TrainingSetup> {
  const file = given.resume && (await openCheckpoint(given.resume, vae));
  const options = file ? withSavedOptions(given, file, vae) : given;
  const complete = completeOptions(options);
  if (data) checkForModel(data, vae.spec, complete.batchSize);
  if (data && complete.binarize) checkRange(data, 0, 1, 'data', 'binarize');
  const { beta } = vae.model.objective;
  if (beta !== undefined && (options.beta ?? beta) !== beta)
    throw new SpecError(
      'beta',
      `came with the objective ${vae.spec.objective.type}, which weighs the KL itself; leave beta out`,
    );
  const settings = { ...complete, beta: beta ?? complete.beta };
  let taken: Promise<DataFingerprint> | undefined;
  const takeOnce = async (): Promise<DataFingerprint | undefined> =>
    data && (taken ??= fingerprint(data, vae.spec.condition !== undefined));
  if (file) {
    checkSameOptions(settings, file);
    checkSameData(file.record.data, await takeOnce());
  }
  return { settings, fingerprint: takeOnce, file };
}

/** A checkpoint of this model. */
async function openCheckpoint(source: Uint8Array | TrainingFile, vae: Vae): Promise<TrainingFile> {
  const file = isRead(source) ? source : await readTrainingFile(source);
  const found = difference(file.spec, vae.spec);
  if (!found) return file;
  throw new CheckpointError(
    'resume',
    `the model's ${found.path} is ${found.given}; the checkpoint's is ${found.saved}; make the model with Vae.load(checkpoint)`,
  );
}

/** The caller's options, and the checkpoint's where the caller has none. */
function withSavedOptions(options: TrainerOptions, { record }: TrainingFile, vae: Vae): TrainerOptions {
  const isDecided = (name: string): boolean => name === 'beta' && vae.model.objective.beta !== undefined;
  const saved = Object.entries(record.settings).filter(
    ([name, value]) => !isFunctionMark(value) && !isDecided(name),
  );
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries([...saved, ...given]);
}

function checkSameOptions(options: CompleteOptions, { record }: TrainingFile): void {
  const found = difference(record.settings, savedSettings(options));
  if (!found) return;
  const option = found.path.split('.', 1)[0] as keyof CompleteOptions;
  throw new SpecError(
    found.path,
    isFunctionMark(record.settings[option])
      ? 'was a function of the step, which a checkpoint cannot keep; pass the same function again'
      : `is ${found.given}; the checkpoint was trained with ${found.saved}; leave it out to go on, or train anew without resume`,
  );
}

function isFunctionMark(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'function';
}

/**
 * Records copies of everything that a training has learnt, and resolves when they are submitted: later steps do not show in
 * them. What it gives waits for the copies and makes the file.
 */
export async function recordCheckpoint(
  vae: Vae,
  { moments }: TrainerParts,
  { settings, fingerprint: takeFingerprint }: TrainingSetup,
  step: number,
  { note, course }: SaveOptions,
): Promise<() => Promise<Uint8Array>> {
  const byteLength = 4 * vae.weightLength;
  const ofMoments = [...moments.values()].map((buffer) => ({ buffer, byteOffset: 0, byteLength }));
  const read = await snapshot(vae.device, [...vae.ranges, ...ofMoments]);
  return async () => {
    const [copies, data] = await Promise.all([read(), takeFingerprint()]);
    const [weights, state, ...rest] = copies.map((bytes) => new Float32Array(bytes));
    const named = [...moments.keys()].map((name, index) => [name, rest[index]!] as const);
    const values = { weights: weights!, state: state!, moments: Object.fromEntries(named) };
    const record = {
      step,
      settings: savedSettings(settings),
      adapter: vae.device.description,
      ...(data && { data }),
      ...(course && { course }),
    };
    return writeTrainingFile(vae.model, values, record, note);
  };
}

/** Writes a checkpoint's numbers into the model and its optimizers. @throws CheckpointError before anything is written */
export function restoreTraining(vae: Vae, { moments }: TrainerParts, file: TrainingFile): void {
  const values = trainingValues(vae.model, file, moments.keys());
  const write = (buffer: GPUBuffer, numbers: Float32Array): void =>
    vae.device.gpu.queue.writeBuffer(buffer, 0, numbers as Float32Array<ArrayBuffer>);
  write(vae.weightBuffer, values.weights);
  write(vae.stateBuffer, values.state);
  for (const [name, buffer] of moments) write(buffer, values.moments[name]!);
}
