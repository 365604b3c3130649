/**
 * The lasso: `min 1/2N |y - X w|^2 + penalty |w|_1` by coordinate descent on the Gram matrix, which ends at the one
 * minimum of a convex function. Tibshirani 1996; Friedman, Hastie and Tibshirani 2010, section 2.2.
 */

const TOLERANCE = 1e-10;
const SWEEPS = 10_000;

/**
 * @param columns X as K columns `f64[N]`, centred
 * @param target y `f64[N]`, centred
 * @returns w, `[K]`
 */
export function lassoWeights(
  columns: readonly Float64Array[],
  target: Float64Array,
  penalty: number,
): number[] {
  const gram = columns.map((a) => columns.map((b) => meanProduct(a, b)));
  const products = columns.map((a) => meanProduct(a, target));
  const weights = columns.map(() => 0);
  for (let sweep = 0, change = Infinity; sweep < SWEEPS && change > TOLERANCE; sweep++) {
    change = 0;
    for (const [k, row] of gram.entries()) {
      const curvature = row[k]!;
      if (!(curvature > 0)) continue; // a constant predicts nothing
      const others = row.reduce((sum, value, j) => (j === k ? sum : sum + value * weights[j]!), 0);
      const next = softThreshold(products[k]! - others, penalty) / curvature;
      change = Math.max(change, Math.abs(next - weights[k]!));
      weights[k] = next;
    }
  }
  return weights;
}

function softThreshold(value: number, threshold: number): number {
  return Math.sign(value) * Math.max(0, Math.abs(value) - threshold);
}

function meanProduct(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let n = 0; n < a.length; n++) sum += a[n]! * b[n]!;
  return sum / a.length;
}
