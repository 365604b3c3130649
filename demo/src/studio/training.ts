/** The training loop: step after step until it is paused, telling the page what came of them now and then. */
import {
  SpecError,
  type Dataset,
  type StepTerms,
  type Trainer,
  type TrainerOptions,
  type Vae,
} from 'webgpu-vae';
import { planRow } from './plan-row.js';
import type { LiveSettings, Speed, StepPlan, TrainingSettings } from './protocol.js';
import type { Turns } from './turns.js';

/** The page hears of steps so often; drawing them all would take longer than taking them. */
const TICK_MS = 100;
/** Terms wait on the GPU, where there is room for some hundred steps. */
const TICK_STEPS = 32;
const SLOW_STEP_MS = 700;

export interface TrainingListener {
  /** Steps whose terms are known; called in turn, and waited for. */
  onSteps(terms: readonly StepTerms[], speed: Speed): Promise<void>;
  onPlaying(isPlaying: boolean): void;
  /** Waited for before each step of a training that plays; steps took about `stepMs`. */
  beforeStep(stepMs: number): Promise<void>;
  /** The training has paused because of this. */
  onError(error: unknown): void;
}

export class Training {
  live: LiveSettings = { beta: 1, learningRate: 1e-3, isSlow: false };
  /** Steps that the model took before this training's first. */
  #stepsBefore = 0;
  #trainer: Trainer | undefined;
  #vae: Vae | undefined;
  #isPlaying = false;
  /** Counts calls of play, each of which has a loop of its own: an earlier one that still waits has ended. */
  #loops = 0;
  #stepMs = 0;

  constructor(
    readonly turns: Turns,
    readonly listener: TrainingListener,
  ) {}

  get isPlaying(): boolean {
    return this.#isPlaying;
  }

  get isReady(): boolean {
    return this.#trainer !== undefined;
  }

  /** Steps that the model has taken. */
  get step(): number {
    return this.#stepsBefore + (this.#trainer?.stepCount ?? 0);
  }

  /** Makes the trainer; called in turn. @throws as Vae.trainer */
  async prepare(
    vae: Vae,
    data: Dataset,
    { batchSize, optimizer, seed }: TrainingSettings,
    resume?: Uint8Array,
  ): Promise<void> {
    const before = this.step;
    this.release();
    const { beta } = vae.model.objective;
    const options: TrainerOptions = {
      batchSize: Math.min(batchSize, data.rows),
      optimizer: { type: optimizer },
      seed,
      learningRate: () => this.live.learningRate,
      ...(beta === undefined && { beta: () => this.live.beta }),
      ...(resume && { resume }),
    };
    this.#trainer = await vae.trainer(data, options);
    this.#vae = vae;
    this.#stepsBefore = before - this.#trainer.stepCount;
  }

  /** Frees the trainer; the model stays. Called in turn. */
  release(): void {
    this.#stepsBefore = this.step;
    this.#trainer?.destroy();
    this.#trainer = undefined;
  }

  /** Another model begins at `step`; called in turn. */
  reset(step = 0): void {
    this.release();
    this.#stepsBefore = step;
  }

  play(): void {
    if (this.#isPlaying) return;
    this.#isPlaying = true;
    this.listener.onPlaying(true);
    void this.#loop(++this.#loops);
  }

  /** Resolves when the last step's terms are told. */
  async pause(): Promise<void> {
    const wasPlaying = this.#isPlaying;
    this.#isPlaying = false;
    await this.turns.run(() => this.#tick());
    if (wasPlaying && !this.#isPlaying) this.listener.onPlaying(false);
  }

  /** One step, shown when it is done. */
  async stepOnce(): Promise<void> {
    await this.turns.run(async () => {
      await this.#trainer?.step();
      await this.#tick();
    });
  }

  /** A checkpoint of the training as it is; called in turn. */
  save(note: string): Promise<Uint8Array> | undefined {
    return this.#trainer?.save({ note });
  }

  /** The dispatches of a step with their times, for which it takes one; without `isTimed` it takes none. Called in turn. */
  async plan(isTimed: boolean): Promise<StepPlan> {
    const trainer = this.#trainer;
    if (!trainer) throw new SpecError('plan', 'no training is ready; choose a model and images');
    const times = isTimed ? await trainer.profile() : [];
    await this.#tick();
    const planned = trainer.plans.flatMap(({ dispatches }) => dispatches);
    return {
      rows: planned.map((dispatch, index) => planRow(dispatch, times[index]?.timeMs)),
      dispatches: trainer.dispatchesPerStep,
      batchSize: trainer.batchSize,
      submits: trainer.plans.length, // a worker submits a plan at once
      gpuByteLength: this.#vae?.device.liveByteLength ?? 0,
    };
  }

  async #loop(number: number): Promise<void> {
    let told = performance.now();
    try {
      while (this.#isPlaying && this.#trainer && number === this.#loops) {
        if (!this.live.isSlow) await this.listener.beforeStep(this.#stepMs);
        await this.turns.run(() => this.#trainer?.step());
        const { isSlow } = this.live;
        const isDue = performance.now() - told >= TICK_MS || (this.#trainer?.pendingTerms ?? 0) >= TICK_STEPS;
        if (!isSlow && !isDue) continue;
        await this.turns.run(() => this.#tick());
        told = performance.now();
        if (isSlow) await new Promise((done) => setTimeout(done, SLOW_STEP_MS));
      }
    } catch (error) {
      this.listener.onError(error);
    }
    if (!this.#isPlaying || number !== this.#loops) return; // it was paused, and may play again
    this.#isPlaying = false;
    this.listener.onPlaying(false);
  }

  #ticked = performance.now();

  async #tick(): Promise<void> {
    const trainer = this.#trainer;
    if (!trainer || trainer.pendingTerms === 0) return;
    const terms = await trainer.terms();
    const now = performance.now();
    this.#stepMs = (now - this.#ticked) / terms.length;
    const rows = terms.reduce((sum, step) => sum + step.rows, 0);
    const speed = {
      imagesPerSecond: (1000 * rows) / (now - this.#ticked),
      stepMs: this.#stepMs,
      dispatchesPerStep: trainer.dispatchesPerStep,
      gpuByteLength: this.#vae?.device.liveByteLength ?? 0,
    };
    const counted = terms.map((step) => ({ ...step, step: this.#stepsBefore + step.step }));
    await this.listener.onSteps(counted, speed);
    this.#ticked = performance.now();
  }
}
