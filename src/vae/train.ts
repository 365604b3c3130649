/** The training loop: epochs over a data set, progress without waiting on the GPU, a clean stop. */
import { DataError, SpecError } from '../gpu/errors.js';
import type { Dataset } from './data/dataset.js';
import { TermsMean, type Terms } from './terms.js';
import { Trainer } from './trainer.js';
import type { StepTerms, TrainerOptions } from './trainer-options.js';
import type { Vae } from './vae.js';

export interface TrainOptions extends TrainerOptions {
  readonly epochs: number;
  /** Stops after the step in flight; the report says `stopped`. */
  readonly signal?: AbortSignal;
  readonly onStep?: (progress: TrainProgress) => void;
  /** Awaited before a step if it returns a promise, which pauses the training; that time is not counted. */
  readonly beforeStep?: () => Promise<void> | undefined;
  /** Told before the first step what will not come out as asked, such as a schedule without the time to end; console.warn by default. */
  readonly onWarning?: (message: string) => void;
  /** Awaited between epochs, so that it may evaluate or save. */
  readonly onEpoch?: (report: EpochReport) => void | Promise<void>;
}

export interface TrainProgress {
  /** 1, 2, ... */
  readonly epoch: number;
  /** Steps whose terms are known. */
  readonly step: number;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  /** Of the most recent step. */
  readonly terms: Terms;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

export interface EpochReport {
  readonly epoch: number;
  /** Mean over the epoch while the weights were changing. */
  readonly train: Terms;
  readonly seconds: number;
  readonly imagesPerSecond: number;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface TrainReport {
  /** Completed epochs. */
  readonly epochs: number;
  readonly steps: number;
  /** Of the last epoch (complete or not). */
  readonly train: Terms;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  readonly stepTimeMs: Spread;
  readonly compileTimeMs: number;
  readonly dispatchesPerStep: number;
  readonly submitsPerStep: number;
  readonly gpuByteLength: number;
  readonly stopped: boolean;
}

/** Terms are read when so many are waiting or so much time has passed, whichever comes first. */
const READ_EVERY_STEPS = 64;
const READ_EVERY_MS = 400;

/** Trains `vae` on `data`. @throws NumericError when the loss or an update stops being finite, SpecError, DataError */
export async function train(vae: Vae, data: Dataset, options: TrainOptions): Promise<TrainReport> {
  const { epochs } = options;
  if (!Number.isInteger(epochs) || epochs < 1)
    throw new SpecError('epochs', `is ${epochs}; expected an integer >= 1`);
  // A trainer without data is fed by its caller; train() has nobody to feed it.
  if (!data)
    throw new DataError(
      'data',
      `is ${String(data)}; expected { rows, shape, values }; pass the images to train on`,
    );
  const trainer = await Trainer.create(vae, data, options);
  const { onWarning = (message) => console.warn(`webgpu-vae: ${message}`) } = options;
  for (const warning of trainer.warnings(epochs * trainer.stepsPerEpoch)) onWarning(warning);
  try {
    return await new TrainingLoop(vae, trainer, options).run();
  } finally {
    trainer.destroy();
  }
}

class TrainingLoop {
  readonly #vae: Vae;
  readonly #trainer: Trainer;
  readonly #options: TrainOptions;
  /** Mean step time of every interval between two reads. */
  readonly #stepTimes: number[] = [];
  #trainingMs = 0;
  #rows = 0;
  #epoch = 1;
  #epochTerms = new TermsMean();
  #lastRead = 0;
  #pausedMs = 0;

  constructor(vae: Vae, trainer: Trainer, options: TrainOptions) {
    this.#vae = vae;
    this.#trainer = trainer;
    this.#options = options;
  }

  async run(): Promise<TrainReport> {
    const { epochs } = this.#options;
    let completed = 0;
    while (completed < epochs && !this.#isStopped()) {
      this.#epoch = completed + 1;
      const report = await this.#runEpoch();
      if (this.#isStopped() && this.#trainer.stepCount < this.#epoch * this.#trainer.stepsPerEpoch) break;
      completed++;
      await this.#options.onEpoch?.(report);
    }
    return this.#report(completed);
  }

  #isStopped(): boolean {
    return this.#options.signal?.aborted === true;
  }

  async #runEpoch(): Promise<EpochReport> {
    const started = performance.now();
    this.#lastRead = started;
    const firstRow = this.#rows;
    const pausedBefore = this.#pausedMs;
    this.#epochTerms = new TermsMean();
    for (let step = 0; step < this.#trainer.stepsPerEpoch && !this.#isStopped(); step++)
      await this.#runStep();
    await this.#readTerms();
    const seconds = (performance.now() - started - (this.#pausedMs - pausedBefore)) / 1000;
    this.#trainingMs += 1000 * seconds;
    const imagesPerSecond = (this.#rows - firstRow) / seconds;
    return { epoch: this.#epoch, train: this.#epochTerms.mean, seconds, imagesPerSecond };
  }

  async #runStep(): Promise<void> {
    await this.#pause(this.#options.beforeStep?.());
    if (this.#isStopped()) return;
    this.#rows += this.#trainer.rowsOf(this.#trainer.stepCount);
    await this.#trainer.step();
    const due = performance.now() - this.#lastRead > READ_EVERY_MS;
    if (due || this.#trainer.pendingTerms >= READ_EVERY_STEPS) await this.#readTerms();
  }

  /** Moves what is timed past the pause. */
  async #pause(end: Promise<void> | undefined): Promise<void> {
    if (!end) return;
    await this.#readTerms();
    const since = performance.now();
    await end;
    this.#pausedMs += performance.now() - since;
    this.#lastRead = performance.now();
  }

  /** Reading waits for the steps so far, so the time since the last read is theirs. */
  async #readTerms(): Promise<void> {
    const entries = await this.#trainer.terms();
    const now = performance.now();
    if (entries.length > 0) this.#stepTimes.push((now - this.#lastRead) / entries.length);
    this.#lastRead = now;
    for (const entry of entries) this.#epochTerms.add(entry, entry.rows);
    const last = entries.at(-1);
    if (last) this.#options.onStep?.(this.#progress(last));
  }

  #progress(last: StepTerms): TrainProgress {
    const { stepsPerEpoch } = this.#trainer;
    const totalSteps = this.#options.epochs * stepsPerEpoch;
    const stepMs = spread(this.#stepTimes.slice(-16)).median;
    const { elbo, reconstruction, kl, others } = last;
    return {
      epoch: this.#epoch,
      step: last.step + 1,
      totalSteps,
      stepsPerEpoch,
      terms: { elbo, reconstruction, kl, ...(others && { others }) },
      imagesPerSecond: (1000 * this.#trainer.batchSize) / stepMs,
      secondsLeft: ((totalSteps - last.step - 1) * stepMs) / 1000,
    };
  }

  #report(completed: number): TrainReport {
    const trainer = this.#trainer;
    const seconds = this.#trainingMs / 1000;
    return {
      epochs: completed,
      steps: trainer.stepCount,
      train: this.#epochTerms.mean,
      seconds,
      imagesPerSecond: this.#rows / seconds,
      stepTimeMs: spread(this.#stepTimes),
      compileTimeMs: trainer.compileTimeMs,
      dispatchesPerStep: trainer.dispatchesPerStep,
      submitsPerStep: trainer.stepCount === 0 ? 0 : trainer.scheduler.submitCount / trainer.stepCount,
      gpuByteLength: this.#vae.device.liveByteLength,
      stopped: completed < this.#options.epochs,
    };
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const { length } = sorted;
  if (length === 0) return { median: Number.NaN, min: Number.NaN, max: Number.NaN };
  const median = (sorted[(length - 1) >> 1]! + sorted[length >> 1]!) / 2;
  return { median, min: sorted[0]!, max: sorted[length - 1]! };
}
