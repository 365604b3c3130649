/**
 * exp, the logistic function and the normal distribution from + - * / alone. ECMAScript defines those to the last bit
 * (IEEE 754 double, round to nearest, never fused) and leaves Math.exp to the engine, so tables built with these are
 * the same in every engine on every machine.
 */

/** ln 2 in two parts: k times the first is exact for |k| < 2^11 (Cody and Waite 1980). */
const ln2High = 6.9314718036912381649e-1;
const ln2Low = 1.90821492927058770002e-10;
/** Beyond these, e^x leaves the normal doubles. */
const greatestExponent = 709;
const leastExponent = -708;
/** Taylor terms: 0.35^14 / 14! is below 2^-56. */
const expTerms = 14;

/** e^x to about 1 unit in the last place; 0 below -708, e^709 above 709. */
export function exactExp(x: number): number {
  if (x < leastExponent) return 0;
  const bounded = x > greatestExponent ? greatestExponent : x;
  const power = Math.floor(bounded / (ln2High + ln2Low) + 0.5);
  const rest = bounded - power * ln2High - power * ln2Low;
  let sum = 1;
  for (let term = expTerms; term >= 1; term--) sum = 1 + (rest * sum) / term;
  return sum * powerOfTwo(power);
}

/** 2^k for -1022 <= k <= 1023, from its bits; `2 ** k` is left to the engine. */
function powerOfTwo(k: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, (k + 1023) * 2 ** 20);
  return view.getFloat64(0);
}

/** 1 / (1 + e^-x), from the side that does not overflow. */
export function exactSigmoid(x: number): number {
  const tail = exactExp(x < 0 ? x : -x);
  return x < 0 ? tail / (1 + tail) : 1 / (1 + tail);
}

/** 1 / sqrt(2 pi) */
const normalPeak = 0.3989422804014327;
/** Beyond it the normal distribution has less than 2^-53 of its mass on either side. */
const normalEnd = 8.3;

/** The series of the widest x ends before this term; NaN would never end it. */
const lastOdd = 999;

/**
 * Phi(x), the standard normal distribution function, to 2^-51: 1/2 + phi(x) (x + x^3/3 + x^5/15 + ...)
 * (Marsaglia 2004, "Evaluating the normal distribution").
 */
export function normalCdf(x: number): number {
  if (x < -normalEnd) return 0;
  if (x > normalEnd) return 1;
  const square = x * x;
  let term = x;
  let sum = x;
  let before = Number.NaN;
  for (let odd = 3; sum !== before && odd < lastOdd; odd += 2) {
    before = sum;
    term = (term * square) / odd;
    sum += term;
  }
  return 0.5 + sum * normalPeak * exactExp(-0.5 * square);
}

/** Halvings that take [-8.3, 8.3] to 2e-11: far below what a bin or an f32 resolves. */
const bisections = 40;

/** The x with Phi(x) = p to 2e-11, by bisection; p in (0, 1). */
export function normalQuantile(p: number): number {
  let low = -normalEnd;
  let high = normalEnd;
  for (let i = 0; i < bisections; i++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
