/**
 * What a resumed run goes on from: training.safetensors holds weights, optimizer and options, history.jsonl beside it the
 * course so far. Options are the checkpoint's; those that are typed again have to be the same, but for a few.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CheckpointError, DataError, SpecError } from '../../gpu/errors.js';
import { readTrainingFile, type TrainingFile } from '../../vae/checkpoint/training-file.js';
import { reasonOf } from './artifacts.js';
import { naming, readCheckpoint } from './checkpoint.js';
import { History } from './history.js';
import type { ResumeSettings, TrainSettings } from './options.js';
import { runOptions } from './report.js';

export const checkpointName = 'training.safetensors';

/** A run that was interrupted. */
export interface EarlierRun {
  readonly file: TrainingFile;
  /** Steps taken. */
  readonly step: number;
  readonly history: History;
  /** The run's own, with what may change as it was typed now. */
  readonly settings: TrainSettings;
}

/** The place of the same data may have changed; whether they are the same is found by their content. */
const mayChange = new Set([
  'epochs',
  'out',
  'data',
  'skipBroken',
  'saveEvery',
  'json',
  'profile',
  'adapter',
  'resume',
]);

/** What a checkpoint keeps for the command line. */
export function noteOf(settings: TrainSettings): string {
  return JSON.stringify(runOptions(settings));
}

/**
 * @param typed the options that the user gave
 * @throws CheckpointError, DataError for files that cannot be used; SpecError for an option that the run had otherwise
 */
export async function openEarlierRun(given: ResumeSettings, typed: readonly string[]): Promise<EarlierRun> {
  const place = typeof given.resume === 'string' ? given.resume : (given.out ?? 'out');
  const { path, bytes } = await readCheckpoint(place, checkpointName);
  const file = await naming(path, () => readTrainingFile(bytes));
  const saved = settingsOf(file.note, path);
  checkTyped(given, saved, typed, path);
  const chosen = Object.entries(given).filter(([name]) => typed.includes(name));
  const { step } = file.record;
  const { json, profile } = given;
  return {
    file,
    step,
    history: await readHistory(join(dirname(path), 'history.jsonl'), step),
    settings: { ...saved, json, profile, out: dirname(path), ...Object.fromEntries(chosen) },
  };
}

function settingsOf(note: string | undefined, path: string): TrainSettings {
  try {
    const settings = JSON.parse(note ?? '') as TrainSettings;
    if (typeof settings.data === 'string' && typeof settings.epochs === 'number') return settings;
  } catch {
    // said below
  }
  throw new CheckpointError(
    path,
    'holds a training, and not the options of a command; expected what train wrote; go on with vae.train(data, { resume })',
  );
}

function checkTyped(
  given: ResumeSettings,
  saved: TrainSettings,
  typed: readonly string[],
  path: string,
): void {
  for (const name of typed) {
    const [now, before] = [given, saved].map((settings) =>
      JSON.stringify(settings[name as keyof TrainSettings]),
    );
    if (mayChange.has(name) || now === before) continue;
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new SpecError(
      flag,
      `is ${now}; the run in ${path} has ${before ?? 'none'}; leave it out to go on, or train anew without --resume`,
    );
  }
}

async function readHistory(path: string, step: number): Promise<History> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return '';
    throw new DataError(path, `cannot be read (${reasonOf(cause)}); correct its permissions, or remove it`);
  });
  try {
    return History.upTo(step, text);
  } catch (cause) {
    throw new DataError(path, 'is not what train wrote; remove it to go on without the course so far', {
      cause,
    });
  }
}
