/** From the measurements of one workload to a line for each peer. */
import { roundMedians, type Result } from './schedule.js';
import { median, medianRatio } from './statistics.js';
import { lossError } from './truth.js';
import type { Workload } from './workloads.js';

/** One line of a table; NaN where there is nothing to tell. */
export interface Summary {
  readonly peer: string;
  readonly adapter: string;
  readonly firstMs: number;
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** (max - min) / median */
  readonly spread: number;
  readonly samples: number;
  /** Median time of a step in a burst that is waited for once. */
  readonly burstMs: number;
  readonly gflops: number;
  /** Share of the best that the ceiling kernel reached in the same round, median of the rounds. */
  readonly ceilingShare: number;
  readonly dispatches: number;
  readonly submits: number;
  /** How many times as long as webgpu-vae, by round. */
  readonly timesOurs: number;
  readonly error: number;
  /** Losses compared with the truth; NaN for outputs. */
  readonly compared: number;
  /** What is wrong with the losses or outputs: the peer keeps its times, but they are no rival's. */
  readonly wrong: string | undefined;
  /** Why there are no figures. */
  readonly failure: string | undefined;
}

export const OURS = 'webgpu-vae';
const CEILING = 'ceiling';
/** A float32 sum of 1024 products is within 1024 * 2^-24 = 6e-5, and one of 6272, as errors average out, too. */
const MOST_OUTPUT_ERROR = 1e-4;
/** Runs on the CPU, so the adapter's ceiling does not bound it and it is no rival on the adapter. */
const OFF_ADAPTER = 'torch';

type Verdict = Pick<Summary, 'error' | 'compared' | 'wrong' | 'failure'>;

/** Largest relative error of what the peer computed, how many losses were compared, and what is wrong with them. */
function check({ peer, evidence, error: failure }: Result, truth: readonly number[]): Verdict {
  const nothing = { error: NaN, compared: NaN, wrong: undefined, failure };
  if (failure !== undefined || peer === CEILING) return nothing;
  const { losses, outputError = NaN } = evidence;
  if (losses) return checkLosses(losses, truth);
  const wrong =
    outputError <= MOST_OUTPUT_ERROR ? undefined : `wrong outputs: off by ${outputError.toExponential(1)}`;
  return { ...nothing, error: outputError, wrong };
}

function checkLosses(losses: NonNullable<Result['evidence']['losses']>, truth: readonly number[]): Verdict {
  const { worst, step, compared, wrongStep } = lossError(losses, truth);
  const off = `loss off by ${worst.toExponential(1)} at step ${step}`;
  // The loss of step 0 knows no gradient yet.
  const fault = wrongStep === 0 ? 'wrong loss' : 'wrong gradients';
  const none = compared === 0 ? 'no loss to check' : undefined;
  const wrong = wrongStep === undefined ? none : `${fault}: ${off}`;
  return { error: worst, compared, wrong, failure: undefined };
}

function summarize(
  result: Result,
  all: readonly Result[],
  workload: Workload,
  truth: readonly number[],
): Summary {
  const byRound = roundMedians(result);
  const times = result.rounds.flatMap((round) => round ?? []);
  const flop = result.opened?.flop ?? workload.flop;
  const medianMs = median(times);
  const [minMs, maxMs] = times.length > 0 ? [Math.min(...times), Math.max(...times)] : [NaN, NaN];
  const ceiling = all.find(({ peer }) => peer === CEILING);
  const ours = all.find(({ peer }) => peer === OURS);
  const fastest = ceiling?.rounds.map((round) => (round ? Math.min(...round) : undefined)) ?? [];
  const share = medianRatio(fastest, byRound) * (flop / (ceiling?.opened?.flop ?? NaN));
  return {
    peer: result.peer,
    adapter: result.opened?.adapter ?? '',
    firstMs: result.opened?.firstMs ?? NaN,
    medianMs,
    minMs,
    maxMs,
    spread: (maxMs - minMs) / medianMs,
    samples: times.length,
    burstMs: median(result.bursts),
    gflops: flop / medianMs / 1e6,
    ceilingShare: [OFF_ADAPTER, CEILING].includes(result.peer) ? NaN : share,
    dispatches: result.calls?.dispatches ?? NaN,
    submits: result.calls?.submits ?? NaN,
    timesOurs: ours && result.peer !== CEILING ? medianRatio(byRound, roundMedians(ours)) : NaN,
    ...check(result, truth),
  };
}

/** One summary a peer, in the order of the results. @param truth the losses that a peer must have */
export function summaries(
  results: readonly Result[],
  workload: Workload,
  truth: (peer: string) => readonly number[],
): Summary[] {
  return results.map((result) => summarize(result, results, workload, truth(result.peer)));
}

/** The other peers on the adapter, fastest first, that computed what they should. */
export function rivals(rows: readonly Summary[]): Summary[] {
  return rows
    .filter(({ peer, failure, wrong }) => failure === undefined && wrong === undefined && isOther(peer))
    .toSorted((a, b) => a.medianMs - b.medianMs);
}

function isOther(peer: string): boolean {
  return !peer.startsWith(OURS) && peer !== CEILING && peer !== OFF_ADAPTER;
}

/** The adapters of the peers that have one. */
export function adaptersOf(rows: readonly Summary[]): string[] {
  const names = rows.filter(({ peer, adapter }) => peer !== OFF_ADAPTER && adapter !== '');
  return [...new Set(names.map(({ adapter }) => adapter))];
}
