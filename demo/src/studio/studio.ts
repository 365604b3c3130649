/** The worker's half of the page: one device, one model, its training, and the canvases that show it. */
import { completeSpec, Device, DeviceError, fromPixels, SpecError, Vae, type VaeSpec } from 'webgpu-vae';
import { Gallery, toPixels } from './gallery.js';
import { Manners } from './manners.js';
import { Observer, toFloats } from './observer.js';
import type {
  Drawing,
  LiveSettings,
  ModelFacts,
  PlanRow,
  Source,
  Speed,
  Tell,
  TrainingSettings,
} from './protocol.js';
import { openSource, type Images } from './sources.js';
import { Training } from './training.js';
import { Turns } from './turns.js';
import type { Pixels, StepTerms } from 'webgpu-vae';

/** Everything that the page asks for; plain data in and out, so that Comlink can carry it. */
export class Studio {
  readonly #manners = new Manners();
  readonly #turns = new Turns();
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
  #tell: Tell = () => undefined;
  #device: Device | undefined;
  #vae: Vae | undefined;
  #images: Images | undefined;
  /** Of the trainer that is ready. */
  #settings: TrainingSettings | undefined;
  #isPretrained = false;

  /** Opens the GPU. @throws DeviceError with advice when there is none */
  async open(tell: Tell): Promise<void> {
    this.#tell = tell;
    this.#device = await Device.open();
    this.#tell({ type: 'device', description: this.#device.description });
  }

  /** Goes over to other images; the model stays, and is measured on them where they fit. @throws DataError */
  async useSource(source: Source): Promise<void> {
    const images = await openSource(source);
    await this.#turns.run(async () => {
      this.#training.release();
      this.#images = images;
      this.#tell({ type: 'data', facts: images.facts });
      await this.#observe(true);
    });
  }

  /** A fresh model. @throws SpecError */
  async build(spec: VaeSpec, seed: number): Promise<void> {
    await this.#training.pause();
    await this.#turns.run(async () =>
      this.#use(await Vae.create(spec, { device: this.#opened(), seed }), false),
    );
  }

  /** A model from a file. @throws CheckpointError */
  async load(bytes: Uint8Array, { isPretrained = false } = {}): Promise<void> {
    await this.#training.pause();
    await this.#turns.run(async () =>
      this.#use(await Vae.load(bytes, { device: this.#opened() }), isPretrained),
    );
  }

  /** Trains until `pause`. */
  async play(settings: TrainingSettings): Promise<void> {
    await this.#prepare(settings);
    this.#training.play();
  }

  async pause(): Promise<void> {
    await this.#training.pause();
  }

  /** One training step. */
  async step(settings: TrainingSettings): Promise<void> {
    await this.#training.pause();
    await this.#prepare(settings);
    await this.#training.stepOnce();
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

  /** The dispatches of a training step, with their times where the device can tell them; it takes a step. */
  async profile(settings: TrainingSettings): Promise<PlanRow[]> {
    await this.#prepare(settings);
    const canTime = this.#opened().gpu.features.has('timestamp-query');
    if (!canTime) return this.#training.labels.map((label) => ({ label, timeMs: undefined }));
    return this.#turns.run(() => this.#training.profile());
  }

  /** The specification with its defaults. @throws SpecError naming the field */
  check(spec: unknown): ReturnType<typeof completeSpec> {
    return completeSpec(spec);
  }

  /** Goes over to a model; called in turn. */
  async #use(vae: Vae, isPretrained: boolean): Promise<void> {
    this.#training.reset();
    this.#settings = undefined;
    const before = this.#vae;
    this.#vae = vae;
    this.#isPretrained = isPretrained;
    this.#gallery.use(vae);
    before?.destroy();
    this.#tell({ type: 'model', facts: this.#facts() });
    await this.#gallery.redraw();
    await this.#observe(true);
  }

  /** A trainer of the model on the images; called by play and step. */
  async #prepare(settings: TrainingSettings): Promise<void> {
    const vae = this.#model();
    if (!this.#images) throw new SpecError('training', 'there are no images yet; choose some');
    const isSame = JSON.stringify(settings) === JSON.stringify(this.#settings);
    if (isSame && this.#training.isReady) return;
    const data = await this.#images.train();
    await this.#turns.run(() => this.#training.prepare(vae, data, settings));
    this.#settings = settings;
    if (!this.#isPretrained) return;
    this.#isPretrained = false;
    this.#tell({ type: 'model', facts: this.#facts() });
  }

  async #onSteps(terms: readonly StepTerms[], speed: Speed): Promise<void> {
    this.#tell({ type: 'steps', terms, speed });
    await this.#gallery.redraw();
    await this.#observe();
  }

  async #observe(isForced = false): Promise<void> {
    if (!this.#vae || !this.#images) return;
    const isFitting = this.#vae.spec.input.join() === this.#images.facts.shape.join();
    if (isFitting) await this.#observer.observe(this.#vae, this.#images.test, this.#training.step, isForced);
  }

  #facts(): ModelFacts {
    const { spec, parameterCount, model } = this.#model();
    return {
      spec,
      parameterCount,
      step: this.#training.step,
      isPretrained: this.#isPretrained,
      betaIsOpen: model.objective.beta === undefined,
    };
  }

  #model(): Vae {
    if (this.#vae) return this.#vae;
    throw new SpecError('studio', 'there is no model yet; build or load one');
  }

  #opened(): Device {
    if (this.#device) return this.#device;
    throw new DeviceError('studio', 'no GPU is open; reload the page');
  }

  #report(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#tell({ type: 'note', kind: 'failure', message });
  }
}
