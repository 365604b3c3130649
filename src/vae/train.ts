/** The training loop: epochs over a data set, progress without waiting on the GPU, a clean stop. */
import { DataError, SpecError } from '../gpu/errors.js';
import type { Dataset } from './data/dataset.js';
import { TermsMean, type Terms } from './terms.js';
import { Trainer } from './trainer.js';
import type { StepTerms, TrainerOptions } from './trainer-options.js';
import type { Vae } from './vae.js';

/** What `Vae.train` takes. */
export interface TrainOptions extends TrainerOptions {
  readonly epochs: number;
  /** Stops after the step in flight; the report says `stopped`. */
  readonly signal?: AbortSignal;
  /** Told whenever terms were read: after every 64 steps or 0.4 s, whichever is sooner. */
  readonly onStep?: (progress: TrainProgress) => void;
  /** Awaited before a step if it returns a promise, which pauses the training; that time is not counted. */
  readonly beforeStep?: () => Promise<void> | undefined;
  /** Told before the first step what will not come out as asked, such as a schedule without the time to end; console.warn by default. */
  readonly onWarning?: (message: string) => void;
  /** Awaited between epochs, so that it may evaluate or save. */
  readonly onEpoch?: (report: EpochReport) => void | Promise<void>;
  /**
   * Receives a checkpoint for `resume` after every epoch, every `saveEvery` steps and where training stops, with the number
   * of steps in it. Steps go on meanwhile; only the next checkpoint waits for it.
   */
  readonly onSave?: (checkpoint: Uint8Array, step: number) => void | Promise<void>;
  /** Steps between two checkpoints within an epoch; none by default. */
  readonly saveEvery?: number;
  /** Text of your own that checkpoints keep, in their metadata. */
  readonly note?: string;
}

/** Where a training is. */
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

/** What an epoch came to. */
export interface EpochReport {
  readonly epoch: number;
  /** Mean over the epoch while the weights were changing. */
  readonly train: Terms;
  readonly seconds: number;
  readonly imagesPerSecond: number;
}

/** How a measured quantity is spread. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Of the whole training; a resumed one counts what came before. */
export interface TrainReport {
  /** Completed epochs. */
  readonly epochs: number;
  readonly steps: number;
  /** Of the last epoch (complete or not). */
  readonly train: Terms;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  /** Since the resume, where there was one. */
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
  const { epochs, saveEvery = 1 } = options;
  for (const [name, value] of Object.entries({ epochs, saveEvery }))
    if (!Number.isInteger(value) || value < 1)
      throw new SpecError(name, `is ${value}; expected an integer >= 1`);
  // A trainer without data is fed by its caller; train() has nobody to feed it.
  if (!data)
    throw new DataError(
      'data',
      `is ${String(data)}; expected { rows, shape, values }; pass the images to train on`,
    );
  const trainer = await Trainer.create(vae, data, options);
  const { onWarning = (message) => console.warn(`webgpu-vae: ${message}`) } = options;
  const loop = new TrainingLoop(vae, trainer, data.rows, options);
  try {
    for (const warning of trainer.warnings(loop.totalSteps)) onWarning(warning);
    return await loop.run();
  } finally {
    await loop.saved().catch(() => undefined); // run() has thrown it, or a failure before it
    trainer.destroy();
  }
}

class TrainingLoop {
  readonly totalSteps: number;
  readonly #vae: Vae;
  readonly #trainer: Trainer;
  readonly #options: TrainOptions;
  /** Mean step time of every interval between two reads. */
  readonly #stepTimes: number[] = [];
  readonly #firstStep: number;
  #trainingMs: number;
  #rows: number;
  #epochTerms: TermsMean;
  #lastRead = 0;
  #savedStep: number;
  #saving: Promise<void> = Promise.resolve();

  constructor(vae: Vae, trainer: Trainer, rows: number, options: TrainOptions) {
    this.#vae = vae;
    this.#trainer = trainer;
    this.#options = options;
    const { stepCount, stepsPerEpoch, batchSize, resumed } = trainer;
    this.totalSteps = options.epochs * stepsPerEpoch;
    this.#firstStep = stepCount;
    this.#savedStep = stepCount;
    this.#rows = Math.floor(stepCount / stepsPerEpoch) * rows + (stepCount % stepsPerEpoch) * batchSize;
    this.#trainingMs = 1000 * (resumed?.course?.seconds ?? 0);
    this.#epochTerms = new TermsMean(resumed?.course?.epochTerms);
  }

  async run(): Promise<TrainReport> {
    const trainer = this.#trainer;
    if (this.#firstStep > this.totalSteps)
      throw new SpecError(
        'epochs',
        `is ${this.#options.epochs}, ${this.totalSteps} steps; the checkpoint has taken ${this.#firstStep}; ask for more epochs`,
      );
    while (trainer.stepCount < this.totalSteps && !this.#isStopped()) {
      const before = trainer.stepCount;
      const report = await this.#runEpoch();
      if (this.#isWithinEpoch() || trainer.stepCount === before) break; // stopped within it, or in a pause before it
      await this.#options.onEpoch?.(report);
      await this.#save(); // behind onEpoch, so that what it writes is never older than the checkpoint
    }
    await this.#save();
    await this.saved();
    return this.#report();
  }

  /** Resolves when the last checkpoint has been received. */
  saved(): Promise<void> {
    return this.#saving;
  }

  #isWithinEpoch(): boolean {
    return this.#trainer.stepCount % this.#trainer.stepsPerEpoch !== 0;
  }

  /** The epoch of the step taken last: 1, 2, ... */
  get #epoch(): number {
    return Math.ceil(this.#trainer.stepCount / this.#trainer.stepsPerEpoch);
  }

  #isStopped(): boolean {
    return this.#options.signal?.aborted === true;
  }

  /** To the end of the epoch, which a resumed training may be in the middle of. */
  async #runEpoch(): Promise<EpochReport> {
    const firstRow = this.#rows;
    const firstMs = this.#trainingMs;
    if (!this.#isWithinEpoch()) this.#epochTerms = new TermsMean();
    this.#lastRead = performance.now();
    do await this.#runStep();
    while (this.#isWithinEpoch() && !this.#isStopped());
    await this.#readTerms();
    const seconds = (this.#trainingMs - firstMs) / 1000;
    const imagesPerSecond = (this.#rows - firstRow) / seconds;
    return { epoch: this.#epoch, train: this.#epochTerms.mean, seconds, imagesPerSecond };
  }

  async #runStep(): Promise<void> {
    await this.#pause(this.#options.beforeStep?.());
    if (this.#isStopped()) return;
    const { saveEvery = Infinity } = this.#options;
    this.#rows += this.#trainer.rowsOf(this.#trainer.stepCount);
    await this.#trainer.step();
    const due = performance.now() - this.#lastRead > READ_EVERY_MS;
    if (due || this.#trainer.pendingTerms >= READ_EVERY_STEPS) await this.#readTerms();
    if (this.#trainer.stepCount % saveEvery === 0 && this.#isWithinEpoch()) await this.#save();
  }

  /** A pause is not training time: what came before it is read first, and the clock starts anew behind it. */
  async #pause(end: Promise<void> | undefined): Promise<void> {
    if (!end) return;
    await this.#readTerms();
    await end;
    this.#lastRead = performance.now();
  }

  /** Reading waits for the steps so far, so the time since the last read is theirs. */
  async #readTerms(): Promise<void> {
    const entries = await this.#trainer.terms();
    const now = performance.now();
    if (entries.length > 0) {
      this.#stepTimes.push((now - this.#lastRead) / entries.length);
      this.#trainingMs += now - this.#lastRead;
    }
    this.#lastRead = now;
    for (const entry of entries) this.#epochTerms.add(entry, entry.rows);
    const last = entries.at(-1);
    if (last) this.#options.onStep?.(this.#progress(last));
  }

  /** Begins a checkpoint of the steps so far, unless there is one, and waits only for the one before it. */
  async #save(): Promise<void> {
    const { onSave, note } = this.#options;
    const step = this.#trainer.stepCount;
    if (!onSave || step === this.#savedStep) return;
    await this.#saving;
    await this.#readTerms(); // the sums of the terms belong to the same step
    this.#savedStep = step;
    const course = { seconds: this.#trainingMs / 1000, epochTerms: this.#epochTerms.sums };
    const checkpoint = this.#trainer.save({ course, ...(note !== undefined && { note }) });
    this.#saving = checkpoint.then((bytes) => onSave(bytes, step));
    this.#saving.catch(() => undefined); // the next one who waits for it is told
  }

  #progress(last: StepTerms): TrainProgress {
    const { stepsPerEpoch } = this.#trainer;
    const { totalSteps } = this;
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

  #report(): TrainReport {
    const trainer = this.#trainer;
    const seconds = this.#trainingMs / 1000;
    const epochs = Math.floor(trainer.stepCount / trainer.stepsPerEpoch);
    const stepsHere = trainer.stepCount - this.#firstStep;
    return {
      epochs,
      steps: trainer.stepCount,
      train: this.#epochTerms.mean,
      seconds,
      imagesPerSecond: this.#rows / seconds,
      stepTimeMs: spread(this.#stepTimes),
      compileTimeMs: trainer.compileTimeMs,
      dispatchesPerStep: trainer.dispatchesPerStep,
      submitsPerStep: stepsHere === 0 ? 0 : trainer.scheduler.submitCount / stepsHere,
      gpuByteLength: this.#vae.device.liveByteLength,
      stopped: epochs < this.#options.epochs,
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
