/**
 * Log densities and masses of one element by the textbook's formula: the truth for likelihoods that the library
 * composes of ops. Each takes the decoder's numbers of the element (and a learned logarithm, where there is one).
 */
import { logGamma } from './gamma.js';
import { sigmoid, softplus } from './activation.js';

/** log p(x) from the decoder's numbers; the magnitude is that of the largest terms added up, for tolerances. */
export interface Density {
  readonly value: number;
  readonly magnitude: number;
}

function density(...terms: readonly number[]): Density {
  return {
    value: terms.reduce((a, b) => a + b, 0),
    magnitude: terms.reduce((a, b) => a + Math.abs(b), 1),
  };
}

function logSumOf(values: readonly number[]): number {
  const largest = Math.max(...values);
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

/** `[mean, log-variance]`. */
export function gaussian(x: number, [mean, logVariance]: readonly number[]): Density {
  return density(
    -0.5 * ((x - mean!) ** 2 / Math.exp(logVariance!)),
    -0.5 * logVariance!,
    -0.5 * Math.log(2 * Math.PI),
  );
}

/**
 * log of the logistic distribution's mass between two points in units of its scale: the difference of the distribution
 * on the side where it does not cancel; from 40 on that of its tail exp(-t), which float64 cannot tell from it.
 */
function logLogisticMass(low: number, high: number): number {
  if (low > 0)
    return low < 40 ? Math.log(sigmoid(-low) - sigmoid(-high)) : -low + Math.log1p(-Math.exp(low - high));
  return high > 0 ? Math.log(sigmoid(high) - sigmoid(low)) : logLogisticMass(-high, -low);
}

/** A logistic over 256 levels x of [0, 1], whose bins lie on [-1, 1]: the difference of the distribution at its ends. */
export function discretizedLogistic(x: number, mean: number, logScale: number): Density {
  const level = Math.round(255 * x);
  const at = (edge: number): number => ((edge - 127.5) / 127.5 - mean) / Math.exp(logScale);
  const low = level === 0 ? -Infinity : at(level - 0.5);
  const high = level === 255 ? Infinity : at(level + 0.5);
  const distance = Math.abs(at(level));
  return { value: logLogisticMass(low, high), magnitude: 1 + distance };
}

/** `[M logits, M means, M log scales]`, or `[mean, log scale]`. */
export function discretizedLogisticMixture(x: number, parameters: readonly number[]): Density {
  if (parameters.length === 2) return discretizedLogistic(x, parameters[0]!, parameters[1]!);
  const M = parameters.length / 3;
  const logits = parameters.slice(0, M);
  const parts = logits.map((_, m) => discretizedLogistic(x, parameters[M + m]!, parameters[2 * M + m]!));
  return {
    value: logSumOf(parts.map(({ value }, m) => value + logits[m]!)) - logSumOf(logits),
    magnitude: Math.max(...parts.map(({ magnitude }, m) => magnitude + Math.abs(logits[m]!))),
  };
}

/** Logits of the classes. */
export function categorical(x: number, logits: readonly number[]): Density {
  return density(logits[x]!, -logSumOf(logits));
}

/** `[the mean's raw number]` and log theta, by Gamma functions and probabilities. */
export function negativeBinomial(
  link: 'exp' | 'softplus',
): (x: number, [raw]: readonly number[], logDispersion: number) => Density {
  return (x, [raw], logDispersion) => {
    const mean = link === 'exp' ? Math.exp(raw!) : softplus(raw!);
    const theta = Math.exp(logDispersion);
    return density(
      logGamma(x + theta),
      -logGamma(theta),
      -logGamma(x + 1),
      theta * Math.log(theta / (theta + mean)),
      x === 0 ? 0 : x * Math.log(mean / (theta + mean)),
    );
  };
}

/** `[log alpha, log beta]`, 255 trials, x their successes over 255. */
export function betaBinomial(x: number, [logAlpha, logBeta]: readonly number[]): Density {
  const [a, b, k] = [Math.exp(logAlpha!), Math.exp(logBeta!), Math.round(255 * x)];
  const terms = [
    [256, 1],
    [k + 1, -1],
    [256 - k, -1],
    [k + a, 1],
    [255 - k + b, 1],
    [255 + a + b, -1],
    [a + b, 1],
    [a, -1],
    [b, -1],
  ] as const;
  return density(...terms.map(([argument, sign]) => sign * logGamma(argument)));
}
