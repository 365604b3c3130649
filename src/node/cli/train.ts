/**
 * The commands train and start: everything that can be wrong is looked at first, in the order of its cost, and
 * nothing is trained before it is known that the result can be written.
 */
import type { Device } from '../../gpu/device.js';
import type { CompleteSpec } from '../../vae/spec.js';
import { Vae } from '../../vae/vae.js';
import { packageVersion } from '../package.js';
import { OutputFolder } from './artifacts.js';
import { formatCount } from './format.js';
import { modelFlags, type ResumeSettings, type TrainSettings } from './options.js';
import { checkProfilable } from './profile.js';
import { openEarlierRun, type EarlierRun } from './resume.js';
import {
  checkParts,
  describeData,
  describeModel,
  loadParts,
  openDevice,
  prepareTask,
  say,
  type Task,
} from './session.js';
import { TrainingRun } from './training-run.js';
import { readTuning } from './tuning-file.js';

/**
 * Trains and writes; resolves with the exit code.
 *
 * @param typed the options that the user gave
 * @throws VaeError for bad input, before anything is trained, and for a run that failed, after writing what there is
 */
export async function trainCommand(settings: TrainSettings, typed: readonly string[]): Promise<number> {
  if (settings.resume !== undefined) return resumeCommand(settings, typed);
  const model = modelFlags.filter((name) => typed.includes(name));
  return train(settings, await prepareTask(settings, model));
}

/** Goes on with a run; resolves with the exit code. @throws as trainCommand, and for a checkpoint that does not fit */
export async function resumeCommand(given: ResumeSettings, typed: readonly string[]): Promise<number> {
  const earlier = await openEarlierRun(given, typed);
  const { settings } = earlier;
  const { spec } = earlier.file;
  const parts = await loadParts(settings, spec.input);
  checkParts(parts, spec, settings.batch);
  return train(settings, { parts, spec }, earlier);
}

async function train(settings: TrainSettings, { parts, spec }: Task, earlier?: EarlierRun): Promise<number> {
  const tuning = await readTuning(settings);
  const folder = await OutputFolder.open(settings.out, { replaces: !earlier });
  const device = await openDevice(settings, tuning);
  try {
    if (settings.profile) checkProfilable(device);
    const vae = await Vae.create(spec, { device, seed: settings.seed });
    const run = new TrainingRun(settings, parts, vae, folder, earlier); // answers Ctrl-C from here on
    greet(device, vae, spec, describeData(settings.data, parts));
    if (earlier) say(`going on from step ${earlier.step}`);
    return await run.run();
  } finally {
    device.destroy();
  }
}

function greet(device: Device, vae: Vae, spec: CompleteSpec, data: string): void {
  const model = `${describeModel(spec)}, ${formatCount(vae.parameterCount)} parameters`;
  say(`webgpu-vae ${packageVersion()} on ${device.description}`);
  say(`model ${model}; data ${data}`);
}
