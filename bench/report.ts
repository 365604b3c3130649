/**
 * From measurements to a Markdown table. docs/performance.md keeps its prose: each workload's table stands
 * between two comments of its own, and only what is between them is replaced.
 */
import { DataError } from '../src/gpu/errors.js';
import { roundMedians, type Result } from './schedule.js';
import { median, medianRatio } from './statistics.js';
import { lossError } from './truth.js';
import type { Workload } from './workloads.js';

/** Where and how a run was made. */
export interface Setting {
  readonly date: string;
  readonly command: string;
  readonly machine: string;
  readonly browser: string;
  readonly rounds: number;
  readonly versions: Readonly<Record<string, string>>;
}

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
  /** Losses compared with the truth; NaN for a product. */
  readonly compared: number;
  readonly failure: string | undefined;
}

const OURS = 'webgpu-vae';
const CEILING = 'ceiling';
/**
 * More relative error than this is another computation: 60 float32 steps drift by about 1e-5 in the loss,
 * and a float32 sum of 1024 products is within 1024 * 2^-24 = 6e-5.
 */
const MOST_ERROR = { losses: 1e-3, product: 1e-4 };
/** Runs on the CPU, so the adapter's ceiling does not bound it and it is no rival on the adapter. */
const OFF_ADAPTER = 'torch';

/** Largest relative error of what the peer computed and how many losses were compared, or why that is a failure. */
function check(
  { peer, evidence, error }: Result,
  truth: readonly number[],
): Pick<Summary, 'error' | 'compared' | 'failure'> {
  const { losses, productError } = evidence;
  const { worst, compared } = losses
    ? lossError(losses, truth)
    : { worst: productError ?? NaN, compared: NaN };
  if (error !== undefined || peer === CEILING) return { error: NaN, compared: NaN, failure: error };
  const most = losses ? MOST_ERROR.losses : MOST_ERROR.product;
  const failure =
    worst <= most ? undefined : `wrong by ${worst.toExponential(1)}, at most ${most} was expected`;
  return { error: worst, compared, failure };
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

/** One summary a peer, in the order of the results. */
export function summaries(
  results: readonly Result[],
  workload: Workload,
  truth: readonly number[],
): Summary[] {
  return results.map((result) => summarize(result, results, workload, truth));
}

const ABSENT = '-';

function figure(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? ABSENT : 'infinite';
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const count = (value: number): string => (Number.isNaN(value) ? ABSENT : String(value));
const percent = (value: number): string => (Number.isNaN(value) ? ABSENT : `${(100 * value).toFixed(0)} %`);
const times = (value: number): string => (Number.isNaN(value) ? ABSENT : `x ${figure(value)}`);

function errorCell({ error, compared }: Summary): string {
  if (Number.isNaN(error)) return ABSENT;
  return error.toExponential(1) + (Number.isNaN(compared) ? '' : ` (${compared} losses)`);
}

type Column = readonly [title: string, cell: (row: Summary) => string];

function columns(isTraining: boolean): Column[] {
  const burst: Column[] = isTraining ? [['loss unread, ms', ({ burstMs }) => figure(burstMs)]] : [];
  return [
    ['peer', ({ peer }) => peer],
    ['median ms', ({ medianMs }) => `**${figure(medianMs)}**`],
    ['min', ({ minMs }) => figure(minMs)],
    ['max', ({ maxMs }) => figure(maxMs)],
    ['spread', ({ spread }) => percent(spread)],
    ['samples', ({ samples }) => String(samples)],
    ...burst,
    ['GFLOP/s', ({ gflops }) => figure(gflops)],
    ['of ceiling', ({ ceilingShare }) => percent(ceilingShare)],
    ['first step ms', ({ firstMs }) => figure(firstMs)],
    ['dispatches', ({ dispatches }) => count(dispatches)],
    ['submits', ({ submits }) => count(submits)],
    ['time / ours', ({ timesOurs }) => times(timesOurs)],
    ['max relative error', errorCell],
  ];
}

function failureRow(row: Summary, width: number): string {
  const reason = (row.failure ?? '').replaceAll('|', '/').slice(0, 200);
  return `| ${row.peer} | failed: ${reason} |${' |'.repeat(width - 2)}`;
}

/** The sentence that says how webgpu-vae stands against the fastest other peer on the adapter. */
function verdict(rows: readonly Summary[]): string {
  const ours = rows.find(({ peer }) => peer === OURS);
  const rivals = rows.filter(
    ({ peer, failure }) => failure === undefined && ![OURS, CEILING, OFF_ADAPTER].includes(peer),
  );
  const fastest = rivals.toSorted((a, b) => a.medianMs - b.medianMs)[0];
  if (!ours || ours.failure !== undefined || !fastest) return '';
  const share = percent(1 / fastest.timesOurs);
  return `webgpu-vae takes ${share} of the time of the fastest other WebGPU peer, ${fastest.peer} (median of the ratios of each round).`;
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** Heading-free Markdown of one workload: caption, table, verdict. */
export function markdownTable(workload: Workload, rows: readonly Summary[], setting: Setting): string {
  const layout = columns(workload.name === 'dense-step');
  const body = rows.map((row) =>
    row.failure === undefined ? line(layout.map(([, cell]) => cell(row))) : failureRow(row, layout.length),
  );
  const adapters = [
    ...new Set(rows.filter(({ peer }) => peer !== OFF_ADAPTER).map(({ adapter }) => adapter)),
  ];
  const versions = Object.entries(setting.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${workload.title}: ${(workload.flop / 1e6).toFixed(0)} MFLOP a step. ${setting.date}, ${setting.machine}.`,
    `Adapter: ${adapters.filter((name) => name !== '').join('; ')}, ${setting.browser}. ${versions.join(', ')}.`,
    `Command: \`${setting.command}\` (${setting.rounds} rounds).`,
    '',
    line(layout.map(([title]) => title)),
    line(layout.map((_, i) => (i === 0 ? '---' : '--:'))),
    ...body,
    '',
    verdict(rows),
  ]
    .join('\n')
    .trim();
}

/**
 * The document with `table` between the workload's two comments.
 * @throws Error when the document lacks them
 */
export function withTable(document: string, workload: Workload, table: string): string {
  const [begin, end] = [`<!-- bench ${workload.name} begin -->`, `<!-- bench ${workload.name} end -->`];
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) {
    throw new DataError(
      'bench',
      `docs/performance.md lacks ${begin} and ${end}; they mark the table; put them back`,
    );
  }
  return `${document.slice(0, from + begin.length)}\n\n${table}\n\n${document.slice(to)}`;
}
