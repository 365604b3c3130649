/** y = f(a, b), element by element with numpy broadcasting (shaders/binary.wgsl). */
import { dispatch, elementGrid } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { applyOne, streamingCost, type OpDefinition, type Tensor } from '../graph.js';
import {
  broadcastShapes,
  broadcastStrides,
  describeShape,
  elementCount,
  rank4,
  sameShape,
  type Shape,
} from '../shape.js';
import { activationCodes, type Activation } from './activation.js';
import { constant, constantValue } from './constant.js';
import { sumTo } from './sum.js';
import { affine, exp, negate, square, unary } from './unary.js';

const binaryCodes = {
  add: 0,
  subtract: 1,
  multiply: 2,
  divide: 3,
  maximum: 4,
  minimum: 5,
  first: 6,
  activationGradient: 8,
} as const;

export type BinaryFunction = keyof typeof binaryCodes;

export interface BinaryAttributes {
  readonly function: BinaryFunction;
  /** of activationGradient: a * f'(b), b being f's output, or its input for SiLU and GELU */
  readonly activation: Activation;
}

export const binaryOp: OpDefinition<BinaryAttributes> = {
  name: 'binary',
  shapes([a, b], { function: name }) {
    if (!a || !b) throw new ShapeError(name, 'needs two tensors');
    return [broadcastShapes(a, b, name)];
  },
  cost: (step) => streamingCost(step, 1),
  forward(step) {
    const [a, b] = step.inputs as [Tensor, Tensor];
    const [y] = step.outputs as [Tensor];
    const count = elementCount(y.shape);
    const [, size1, size2, size3] = rank4(y.shape);
    const aligned = elementCount(a.shape) === count && elementCount(b.shape) === count;
    return [
      dispatch('binary', {
        bindings: { a, b, y },
        overrides: {
          FUNCTION: binaryCodes[step.attributes.function],
          DERIVATIVE: activationCodes[step.attributes.activation],
          ALIGNED: aligned,
        },
        parameters: {
          count,
          size1,
          size2,
          size3,
          a_strides: broadcastStrides(a.shape, y.shape),
          b_strides: broadcastStrides(b.shape, y.shape),
        },
        workgroups: elementGrid(count),
        cost: this.cost(step),
      }),
    ];
  },
  backward(node, [cotangent]) {
    if (!cotangent) return [undefined, undefined];
    const [a, b] = node.inputs as [Tensor, Tensor];
    const [first, second] = derivatives(node.attributes, a, b, node.outputs[0]!, cotangent);
    return [first && sumTo(first, a.shape), second && sumTo(second, b.shape)];
  },
};

/** The cotangents of a and b before their broadcast axes are summed away. */
function derivatives(
  { function: name, activation }: BinaryAttributes,
  a: Tensor,
  b: Tensor,
  y: Tensor,
  g: Tensor,
): [Tensor | undefined, Tensor | undefined] {
  switch (name) {
    case 'add':
      return [g, g];
    case 'subtract':
      return [g, negate(g)];
    case 'multiply':
      return [multiply(g, b), multiply(g, a)];
    case 'divide':
      return [divide(g, b), negate(divide(multiply(g, y), b))];
    case 'maximum':
      return [multiply(g, share(a, b)), multiply(g, share(b, a))];
    case 'minimum':
      return [multiply(g, share(b, a)), multiply(g, share(a, b))];
    case 'first':
      return [g, undefined];
    case 'activationGradient':
      return [
        activationGradient(g, b, activation),
        multiply(multiply(g, a), secondDerivative(b, activation)),
      ];
  }
}

/** 1 where a > b, 0 where a < b, 1/2 at ties (as PyTorch). */
function share(a: Tensor, b: Tensor): Tensor {
  return affine(unary('sign', subtract(a, b)), 0.5, 0.5);
}

/** d f'(saved) / d saved, where f' is the activation's derivative as a function of what is saved. */
function secondDerivative(saved: Tensor, activation: Activation): Tensor {
  switch (activation) {
    case 'sigmoid': // f' = y (1 - y)
      return affine(saved, -2, 1);
    case 'tanh': // f' = 1 - y^2
      return affine(saved, -2, 0);
    case 'softplus': // f' = 1 - exp(-y)
      return exp(negate(saved));
    case 'silu': {
      // f' = s (1 + x (1 - s)); f'' = s (1 - s) (2 + x (1 - 2 s))
      const s = unary('sigmoid', saved);
      const slope = multiply(s, affine(s, -1, 1));
      return multiply(slope, affine(multiply(saved, affine(s, -2, 1)), 1, 2));
    }
    case 'gelu': // f' = Phi(x) + x phi(x); f'' = phi(x) (2 - x^2)
      return multiply(
        affine(exp(affine(square(saved), -0.5, 0)), 1 / Math.sqrt(2 * Math.PI), 0),
        affine(square(saved), -1, 2),
      );
    default: // piecewise linear
      return constant(saved.shape, 0);
  }
}

/** `f(a, b)` of the broadcast shape. @throws ShapeError when the shapes do not broadcast. */
export function binary(name: BinaryFunction, a: Tensor, b: Tensor): Tensor {
  return applyOne(binaryOp, [a, b], { function: name, activation: 'identity' });
}

/** a + b, element by element with NumPy's broadcasting. @throws ShapeError for shapes that do not broadcast */
export function add(a: Tensor, b: Tensor): Tensor {
  if (constantValue(b) === 0 && covers(a.shape, b.shape)) return a;
  if (constantValue(a) === 0 && covers(b.shape, a.shape)) return b;
  return binary('add', a, b);
}

/** a - b, element by element with NumPy's broadcasting. @throws ShapeError for shapes that do not broadcast */
export function subtract(a: Tensor, b: Tensor): Tensor {
  return constantValue(b) === 0 && covers(a.shape, b.shape) ? a : binary('subtract', a, b);
}

/** a * b, element by element with NumPy's broadcasting. @throws ShapeError for shapes that do not broadcast */
export function multiply(a: Tensor, b: Tensor): Tensor {
  const [constantA, constantB] = [constantValue(a), constantValue(b)];
  if (constantB !== undefined && covers(a.shape, b.shape)) return scale(a, constantB);
  if (constantA !== undefined && covers(b.shape, a.shape)) return scale(b, constantA);
  return binary('multiply', a, b);
}

/** a / b, element by element with NumPy's broadcasting. @throws ShapeError for shapes that do not broadcast */
export const divide = (a: Tensor, b: Tensor): Tensor => binary('divide', a, b);

function scale(tensor: Tensor, factor: number): Tensor {
  return factor === 0 ? constant(tensor.shape, 0) : affine(tensor, factor, 0);
}

/** True when broadcasting `b` against `a` gives `a`'s shape. */
function covers(a: Shape, b: Shape): boolean {
  return sameShape(broadcastShapes(a, b, 'binary'), a);
}

/** `x` repeated along axes of size 1 (or new leading axes) to `shape`. @throws ShapeError if it does not fit. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const value = constantValue(x);
  if (value !== undefined) return constant(shape, value);
  if (!sameShape(broadcastShapes(x.shape, shape, 'broadcastTo'), shape))
    throw new ShapeError(
      'broadcastTo',
      `${describeShape(x.shape)} does not broadcast to ${describeShape(shape)}`,
    );
  return binary('first', x, constant(shape, 0));
}

/** cotangent * f'(.) with `saved` = f's output, or its input for SiLU and GELU. */
export function activationGradient(cotangent: Tensor, saved: Tensor, activation: Activation): Tensor {
  return applyOne(binaryOp, [cotangent, saved], { function: 'activationGradient', activation });
}
