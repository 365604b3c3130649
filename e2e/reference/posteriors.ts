/**
 * Posteriors beyond the diagonal Gaussian, one datum at a time, in float64. A flow's density comes from its map alone, by the
 * determinant of a numerical Jacobian, so that no formula of a determinant is trusted.
 * Sources: Rezende and Mohamed 2015 (planar, radial), Kingma et al. 2016 and Germain et al. 2015 (autoregressive).
 */
import { symmetricEigen } from './ppca.js';
import { fromValues } from './tensor.js';

type Vector = readonly number[];
type Matrix = readonly (readonly number[])[];

export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const inner = (a: Vector, b: Vector): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** `log N(z; mean, covariance)` in nats, from the covariance's eigenvalues. */
export function gaussianLogDensity(z: Vector, mean: Vector, covariance: Matrix): number {
  const K = z.length;
  const { values, vectors } = symmetricEigen(fromValues([K, K], covariance.flat()));
  const away = z.map((value, i) => value - mean[i]!);
  return values.reduce((total, variance, k) => {
    const along = inner(
      away,
      away.map((_, i) => vectors.values[i * K + k]!),
    );
    return total - (along ** 2 / variance + Math.log(2 * Math.PI * variance)) / 2;
  }, 0);
}

/** `KL(N(mean, covariance) || N(mp, diag vp)) = 1/2 (tr(C / vp) + sum (m - mp)^2 / vp - K + sum log vp - log |C|)`. */
export function gaussianKl(
  mean: Vector,
  covariance: Matrix,
  priorMean: Vector,
  priorVariance: Vector,
): number {
  const K = mean.length;
  const { values } = symmetricEigen(fromValues([K, K], covariance.flat()));
  const logVolume = values.reduce((sum, value) => sum + Math.log(value), 0);
  const terms = mean.map((m, i) => {
    const v = priorVariance[i]!;
    return (covariance[i]![i]! + (m - priorMean[i]!) ** 2) / v - 1 + Math.log(v);
  });
  return (terms.reduce((sum, value) => sum + value, 0) - logVolume) / 2;
}

/**
 * `z + u^ tanh(w'z + b)`, `u^ = u + (m(w'u) - w'u) w / |w|^2` with m(x) = softplus(x + log(e - 1)) - 1, the paper's m moved to
 * be 0 at 0. `parameters`: u, w, b.
 */
export function planarMap(z: Vector, parameters: Vector): number[] {
  const K = z.length;
  const [u, w, b] = [parameters.slice(0, K), parameters.slice(K, 2 * K), parameters[2 * K]!];
  const along = inner(w, u);
  const moved = (softplus(along + Math.log(Math.E - 1)) - 1 - along) / inner(w, w);
  const h = Math.tanh(inner(w, z) + b);
  return z.map((value, i) => value + (u[i]! + moved * w[i]!) * h);
}

/** `z + beta (z - c) / (alpha + |z - c|)`, alpha = softplus(a), beta = softplus(a + b) - alpha. `parameters`: c, a, b. */
export function radialMap(z: Vector, parameters: Vector): number[] {
  const K = z.length;
  const [a, b] = parameters.slice(K) as [number, number];
  const away = z.map((value, i) => value - parameters[i]!);
  const factor = (softplus(a + b) - softplus(a)) / (softplus(a) + Math.sqrt(inner(away, away)));
  return z.map((value, i) => value + factor * away[i]!);
}

/** The dense layers of one autoregressive step, weights as rows of inputs. */
export interface AutoregressiveWeights {
  readonly hidden: { readonly weight: Matrix; readonly bias: Vector };
  readonly a: { readonly weight: Matrix; readonly bias: Vector };
  readonly gate: { readonly weight: Matrix; readonly bias: Vector };
}

/**
 * `z'_i = g_i z_i + (1 - g_i) a_i`, latent after latent. Its network sees `context` and the latents before it, in the order
 * of the step: only hidden units of a degree no higher than the latent's place take part, each seeing as many latents.
 */
export function autoregressiveMap(
  z: Vector,
  context: Vector,
  { hidden, a, gate }: AutoregressiveWeights,
  isReversed: boolean,
): number[] {
  const K = z.length;
  const order = Array.from({ length: K }, (_, i) => (isReversed ? K - 1 - i : i));
  const units = hidden.bias.length;
  const h = hidden.bias.map((bias, unit) => {
    const seen = order.slice(0, Math.floor((unit * K) / units));
    const fromLatents = seen.reduce((sum, i) => sum + z[i]! * hidden.weight[i]![unit]!, 0);
    return Math.tanh(
      bias + fromLatents + context.reduce((sum, c, n) => sum + c * hidden.weight[K + n]![unit]!, 0),
    );
  });
  const result = z.map(() => 0);
  order.forEach((i, place) => {
    const output = ({ weight, bias }: AutoregressiveWeights['a']): number =>
      h.reduce(
        (sum, value, unit) =>
          Math.floor((unit * K) / units) <= place ? sum + value * weight[unit]![i]! : sum,
        bias[i]!,
      );
    const g = 1 / (1 + Math.exp(-(output(gate) + 2)));
    result[i] = g * z[i]! + (1 - g) * output(a);
  });
  return result;
}

/** `log |det df/dx|` at x, by five-point differences of every element and elimination with pivots. */
export function logDeterminant(f: (x: Vector) => number[], x: Vector, step = 1e-3): number {
  const columns = x.map((_, j) => {
    const at = (offset: number): number[] => f(x.map((value, i) => (i === j ? value + offset : value)));
    const [a, b, c, d] = [at(step), at(-step), at(2 * step), at(-2 * step)];
    return a.map((value, i) => (8 * (value - b[i]!) - (c[i]! - d[i]!)) / (12 * step));
  });
  let total = 0;
  for (let k = 0; k < x.length; k++) {
    const pivot = columns
      .slice(k)
      .reduce((best, column, n) => (Math.abs(column[k]!) > Math.abs(columns[best]![k]!) ? k + n : best), k);
    [columns[k], columns[pivot]] = [columns[pivot]!, columns[k]!];
    total += Math.log(Math.abs(columns[k]![k]!));
    for (const column of columns.slice(k + 1)) {
      const factor = column[k]! / columns[k]![k]!;
      column.forEach((value, i) => (column[i] = value - factor * columns[k]![i]!));
    }
  }
  return total;
}
