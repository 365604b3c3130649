/**
 * Activations of the dense layers: value, first and second derivative. Second derivatives are here because the
 * gradient of a gradient (penalties, Fisher objectives) goes through them. Every formula is written in the form
 * that neither overflows nor cancels for large |x|.
 */
import { erf, erfc } from './erf.js';
import { map, type F64 } from './tensor.js';

/** Every activation by name; a test that walks this list misses none. */
export const activationNames = [
  'identity',
  'relu',
  'leakyRelu',
  'sigmoid',
  'tanh',
  'softplus',
  'silu',
  'gelu',
] as const;
export type Activation = (typeof activationNames)[number];

/** A function of one number with its first two derivatives. */
export interface ScalarFunction {
  value: (x: number) => number;
  first: (x: number) => number;
  second: (x: number) => number;
}

/** Slope of leakyRelu below zero, PyTorch's default. */
export const LEAKY_SLOPE = 0.01;

/** `1 / (1 + exp(-x))`, with an exponent that is never positive. */
export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

/** `log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))`. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** `sigmoid(x) (1 - sigmoid(x)) = e / (1 + e)^2` with `e = exp(-|x|)`. */
function sigmoidSlope(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return e / (1 + e) ** 2;
}

/** `1 - tanh(x)^2 = 4 e / (1 + e)^2` with `e = exp(-2|x|)`. */
function tanhSlope(x: number): number {
  return 4 * sigmoidSlope(2 * x);
}

/** Standard normal density `exp(-x^2/2) / sqrt(2 pi)`. */
function normalDensity(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/** Standard normal distribution `1/2 erfc(-x / sqrt 2)`; the smaller tail is computed directly. */
function normalDistribution(x: number): number {
  return x < 0 ? erfc(-x * Math.SQRT1_2) / 2 : (1 + erf(x * Math.SQRT1_2)) / 2;
}

/**
 * The activations by name. At a kink the derivative is the one from the left (0 for relu, the slope for
 * leakyRelu), as in PyTorch. gelu is the exact `x Phi(x)` (Hendrycks and Gimpel 2016), not the tanh form;
 * silu is `x sigmoid(x)`.
 */
export const activations: Readonly<Record<Activation, ScalarFunction>> = {
  identity: { value: (x) => x, first: () => 1, second: () => 0 },
  relu: { value: (x) => Math.max(x, 0), first: (x) => (x > 0 ? 1 : 0), second: () => 0 },
  leakyRelu: {
    value: (x) => (x > 0 ? x : LEAKY_SLOPE * x),
    first: (x) => (x > 0 ? 1 : LEAKY_SLOPE),
    second: () => 0,
  },
  sigmoid: { value: sigmoid, first: sigmoidSlope, second: (x) => sigmoidSlope(x) * (1 - 2 * sigmoid(x)) },
  tanh: { value: Math.tanh, first: tanhSlope, second: (x) => -2 * Math.tanh(x) * tanhSlope(x) },
  softplus: { value: softplus, first: sigmoid, second: sigmoidSlope },
  silu: {
    value: (x) => x * sigmoid(x),
    first: (x) => sigmoid(x) + x * sigmoidSlope(x),
    second: (x) => sigmoidSlope(x) * (2 + x * (1 - 2 * sigmoid(x))),
  },
  gelu: {
    value: (x) => x * normalDistribution(x),
    first: (x) => normalDistribution(x) + x * normalDensity(x),
    second: (x) => normalDensity(x) * (2 - x * x),
  },
};

/** `y = f(x)` for every element; any shape. */
export function activate(x: F64, activation: Activation): F64 {
  return map(x, activations[activation].value);
}

/** Vector-Jacobian product of `activate`: `xGradient = f'(x) yGradient`, shapes of `x`. */
export function activateBackward(x: F64, activation: Activation, yGradient: F64): F64 {
  return map(x, (value, i) => activations[activation].first(value) * yGradient.values[i]!);
}
