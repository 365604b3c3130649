/**
 * One workload, all peers in turn: open, then rounds in which each peer takes one turn and the first turn
 * passes on from round to round. A machine that slows down or speeds up does so to all of them. A slow
 * peer takes fewer samples in a turn and, past its time, sits out rounds spread evenly over the run.
 */
import type { Contestant, Evidence, Opened, Sample } from './contestant.js';
import { median } from './statistics.js';
import type { Workload } from './workloads.js';

/** What was measured of one peer on one workload. */
export interface Result {
  readonly peer: string;
  opened?: Opened;
  /** Times of the waited-for steps in ms, by round; undefined where the round was sat out. */
  readonly rounds: (readonly number[] | undefined)[];
  /** Time of a step in bursts of steps with one wait at the end, in ms. */
  readonly bursts: number[];
  calls?: Sample['calls'];
  evidence: Evidence;
  /** Why the peer has no (more) figures. */
  error?: string;
}

const MOST_SAMPLES = 8;
const BURST_ROUNDS = 3;
const BURST_STEPS = 4;
/** A step slower than this gains nothing that could be seen from not being waited for. */
const LONGEST_BURST_STEP_MS = 1000;
/** A first step slower than this is itself the estimate; in a faster one compilation may weigh most. */
const LONGEST_WARM_UP_MS = 20_000;
/** Time a peer may use to reach the end of the float64 losses, in ms. */
const LOSSES_TIME_MS = 15_000;

/** One peer's turns; after its first error it takes no more. */
class Lane {
  readonly result: Result;
  readonly #contestant: Contestant;
  readonly #workload: Workload;
  #stepMs = 0;
  #stepsDone = 0;

  constructor(peer: string, contestant: Contestant, workload: Workload) {
    this.result = { peer, rounds: [], bursts: [], evidence: {} };
    this.#contestant = contestant;
    this.#workload = workload;
  }

  async #guarded(turn: () => Promise<void>): Promise<void> {
    if (this.result.error !== undefined) return;
    try {
      await turn();
    } catch (error) {
      this.result.error = error instanceof Error ? error.message : String(error);
    }
  }

  open(): Promise<void> {
    return this.#guarded(async () => {
      const opened = await this.#contestant.open(this.#workload.name);
      this.result.opened = opened;
      this.#stepMs = opened.firstMs;
      this.#stepsDone = 1;
      if (opened.firstMs < LONGEST_WARM_UP_MS) await this.#sample(1);
    });
  }

  async #sample(count: number): Promise<readonly number[]> {
    const { timesMs, calls } = await this.#contestant.sample(count);
    this.#stepsDone += count;
    // A first step that took its time to compile is no estimate once there is a better one.
    this.#stepMs = Math.min(this.#stepMs, ...timesMs);
    if (calls) this.result.calls = calls;
    return timesMs;
  }

  /** Takes the turn of one round, unless the peer is too slow to be in every round and this one is not its. */
  round(round: number, rounds: number): Promise<void> {
    const affordable = Math.min(rounds, Math.max(1, Math.floor(this.#workload.totalTimeMs / this.#stepMs)));
    const due = Math.floor(((round + 1) * affordable) / rounds) > Math.floor((round * affordable) / rounds);
    return this.#guarded(async () => {
      const fitting = Math.round(this.#workload.roundTimeMs / this.#stepMs);
      const count = Math.min(MOST_SAMPLES, Math.max(1, fitting));
      this.result.rounds[round] = due ? await this.#sample(count) : undefined;
    });
  }

  /** Goes on to step `last`, the end of the float64 losses, or as far as the time allows. */
  finishLosses(last: number): Promise<void> {
    const count = Math.min(last - this.#stepsDone, Math.floor(LOSSES_TIME_MS / this.#stepMs));
    return this.#guarded(async () => {
      if (count > 0) await this.#sample(count);
    });
  }

  burst(): Promise<void> {
    return this.#guarded(async () => {
      if (this.#stepMs > LONGEST_BURST_STEP_MS) return;
      this.result.bursts.push(await this.#contestant.burst(BURST_STEPS));
    });
  }

  async close(): Promise<void> {
    await this.#guarded(async () => {
      this.result.evidence = await this.#contestant.evidence();
    });
    await this.#contestant.close();
  }
}

/** The order of one round: everybody, starting one further than the round before. */
function rotated<T>(items: readonly T[], by: number): T[] {
  const start = by % Math.max(1, items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}

/** One peer at a time: none may disturb another's clock. */
async function inTurn(lanes: readonly Lane[], turn: (lane: Lane) => Promise<void>): Promise<void> {
  for (const lane of lanes) await turn(lane);
}

/**
 * Measures the workload and closes every contestant, whatever happens to any of them.
 * @param truthSteps how many losses of a peer can be checked
 */
export async function measure(
  workload: Workload,
  contestants: ReadonlyMap<string, Contestant>,
  rounds: number,
  truthSteps: (peer: string) => number,
): Promise<Result[]> {
  const lanes = [...contestants].map(([peer, contestant]) => new Lane(peer, contestant, workload));
  await inTurn(lanes, (lane) => lane.open());
  for (let round = 0; round < rounds; round++) {
    await inTurn(rotated(lanes, round), (lane) => lane.round(round, rounds));
  }
  if (workload.isTraining) {
    await inTurn(lanes, (lane) => lane.finishLosses(truthSteps(lane.result.peer)));
    for (let round = 0; round < BURST_ROUNDS; round++) {
      await inTurn(rotated(lanes, round), (lane) => lane.burst());
    }
  }
  await inTurn(lanes, (lane) => lane.close());
  return lanes.map((lane) => lane.result);
}

/** The median of each round, undefined where it was sat out. */
export function roundMedians(result: Result): (number | undefined)[] {
  return result.rounds.map((times) => (times && times.length > 0 ? median(times) : undefined));
}
