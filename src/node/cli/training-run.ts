/**
 * One training from its first step to its files. Whatever ends it (the last epoch, Ctrl-C, a loss that is no
 * number), what has been learnt by then is written.
 */
import { NumericError, VaeError } from '../../gpu/errors.js';
import type { Terms } from '../../vae/terms.js';
import type { EpochReport, TrainProgress, TrainReport } from '../../vae/train.js';
import type { Vae } from '../../vae/vae.js';
import { packageVersion } from '../package.js';
import type { OutputFolder } from './artifacts.js';
import { formatDuration, formatTerms } from './format.js';
import { drawGallery } from './gallery.js';
import { History } from './history.js';
import type { TrainSettings } from './options.js';
import { formatProfile, profileSteps, type StepProfile } from './profile.js';
import { openProgress, type Progress } from './progress.js';
import { brokenOutcome, outcomeOf, runOptions, type RunReport } from './report.js';
import { checkpointName, noteOf, type EarlierRun } from './resume.js';
import { say, trainerOptions, type Parts } from './session.js';
import { interruptedCode, listenForStop } from './signals.js';

export class TrainingRun {
  readonly #settings: TrainSettings;
  readonly #parts: Parts;
  readonly #vae: Vae;
  readonly #folder: OutputFolder;
  readonly #progress: Progress;
  readonly #stop: AbortSignal;
  readonly #earlier: EarlierRun | undefined;
  readonly #history: History;
  #completedEpochs = 0;
  #step: number;
  /** The last terms on the test part, and the step that they belong to. */
  #test: { readonly step: number; readonly terms: Terms } | undefined;

  constructor(
    settings: TrainSettings,
    parts: Parts,
    vae: Vae,
    folder: OutputFolder,
    earlier: EarlierRun | undefined,
  ) {
    this.#settings = settings;
    this.#parts = parts;
    this.#vae = vae;
    this.#folder = folder;
    this.#earlier = earlier;
    this.#history = earlier?.history ?? new History();
    this.#step = earlier?.step ?? 0;
    this.#progress = openProgress(settings.epochs);
    this.#stop = listenForStop({
      notify: (line) => this.#progress.note(line),
      leave: () => this.#progress.stop(),
    });
  }

  /**
   * Trains and writes; resolves with the exit code.
   *
   * @throws VaeError when training or writing failed, after what there is was written
   */
  async run(): Promise<number> {
    const report = await this.#train();
    if (report.steps > 0) await this.#finish(report);
    else say('stopped before the first step; nothing was written');
    return this.#stop.aborted ? interruptedCode : 0;
  }

  async #train(): Promise<TrainReport> {
    try {
      return await this.#trainToTheEnd().finally(() => this.#progress.stop());
    } catch (error) {
      if (error instanceof VaeError) await this.#salvage(error).catch(sayError);
      throw error; // not that of the salvage: this is the one that the user can do something about
    }
  }

  #trainToTheEnd(): Promise<TrainReport> {
    const { epochs, saveEvery } = this.#settings;
    return this.#vae.train(this.#parts.train, {
      ...trainerOptions(this.#settings),
      epochs,
      note: noteOf(this.#settings),
      ...(saveEvery !== undefined && { saveEvery }),
      ...(this.#earlier && { resume: this.#earlier.file }),
      signal: this.#stop,
      onCompile: (done, total) => this.#progress.compile(done, total),
      onStep: (progress) => this.#onStep(progress),
      onEpoch: (report) => this.#onEpoch(report),
      onSave: (checkpoint) => this.#onSave(checkpoint),
    });
  }

  #onStep(progress: TrainProgress): void {
    const { step, epoch, terms: train } = progress;
    this.#step = step;
    this.#history.add({ step, epoch, train });
    this.#progress.step(progress);
  }

  async #onEpoch(report: EpochReport): Promise<void> {
    const { epoch, train } = report;
    this.#completedEpochs = epoch;
    const test = await this.#testTerms();
    this.#history.add({ step: this.#step, epoch, train, test });
    await this.#trying(() => this.#writeCheckpoint());
    this.#progress.epoch(report, test); // who reads it finds the checkpoint there
  }

  /** The course first: a run that goes on from the checkpoint wants all lines up to it. */
  #onSave(checkpoint: Uint8Array): Promise<void> {
    return this.#trying(async () => {
      await this.#writeHistory();
      await this.#folder.write(checkpointName, checkpoint);
    });
  }

  /** A full disk need not cost the training: there may be room again at its end. */
  async #trying(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (!(error instanceof VaeError)) throw error;
      this.#progress.note(errorLine(error));
    }
  }

  /** Of the present weights; computed once a step. The noise is always that of seed 0, as in `evaluate`. */
  async #testTerms(): Promise<Terms> {
    if (this.#test?.step !== this.#step) {
      const { estimator, samples, beta } = this.#settings;
      const terms = await this.#vae.evaluate(this.#parts.test, { estimator, samples, beta });
      this.#test = { step: this.#step, terms };
    }
    return this.#test.terms;
  }

  async #writeCheckpoint(): Promise<void> {
    await this.#folder.write('model.safetensors', await this.#vae.save());
    await this.#writeHistory();
  }

  #writeHistory(): Promise<void> {
    return this.#folder.write('history.jsonl', this.#history.toJsonLines());
  }

  async #finish(report: TrainReport): Promise<void> {
    await this.#writeCheckpoint();
    const test = await this.#testTerms();
    await this.#writePictures();
    const profile = this.#settings.profile ? await this.#profile() : undefined;
    await this.#writeReport({
      ...this.#circumstances(),
      ...outcomeOf(report),
      test,
      ...(profile && { profile: profile.dispatches, roof: profile.roof }),
    });
    const epochs = `${report.epochs} ${report.epochs === 1 ? 'epoch' : 'epochs'}`;
    const duration = `${epochs}, ${report.steps} steps in ${formatDuration(report.seconds)}`;
    say(`${report.stopped ? 'stopped after' : 'trained'} ${duration}: test ${formatTerms(test)}`);
    this.#sayWhatWasWritten();
  }

  /** After an error: the weights only where they are sound and the device lives. */
  async #salvage(failure: VaeError): Promise<void> {
    const hasWeights = failure instanceof NumericError;
    if (!hasWeights && this.#step === (this.#earlier?.step ?? 0)) return;
    await this.#writeHistory();
    // Without them, the course of the run and its error are still worth keeping.
    if (hasWeights) await this.#writeModelAndPictures().catch(sayError);
    const last = this.#history.last?.train ?? null;
    const outcome = brokenOutcome(this.#completedEpochs, this.#step, last);
    await this.#writeReport({ ...this.#circumstances(), ...outcome, test: null, error: failure.message });
    this.#sayWhatWasWritten();
  }

  async #writeModelAndPictures(): Promise<void> {
    await this.#writeCheckpoint();
    await this.#writePictures();
  }

  async #writePictures(): Promise<void> {
    const { latent, likelihood } = this.#vae.spec;
    const { data, model } = this.#settings;
    const curve = this.#history.toCurve(`${data}: ${model}, latent ${latent}, ${likelihood.type}`);
    if (curve !== undefined) await this.#folder.write('curve.svg', curve);
    for (const [name, bytes] of await drawGallery(this.#vae, this.#parts.test))
      await this.#folder.write(name, bytes);
  }

  async #profile(): Promise<StepProfile> {
    const profile = await profileSteps(this.#vae, this.#parts.train, trainerOptions(this.#settings));
    say(formatProfile(profile));
    return profile;
  }

  async #writeReport(report: RunReport): Promise<void> {
    await this.#folder.write('report.json', `${JSON.stringify(report, null, 2)}\n`);
    if (this.#settings.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  }

  #circumstances(): Pick<
    RunReport,
    'version' | 'adapter' | 'data' | 'model' | 'parameterCount' | 'seed' | 'options'
  > {
    const { train, test } = this.#parts;
    const { data: name, seed } = this.#settings;
    return {
      version: packageVersion(),
      adapter: this.#vae.device.description,
      data: { name, rows: train.rows, testRows: test.rows, shape: train.shape },
      model: this.#vae.spec,
      parameterCount: this.#vae.parameterCount,
      seed,
      options: runOptions(this.#settings),
    };
  }

  #sayWhatWasWritten(): void {
    const { path, written } = this.#folder;
    const pictures = written.filter(isPicture);
    say(`in ${path}: ${written.filter((name) => !isPicture(name)).join(', ')}`);
    if (pictures.length > 0) say(`pictures in ${path}: ${pictures.join(', ')}`);
  }
}

function isPicture(name: string): boolean {
  return /\.(png|svg)$/.test(name);
}

function errorLine(error: unknown): string {
  return `webgpu-vae: ${error instanceof Error ? error.message : String(error)}`;
}

function sayError(error: unknown): void {
  say(errorLine(error));
}
