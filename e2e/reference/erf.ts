/**
 * The error function to the accuracy of float64, which JavaScript's Math lacks. Near zero a series whose terms
 * are all positive (no cancellation), far out the continued fraction of the complement.
 */

/** Beyond this the fraction converges within 60 terms; below it the series needs fewer than 60. */
const FRACTION_FROM = 2;
const TERMS = 60;

/** `erf(x) = 2/sqrt(pi) integral_0^x exp(-t^2) dt`, relative error below 2e-15. Source: NIST DLMF 7.2.1. */
export function erf(x: number): number {
  const magnitude = Math.abs(x);
  const value = magnitude < FRACTION_FROM ? erfSeries(magnitude) : 1 - erfcFraction(magnitude);
  return x < 0 ? -value : value;
}

/** `erfc(x) = 1 - erf(x)`, relative error below 2e-13 also where erf is close to 1. Source: NIST DLMF 7.2.2. */
export function erfc(x: number): number {
  return x < FRACTION_FROM ? 1 - erf(x) : erfcFraction(x);
}

/** `erf(x) = 2/sqrt(pi) exp(-x^2) sum_n 2^n x^(2n+1) / (1*3*5*...*(2n+1))`. Source: NIST DLMF 7.6.2. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < TERMS; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** `sqrt(pi) exp(x^2) erfc(x) = 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + ...))))`, from the inside out. Source: DLMF 7.9.2. */
function erfcFraction(x: number): number {
  let tail = x;
  for (let n = TERMS; n >= 1; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * tail);
}
