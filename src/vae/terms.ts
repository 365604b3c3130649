/** The terms of the bound as numbers, in nats per datum. */
import { integer, record } from '../gpu/check.js';

/** elbo = reconstruction - beta * kl; log p(x) >= elbo when beta is 1 and the likelihood is one. */
export interface Terms {
  readonly elbo: number;
  readonly reconstruction: number;
  readonly kl: number;
  /** What estimator and objective add, by name, such as `multiSample`, the bound of several samples. */
  readonly others?: Readonly<Record<string, number>>;
}

const baseNames = ['elbo', 'reconstruction', 'kl'] as const;

/** Terms from their numbers: elbo, reconstruction, kl, and one for each of `names`. */
export function termsOf(values: ArrayLike<number>, names: readonly string[] = []): Terms {
  const [elbo, reconstruction, kl] = Array.from(values) as [number, number, number];
  if (names.length === 0) return { elbo, reconstruction, kl };
  const others = Object.fromEntries(names.map((name, index) => [name, values[baseNames.length + index]!]));
  return { elbo, reconstruction, kl, others };
}

/** The sums of a mean, for a checkpoint. */
export interface TermSums {
  readonly rows: number;
  /** By name, elbo, reconstruction and kl first. */
  readonly sums: Readonly<Record<string, number>>;
}

/** @throws SpecError for what are no sums; a file may hold anything */
export function savedSums(value: unknown): TermSums {
  const { rows, sums } = record(value, 'epochTerms', ['rows', 'sums']);
  const numbers = Object.entries(record(sums, 'epochTerms.sums', Object.keys(Object(sums))));
  return {
    rows: integer(rows, 'epochTerms.rows', 0, Number.MAX_SAFE_INTEGER),
    sums: Object.fromEntries(numbers.map(([name, sum]) => [name, Number(sum)])),
  };
}

/** Mean of terms weighted by rows, accumulated in float64. */
export class TermsMean {
  #rows: number;
  readonly #sums: Map<string, number>;

  /** Begins at nothing, or goes on from saved sums. */
  constructor({ rows, sums }: TermSums = { rows: 0, sums: {} }) {
    this.#rows = rows;
    this.#sums = new Map([...baseNames.map((name) => [name, 0] as const), ...Object.entries(sums)]);
  }

  add({ others, ...base }: Terms, rows: number): void {
    this.#rows += rows;
    for (const [name, value] of [...baseNames.map((key) => [key, base[key]] as const), ...entries(others)])
      this.#sums.set(name, (this.#sums.get(name) ?? 0) + rows * value);
  }

  get rows(): number {
    return this.#rows;
  }

  get sums(): TermSums {
    return { rows: this.#rows, sums: Object.fromEntries(this.#sums) };
  }

  /** NaN in every term when nothing was added. */
  get mean(): Terms {
    const means = [...this.#sums.values()].map((value) => value / this.#rows);
    return termsOf(means, [...this.#sums.keys()].slice(baseNames.length));
  }
}

function entries(others: Readonly<Record<string, number>> = {}): [string, number][] {
  return Object.entries(others);
}
