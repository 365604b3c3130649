/** The worker's counter: what the page may ask for, and what is refused at once. The work itself is done in the workshop. */
import { parameterCount, SpecError, type Pixels, type VaeSpec } from 'webgpu-vae';
import type { Kept, PageState } from '../kept.js';
import { isSameSpec, readCheckpoint } from './checkpoint-file.js';
import { Comparison } from './comparison.js';
import { toPixels } from './gallery.js';
import { measure, pickRows, type Errors } from './likeness.js';
import { pngOf, rowsOf } from './pictures.js';
import type {
  Compared,
  ComparisonProgress,
  ComparisonRequest,
  DataFacts,
  Drawing,
  LiveSettings,
  ModelFacts,
  Source,
  StepPlan,
  Tell,
  TrainingSettings,
} from './protocol.js';
import { animation, exportZip } from './take-away.js';
import { Workshop, type Opened } from './workshop.js';

/** A page's memory holds the weights, their gradients and two moments of this many. */
const MOST_WEIGHTS = 2 ** 24;

/** Everything that the page asks for; plain data in and out, so that Comlink can carry it. */
export class Studio {
  readonly #workshop = new Workshop(
    (event) => this.#tell(event),
    () => this.#describe(),
  );
  #tell: Tell = () => undefined;
  #describe: () => Promise<PageState> = () => Promise.reject(new Error('the studio is not open'));
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
    const found = await this.#workshop.open();
    return found && (await readCheckpoint(found).catch(() => undefined))?.kept;
  }

  /** The model that an earlier visit has saved, from which its training goes on. @throws CheckpointError */
  async loadSaved(): Promise<Opened> {
    const found = this.#workshop.keeper.take();
    if (!found) throw new SpecError('saved', 'there is no saved training; train one');
    return this.load(found);
  }

  /** Deletes what is saved. */
  forget(): Promise<void> {
    return this.#workshop.keeper.forget();
  }

  /**
   * Goes over to other images and tells what they are; the model stays, and is measured on them where they fit. A training
   * pauses. @throws DataError
   */
  useSource(source: Source): Promise<DataFacts> {
    return this.#workshop.useSource(source);
  }

  /** A fresh model. @throws SpecError */
  async build(spec: VaeSpec, seed: number): Promise<void> {
    this.check(spec);
    await this.#workshop.build(spec, seed);
  }

  /** A model from a file, and its training if there is one in it, which the next step goes on with. @throws CheckpointError */
  load(bytes: Uint8Array, { isPretrained = false } = {}): Promise<Opened> {
    return this.#workshop.load(bytes, isPretrained);
  }

  /** Whether both describe one model. */
  isSameSpec(a: unknown, b: unknown): boolean {
    return isSameSpec(a, b);
  }

  /** Trains until `pause`. */
  async play(settings: TrainingSettings): Promise<void> {
    await this.#workshop.prepare(settings);
    this.#workshop.training.play();
  }

  async pause(): Promise<void> {
    await this.#workshop.training.pause();
    await this.keep();
  }

  /** A snapshot now. */
  keep(): Promise<void> {
    return this.#workshop.turns.run(() => this.#workshop.keep(true));
  }

  /** One training step. */
  async step(settings: TrainingSettings): Promise<void> {
    await this.#workshop.training.pause();
    await this.#workshop.prepare(settings);
    await this.#workshop.training.stepOnce();
    await this.keep();
  }

  setLive(live: LiveSettings): void {
    this.#workshop.training.live = live;
  }

  attach(name: string, canvas: OffscreenCanvas): void {
    this.#workshop.gallery.attach(name, canvas);
  }

  detach(name: string): void {
    this.#workshop.gallery.detach(name);
  }

  draw(name: string, drawing: Drawing): Promise<void> {
    this.#workshop.manners.asked();
    return this.#workshop.gallery.draw(name, drawing);
  }

  setVisible(name: string, isVisible: boolean): void {
    this.#workshop.gallery.setVisible(name, isVisible);
  }

  /** Held-out images as pictures; those past the end are left out. */
  heldOut(rows: readonly number[]): Pixels[] {
    const test = this.#workshop.images?.test;
    if (!test) return [];
    const present = rows.filter((row) => row < test.rows);
    return toPixels(pickRows(test, present).values, test.shape);
  }

  /** Where pictures lie in the latent space: means and log-variances f32[N, K]. @throws DataError */
  encode(
    pictures: readonly Pixels[],
    labels?: readonly number[],
  ): Promise<{ mean: Float32Array; logVariance: Float32Array }> {
    return this.#workshop.turns.run(() => {
      const vae = this.#workshop.model;
      return vae.encode(rowsOf(vae, pictures), { ...(labels && { labels }) });
    });
  }

  /** What a training step does, with times where the device can tell them, for which it takes a step. */
  async profile(settings: TrainingSettings): Promise<StepPlan> {
    await this.#workshop.prepare(settings);
    const canTime = this.#workshop.device.gpu.features.has('timestamp-query');
    return this.#workshop.turns.run(() => this.#workshop.training.plan(canTime));
  }

  /** How far held-out images are from their reconstructions. @throws DataError */
  likeness(rows: readonly number[]): Promise<Errors> {
    return this.#workshop.turns.run(() =>
      measure(this.#workshop.model, pickRows(this.#workshop.fitting.test, rows)),
    );
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
    const { fitting, device, model, turns, training } = this.#workshop;
    const comparison = new Comparison(device, model.spec, turns, request);
    this.#comparison?.cancel();
    this.#comparison = comparison; // before anything is waited for: it may be cancelled from now on
    await training.pause();
    await comparison.run(await fitting.train(), fitting.test, told);
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
    this.#workshop.recorder.show(drawing);
  }

  /** The checkpoint, with the training in it where there is one. */
  checkpoint(): Promise<Uint8Array> {
    return this.#workshop.checkpoint();
  }

  /** The model for other programs, as a ZIP file of a folder. @throws SpecError for a part that they cannot have */
  async export(format: 'pytorch' | 'onnx', folder: string): Promise<Uint8Array> {
    return exportZip(await this.#workshop.turns.run(() => this.#workshop.model.save()), format, folder);
  }

  /** A drawing, or what the canvas of that name shows, as a PNG file. */
  picture(drawing: Drawing | string): Promise<Uint8Array> {
    const asked = typeof drawing === 'string' ? this.#workshop.gallery.drawing(drawing) : drawing;
    if (!asked) throw new SpecError('picture', 'nothing is drawn there yet; wait for the model');
    return this.#workshop.turns.run(() => pngOf(this.#workshop.model, asked));
  }

  /** What was recorded of the training as an animated GIF. @throws SpecError when nothing was */
  async animation(): Promise<Uint8Array> {
    const { recorder, training, turns } = this.#workshop;
    if (recorder.frames.length === 0)
      throw new SpecError('animation', 'nothing has been recorded yet; train for a moment, then ask again');
    await turns.run(() => recorder.take(this.#workshop.model, training.step));
    return animation(recorder, this.#workshop.model);
  }

  /** @throws SpecError before there is a model */
  get facts(): ModelFacts {
    return this.#workshop.facts;
  }
}
