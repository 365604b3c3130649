/** The worker's half of the page: one device, one model, its training, and the canvases that show it. */
import {
  DataError,
  DeviceError,
  fromPixels,
  parameterCount,
  SpecError,
  Vae,
  VaeError,
  type Pixels,
  type StepTerms,
  type VaeSpec,
} from 'webgpu-vae';
import { writeNote, type Kept, type PageState } from '../kept.js';
import { isSameSpec, readCheckpoint } from './checkpoint-file.js';
import { Comparison } from './comparison.js';
import { Gallery, toPixels } from './gallery.js';
import { Keeper, type Snapshot } from './keeper.js';
import { measure, pickRows, type Errors } from './likeness.js';
import { Manners } from './manners.js';
import { Observer, toFloats } from './observer.js';
import type {
  Compared,
  ComparisonProgress,
  ComparisonRequest,
  DataFacts,
  Drawing,
  LiveSettings,
  ModelFacts,
  Source,
  Speed,
  StepPlan,
  Tell,
  TrainingSettings,
} from './protocol.js';
import { pngOf } from './pictures.js';
import { Recorder } from './recorder.js';
import { Rescue } from './rescue.js';
import { openSource, type Images } from './sources.js';
import { animation, exportZip } from './take-away.js';
import { Training } from './training.js';
import { Turns } from './turns.js';

/** What the page reads in a file beside the model. */
export interface Opened {
  readonly facts: ModelFacts;
  /** Undefined for a file that another page or program wrote. */
  readonly kept: Kept | undefined;
}

/** A page's memory holds the weights, their gradients and two moments of this many. */
const MOST_WEIGHTS = 2 ** 24;

/** Everything that the page asks for; plain data in and out, so that Comlink can carry it. */
export class Studio {
  readonly #manners = new Manners();
  readonly #turns = new Turns((error) => this.#mend(error));
  readonly #gallery = new Gallery(
    (run) => this.#turns.run(run),
    (error) => this.#report(error),
  );
  readonly #training = new Training(this.#turns, {
    onSteps: (terms, speed) => this.#onSteps(terms, speed),
    beforeStep: (stepMs) => this.#manners.wait(stepMs),
    onPlaying: (isPlaying) => this.#tell({ type: 'playing', isPlaying }),
    onError: (error) => this.#report(error),
  });
  #observer = new Observer((event) => this.#tell(event));
  readonly #keeper = new Keeper((event) => this.#tell(event));
  readonly #recorder = new Recorder();
  readonly #gpu = new Rescue(() => {
    // nothing may be going on that would notice
    this.#turns.run(() => this.#gpu.device.check()).catch((error: unknown) => this.#report(error));
  });
  #tell: Tell = () => undefined;
  #describe: () => Promise<PageState> = () => Promise.reject(new Error('the studio is not open'));
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
  /** Why there will be no GPU any more. */
  #gone: Error | undefined;
  #comparison: Comparison | undefined;

  /**
   * Opens the GPU.
   * @param describe what the page writes into snapshots
   * @returns what an earlier visit has saved
   * @throws DeviceError with advice when there is none
   */
  async open(tell: Tell, describe: () => Promise<PageState>): Promise<Kept | undefined> {
    this.#tell = tell;
    this.#describe = describe;
    const [found, device] = await Promise.all([this.#keeper.open(), this.#gpu.open()]);
    this.#tell({ type: 'device', description: device.description });
    return found && (await readCheckpoint(found).catch(() => undefined))?.kept;
  }

  /** The model that an earlier visit has saved, from which its training goes on. @throws CheckpointError */
  async loadSaved(): Promise<Opened> {
    const found = this.#keeper.take();
    if (!found) throw new SpecError('saved', 'there is no saved training; train one');
    return this.load(found);
  }

  /** Deletes what is saved. */
  forget(): Promise<void> {
    return this.#keeper.forget();
  }

  /**
   * Goes over to other images and tells what they are; the model stays, and is measured on them where they fit. A training
   * pauses. @throws DataError
   */
  useSource(source: Source): Promise<DataFacts> {
    const coming = this.#goOver(source);
    this.#coming = coming.catch(() => undefined);
    return coming;
  }

  async #goOver(source: Source): Promise<DataFacts> {
    const asked = ++this.#sourcesAsked;
    const images = await openSource(source, (progress) =>
      this.#tell({ type: 'loading', ...(progress && { progress }) }),
    );
    if (asked !== this.#sourcesAsked) return images.facts; // another choice was made while these came
    await this.#training.pause();
    await this.#turns.run(async () => {
      this.#training.release();
      this.#images = images;
      this.#tell({ type: 'data', facts: images.facts });
      await this.#observe(true);
    });
    return images.facts;
  }

  /** A fresh model. @throws SpecError */
  async build(spec: VaeSpec, seed: number): Promise<void> {
    this.check(spec);
    await this.#training.pause();
    await this.#turns.run(async () => {
      const vae = await Vae.create(spec, { device: this.#gpu.device, seed });
      const bytes = await vae.save();
      await this.#use(vae, { bytes, step: 0, hasTraining: false }, false);
    });
  }

  /** A model from a file, and its training if there is one in it, which the next step goes on with. @throws CheckpointError */
  async load(bytes: Uint8Array, { isPretrained = false } = {}): Promise<Opened> {
    await this.#training.pause();
    return this.#turns.run(async () => {
      const vae = await Vae.load(bytes, { device: this.#gpu.device });
      const { kept, ...file } = await readCheckpoint(bytes);
      await this.#use(vae, { bytes, ...file }, isPretrained);
      return { facts: this.facts, kept };
    });
  }

  /** Whether both describe one model. */
  isSameSpec(a: unknown, b: unknown): boolean {
    return isSameSpec(a, b);
  }

  /** Trains until `pause`. */
  async play(settings: TrainingSettings): Promise<void> {
    await this.#prepare(settings);
    this.#training.play();
  }

  async pause(): Promise<void> {
    await this.#training.pause();
    await this.keep();
  }

  /** A snapshot now. */
  keep(): Promise<void> {
    return this.#turns.run(() => this.#keep(true));
  }

  /** One training step. */
  async step(settings: TrainingSettings): Promise<void> {
    await this.#training.pause();
    await this.#prepare(settings);
    await this.#training.stepOnce();
    await this.keep();
  }

  setLive(live: LiveSettings): void {
    this.#training.live = live;
  }

  attach(name: string, canvas: OffscreenCanvas): void {
    this.#gallery.attach(name, canvas);
  }

  detach(name: string): void {
    this.#gallery.detach(name);
  }

  draw(name: string, drawing: Drawing): Promise<void> {
    this.#manners.asked();
    return this.#gallery.draw(name, drawing);
  }

  setVisible(name: string, isVisible: boolean): void {
    this.#gallery.setVisible(name, isVisible);
  }

  /** Held-out images as pictures; those past the end are left out. */
  heldOut(rows: readonly number[]): Pixels[] {
    if (!this.#images) return [];
    const { values, shape } = this.#images.test;
    const length = values.length / this.#images.test.rows;
    return rows
      .filter((row) => row < this.#images!.test.rows)
      .flatMap((row) => toPixels(values.subarray(row * length, (row + 1) * length), shape));
  }

  /** Where pictures lie in the latent space: means and log-variances f32[N, K]. @throws DataError */
  encode(
    pictures: readonly Pixels[],
    labels?: readonly number[],
  ): Promise<{ mean: Float32Array; logVariance: Float32Array }> {
    return this.#turns.run(() => {
      const vae = this.#model();
      const shape = vae.spec.input as [number, number, 1 | 3];
      return vae.encode(toFloats(fromPixels(pictures, shape).values), { ...(labels && { labels }) });
    });
  }

  /** What a training step does, with times where the device can tell them, for which it takes a step. */
  async profile(settings: TrainingSettings): Promise<StepPlan> {
    await this.#prepare(settings);
    const canTime = this.#gpu.device.gpu.features.has('timestamp-query');
    return this.#turns.run(() => this.#training.plan(canTime));
  }

  /** How far held-out images are from their reconstructions. @throws DataError */
  likeness(rows: readonly number[]): Promise<Errors> {
    return this.#turns.run(() => measure(this.#model(), pickRows(this.#fitting().test, rows)));
  }

  /**
   * Trains copies of the model that differ in their likelihood, one after the other, and frees them; the model itself
   * pauses and stays as it is. `told` hears of steps and of each copy when it is trained.
   * @throws SpecError where the objective allows no other likelihood
   */
  async compare(
    request: ComparisonRequest,
    told: (news: ComparisonProgress | Compared) => void,
  ): Promise<void> {
    const { test, train } = this.#fitting();
    const comparison = new Comparison(this.#gpu.device, this.#model().spec, this.#turns, request);
    this.#comparison?.cancel();
    this.#comparison = comparison; // before anything is waited for: it may be cancelled from now on
    await this.#training.pause();
    await comparison.run(await train(), test, told);
  }

  cancelComparison(): void {
    this.#comparison?.cancel();
  }

  /** Weights of the model that it describes. @throws SpecError naming the field or the layer that does not fit */
  check(spec: VaeSpec): number {
    const count = parameterCount(spec);
    if (count <= MOST_WEIGHTS) return count;
    throw new SpecError(
      'spec',
      `has ${count.toLocaleString('en')} weights; this page trains at most ${MOST_WEIGHTS.toLocaleString('en')}; make layers smaller`,
    );
  }

  /** What is recorded of the training, from its next step on. */
  record(drawing: Drawing): void {
    this.#recorder.show(drawing);
  }

  /** The checkpoint, with the training in it where there is one. */
  async checkpoint(): Promise<Uint8Array> {
    if (this.#gone && this.#keeper.newest) return this.#keeper.newest.bytes;
    return this.#turns.run(async () => {
      if (this.#resume) return this.#resume;
      const note = await this.#note();
      return (await this.#training.save(note)) ?? this.#model().save();
    });
  }

  /** The model for other programs, as a ZIP file of a folder. @throws SpecError for a part that they cannot have */
  async export(format: 'pytorch' | 'onnx', folder: string): Promise<Uint8Array> {
    return exportZip(await this.#turns.run(() => this.#model().save()), format, folder);
  }

  /** A drawing, or what the canvas of that name shows, as a PNG file. */
  picture(drawing: Drawing | string): Promise<Uint8Array> {
    const asked = typeof drawing === 'string' ? this.#gallery.drawing(drawing) : drawing;
    if (!asked) throw new SpecError('picture', 'nothing is drawn there yet; wait for the model');
    return this.#turns.run(() => pngOf(this.#model(), asked));
  }

  /** What was recorded of the training as an animated GIF. @throws SpecError when nothing was */
  async animation(): Promise<Uint8Array> {
    if (this.#recorder.frames.length === 0)
      throw new SpecError('animation', 'nothing has been recorded yet; train for a moment, then ask again');
    await this.#turns.run(() => this.#recorder.take(this.#model(), this.#training.step));
    return animation(this.#recorder, this.#model());
  }

  /** Goes over to a model; called in turn. */
  async #use(vae: Vae, snapshot: Snapshot, isPretrained: boolean): Promise<void> {
    this.#training.reset(snapshot.step);
    this.#keeper.hold(snapshot);
    this.#resume = snapshot.hasTraining ? snapshot.bytes : undefined;
    this.#recorder.clear();
    this.#settings = undefined;
    const before = this.#vae;
    this.#vae = vae;
    this.#isPretrained = isPretrained;
    this.#gallery.use(vae);
    before?.destroy();
    this.#tell({ type: 'model', facts: this.facts });
    await this.#gallery.redraw();
    await this.#observe(true);
  }

  /** A trainer of the model on the images; called by play and step. */
  async #prepare(settings: TrainingSettings): Promise<void> {
    await this.#coming;
    const isSame = JSON.stringify(settings) === JSON.stringify(this.#settings);
    if (isSame && this.#training.isReady) return;
    await this.#images?.train(); // which may take long, and is nobody else's turn to wait for
    await this.#turns.run(() => this.#makeTrainer(settings));
    if (!this.#isPretrained) return;
    this.#isPretrained = false;
    this.#tell({ type: 'model', facts: this.facts });
  }

  /** Going on from what was loaded, with its moments where data and settings are the same; called in turn. */
  async #makeTrainer(settings: TrainingSettings): Promise<void> {
    if (!this.#images) throw new SpecError('training', 'there are no images yet; choose some');
    const vae = this.#model();
    const data = await this.#images.train();
    try {
      await this.#training.prepare(vae, data, settings, this.#resume);
    } catch (error) {
      const isOther = error instanceof VaeError && !(error instanceof DeviceError);
      if (!this.#resume || !isOther) throw error;
      await this.#training.prepare(vae, data, settings);
      const message = `The model goes on learning from step ${this.#training.step}, its optimizer begins anew: ${error.message}`;
      this.#tell({ type: 'note', kind: 'info', message });
    }
    this.#resume = undefined;
    this.#settings = settings;
    await this.#recorder.take(vae, this.#training.step);
  }

  async #onSteps(terms: readonly StepTerms[], speed: Speed): Promise<void> {
    this.#tell({ type: 'steps', terms, speed });
    await this.#gallery.redraw();
    await this.#observe();
    await this.#recorder.record(this.#model(), this.#training.step);
    if (this.#keeper.isDue) await this.#keep();
  }

  /** Records a snapshot of the training, which is read back while it goes on; called in turn. */
  async #keep(isAwaited = false): Promise<void> {
    const { step, isReady } = this.#training;
    if (!isReady || step === this.#keeper.newest?.step) return;
    const saving = this.#training.save(await this.#note());
    const kept = saving && this.#keeper.keep(saving, step);
    if (isAwaited) await kept;
  }

  async #note(): Promise<string> {
    return writeNote(this.#training.step, await this.#describe());
  }

  /** Brings a lost GPU back, and the model from the last snapshot. @throws `failure` if it has another cause, or says that there is no GPU */
  async #mend(failure: unknown): Promise<void> {
    if (this.#gone) throw this.#gone;
    if (!(await this.#gpu.isLost(failure))) throw failure;
    this.#tell({ type: 'lost' });
    const settings = this.#training.isReady ? this.#settings : undefined;
    const { newest } = this.#keeper;
    this.#training.reset(newest?.step);
    await this.#gpu.reopen().catch((cause: unknown) => {
      throw this.#giveUp(cause);
    });
    try {
      if (newest) await this.#revive(newest, settings);
    } catch (next) {
      return this.#mend(next);
    }
    this.#tell({ type: 'recovered', step: this.#training.step });
  }

  async #revive(
    { bytes, step, hasTraining }: Snapshot,
    settings: TrainingSettings | undefined,
  ): Promise<void> {
    this.#vae = await Vae.load(bytes, { device: this.#gpu.device });
    this.#resume = hasTraining ? bytes : undefined;
    this.#recorder.cut(step);
    this.#gallery.use(this.#vae);
    if (settings) await this.#makeTrainer(settings);
    await this.#gallery.redraw();
  }

  #giveUp(cause: unknown): Error {
    const { newest, isSaving } = this.#keeper;
    const advice = isSaving ? 'it is saved in this browser' : 'it is not saved, so download it';
    const learned = newest?.hasTraining ? `Your training is kept up to step ${newest.step}; ${advice}. ` : '';
    this.#gone = new Error(
      `The GPU stopped again, and the browser does not give it back. ${learned}Wait two minutes and reload this page; if that does not help, restart the browser.`,
      { cause },
    );
    this.#tell({ type: 'gone', message: this.#gone.message });
    return this.#gone;
  }

  async #observe(isForced = false): Promise<void> {
    if (!this.#vae || !this.#images) return;
    const isFitting = this.#vae.spec.input.join() === this.#images.facts.shape.join();
    if (isFitting) await this.#observer.observe(this.#vae, this.#images.test, this.#training.step, isForced);
  }

  /** @throws SpecError before there is a model */
  get facts(): ModelFacts {
    const { spec, parameterCount: weights, model } = this.#model();
    return {
      spec,
      parameterCount: weights,
      step: this.#training.step,
      isPretrained: this.#isPretrained,
      betaIsOpen: model.objective.beta === undefined,
    };
  }

  /** The images, which the model can read. */
  #fitting(): Images {
    if (!this.#images) throw new SpecError('studio', 'there are no images yet; choose some');
    const { shape } = this.#images.facts;
    const { input } = this.#model().spec;
    if (shape.join() === input.join()) return this.#images;
    throw new DataError(
      'studio',
      `the images are ${shape.join(' × ')}, the model reads ${input.join(' × ')}; train one for these images`,
    );
  }

  #model(): Vae {
    if (this.#vae) return this.#vae;
    throw new SpecError('studio', 'there is no model yet; build or load one');
  }

  #report(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#tell({ type: 'note', kind: 'failure', message });
  }
}
