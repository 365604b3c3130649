/** The few statistics a table needs. Medians throughout, since a shared machine has outliers. */

/** The middle value, or the mean of the two middle ones; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/**
 * Median over the rounds that both took part in of a / b: what slows the machine in one round slows
 * both, and leaves the ratio alone.
 * @param a,b one value a round, undefined where a round was sat out
 */
export function medianRatio(a: readonly (number | undefined)[], b: readonly (number | undefined)[]): number {
  const ratios = a.map((value, round) => (value ?? NaN) / (b[round] ?? NaN));
  return median(ratios.filter((ratio) => !Number.isNaN(ratio)));
}
