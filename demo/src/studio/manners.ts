/** Who goes first: on a slow device training waits while the visitor moves something that is drawn as they move it. */

/** Shorter work leaves room for a picture in every frame. */
const FRAME_MS = 16;
/** The visitor rests when nothing has been asked for so long. */
const REST_MS = 150;
/** Nothing is held up for longer. */
const MOST_HOLD_MS = 5000;

export class Manners {
  #askedMs = -Infinity;

  /** The visitor has asked for a picture. */
  asked(): void {
    this.#askedMs = performance.now();
  }

  /** Where `workMs` of work would be felt, waits until the visitor rests. */
  async wait(workMs: number): Promise<void> {
    if (workMs < FRAME_MS) return;
    const latest = performance.now() + MOST_HOLD_MS;
    for (;;) {
      const waitMs = Math.min(this.#askedMs + REST_MS, latest) - performance.now();
      if (waitMs <= 0) return;
      await new Promise((done) => setTimeout(done, waitMs));
    }
  }
}
