/**
 * Disentanglement, completeness, informativeness (Eastwood and Williams 2018): each factor is predicted from all latents
 * by a sparse linear regression, whose absolute weights say which latent matters. Of their two regressors this is the
 * lasso: convex, so there is one answer; what depends on a latent other than along a line (an orientation that comes
 * round again) it does not see. A factor without order is one indicator a value.
 */
import { factorColumn, type FactorTable } from '../data/factors.js';
import { permutation } from '../data/permutation.js';
import { checkCodes, varyingFactors } from './codes.js';
import { lassoWeights } from './lasso.js';
import { columnOf, entropyOfCounts, mean, variance, type Matrix } from './matrix.js';

/** Spurious correlations of N rows are about 1 / sqrt(N); this is above them from 10,000 rows on. */
const PENALTY = 0.02;

/** Disentanglement, completeness and informativeness, each in [0, 1] (Eastwood and Williams 2018). */
export interface Dci {
  /** Whether a latent serves one factor: 0 to 1, weighted by how much it serves at all. */
  readonly disentanglement: number;
  /** Whether a factor is served by one latent: 0 to 1. */
  readonly completeness: number;
  /** Share of the factors' variance predicted on held-out rows, at most 1 (theirs is the normalised error). */
  readonly informativeness: number;
  /** A row a latent, a column a varying factor. */
  readonly importance: readonly (readonly number[])[];
}

/**
 * @param codes `f32[N, K]`; half the rows, drawn by the seed, fit the regressions and the others test them
 * @throws ShapeError when the rows differ, DataError when no factor varies
 */
export function dci(codes: Matrix, table: FactorTable, { seed = 0 }: { readonly seed?: number } = {}): Dci {
  const rows = checkCodes(codes, table, 'dci');
  const factors = varyingFactors(table, 'dci');
  const order = Array.from({ length: rows }, (_, i) => i).map(permutation(rows, seed));
  const half = Math.ceil(rows / 2);
  const inputs = Array.from({ length: codes.columns }, (_, k) => standardized(columnOf(codes, k)));
  const fits = factors.map((f) =>
    fitFactor(inputs, targetsOf(table, f), order.slice(0, half), order.slice(half)),
  );
  const importance = inputs.map((_, k) => fits.map((fit) => fit.importance[k]!));
  return {
    disentanglement: disentanglementOf(importance),
    completeness: mean(fits.map((fit) => concentration(fit.importance))),
    informativeness: mean(fits.map((fit) => fit.explained)),
    importance,
  };
}

/** `1 - H(p) / log n` of numbers as shares of their sum: 1 when all lies on one, 0 when nothing does. */
function concentration(values: readonly number[]): number {
  if (!values.some((value) => value > 0)) return 0;
  return values.length === 1 ? 1 : 1 - entropyOfCounts(values) / Math.log(values.length);
}

function disentanglementOf(importance: readonly (readonly number[])[]): number {
  const weights = importance.map((row) => row.reduce((sum, value) => sum + value, 0));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return 0;
  return importance.reduce((sum, row, k) => sum + (weights[k]! / total) * concentration(row), 0);
}

/** What is predicted for a factor: its index, or the indicators of its values, standardized. */
function targetsOf(table: FactorTable, index: number): Float64Array[] {
  const values = factorColumn(table, index);
  if (table.factors[index]!.ordered) return [standardized(values)];
  const present = [...new Set(values)];
  return present.map((value) =>
    standardized(Float64Array.from(values, (other) => (other === value ? 1 : 0))),
  );
}

function standardized(values: ArrayLike<number>): Float64Array {
  const [centre, spread] = [mean(values), Math.sqrt(variance(values))];
  return Float64Array.from(values, (value) => (spread > 0 ? (value - centre) / spread : 0));
}

/** The rows of a column that `order` names. */
function pick(values: Float64Array, order: readonly number[]): Float64Array {
  return Float64Array.from(order, (n) => values[n]!);
}

/** Importance of every latent for a factor, and the share of its variance that they explain on the held rows. */
function fitFactor(
  inputs: readonly Float64Array[],
  targets: readonly Float64Array[],
  fitted: readonly number[],
  held: readonly number[],
): { importance: number[]; explained: number } {
  const known = inputs.map((values) => pick(values, fitted));
  const all = targets.map((target) => lassoWeights(known, pick(target, fitted), PENALTY));
  const importance = inputs.map((_, k) => all.reduce((sum, weights) => sum + Math.abs(weights[k]!), 0));
  const shares = targets.map((target, t) => {
    const residual = held.map((n) =>
      inputs.reduce((rest, values, k) => rest - all[t]![k]! * values[n]!, target[n]!),
    );
    return (
      1 -
      mean(residual.map((value) => value * value)) / Math.max(variance(pick(target, held)), Number.MIN_VALUE)
    );
  });
  return { importance, explained: mean(shares) };
}
