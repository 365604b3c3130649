/**
 * How far a float32 kernel may be from the float64 reference: the one table of tolerances. Each is derived from
 * the accuracy that WGSL promises (section "Floating point accuracy": an addition or product is off by less than
 * one unit in the last place, because either neighbour may be taken) and from the length of the reduction; none
 * was found by trying. A tolerance is an absolute error per element, scaled by the magnitude of what was added
 * up, so that a sum of zero-mean data that cancels is not held to more digits than it can have.
 */
import { activations, sigmoid, type Activation } from './reference/activation.js';
import type { UnaryFunction } from './reference/elementwise.js';
import { erf } from './reference/erf.js';
import type { F64 } from './reference/tensor.js';

/** One unit in the last place of 1. */
export const ULP = 2 ** -23;

/** Abramowitz and Stegun 7.1.26, the polynomial of lib/math.wgsl's erf: 1.5e-7 before any rounding. */
const ERF_FORMULA = 1.5e-7;

/** lib/math.wgsl's log1p_small: one division (2.5 units) and a short series. */
const LOG1P_SMALL = 6 * ULP;

/** lib/math.wgsl's expm1 near zero: a short series. */
const EXPM1_SERIES = 4 * ULP;

/**
 * Normals of the noise contract: 3 units from the logarithm, 5 from the square root and 3 from the cosine, times the
 * largest radius, 5.77. (On software adapters the accuracy cases hold them to 1e-6.)
 */
const NORMAL_NOISE = 11 * 5.77 * ULP;

/** exp ends at exp(-87) = 1.6e-38 (lib/math.wgsl), and a device may flush what is smaller than 1.2e-38 to zero. */
export const SMALLEST = 2e-38;

/** Allowed error of `exp(x)` relative to it: WGSL's 3 + 2|x| units, and one for the rounding of the result. */
export function expError(x: number): number {
  return (4 + 2 * Math.abs(x)) * ULP;
}

/**
 * Growth of the rounding error of `length` products added up: every term passes through at most `length` roundings;
 * for long sums the errors' signs average out and 4 sqrt(length) is exceeded with a probability below 1e-3
 * even if every rounding took the wrong neighbour (Higham and Mary 2019, theorem 2.4 with lambda = 4).
 */
function growth(length: number): number {
  return Math.min(length, 4 * Math.sqrt(length));
}

/** Tolerances by how a value is made: absolute errors allowed, for one element of the given magnitude. */
export const tolerances = {
  /** Data that is moved, compared or selected: no rounding at all. */
  exact: () => 0,
  /** `operations` roundings of values no larger than `magnitude`. */
  rounded: (operations: number, magnitude: number) => operations * ULP * magnitude,
  /** A dot product or a sum of `length` terms; `magnitude` is the sum of their absolute values. */
  dot: (length: number, magnitude: number) => growth(length) * ULP * magnitude,
  /** The numbers of the noise contract, times what they are multiplied by. */
  noise: (scale: number) => NORMAL_NOISE * scale,
  /** The gradient of a gradient: chains of about 20 ops on tensors of at most 10 elements an axis. */
  secondDerivative: (magnitude: number) => 256 * ULP * magnitude,
  /** A whole small network, forward and backward, fused against separate: two float32 results that differ by rounding. */
  network: (magnitude: number) => 64 * ULP * magnitude,
} as const;

/** A tolerance for every element of a tensor, from the magnitude of each. */
export function each(magnitude: F64, allowed: (magnitude: number, index: number) => number): Float64Array {
  return magnitude.values.map((value, index) => allowed(Math.abs(value), index));
}

/** The same tolerance for every element of a tensor that has `x`'s shape. */
export function everywhere(x: F64, allowed: number): Float64Array {
  return new Float64Array(x.values.length).fill(allowed);
}

/** `tolerances.dot` for every element; one magnitude an element or one for all. */
export function dotTolerance(length: number, magnitude: F64): Float64Array {
  return each(magnitude, (value) => tolerances.dot(length, value));
}

/** Allowed absolute error of the unary functions at `x` (exact in float32) with the exact result `y`. */
export const unaryErrors: Readonly<Record<UnaryFunction, (x: number, y: number) => number>> = {
  negate: tolerances.exact,
  abs: tolerances.exact,
  sign: tolerances.exact,
  positive: tolerances.exact,
  square: (_, y) => tolerances.rounded(1, y),
  exp: (x, y) => expError(x) * y,
  // near 1 by log1p_small, elsewhere WGSL's 3 units
  log: (x, y) => (x > 0.5 && x < 2 ? LOG1P_SMALL : 4 * ULP) * Math.abs(y),
  // WGSL: 1 / inverseSqrt, of 2.5 and 2 units
  sqrt: (_, y) => tolerances.rounded(5, y),
  // WGSL: 2.5 units
  reciprocal: (_, y) => tolerances.rounded(3, Math.abs(y)),
  // e = exp(-|x|): its error reaches the result by the factor 1 - y
  sigmoid: (x, y) => (expError(x) * (1 - y) + 5 * ULP) * y + SMALLEST,
  // -e / (2 + e) with e = expm1(-2|x|), of which the relative error at most doubles
  tanh: (x, y) => {
    const a = -2 * Math.min(Math.abs(x), 20);
    const e = Math.expm1(a);
    const relative = e === 0 ? 0 : unaryErrors.expm1(a, e) / Math.abs(e);
    return ((2 / (2 + e)) * relative + 5 * ULP) * Math.abs(y);
  },
  softplus: (x, y) => {
    const e = Math.exp(-Math.abs(x));
    return LOG1P_SMALL * Math.log1p(e) + expError(x) * e + ULP * y + SMALLEST;
  },
  erf: (x, y) => ERF_FORMULA + expError(x * x) * (1 - Math.abs(y)) + 2 * ULP,
  log1p: (x, y) => (x >= -0.5 && x <= 1 ? LOG1P_SMALL * Math.abs(y) : ULP * (1 + 4 * Math.abs(y))),
  expm1: (x, y) =>
    Math.abs(x) < 0.5 ? EXPM1_SERIES * Math.abs(y) : expError(x) * Math.exp(x) + ULP * Math.abs(y),
  round: tolerances.exact,
  logGamma: (x, y) => logGammaError(x) + ULP * Math.abs(y),
  // up to eight reciprocals of arguments that are rounded, and a logarithm
  digamma: (x) => 12 * ULP * (1 / x + 4 + Math.abs(Math.log(x))),
  trigamma: (_, y) => 16 * ULP * y,
};

/** lib/gamma.wgsl's log_gamma, by its branches. */
function logGammaError(x: number): number {
  if (x < 0.5) return 8 * ULP * x + 4 * ULP * Math.abs(Math.log(x));
  if (x < 1.5) return 12 * ULP * Math.abs(x - 1); // the series and log1p_small, both of them relative
  if (x < 2.5) return 6 * ULP * Math.abs(x - 2);
  // a logarithm of a product of five factors, or Stirling's formula, whose terms are below x log x
  return x < 8 ? 8 * ULP + 4 * ULP * Math.log(x) * 5 : 10 * ULP * x * Math.log(x);
}

/** Allowed absolute error of an activation at `x`. */
export function activationError(activation: Activation, x: number): number {
  const y = activations[activation].value(x);
  switch (activation) {
    case 'identity':
    case 'relu':
      return 0;
    case 'leakyRelu':
      return ULP * Math.abs(y);
    case 'silu': {
      const s = sigmoid(x);
      return Math.abs(x) * (unaryErrors.sigmoid(x, s) + ULP * s);
    }
    case 'gelu':
      return 0.5 * Math.abs(x) * erfErrorAt(x) + 4 * ULP * Math.abs(x);
    default:
      return unaryErrors[activation](x, y);
  }
}

/** Of erf(x / sqrt 2), whose argument is rounded too. */
function erfErrorAt(x: number): number {
  const z = x * Math.SQRT1_2;
  return unaryErrors.erf(z, erf(z)) + 2 * ULP;
}

/** No activation is steeper than this (GELU near sqrt 2); an error before it grows by no more. */
export const STEEPEST = 1.13;

/**
 * Allowed absolute error of an activation's derivative at `x`, computed from what a layer keeps: the output y
 * (itself off by `activationError`), or the input for SiLU and GELU.
 */
export function slopeError(activation: Activation, x: number): number {
  const saved = activationError(activation, x);
  const { value, first } = activations[activation];
  const y = value(x);
  switch (activation) {
    case 'sigmoid': // y (1 - y)
      return saved + 2 * ULP * y + SMALLEST;
    case 'tanh': // 1 - y^2
      return 2 * saved + 3 * ULP;
    case 'softplus': // -expm1(-y)
      return Math.exp(-y) * saved + unaryErrors.expm1(-y, first(x));
    case 'silu': // s (1 + x (1 - s))
      return (1 + Math.abs(x)) * (unaryErrors.sigmoid(x, sigmoid(x)) + 3 * ULP);
    case 'gelu': // Phi(x) + x phi(x)
      return erfErrorAt(x) / 2 + Math.abs(x) * Math.exp((-x * x) / 2) * expError((x * x) / 2) + 4 * ULP;
    default:
      return 0;
  }
}

/** Allowed absolute error of f'(x) of a unary function whose derivative is composed of other ops. */
export function unarySlopeError(name: UnaryFunction, x: number, slope: number): number {
  switch (name) {
    case 'sigmoid':
    case 'tanh':
    case 'softplus':
      return slopeError(name, x);
    case 'logGamma':
      return unaryErrors.digamma(x, slope);
    case 'digamma':
      return unaryErrors.trigamma(x, slope);
    case 'exp':
      return expError(x) * slope;
    case 'expm1': // y + 1, which cancels for x < 0
      return unaryErrors.expm1(x, Math.expm1(x)) + 2 * ULP * (1 + slope);
    case 'erf': // 2 / sqrt(pi) exp(-x^2)
      return (expError(x * x) + x * x * ULP) * slope + 2 * SMALLEST;
    default: // at most a division, a square root and two products
      return 10 * ULP * Math.abs(slope);
  }
}
