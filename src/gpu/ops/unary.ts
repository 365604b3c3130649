/** y = f(x), element by element (shaders/unary.wgsl). */
import { dispatch, elementGrid } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { applyOne, streamingCost, type OpDefinition, type Tensor } from '../graph.js';
import { elementCount } from '../shape.js';
import { activationCodes, savesInput, type Activation } from './activation.js';
import { activationGradient, divide, multiply } from './binary.js';
import { constant, constantValue } from './constant.js';

const unaryCodes = {
  ...activationCodes,
  negate: 16,
  exp: 17,
  log: 18,
  square: 19,
  sqrt: 20,
  reciprocal: 21,
  abs: 22,
  sign: 23,
  positive: 24,
  erf: 25,
  log1p: 26,
  expm1: 27,
  affine: 28,
  clamp: 29,
  inside: 30,
  round: 31,
  logGamma: 32,
  digamma: 33,
  trigamma: 34,
} as const;

export type UnaryFunction = keyof typeof unaryCodes;

interface UnaryAttributes {
  readonly function: UnaryFunction;
  /** scale and shift of affine; low and high of clamp and inside */
  readonly first: number;
  readonly second: number;
}

/** 2 / sqrt(pi), the slope of erf at 0. */
const ERF_SLOPE = 2 / Math.sqrt(Math.PI);

export const unaryOp: OpDefinition<UnaryAttributes> = {
  name: 'unary',
  shapes([x]) {
    if (!x) throw new ShapeError('unary', 'has no input; pass one tensor');
    return [[...x]];
  },
  cost: (step) => streamingCost(step, 1),
  forward(step) {
    const { function: name, first, second } = step.attributes;
    const [x] = step.inputs;
    const [y] = step.outputs;
    const count = elementCount(y!.shape);
    return [
      dispatch('unary', {
        bindings: { x: x!, y: y! },
        overrides: { FUNCTION: unaryCodes[name] },
        parameters: { count, first, second },
        workgroups: elementGrid(count),
        cost: this.cost(step),
      }),
    ];
  },
  backward(node, [cotangent]) {
    if (!cotangent) return [undefined];
    return [derivative(node.attributes, node.inputs[0]!, node.outputs[0]!, cotangent)];
  },
};

/** cotangent * f'(x). */
function derivative(
  { function: name, first, second }: UnaryAttributes,
  x: Tensor,
  y: Tensor,
  g: Tensor,
): Tensor {
  switch (name) {
    case 'negate':
      return negate(g);
    case 'exp':
      return multiply(g, y);
    case 'log':
      return divide(g, x);
    case 'square':
      return multiply(g, affine(x, 2, 0));
    case 'sqrt':
      return divide(affine(g, 0.5, 0), y);
    case 'reciprocal':
      return negate(multiply(g, square(y)));
    case 'abs':
      return multiply(g, unary('sign', x));
    case 'sign':
    case 'positive':
    case 'inside':
    case 'round':
      return constant(x.shape, 0);
    case 'erf':
      return multiply(g, affine(exp(negate(square(x))), ERF_SLOPE, 0));
    case 'log1p':
      return divide(g, affine(x, 1, 1));
    case 'expm1':
      return multiply(g, affine(y, 1, 1));
    case 'affine':
      return affine(g, first, 0);
    case 'clamp':
      return multiply(g, unary('inside', x, first, second));
    case 'logGamma':
      return multiply(g, unary('digamma', x));
    case 'digamma':
      return multiply(g, unary('trigamma', x));
    case 'trigamma':
      throw new ShapeError(
        'trigamma',
        'has no gradient; logGamma can be differentiated twice; write an objective that needs no third derivative',
      );
    case 'identity':
      return g;
    default:
      return activationGradient(g, savesInput(name) ? x : y, name);
  }
}

/** `f(x)` of the same shape as `x`; `first` and `second` are the numbers of affine, clamp and inside. */
export function unary(name: UnaryFunction, x: Tensor, first = 0, second = 0): Tensor {
  return applyOne(unaryOp, [x], { function: name, first, second });
}

/** e^x, element by element. */
export const exp = (x: Tensor): Tensor => unary('exp', x);
/** The natural logarithm of x > 0, element by element. */
export const log = (x: Tensor): Tensor => unary('log', x);
/** x * x, element by element. */
export const square = (x: Tensor): Tensor => unary('square', x);

/** To the nearest integer, halves to the even one; its gradient is zero. */
export const round = (x: Tensor): Tensor => unary('round', x);
/** log Gamma(x) for x > 0, within 4e-7 max(1, |y|) for x from 1e-3 to 1e6; may be differentiated twice. */
export const logGamma = (x: Tensor): Tensor => unary('logGamma', x);
/** The derivative of logGamma for x > 0, within 7e-7 max(1, |y|); may be differentiated once. */
export const digamma = (x: Tensor): Tensor => unary('digamma', x);

/** -x, element by element. */
export function negate(x: Tensor): Tensor {
  return affine(x, -1, 0);
}

/** scale * x + shift. */
export function affine(x: Tensor, scale: number, shift: number): Tensor {
  const value = constantValue(x);
  if (value !== undefined) return constant(x.shape, scale * value + shift);
  return scale === 1 && shift === 0 ? x : unary('affine', x, scale, shift);
}

/** min(max(x, low), high); its gradient is zero outside [low, high]. */
export const clamp = (x: Tensor, low: number, high: number): Tensor => unary('clamp', x, low, high);

/** An activation; `identity` returns `x` itself. */
export function activate(x: Tensor, activation: Activation): Tensor {
  return activation === 'identity' ? x : unary(activation, x);
}
