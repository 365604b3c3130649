/**
 * A codebook of moving averages, in float64: N_i = gamma N_i + (1 - gamma) n_i and m_i = gamma m_i + (1 - gamma) sum of the n_i
 * rows that codeword i is nearest to; e_i = m_i / ((N_i + epsilon) N / (N + C epsilon)), N the sum of all N_i. Van den Oord,
 * Vinyals and Kavukcuoglu 2017, appendix A.1; the smoothing is Laplace's.
 */
export interface Averages {
  /** f64[C] */
  readonly counts: readonly number[];
  /** f64[C][D] */
  readonly sums: readonly (readonly number[])[];
}

const EPSILON = 1e-5;

export function codewords({ counts, sums }: Averages): number[][] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return sums.map((row, i) => {
    const smoothed = ((counts[i]! + EPSILON) * total) / (total + counts.length * EPSILON);
    return row.map((value) => value / smoothed);
  });
}

/** The averages after a batch of rows f64[R][D]. */
export function follow(averages: Averages, rows: readonly (readonly number[])[], decay: number): Averages {
  const words = codewords(averages);
  const chosen = rows.map((row) => nearestTo(row, words));
  const kept = (old: number, fresh: number): number => decay * old + (1 - decay) * fresh;
  const own = (code: number): (readonly number[])[] => rows.filter((_, r) => chosen[r] === code);
  const column = (code: number, d: number): number => own(code).reduce((sum, row) => sum + row[d]!, 0);
  return {
    counts: averages.counts.map((count, i) => kept(count, own(i).length)),
    sums: averages.sums.map((row, i) => row.map((value, d) => kept(value, column(i, d)))),
  };
}

function nearestTo(row: readonly number[], words: readonly (readonly number[])[]): number {
  const distances = words.map((word) => word.reduce((sum, value, d) => sum + (value - row[d]!) ** 2, 0));
  return distances.indexOf(Math.min(...distances));
}
