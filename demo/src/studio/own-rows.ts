/** Pictures of any size gathered as the rows of one data set: bytes, so that many fit into memory. */
import { fromPixels, type Dataset, type ImageShape, type Pixels } from 'webgpu-vae';
import { MAX_IMAGES } from './limits.js';

const MAX_BYTES = 2 ** 28;

export class OwnRows {
  readonly capacity: number;
  readonly #length: number;
  readonly #values: Uint8Array;
  readonly #labels: (number | undefined)[] = [];

  /** Rows of `shape` for at most `count` pictures. */
  constructor(
    readonly shape: ImageShape,
    count: number,
  ) {
    this.#length = shape[0] * shape[1] * shape[2];
    this.capacity = Math.min(count, MAX_IMAGES, Math.floor(MAX_BYTES / this.#length));
    this.#values = new Uint8Array(this.capacity * this.#length);
  }

  get count(): number {
    return this.#labels.length;
  }

  get isFull(): boolean {
    return this.count >= this.capacity;
  }

  /** Scales, crops and converts a picture. @throws DataError when its data do not fit its size */
  add(picture: Pixels, label?: number): void {
    const [height, width] = this.shape;
    const { data } = picture;
    const isReady = picture.width === width && picture.height === height && data.length === this.#length;
    const bytes = isReady
      ? data
      : fromPixels([picture], this.shape).values.map((unit) => Math.round(255 * unit));
    this.#values.set(bytes, this.count * this.#length);
    this.#labels.push(label);
  }

  /** The rows that there are, with labels where every row has one. */
  finish(): Dataset {
    const rows = this.count;
    const labels = this.#labels.filter((label) => label !== undefined);
    return {
      rows,
      shape: [...this.shape],
      values: this.#values.slice(0, rows * this.#length),
      ...(rows > 0 && labels.length === rows && { labels: Uint8Array.from(labels) }),
    };
  }
}
