/**
 * The factorised prior in float64, from its definition: the difference of two distribution functions, each taken from
 * the side on which it is small.
 */
export interface Logistics {
  readonly mean: readonly number[];
  readonly logScale: readonly number[];
  readonly logit: readonly number[];
}

/** F(x + 1/2) - F(x - 1/2) of a logistic: below the mean as it is, above it by the symmetry of the density. */
function binMass(x: number, mean: number, scale: number): number {
  const distance = -Math.abs(x - mean);
  const cumulative = (value: number): number => 1 / (1 + Math.exp(-value / scale));
  return cumulative(distance + 0.5) - cumulative(distance - 0.5);
}

/** log of the mixture's mass in the unit bin around z, nats. */
export function mixtureLogMass(z: number, { mean, logScale, logit }: Logistics): number {
  const total = logit.reduce((sum, value) => sum + Math.exp(value), 0);
  const mass = logit.reduce(
    (sum, value, k) => sum + (Math.exp(value) / total) * binMass(z, mean[k]!, Math.exp(logScale[k]!)),
    0,
  );
  return Math.log(mass);
}
