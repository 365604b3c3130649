/**
 * The logarithm of the gamma function and its first two derivatives for x > 0, by the recurrence up to 20 and the
 * asymptotic series there, which end below 1e-16 (Abramowitz and Stegun 6.1.40, 6.3.18, 6.4.12).
 */

/** Bernoulli numbers B_2, B_4, ..., B_14. */
const BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6];
const ASYMPTOTIC = 20;

/** x + n >= 20 and the sum of `term` over x, x + 1, ... below it. */
function shifted(x: number, term: (at: number) => number): [at: number, total: number] {
  let [at, total] = [x, 0];
  for (; at < ASYMPTOTIC; at++) total += term(at);
  return [at, total];
}

/** `sum_n B_2n weight(2n) x^-(2n + power)`. */
function series(x: number, power: number, weight: (order: number) => number): number {
  return BERNOULLI.reduce((sum, b, i) => sum + b * weight(2 * i + 2) * x ** -(2 * i + 2 + power), 0);
}

/** `log Gamma(x)`. */
export function logGamma(x: number): number {
  const [at, shift] = shifted(x, Math.log);
  const stirling = (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI);
  return stirling + series(at, -1, (order) => 1 / (order * (order - 1))) - shift;
}

/** `psi(x) = d/dx log Gamma(x)`. */
export function digamma(x: number): number {
  const [at, shift] = shifted(x, (value) => 1 / value);
  return Math.log(at) - 0.5 / at - series(at, 0, (order) => 1 / order) - shift;
}

/** `psi'(x)`. */
export function trigamma(x: number): number {
  const [at, shift] = shifted(x, (value) => 1 / value ** 2);
  return 1 / at + 0.5 / at ** 2 + series(at, 1, () => 1) + shift;
}

/** `psi''(x) = psi''(x + n) - 2 sum 1 / (x + k)^3`. */
export function tetragamma(x: number): number {
  const [at, shift] = shifted(x, (value) => 2 / value ** 3);
  return -1 / at ** 2 - 1 / at ** 3 - series(at, 2, (order) => order + 1) - shift;
}
