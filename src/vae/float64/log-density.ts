/** Densities in nats, in float64 on the CPU. */

export const LOG_2PI = Math.log(2 * Math.PI);

/** `log sum exp` that neither overflows nor loses the largest; -Infinity where every value is. */
export function logSumExp(values: Float64Array | readonly number[]): number {
  let most = -Infinity;
  for (const value of values) if (value > most) most = value;
  if (!Number.isFinite(most)) return most;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - most);
  return most + Math.log(sum);
}

/** log N(z; 0, I) of one row. */
export function standardNormalLogDensity(z: Float64Array): number {
  return z.reduce((sum, value) => sum - (value * value + LOG_2PI) / 2, 0);
}
