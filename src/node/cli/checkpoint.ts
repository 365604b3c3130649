/** The commands evaluate and sample, which begin with a checkpoint. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CheckpointError } from '../../gpu/errors.js';
import type { Device } from '../../gpu/device.js';
import { readModelFile, type ModelFile } from '../../vae/checkpoint/model-file.js';
import type { Dataset } from '../../vae/data/dataset.js';
import { evaluationReport } from '../../vae/evaluation/report.js';
import { checkOptions } from '../../vae/trainer-options.js';
import { Vae } from '../../vae/vae.js';
import { loadImages } from '../data.js';
import { imageGrid } from '../pictures.js';
import { OutputFolder, reasonOf } from './artifacts.js';
import { formatCount, formatTerms } from './format.js';
import { drawEvaluation, formatReport } from './evaluation.js';
import { drawSamples } from './gallery.js';
import type { EvaluateSettings, SampleSettings } from './options.js';
import { isRowsFile, writeRows } from './rows-file.js';
import { describeModel, openDevice, say } from './session.js';

/**
 * Prints the terms of a checkpoint on the test part, and measures and draws what else is asked for.
 *
 * @param path of a checkpoint, or of a folder that holds model.safetensors
 * @throws CheckpointError, DataError, ShapeError, SpecError, DeviceError
 */
export async function evaluateCommand(path: string, settings: EvaluateSettings): Promise<number> {
  const { data, limit, size, channels, skipBroken, out } = settings;
  checkOptions(settings, 1);
  const file = await readModel(path);
  const { input } = file.spec;
  const test = await loadImages(data, 'test', { limit, size, channels, skipBroken, pictureShape: input });
  const folder = out === undefined ? undefined : await OutputFolder.open(out, { replaces: false });
  return withModel(file, await openDevice(settings), async (vae) => {
    say(`${describeModel(vae.spec)} on ${formatCount(test.rows)} test images of ${data}`);
    await measure(vae, test, settings, folder);
  });
}

/** The terms alone take one pass; everything else is a report. */
async function measure(
  vae: Vae,
  test: Dataset,
  settings: EvaluateSettings,
  folder: OutputFolder | undefined,
): Promise<void> {
  const { json, estimator, samples, beta, seed, binarize, importance, splitKl, disentanglement } = settings;
  const bound = { estimator, samples, beta, seed, binarize };
  if (!folder && importance === undefined && splitKl === undefined && !disentanglement) {
    const terms = await vae.evaluate(test, bound);
    process.stdout.write(`${json ? JSON.stringify(terms) : `${formatTerms(terms)} nats per datum`}\n`);
    return;
  }
  const report = await evaluationReport(vae, test, {
    ...bound,
    disentanglement,
    ...(importance !== undefined && { importanceSamples: importance }),
    ...(splitKl !== undefined && { splitRows: splitKl }),
  });
  process.stdout.write(`${json ? JSON.stringify(report) : formatReport(report)}\n`);
  if (!folder) return;
  await folder.write('evaluation.json', `${JSON.stringify(report, null, 2)}\n`);
  for (const [name, bytes] of await drawEvaluation(vae, test, report)) await folder.write(name, bytes);
  say(`wrote ${folder.written.join(', ')} into ${folder.path}`);
}

/**
 * Writes samples.png into a folder, or one file of samples, f32[count, ...shape of a datum].
 *
 * @param path of a checkpoint, or of a folder that holds model.safetensors
 * @throws CheckpointError, DataError, DeviceError, ShapeError when the model's data are no images
 */
export async function sampleCommand(path: string, settings: SampleSettings): Promise<number> {
  const { seed, label, out } = settings;
  const file = await readModel(path);
  const [folder, name] = isRowsFile(out) ? [dirname(out), out] : [out, join(out, 'samples.png')];
  await OutputFolder.open(folder, { replaces: false });
  return withModel(file, await openDevice(settings), async (vae) => {
    const { input: shape } = vae.spec;
    const { values, columns } = await drawSamples(vae, settings.count, seed, label);
    await writeRows(name, { shape, values, picture: () => imageGrid(values, shape, { columns }) });
    process.stdout.write(`${name}\n`);
  });
}

/** A checkpoint as it was read. */
export interface CheckpointFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A model's file, and where it lies. */
export interface NamedModelFile extends ModelFile {
  readonly path: string;
}

/** Runs `use` with a model, then gives the device back; resolves with the exit code. */
export async function withModel(
  file: NamedModelFile,
  device: Device,
  use: (vae: Vae) => Promise<void>,
): Promise<number> {
  try {
    await use(await naming(file.path, () => Vae.load(file, { device })));
    return 0;
  } finally {
    device.destroy();
  }
}

/** The library knows bytes only; a user has to know which file is the damaged one. */
export async function naming<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof CheckpointError)) throw cause;
    throw new CheckpointError(path, cause.message.slice(`[${cause.where}] `.length), { cause });
  }
}

/** The model at a path, or in the folder of a run. @throws CheckpointError when there is none, or it is damaged */
export async function readModel(path: string): Promise<NamedModelFile> {
  const { path: file, bytes } = await readCheckpoint(path);
  return { path: file, ...(await naming(file, () => readModelFile(bytes))) };
}

/** The bytes at a path, or of `name` in the folder of a run. @throws CheckpointError when there are none */
export async function readCheckpoint(path: string, name = 'model.safetensors'): Promise<CheckpointFile> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const file = isFolder ? join(path, name) : path;
    return { path: file, bytes: await readFile(file) };
  } catch (cause) {
    throw new CheckpointError(
      path,
      `cannot be read (${reasonOf(cause)}); expected a ${name}, or the folder of a run that holds one; ` +
        'correct the path, or train first',
      { cause },
    );
  }
}
