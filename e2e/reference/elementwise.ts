/**
 * Functions applied element by element: unary ones as a table of value and derivative, binary ones with numpy
 * broadcasting as a table of value and two partial derivatives.
 */
import { ShapeError } from '../../src/gpu/errors.js';
import { activations, sigmoid } from './activation.js';
import { erf } from './erf.js';
import { digamma, logGamma, tetragamma, trigamma } from './gamma.js';
import { coordinatesOf, map, offsetOf, zeros, type F64 } from './tensor.js';

/** Every unary function by name. */
export const unaryNames = [
  'negate',
  'exp',
  'log',
  'square',
  'sqrt',
  'reciprocal',
  'abs',
  'sign',
  'positive',
  'tanh',
  'sigmoid',
  'softplus',
  'erf',
  'log1p',
  'expm1',
  'round',
  'logGamma',
  'digamma',
  'trigamma',
] as const;
export type UnaryFunction = (typeof unaryNames)[number];

/** To the nearest integer, halves to the even one (WGSL, IEEE 754). */
function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

/** Values and derivatives; at a kink (abs, sign, positive) the derivative is 0. `positive(x)` is 1 for x > 0, else 0. */
export const unaryFunctions: Readonly<
  Record<UnaryFunction, { value: (x: number) => number; derivative: (x: number) => number }>
> = {
  negate: { value: (x) => -x, derivative: () => -1 },
  exp: { value: Math.exp, derivative: Math.exp },
  log: { value: Math.log, derivative: (x) => 1 / x },
  square: { value: (x) => x * x, derivative: (x) => 2 * x },
  sqrt: { value: Math.sqrt, derivative: (x) => 0.5 / Math.sqrt(x) },
  reciprocal: { value: (x) => 1 / x, derivative: (x) => -1 / (x * x) },
  abs: { value: Math.abs, derivative: Math.sign },
  sign: { value: Math.sign, derivative: () => 0 },
  positive: { value: (x) => (x > 0 ? 1 : 0), derivative: () => 0 },
  tanh: { value: Math.tanh, derivative: activations.tanh.first },
  sigmoid: { value: sigmoid, derivative: activations.sigmoid.first },
  softplus: { value: activations.softplus.value, derivative: sigmoid },
  erf: { value: erf, derivative: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) },
  log1p: { value: Math.log1p, derivative: (x) => 1 / (1 + x) },
  expm1: { value: Math.expm1, derivative: Math.exp },
  round: { value: roundToEven, derivative: () => 0 },
  logGamma: { value: logGamma, derivative: digamma },
  digamma: { value: digamma, derivative: trigamma },
  trigamma: { value: trigamma, derivative: tetragamma },
};

/** `y = f(x)` for every element; any shape. */
export function unary(x: F64, name: UnaryFunction): F64 {
  return map(x, unaryFunctions[name].value);
}

/** Vector-Jacobian product of `unary`: `xGradient = f'(x) yGradient`. */
export function unaryBackward(x: F64, name: UnaryFunction, yGradient: F64): F64 {
  return map(x, (value, i) => unaryFunctions[name].derivative(value) * yGradient.values[i]!);
}

/** Every binary function by name. */
export const binaryNames = ['add', 'subtract', 'multiply', 'divide', 'maximum', 'minimum'] as const;
export type BinaryFunction = (typeof binaryNames)[number];

/** Share of the gradient that the first operand of maximum gets; at a tie both get half, as in PyTorch and JAX. */
function shareOfLarger(a: number, b: number): number {
  return a > b ? 1 : a < b ? 0 : 0.5;
}

/** A function of two numbers with its partial derivatives by both. */
export interface BinaryRule {
  value: (a: number, b: number) => number;
  partials: (a: number, b: number) => [number, number];
}

/** Values and partial derivatives with respect to both operands. */
export const binaryFunctions: Readonly<Record<BinaryFunction, BinaryRule>> = {
  add: { value: (a, b) => a + b, partials: () => [1, 1] },
  subtract: { value: (a, b) => a - b, partials: () => [1, -1] },
  multiply: { value: (a, b) => a * b, partials: (a, b) => [b, a] },
  divide: { value: (a, b) => a / b, partials: (a, b) => [1 / b, -a / (b * b)] },
  maximum: { value: Math.max, partials: (a, b) => [shareOfLarger(a, b), shareOfLarger(b, a)] },
  minimum: { value: Math.min, partials: (a, b) => [shareOfLarger(b, a), shareOfLarger(a, b)] },
};

/**
 * The numpy broadcast of two shapes: aligned at the last axis, sizes equal or 1.
 * @throws ShapeError when two sizes differ and neither is 1.
 */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const sizeA = a[a.length - rank + axis] ?? 1;
    const sizeB = b[b.length - rank + axis] ?? 1;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1)
      throw new ShapeError(
        'reference broadcast',
        `f64[${a.join(', ')}] and f64[${b.join(', ')}] came; expected sizes equal or 1, aligned at the last axis`,
      );
    return sizeA === 1 ? sizeB : sizeA;
  });
}

/** `y = f(a, b)` on the broadcast shape. @throws ShapeError when the shapes do not broadcast. */
export function binary(a: F64, b: F64, name: BinaryFunction): F64 {
  const y = zeros(broadcastShape(a.shape, b.shape));
  return map(y, (_, i) => {
    const coordinates = coordinatesOf(i, y.shape);
    return binaryFunctions[name].value(
      a.values[offsetOf(coordinates, a.shape)]!,
      b.values[offsetOf(coordinates, b.shape)]!,
    );
  });
}

/**
 * Vector-Jacobian product of `binary` for `yGradient` of the broadcast shape: the partial derivative times the
 * cotangent, summed over the elements that an operand was repeated for.
 */
export function binaryBackward(
  a: F64,
  b: F64,
  name: BinaryFunction,
  yGradient: F64,
): { aGradient: F64; bGradient: F64 } {
  const aGradient = zeros(a.shape);
  const bGradient = zeros(b.shape);
  yGradient.values.forEach((cotangent, i) => {
    const coordinates = coordinatesOf(i, yGradient.shape);
    const atA = offsetOf(coordinates, a.shape);
    const atB = offsetOf(coordinates, b.shape);
    const [byA, byB] = binaryFunctions[name].partials(a.values[atA]!, b.values[atB]!);
    aGradient.values[atA]! += byA * cotangent;
    bGradient.values[atB]! += byB * cotangent;
  });
  return { aGradient, bGradient };
}
