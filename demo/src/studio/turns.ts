/** One thing at a time: what uses the model waits for its turn, so that nobody meets a model that is being replaced. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** @param mend makes it possible to try again what failed with an error, or throws */
  constructor(readonly mend: (error: unknown) => Promise<void>) {}

  /** Runs when all that was asked for before has ended, and again from its beginning if it failed and was mended. @throws what `run` throws */
  run<T>(run: () => Promise<T> | T): Promise<T> {
    const result = this.#last.then(() => this.#persist(run));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #persist<T>(run: () => Promise<T> | T): Promise<T> {
    for (;;)
      try {
        return await run();
      } catch (error) {
        await this.mend(error);
      }
  }
}
