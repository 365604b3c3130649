/**
 * Mutual information gap (Chen, Li, Grosse and Duvenaud 2018, section 4.1): for each factor the information of the most
 * informative latent less that of the second, in units of the factor's entropy. The information between a latent and
 * a factor is that of a histogram, as Locatello et al. 2019 (appendix C) estimate it, not of q(z|x)'s mixture.
 */
import { factorColumn, type FactorTable } from '../data/factors.js';
import { checkCodes, varyingFactors } from './codes.js';
import { columnOf, entropyOfCounts, gapOfTop, mean, type Matrix } from './matrix.js';

/** Locatello et al. use 20; a factor of more values than bins could not be known in full, so it gets as many. */
const LEAST_BINS = 20;

/** The mutual information gap, in [0, 1] (Chen et al. 2018, equation 6). */
export interface MutualInformationGap {
  /** Mean of the gaps, 0 to 1. */
  readonly score: number;
  /** One a factor that varies, by its name. */
  readonly gaps: Readonly<Record<string, number>>;
  /** `I(z_k; v)` in nats, a row a latent and a column a varying factor. */
  readonly information: readonly (readonly number[])[];
}

/**
 * @param codes `f32[N, K]`, usually the posterior's means
 * @param options bins: of equal width over a latent's range; more bins need more rows, the bias is about bins * values / 2N
 * @throws ShapeError when the rows differ, DataError when no factor varies
 */
export function mutualInformationGap(
  codes: Matrix,
  table: FactorTable,
  options: { readonly bins?: number } = {},
): MutualInformationGap {
  checkCodes(codes, table, 'mutualInformationGap');
  const factors = varyingFactors(table, 'mutualInformationGap');
  const bins = options.bins ?? Math.max(LEAST_BINS, ...factors.map((f) => table.factors[f]!.size));
  const binned = Array.from({ length: codes.columns }, (_, k) => histogramBins(columnOf(codes, k), bins));
  const columns = factors.map((f) => factorColumn(table, f));
  const information = binned.map((bin) => columns.map((values) => mutualInformation(bin, values)));
  const gaps = columns.map((values, f) => gapOfTop(information.map((row) => row[f]!)) / entropyOf(values));
  const named = factors.map((f, i) => [table.factors[f]!.name, gaps[i]!] as const);
  return { score: mean(gaps), gaps: Object.fromEntries(named), information };
}

/** Index of the bin of equal width, from the least value to the largest; all 0 for a constant. */
function histogramBins(values: Float64Array, bins: number): Uint16Array {
  const low = values.reduce((least, value) => Math.min(least, value));
  const high = values.reduce((most, value) => Math.max(most, value));
  const scale = high > low ? bins / (high - low) : 0;
  return Uint16Array.from(values, (value) => Math.min(bins - 1, Math.floor((value - low) * scale)));
}

/** `I(a; b) = H(a) + H(b) - H(a, b)` in nats of two columns of whole numbers. */
export function mutualInformation(a: Uint16Array, b: Uint16Array): number {
  const pairs = new Map<number, number>();
  a.forEach((value, n) => {
    const pair = value * 65536 + b[n]!;
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  });
  return entropyOf(a) + entropyOf(b) - entropyOfCounts([...pairs.values()]);
}

function entropyOf(values: Uint16Array): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return entropyOfCounts([...counts.values()]);
}
