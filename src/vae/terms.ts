/** The terms of the bound as numbers, in nats per datum. */

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

/** Mean of terms weighted by rows, accumulated in float64. */
export class TermsMean {
  #rows = 0;
  readonly #sums = new Map<string, number>(baseNames.map((name) => [name, 0]));

  add({ others, ...base }: Terms, rows: number): void {
    this.#rows += rows;
    for (const [name, value] of [...baseNames.map((key) => [key, base[key]] as const), ...entries(others)])
      this.#sums.set(name, (this.#sums.get(name) ?? 0) + rows * value);
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
