/** The page's canvases: each shows a drawing of the model, straight from the GPU, and again when the weights have changed. */
import type { CompleteSpec, Pixels, Vae } from 'webgpu-vae';
import { ModelCanvas } from 'webgpu-vae/interop';
import { Pace } from './pace.js';
import type { Drawing } from './protocol.js';

interface Picture {
  readonly canvas: OffscreenCanvas;
  drawing?: Drawing;
  /** For the drawing's number of images, columns and labels. */
  shown?: { readonly key: string; readonly model: ModelCanvas; read?: readonly Pixels[] };
  isVisible: boolean;
  /** Resolves when it is drawn; a drawing that comes meanwhile replaces the one that waits. */
  busy?: Promise<void>;
  isStale: boolean;
  /** Of showing new weights. */
  pace: Pace;
  /** What will show them. */
  timer?: ReturnType<typeof setTimeout>;
}

/** Showing new weights on one canvas takes at most about this share of the time, so that training and dragging go on. */
const SHARE = 0.2;

export class Gallery {
  readonly #pictures = new Map<string, Picture>();
  #vae: Vae | undefined;

  /** @param inTurn runs what uses the model when nothing else does */
  constructor(
    readonly inTurn: (run: () => Promise<void>) => Promise<void>,
    readonly onError: (error: unknown) => void,
  ) {}

  attach(name: string, canvas: OffscreenCanvas): void {
    this.#pictures.set(name, { canvas, isVisible: true, isStale: false, pace: new Pace(SHARE) });
  }

  detach(name: string): void {
    clearTimeout(this.#pictures.get(name)?.timer);
    close(this.#pictures.get(name));
    this.#pictures.delete(name);
  }

  /** Shows it now, and from now on. Resolves when it, or a later drawing of this canvas, is shown. */
  draw(name: string, drawing: Drawing): Promise<void> {
    const picture = this.#pictures.get(name);
    if (!picture) return Promise.resolve();
    picture.drawing = drawing;
    return this.#refresh(picture);
  }

  /** What a canvas shows. */
  drawing(name: string): Drawing | undefined {
    return this.#pictures.get(name)?.drawing;
  }

  /** Pictures out of sight are drawn when they come into it. */
  setVisible(name: string, isVisible: boolean): void {
    const picture = this.#pictures.get(name);
    if (!picture) return;
    picture.isVisible = isVisible;
    if (isVisible && picture.isStale) void this.#refresh(picture);
  }

  /** Goes over to another model, or to none; called in turn. Codes of another latent size are forgotten. */
  use(vae: Vae | undefined): void {
    for (const picture of this.#pictures.values()) {
      close(picture);
      picture.pace = new Pace(SHARE);
      const { drawing } = picture;
      if (drawing && 'decode' in drawing && vae?.spec.latent !== this.#vae?.spec.latent)
        delete picture.drawing;
    }
    this.#vae = vae;
  }

  /** Draws everything in sight anew, for the weights have changed: now, or when it is its time; called in turn. */
  async redraw(): Promise<void> {
    for (const picture of this.#pictures.values()) {
      const { waitMs } = picture.pace;
      if (waitMs <= 0) await this.#paintTimed(picture);
      else picture.timer ??= setTimeout(() => void this.#refresh(picture), waitMs);
    }
  }

  async #refresh(picture: Picture): Promise<void> {
    picture.isStale = true;
    picture.busy ??= this.inTurn(async () => {
      delete picture.busy; // what comes from here on waits for the next turn
      await this.#paintTimed(picture);
    }).catch(this.onError);
    await picture.busy;
  }

  async #paintTimed(picture: Picture): Promise<void> {
    clearTimeout(picture.timer);
    delete picture.timer;
    await picture.pace.run(() => this.#paint(picture));
  }

  async #paint(picture: Picture): Promise<void> {
    const { drawing } = picture;
    const vae = this.#vae;
    if (!vae || !drawing || !isFitting(drawing, vae.spec)) return;
    picture.isStale = !picture.isVisible;
    if (!picture.isVisible) return;
    const shown = await open(picture, vae, drawing);
    const { model } = shown;
    if ('decode' in drawing) return model.decode(drawing.decode);
    if ('sample' in drawing) return model.sample(drawing.sample);
    // what was read stays on the GPU
    const pictures = shown.read === drawing.reconstruct ? [] : drawing.reconstruct;
    shown.read = drawing.reconstruct;
    await model.reconstruct(...pictures);
  }
}

/** Whether it names classes where, and only where, the model asks for them; the page soon asks for one that does. */
function isFitting({ labels }: Drawing, { condition }: CompleteSpec): boolean {
  if (!labels || !condition) return !labels === !condition;
  return labels.every((label) => label < condition.classes);
}

/** The model on this canvas, made anew when the number or the arrangement of the images has changed. */
async function open(picture: Picture, vae: Vae, drawing: Drawing): Promise<NonNullable<Picture['shown']>> {
  const { columns, labels } = drawing;
  const rows = imageCount(drawing, vae.spec.latent);
  const key = JSON.stringify([rows, columns, labels]);
  if (picture.shown?.key === key) return picture.shown;
  close(picture);
  const options = { rows, columns, ...(labels && { labels }) };
  picture.shown = { key, model: await ModelCanvas.create(vae, picture.canvas, options) };
  return picture.shown;
}

function imageCount(drawing: Drawing, latent: number): number {
  if ('decode' in drawing) return drawing.decode.length / latent;
  if ('sample' in drawing) return drawing.sample.rows;
  return drawing.reconstruct.length;
}

function close(picture: Picture | undefined): void {
  picture?.shown?.model.destroy();
  delete picture?.shown;
}

/** Rows of images as pictures: RGBA bytes. */
export function toPixels(values: Uint8Array | Float32Array, shape: readonly number[]): Pixels[] {
  const [height = 1, width = 1, channels = 1] = shape;
  const length = height * width * channels;
  const scale = values instanceof Uint8Array ? 1 : 255;
  return Array.from({ length: values.length / length }, (_, row) => {
    const data = new Uint8ClampedArray(4 * height * width).fill(255);
    for (let i = 0; i < height * width; i++)
      for (let c = 0; c < 3; c++)
        data[4 * i + c] = scale * values[row * length + i * channels + Math.min(c, channels - 1)]!;
    return { width, height, data };
  });
}
