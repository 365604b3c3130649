/** The course of a run: what history.jsonl keeps and curve.svg draws. */
import type { Terms } from '../../vae/terms.js';
import { trainingCurve, type CurvePoint } from '../curve.js';

/**
 * One line of history.jsonl, terms in nats per datum. Without `test`, `train` is of the step's own batch; with
 * it, an epoch has ended and `train` is the mean over that epoch, while the weights were changing.
 */
export interface HistoryEntry {
  /** Steps taken. */
  readonly step: number;
  /** 1, 2, ... */
  readonly epoch: number;
  readonly train: Terms;
  readonly test?: Terms;
}

export class History {
  readonly #entries: HistoryEntry[];

  constructor(entries: readonly HistoryEntry[] = []) {
    this.#entries = [...entries];
  }

  /** The part of a run's lines that a checkpoint has seen; what came behind it is taken again. */
  static upTo(step: number, lines: string): History {
    const entries = lines
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as HistoryEntry]));
    return new History(entries.filter((entry) => entry.step <= step));
  }

  add(entry: HistoryEntry): void {
    this.#entries.push(entry);
  }

  get last(): HistoryEntry | undefined {
    return this.#entries.at(-1);
  }

  /** One JSON object a line; a value that is not finite is null. */
  toJsonLines(): string {
    return this.#entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  }

  /** The SVG of the run, or undefined when no step has finite terms. */
  toCurve(title: string): string | undefined {
    const train = this.#entries.filter(({ test }) => test === undefined).map(trainPoint);
    const test = this.#entries.flatMap(({ step, test: terms }) => (terms ? [{ step, ...terms }] : []));
    const isDrawable = train.some(({ elbo, reconstruction, kl }) =>
      [elbo, reconstruction, kl].every(Number.isFinite),
    );
    return isDrawable ? trainingCurve({ train, test }, { title }) : undefined;
  }
}

function trainPoint({ step, train }: HistoryEntry): CurvePoint {
  return { step, ...train };
}
