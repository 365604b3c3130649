/**
 * The model at work: on one device, with its images, its trainer, its snapshots, and the canvases that show it. These change
 * together, each in its turn, so that a lost GPU finds all of them in one place and brings them back.
 */
import {
  DataError,
  DeviceError,
  SpecError,
  Vae,
  VaeError,
  type Device,
  type StepTerms,
  type VaeSpec,
} from 'webgpu-vae';
import { writeNote, type Kept, type PageState } from '../kept.js';
import { readCheckpoint } from './checkpoint-file.js';
import { Gallery } from './gallery.js';
import { Keeper, type Snapshot } from './keeper.js';
import { Manners } from './manners.js';
import { Mender } from './mender.js';
import { Observer } from './observer.js';
import type { DataFacts, ModelFacts, Source, Speed, Tell, TrainingSettings } from './protocol.js';
import { Recorder } from './recorder.js';
import { Rescue } from './rescue.js';
import { openSource, type Images } from './sources.js';
import { Training } from './training.js';
import { Turns } from './turns.js';

/** What the page reads in a file beside the model. */
export interface Opened {
  readonly facts: ModelFacts;
  /** Undefined for a file that another page or program wrote. */
  readonly kept: Kept | undefined;
}

export class Workshop {
  readonly turns = new Turns((error) => this.#mender.mend(error));
  readonly manners = new Manners();
  readonly gallery = new Gallery(
    (run) => this.turns.run(run),
    (error) => this.#report(error),
  );
  readonly training = new Training(this.turns, {
    onSteps: (terms, speed) => this.#onSteps(terms, speed),
    beforeStep: (stepMs) => this.manners.wait(stepMs),
    onPlaying: (isPlaying) => this.tell({ type: 'playing', isPlaying }),
    onError: (error) => this.#report(error),
  });
  readonly keeper = new Keeper((event) => this.tell(event));
  readonly recorder = new Recorder();
  readonly #observer = new Observer((event) => this.tell(event));
  readonly #gpu = new Rescue(() => {
    // nothing may be going on that would notice
    this.turns.run(() => this.device.check()).catch((error: unknown) => this.#report(error));
  });
  readonly #mender = new Mender(
    this.#gpu,
    this.keeper,
    (newest) => this.#leave(newest),
    (event) => this.tell(event),
  );
  #vae: Vae | undefined;
  #images: Images | undefined;
  #sourcesAsked = 0;
  /** Settles when the images that were asked for are here, or will not come. */
  #coming: Promise<unknown> = Promise.resolve();
  /** Of the trainer that is ready. */
  #settings: TrainingSettings | undefined;
  #isPretrained = false;
  /** What the next trainer goes on from. */
  #resume: Uint8Array | undefined;

  /** @param describe what the page writes into snapshots */
  constructor(
    readonly tell: Tell,
    readonly describe: () => Promise<PageState>,
  ) {}

  /** Opens the GPU. @returns the checkpoint that an earlier visit has saved. @throws DeviceError with advice when there is none */
  async open(): Promise<Uint8Array | undefined> {
    const [found, device] = await Promise.all([this.keeper.open(), this.#gpu.open()]);
    this.tell({ type: 'device', description: device.description });
    return found;
  }

  /** @throws DeviceError before there is one */
  get device(): Device {
    return this.#gpu.device;
  }

  /** @throws SpecError before there is one */
  get model(): Vae {
    if (this.#vae) return this.#vae;
    throw new SpecError('studio', 'there is no model yet; build or load one');
  }

  get images(): Images | undefined {
    return this.#images;
  }

  /** @throws SpecError before there is a model */
  get facts(): ModelFacts {
    const { spec, parameterCount, model } = this.model;
    return {
      spec,
      parameterCount,
      step: this.training.step,
      isPretrained: this.#isPretrained,
      betaIsOpen: model.objective.beta === undefined,
    };
  }

  /** The images, which the model can read. @throws SpecError before there are any, DataError where it cannot */
  get fitting(): Images {
    if (!this.#images) throw new SpecError('studio', 'there are no images yet; choose some');
    if (canRead(this.model, this.#images)) return this.#images;
    const { shape } = this.#images.facts;
    const { input } = this.model.spec;
    throw new DataError(
      'studio',
      `the images are ${shape.join(' × ')}, the model reads ${input.join(' × ')}; train one for these images`,
    );
  }

  /** Goes over to other images; the model stays, and a training pauses. @throws DataError */
  useSource(source: Source): Promise<DataFacts> {
    const coming = this.#goOver(source);
    this.#coming = coming.catch(() => undefined);
    return coming;
  }

  async #goOver(source: Source): Promise<DataFacts> {
    const asked = ++this.#sourcesAsked;
    const images = await openSource(source, (progress) =>
      this.tell({ type: 'loading', ...(progress && { progress }) }),
    );
    if (asked !== this.#sourcesAsked) return images.facts; // another choice was made while these came
    await this.training.pause();
    await this.turns.run(async () => {
      this.training.release();
      this.#images = images;
      this.tell({ type: 'data', facts: images.facts });
      await this.#observe(true);
    });
    return images.facts;
  }

  /** Goes over to a fresh model. @throws SpecError */
  async build(spec: VaeSpec, seed: number): Promise<void> {
    await this.training.pause();
    await this.turns.run(async () => {
      const vae = await Vae.create(spec, { device: this.device, seed });
      const bytes = await vae.save();
      await this.#use(vae, { bytes, step: 0, hasTraining: false }, false);
    });
  }

  /** Goes over to a model from a file. @throws CheckpointError */
  async load(bytes: Uint8Array, isPretrained: boolean): Promise<Opened> {
    await this.training.pause();
    return this.turns.run(async () => {
      const vae = await Vae.load(bytes, { device: this.device });
      const { kept, ...file } = await readCheckpoint(bytes);
      await this.#use(vae, { bytes, ...file }, isPretrained);
      return { facts: this.facts, kept };
    });
  }

  /** Called in turn. */
  async #use(vae: Vae, snapshot: Snapshot, isPretrained: boolean): Promise<void> {
    this.training.reset(snapshot.step);
    this.keeper.hold(snapshot);
    this.#resume = snapshot.hasTraining ? snapshot.bytes : undefined;
    this.recorder.clear();
    this.#settings = undefined;
    const before = this.#vae;
    this.#vae = vae;
    this.#isPretrained = isPretrained;
    this.gallery.use(vae);
    before?.destroy();
    this.tell({ type: 'model', facts: this.facts });
    await this.gallery.redraw();
    await this.#observe(true);
  }

  /** A trainer of the model on the images, which the next step needs. @throws SpecError, DataError */
  async prepare(settings: TrainingSettings): Promise<void> {
    await this.#coming;
    const isSame = JSON.stringify(settings) === JSON.stringify(this.#settings);
    if (isSame && this.training.isReady) return;
    await this.#images?.train(); // which may take long, and is nobody else's turn to wait for
    await this.turns.run(() => this.#makeTrainer(settings));
    if (!this.#isPretrained) return;
    this.#isPretrained = false;
    this.tell({ type: 'model', facts: this.facts });
  }

  /** Going on from what was loaded, with its moments where data and settings are the same; called in turn. */
  async #makeTrainer(settings: TrainingSettings): Promise<void> {
    if (!this.#images) throw new SpecError('training', 'there are no images yet; choose some');
    const vae = this.model;
    const data = await this.#images.train();
    try {
      await this.training.prepare(vae, data, settings, this.#resume);
    } catch (error) {
      const isOther = error instanceof VaeError && !(error instanceof DeviceError);
      if (!this.#resume || !isOther) throw error;
      await this.training.prepare(vae, data, settings);
      const message = `The model goes on learning from step ${this.training.step}, its optimizer begins anew: ${error.message}`;
      this.tell({ type: 'note', kind: 'info', message });
    }
    this.#resume = undefined;
    this.#settings = settings;
    await this.recorder.take(vae, this.training.step);
  }

  async #onSteps(terms: readonly StepTerms[], speed: Speed): Promise<void> {
    this.tell({ type: 'steps', terms, speed });
    await this.gallery.redraw();
    await this.#observe();
    await this.recorder.record(this.model, this.training.step);
    if (this.keeper.isDue) await this.keep();
  }

  async #observe(isForced = false): Promise<void> {
    if (!this.#vae || !this.#images || !canRead(this.#vae, this.#images)) return;
    await this.#observer.observe(this.#vae, this.#images.test, this.training.step, isForced);
  }

  /** Records a snapshot of the training, which is read back while it goes on; called in turn. */
  async keep(isAwaited = false): Promise<void> {
    const { step, isReady } = this.training;
    if (!isReady || step === this.keeper.newest?.step) return;
    const saving = this.training.save(await this.#note());
    const kept = saving && this.keeper.keep(saving, step);
    if (isAwaited) await kept;
  }

  /** With the training in it where there is one; of a GPU that is gone for good, the last snapshot. */
  async checkpoint(): Promise<Uint8Array> {
    if (this.#mender.isGone && this.keeper.newest) return this.keeper.newest.bytes;
    return this.turns.run(async () => {
      if (this.#resume) return this.#resume;
      const note = await this.#note();
      return (await this.training.save(note)) ?? this.model.save();
    });
  }

  async #note(): Promise<string> {
    return writeNote(this.training.step, await this.describe());
  }

  #leave(newest: Snapshot | undefined): () => Promise<number> {
    const settings = this.training.isReady ? this.#settings : undefined;
    this.training.reset(newest?.step);
    return async () => {
      if (newest) await this.#revive(newest, settings);
      return this.training.step;
    };
  }

  async #revive(
    { bytes, step, hasTraining }: Snapshot,
    settings: TrainingSettings | undefined,
  ): Promise<void> {
    this.#vae = await Vae.load(bytes, { device: this.device });
    this.#resume = hasTraining ? bytes : undefined;
    this.recorder.cut(step);
    this.gallery.use(this.#vae);
    if (settings) await this.#makeTrainer(settings);
    await this.gallery.redraw();
  }

  #report(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.tell({ type: 'note', kind: 'failure', message });
  }
}

function canRead({ spec }: Vae, { facts }: Images): boolean {
  return spec.input.join() === facts.shape.join();
}
