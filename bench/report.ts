/**
 * From summaries to a Markdown table. docs/performance.md keeps its prose: each workload's table stands
 * between two comments of its own, and only what is between them is replaced.
 */
import { DataError } from '../src/gpu/errors.js';
import { adaptersOf, OURS, rivals, type Summary } from './summary.js';
import { BATCH_SIZES, type BatchContestant, type Workload } from './workloads.js';

/** Where and how a run was made. */
export interface Setting {
  readonly date: string;
  readonly command: string;
  readonly machine: string;
  readonly browser: string;
  readonly rounds: number;
  readonly versions: Readonly<Record<string, string>>;
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

function errorCell({ error, compared, wrong }: Summary): string {
  if (wrong !== undefined) return `**${wrong}**`;
  if (Number.isNaN(error)) return ABSENT;
  return error.toExponential(1) + (Number.isNaN(compared) ? '' : ` (${compared} losses)`);
}

/** Time of one image of a batch. */
function imageCell({ peer, medianMs }: Summary): string {
  const batchSize = BATCH_SIZES.find(
    (size) => peer === (`webgpu-vae batch ${size}` satisfies BatchContestant),
  );
  return figure(medianMs / (batchSize ?? NaN));
}

type Column = readonly [title: string, cell: (row: Summary) => string];

function columns({ name, isTraining }: Workload): Column[] {
  const burst: Column[] = isTraining ? [['loss unread, ms', ({ burstMs }) => figure(burstMs)]] : [];
  const ratio: Column =
    name === 'conv-batch' ? ['ms an image', imageCell] : ['time / ours', ({ timesOurs }) => times(timesOurs)];
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
    ratio,
    ['max relative error', errorCell],
  ];
}

function failureRow(row: Summary, width: number): string {
  const reason = (row.failure ?? '').replaceAll('|', '/').slice(0, 200);
  return `| ${row.peer} | failed: ${reason} |${' |'.repeat(width - 2)}`;
}

/** How webgpu-vae stands against the fastest other peer on the adapter, and who was wrong. */
function verdict(rows: readonly Summary[]): string {
  const ours = rows.find(({ peer }) => peer === OURS);
  const [fastest] = rivals(rows);
  const wrong = rows.flatMap((row) =>
    row.wrong === undefined ? [] : [`${row.peer} computes ${row.wrong}.`],
  );
  if (!ours || ours.failure !== undefined || ours.wrong !== undefined || !fastest) return wrong.join(' ');
  const share = percent(1 / fastest.timesOurs);
  return [
    `webgpu-vae takes ${share} of the time of the fastest other WebGPU peer that is right, ${fastest.peer} (median of the ratios of each round).`,
    ...wrong,
  ].join(' ');
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** Heading-free Markdown of one workload: caption, table, verdict. */
export function markdownTable(workload: Workload, rows: readonly Summary[], setting: Setting): string {
  const layout = columns(workload);
  const body = rows.map((row) =>
    row.failure === undefined ? line(layout.map(([, cell]) => cell(row))) : failureRow(row, layout.length),
  );
  const versions = Object.entries(setting.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${workload.title}: ${figure(workload.flop / 1e6)} MFLOP a step. ${setting.date}, ${setting.machine}.`,
    `Adapter: ${adaptersOf(rows).join('; ')}, ${setting.browser}. ${versions.join(', ')}.`,
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
