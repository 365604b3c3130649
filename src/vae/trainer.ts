/**
 * One training plan and its state: every `step()` submits one optimizer step and returns without waiting for
 * the GPU; the terms of past steps are read from a ring when asked for.
 */
import { NumericError, SpecError } from '../gpu/errors.js';
import type { Executable, StepValues } from '../gpu/executable.js';
import type { MetricEntry, MetricRing } from '../gpu/metrics.js';
import type { Plan } from '../gpu/plan.js';
import { Scheduler, type DispatchTime } from '../gpu/scheduler.js';
import { seedWords, shuffleKeys } from '../gpu/threefry.js';
import type { TrainingRecord } from './checkpoint/training-file.js';
import { conditionRows } from './condition.js';
import type { Dataset } from './data/dataset.js';
import type { ResidentDataset } from './data/resident.js';
import { prepareTraining, recordCheckpoint, restoreTraining } from './resume.js';
import type { SaveOptions, TrainingSetup } from './resume.js';
import { scheduledValue, unreachedEnd } from './schedule.js';
import { termsOf } from './terms.js';
import type { CompleteOptions, FedBatch, StepTerms, TrainerOptions } from './trainer-options.js';
import { destroyParts, FIRST_TERM, makeParts, NOTHING_REFUSED } from './trainer-parts.js';
import type { Phase, TrainerParts } from './trainer-parts.js';
import { termOutput, turnOf } from './training-plan.js';
import type { Vae } from './vae.js';

/** A training that its caller steps; made by `Vae.trainer`. */
export class Trainer {
  /** Steps submitted so far; noise, order, schedules and turns follow from it, so that setting it continues a run. */
  stepCount = 0;
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  readonly compileTimeMs: number;
  readonly scheduler: Scheduler;
  /** What the checkpoint says of the training that goes on here. */
  readonly resumed: TrainingRecord | undefined;
  readonly #vae: Vae;
  readonly #parts: TrainerParts;
  readonly #ring: MetricRing;
  readonly #data: ResidentDataset | undefined;
  readonly #refused: GPUBuffer;
  readonly #setup: TrainingSetup;
  readonly #settings: CompleteOptions;
  /** Steps whose terms are in the ring, in order. */
  readonly #unread: number[] = [];
  #isDestroyed = false;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(vae: Vae, parts: TrainerParts, setup: TrainingSetup) {
    const { data } = parts;
    const { batchSize } = setup.settings;
    this.#vae = vae;
    this.#parts = parts;
    this.#ring = parts.ring;
    this.#data = data;
    this.#refused = parts.refused;
    this.batchSize = batchSize;
    this.stepsPerEpoch = data ? Math.ceil(data.rows / batchSize) : 1;
    this.compileTimeMs = parts.compileTimeMs;
    this.scheduler = new Scheduler(vae.device);
    this.#setup = setup;
    this.#settings = setup.settings;
    this.resumed = setup.file?.record;
    this.stepCount = this.resumed?.step ?? 0;
  }

  /**
   * Plans and compiles training of `vae` on `data`, or on batches fed to `step()` when `data` is undefined.
   * @throws SpecError, DataError, OutOfMemoryError, ShaderError; nothing stays allocated then
   */
  static async create(vae: Vae, data: Dataset | undefined, given: TrainerOptions = {}): Promise<Trainer> {
    const setup = await prepareTraining(vae, data, given);
    const parts = await makeParts(vae, data, setup.settings, given.onCompile);
    try {
      if (setup.file) restoreTraining(vae, parts, setup.file);
      return new Trainer(vae, parts, setup);
    } catch (error) {
      destroyParts(parts);
      throw error;
    }
  }

  /** The plan of the model's first phase. */
  get plan(): Plan {
    return this.#parts.model[0]!.executable.plan;
  }

  /** The plans of all phases: the model's, which take turns, and the discriminator's. */
  get plans(): Plan[] {
    const { model, adversary } = this.#parts;
    return [...model, ...(adversary ? [adversary] : [])].map(({ executable }) => executable.plan);
  }

  /** Of the next step. */
  get dispatchesPerStep(): number {
    return this.#phasesOf(this.stepCount).reduce((sum, { executable }) => sum + executable.dispatchCount, 0);
  }

  /** Terms recorded and not yet read. */
  get pendingTerms(): number {
    return this.#ring.pending;
  }

  /** Valid rows of a step's batch; the last batch of an epoch may be smaller. */
  rowsOf(step: number): number {
    if (!this.#data) return this.batchSize;
    const first = (step % this.stepsPerEpoch) * this.batchSize;
    return Math.min(this.batchSize, this.#data.rows - first);
  }

  /** Submits one optimizer step. Resolves when submitted, at most two steps ahead of the GPU. */
  step(batch?: FedBatch): Promise<void> {
    return this.#inTurn(async () => {
      for (const { executable, values, record } of this.#prepareStep(batch))
        await this.scheduler.run(executable, values, record);
    });
  }

  /** One optimizer step with the time of each of its dispatches. Needs timestamp queries. */
  profile(batch?: FedBatch): Promise<DispatchTime[]> {
    return this.#inTurn(async () => {
      await this.scheduler.idle();
      const times: DispatchTime[] = [];
      for (const { executable, values, record } of this.#prepareStep(batch))
        times.push(...(await this.scheduler.profile(executable, values, record)));
      return times;
    });
  }

  /** Steps that are asked for at the same time run one after the other: they share the inputs' buffers. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /**
   * The training after the steps asked for so far, as safetensors bytes: `resume` goes on from there with the same bits,
   * and Vae.load() opens the model in it. Steps may be taken while it is read back. docs/checkpoints.md
   * @throws DeviceError, OutOfMemoryError; CheckpointError for numbers that are not finite
   */
  async save(options: SaveOptions = {}): Promise<Uint8Array> {
    const finish = await this.#inTurn(() => {
      this.#checkAlive();
      return recordCheckpoint(this.#vae, this.#parts, this.#setup, this.stepCount, options);
    });
    return finish();
  }

  /** The phases of the next step, ready to run; the last one's `record` keeps the step's terms. */
  #prepareStep(batch: FedBatch | undefined): PreparedPhase[] {
    this.#checkAlive();
    if (!batch && !this.#data)
      throw new SpecError('trainer', 'step() got no batch; this trainer has no data set, pass { x, noise }');
    if (this.#ring.pending >= this.#ring.capacity)
      throw new SpecError(
        'trainer',
        `${this.#ring.pending} steps have unread terms; call terms() at least that often`,
      );
    const step = this.stepCount;
    const phases = this.#phasesOf(step);
    if (batch) for (const { executable } of phases) this.#feed(executable, batch);
    const prepared = phases.map((phase, index) => ({
      executable: phase.executable,
      values: this.#stepValues(phase, step),
      ...(index === phases.length - 1 && { record: this.#recorder(phases[0]!.executable) }),
    }));
    this.#unread.push(step);
    this.stepCount++; // not before: a schedule that throws leaves the step to be taken
    return prepared;
  }

  /** The model's phase of a step, whose turn the scheme decides, and the adversary's behind it. */
  #phasesOf(step: number): Phase[] {
    const { model, adversary } = this.#parts;
    const phase = model[turnOf(this.#settings.scheme, step).phase]!;
    return adversary ? [phase, adversary] : [phase];
  }

  /** What to warn of when training ends after `steps` steps: schedules that do not reach their end, another adapter than the checkpoint's. */
  warnings(steps: number): string[] {
    const scheduled = [
      { name: 'beta', schedule: this.#settings.beta },
      ...this.#parts.model[0]!.plan.weights,
    ];
    const unreached = scheduled.flatMap(({ name, schedule }) => unreachedEnd(schedule, steps, name) ?? []);
    const { description } = this.#vae.device;
    if (!this.resumed || this.resumed.adapter === description) return unreached;
    const moved = `the checkpoint was made on ${this.resumed.adapter} and goes on on ${description}, whose numbers differ in their last bits`;
    return [moved, ...unreached];
  }

  #feed(executable: Executable, { x, noise, labels }: FedBatch): void {
    const condition = conditionRows(this.#vae.spec, labels, this.batchSize, 'trainer');
    for (const [name, values] of Object.entries({ x, noise, condition }))
      if (values && (name === 'x' || executable.plan.inputs.has(name))) executable.write(name, values);
  }

  #recorder(executable: Executable): (encoder: GPUCommandEncoder) => void {
    const { termNames } = this.#parts;
    const sources = [
      executable.output('loss'),
      { buffer: this.#refused, byteOffset: 0, byteLength: 4 },
      executable.output('terms'),
      ...termNames.map((name) => executable.output(termOutput(name))),
    ];
    return (encoder) => this.#ring.record(encoder, sources);
  }

  #stepValues({ plan, executable }: Phase, step: number): StepValues {
    const { beta, seed, scheme } = this.#settings;
    const { adversary, optimizer, weights } = plan;
    const t = adversary ? step + 1 : turnOf(scheme, step).t;
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const rate = adversary?.learningRate ?? this.#settings.learningRate;
    const learningRate = scheduledValue(rate, step, 'learningRate');
    for (const { name, input, schedule } of weights)
      if (executable.plan.inputs.has(input))
        executable.write(input, Float32Array.of(scheduledValue(schedule, step, name)));
    return {
      seed: seedWords(seed),
      stream: step,
      row_count: this.rowsOf(step),
      epoch,
      first_row: (step % this.stepsPerEpoch) * this.batchSize,
      beta: scheduledValue(beta, step, 'beta'),
      ...optimizer.stepValues(t, learningRate),
      shuffle_keys: shuffleKeys(seed, epoch),
    };
  }

  /**
   * The terms of all steps since the last call.
   * @throws NumericError naming the step and the weight when a gradient or the loss was not finite; the
   *   affected weights were left as they were
   */
  async terms(): Promise<StepTerms[]> {
    this.#checkAlive();
    await this.scheduler.idle();
    const entries = await this.#ring.read();
    const steps = this.#unread.splice(0, entries.length);
    return entries.map((entry, index) => this.#decodeEntry(entry, steps[index]!));
  }

  #decodeEntry(entry: MetricEntry, step: number): StepTerms {
    const [loss] = entry as unknown as [number];
    const refused = new Uint32Array(entry.buffer, entry.byteOffset, FIRST_TERM)[1]!;
    if (refused !== NOTHING_REFUSED) {
      const owner = this.#vae.model.weights.set.owner(refused);
      const element = refused - (owner?.offset ?? 0);
      throw new NumericError(
        `step ${step}`,
        `the update of ${owner?.name ?? 'a weight'} is not finite (element ${element}); that weight was left unchanged; lower the learning rate, clip with maxNorm, or check the data`,
      );
    }
    if (!Number.isFinite(loss))
      throw new NumericError(
        `step ${step}`,
        `the loss is ${loss}; lower the learning rate or check the data`,
      );
    const terms = termsOf(entry.subarray(FIRST_TERM), this.#parts.termNames);
    return { step, rows: this.rowsOf(step), ...terms };
  }

  #checkAlive(): void {
    if (this.#isDestroyed)
      throw new SpecError('trainer', 'it was destroyed; make another with vae.trainer()');
  }

  /** Frees everything the training made; the model and its weights stay. */
  destroy(): void {
    this.#isDestroyed = true;
    destroyParts(this.#parts);
  }
}

interface PreparedPhase {
  readonly executable: Executable;
  readonly values: StepValues;
  readonly record?: (encoder: GPUCommandEncoder) => void;
}
