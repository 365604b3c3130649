/** Something that is done now and then beside the training, so that it takes at most a share of the time. */
export class Pace {
  #dueMs = 0;
  /** The first time compiles what the others use. */
  #isFirst = true;

  /** @param leastMs between two times, however short they are */
  constructor(
    readonly share: number,
    readonly leastMs = 0,
  ) {}

  get isDue(): boolean {
    return this.waitMs <= 0;
  }

  /** Until it is due. */
  get waitMs(): number {
    return this.#dueMs - performance.now();
  }

  /** Does it, due or not. @throws what `work` throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await work();
    } finally {
      const ended = performance.now();
      const restMs = this.#isFirst ? 0 : (ended - started) * (1 / this.share - 1);
      this.#isFirst = false;
      this.#dueMs = ended + Math.max(this.leastMs, restMs);
    }
  }
}
