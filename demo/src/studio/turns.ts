/** One thing at a time: what uses the model waits for its turn, so that nobody meets a model that is being replaced. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs when all that was asked for before has ended. @throws what `run` throws */
  run<T>(run: () => Promise<T> | T): Promise<T> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
