/** A pad to draw on, white on black as the data are: strokes of a soft brush that can be taken back one by one. */
import type { Pixels } from 'webgpu-vae';

export interface Point {
  /** Of the pad's width and height, 0 to 1. */
  readonly x: number;
  readonly y: number;
  /** 0 to 1; 0.5 of what cannot feel any. */
  readonly pressure: number;
}

interface Stroke {
  readonly points: Point[];
  /** Of the brush, as a share of the pad. */
  readonly width: number;
}

/** Pixels of the pad's sides. */
export const PAD_SIDE = 280;
const KEPT_SIDE = 64;
/** Rings of the brush from the outside in: share of its width, and brightness. `lighten` keeps overlaps from adding up. */
const rings = Array.from({ length: 6 }, (_, i) => {
  const grey = Math.round((255 * (i + 1)) / 6);
  return [1 - i / 12, `rgb(${grey} ${grey} ${grey})`] as const;
});

export class Pad {
  readonly #context: CanvasRenderingContext2D;
  #strokes: Stroke[] = [];

  constructor(canvas: HTMLCanvasElement) {
    canvas.width = canvas.height = PAD_SIDE;
    this.#context = canvas.getContext('2d', { willReadFrequently: true })!;
    this.#repaint();
  }

  get isEmpty(): boolean {
    return this.#strokes.length === 0;
  }

  /** Puts the pen down. */
  begin(point: Point, width: number): void {
    this.#strokes.push({ points: [point], width });
    this.#line(point, point, width);
  }

  /** Goes on with the last stroke. */
  extend(point: Point): void {
    const stroke = this.#strokes.at(-1);
    if (!stroke) return;
    this.#line(stroke.points.at(-1)!, point, stroke.width);
    stroke.points.push(point);
  }

  undo(): void {
    this.#strokes.pop();
    this.#repaint();
  }

  clear(): void {
    this.#strokes = [];
    this.#repaint();
  }

  /** What is drawn, RGBA. */
  pixels(): Pixels {
    return this.#context.getImageData(0, 0, PAD_SIDE, PAD_SIDE);
  }

  /** The same, small enough to keep many. */
  thumbnail(): Pixels {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = KEPT_SIDE;
    const context = canvas.getContext('2d', { willReadFrequently: true })!;
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.#context.canvas, 0, 0, KEPT_SIDE, KEPT_SIDE);
    return context.getImageData(0, 0, KEPT_SIDE, KEPT_SIDE);
  }

  #repaint(): void {
    this.#context.globalCompositeOperation = 'source-over';
    this.#context.fillStyle = '#000';
    this.#context.fillRect(0, 0, PAD_SIDE, PAD_SIDE);
    for (const { points, width } of this.#strokes)
      for (const [i, point] of points.entries()) this.#line(points[i - 1] ?? point, point, width);
  }

  #line(from: Point, to: Point, width: number): void {
    const context = this.#context;
    context.globalCompositeOperation = 'lighten';
    context.lineCap = 'round';
    for (const [share, color] of rings) {
      context.lineWidth = share * width * PAD_SIDE * (0.5 + to.pressure);
      context.strokeStyle = color;
      context.beginPath();
      context.moveTo(from.x * PAD_SIDE, from.y * PAD_SIDE);
      context.lineTo(to.x * PAD_SIDE, to.y * PAD_SIDE);
      context.stroke();
    }
  }
}
