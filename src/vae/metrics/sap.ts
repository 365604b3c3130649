/**
 * Separated attribute predictability (Kumar, Sattigeri and Balakrishnan 2018, section 3): how well each latent alone
 * predicts each factor, and the gap between the best and the second. The score of an ordered factor is theirs, the R^2
 * of a line. For one without order they take the accuracy of thresholds; here it is the correlation ratio, the R^2 of
 * the latent given the class, so that every score is 0 for noise and 1 for a perfect code.
 */
import { factorColumn, type Factor, type FactorTable } from '../data/factors.js';
import { checkCodes, varyingFactors } from './codes.js';
import { columnOf, gapOfTop, mean, variance, type Matrix } from './matrix.js';

/** A latent that varies less is not in use and scores 0 (theirs). */
const INACTIVE_VARIANCE = 0.05;

/** Separated attribute predictability (Kumar et al. 2018, section 3). */
export interface Sap {
  /** Mean of the gaps, 0 to 1. */
  readonly score: number;
  /** One a factor that varies, by its name. */
  readonly gaps: Readonly<Record<string, number>>;
  /** A row a latent, a column a varying factor. */
  readonly scores: readonly (readonly number[])[];
}

/**
 * @param codes `f32[N, K]`, usually the posterior's means
 * @throws ShapeError when the rows differ, DataError when no factor varies
 */
export function sap(codes: Matrix, table: FactorTable): Sap {
  checkCodes(codes, table, 'sap');
  const factors = varyingFactors(table, 'sap');
  const columns = factors.map((f) => factorColumn(table, f));
  const scores = Array.from({ length: codes.columns }, (_, k) => {
    const z = columnOf(codes, k);
    const isInactive = variance(z) <= INACTIVE_VARIANCE;
    return columns.map((values, i) =>
      isInactive ? 0 : predictability(z, values, table.factors[factors[i]!]!),
    );
  });
  const gaps = factors.map((_, i) => gapOfTop(scores.map((row) => row[i]!)));
  const named = factors.map((f, i) => [table.factors[f]!.name, gaps[i]!] as const);
  return { score: mean(gaps), gaps: Object.fromEntries(named), scores };
}

function predictability(z: Float64Array, values: Uint16Array, { ordered }: Factor): number {
  return ordered ? squaredCorrelation(z, values) : correlationRatio(z, values);
}

/** `Cov(a, b)^2 / (Var a Var b)`. */
function squaredCorrelation(a: Float64Array, b: Uint16Array): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  const covariance = mean(a.map((value, n) => (value - meanA) * (b[n]! - meanB)));
  return covariance ** 2 / (variance(a) * variance(b));
}

/** Variance of the means of the classes over the variance of all. */
function correlationRatio(z: Float64Array, classes: Uint16Array): number {
  const sums = new Map<number, { count: number; sum: number }>();
  z.forEach((value, n) => {
    const entry = sums.get(classes[n]!) ?? { count: 0, sum: 0 };
    sums.set(classes[n]!, { count: entry.count + 1, sum: entry.sum + value });
  });
  const centre = mean(z);
  const between = [...sums.values()].map(({ count, sum }) => count * (sum / count - centre) ** 2);
  return between.reduce((total, part) => total + part, 0) / (z.length * variance(z));
}
