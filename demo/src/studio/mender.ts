/** What is done about a failure: where the GPU is gone, another one comes in its place, and the model from its last snapshot. */
import type { Keeper, Snapshot } from './keeper.js';
import type { Tell } from './protocol.js';
import type { Rescue } from './rescue.js';

/** Stops what was on a lost GPU. @returns what brings it back on the next one, and tells the step from which it goes on */
export type Leave = (newest: Snapshot | undefined) => () => Promise<number>;

export class Mender {
  /** Why there will be no GPU any more. */
  #gone: Error | undefined;

  constructor(
    readonly gpu: Rescue,
    readonly keeper: Keeper,
    readonly leave: Leave,
    readonly tell: Tell,
  ) {}

  /** Whether there will be no GPU any more. */
  get isGone(): boolean {
    return this.#gone !== undefined;
  }

  /** Brings a lost GPU back, and the model from the last snapshot. @throws `failure` if it has another cause, or says that there is no GPU */
  async mend(failure: unknown): Promise<void> {
    if (this.#gone) throw this.#gone;
    if (!(await this.gpu.isLost(failure))) throw failure;
    this.tell({ type: 'lost' });
    const revive = this.leave(this.keeper.newest);
    await this.gpu.reopen().catch((cause: unknown) => {
      throw this.#giveUp(cause);
    });
    let step: number;
    try {
      step = await revive();
    } catch (next) {
      return this.mend(next);
    }
    this.tell({ type: 'recovered', step });
  }

  #giveUp(cause: unknown): Error {
    const { newest, isSaving } = this.keeper;
    const advice = isSaving ? 'it is saved in this browser' : 'it is not saved, so download it';
    const learned = newest?.hasTraining ? `Your training is kept up to step ${newest.step}; ${advice}. ` : '';
    this.#gone = new Error(
      `The GPU stopped again, and the browser does not give it back. ${learned}Wait two minutes and reload this page; if that does not help, restart the browser.`,
      { cause },
    );
    this.tell({ type: 'gone', message: this.#gone.message });
    return this.#gone;
  }
}
