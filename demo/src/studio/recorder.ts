/** The manifold while it is learnt: a frame now and then, for an animation of the whole training. */
import type { Vae } from 'webgpu-vae';
import { Pace } from './pace.js';
import { imagesOf } from './pictures.js';
import type { Drawing } from './protocol.js';

const MOST_FRAMES = 60;
/** Recording takes at most about this share of the time. */
const SHARE = 0.05;

export interface Frame {
  readonly step: number;
  /** u8[N, D] */
  readonly images: Uint8Array;
}

export class Recorder {
  #drawing: Drawing | undefined;
  #frames: readonly Frame[] = [];
  #pace = new Pace(SHARE);
  /** Every so manieth time is recorded. */
  #stride = 1;
  #times = 0;

  get frames(): readonly Frame[] {
    return this.#frames;
  }

  get columns(): number {
    return this.#drawing?.columns ?? 1;
  }

  /** What is recorded from now on; another number of images begins anew. */
  show(drawing: Drawing): void {
    if (drawing.columns !== this.#drawing?.columns) this.clear();
    this.#drawing = drawing;
  }

  /** Another model. */
  clear(): void {
    this.#frames = [];
    this.#stride = 1;
    this.#pace = new Pace(SHARE);
    this.#drawing = undefined;
  }

  /** Forgets what a lost GPU has learnt after `step`. */
  cut(step: number): void {
    this.#frames = this.#frames.filter((frame) => frame.step <= step);
  }

  /** A frame, if it is time for one; called in turn. */
  async record(vae: Vae, step: number): Promise<void> {
    if (!this.#pace.isDue || this.#times++ % this.#stride > 0) return;
    await this.#pace.run(() => this.take(vae, step));
  }

  /** A frame of the model as it is, unless it is there; called in turn. */
  async take(vae: Vae, step: number): Promise<void> {
    if (!this.#drawing || this.#frames.at(-1)?.step === step) return;
    const images = await imagesOf(vae, this.#drawing);
    this.#frames = [...this.#frames, { step, images: Uint8Array.from(images, (value) => 255 * value) }];
    if (this.#frames.length <= MOST_FRAMES) return;
    this.#frames = this.#frames.filter((_, index) => index % 2 === 0);
    this.#stride *= 2;
  }
}
