/**
 * Plan: y = f(a, b) with numpy broadcasting, and both gradients, which sum over what was repeated.
 * - every function on equal shapes (control), with ties for maximum and minimum;
 * - every way to broadcast: a row, a column, a scalar, both operands, new leading axes, four axes; sizes around 64.
 */
import { add, binary, broadcastTo, divide, multiply, subtract, type Tensor } from 'webgpu-vae/gpu';
import {
  binary as reference,
  binaryBackward,
  binaryFunctions,
  binaryNames,
  broadcastShape,
  type BinaryFunction,
} from '../reference/elementwise.js';
import { broadcastTo as referenceBroadcast, broadcastToBackward } from '../reference/reduce.js';
import { map, randomNormal, randomUniform, type F64 } from '../reference/tensor.js';
import { each, everywhere, tolerances, ULP } from '../tolerance.js';
import { describe, kernelCase, type CaseGraph, type KernelCase } from './case.js';

type Shapes = readonly [a: readonly number[], b: readonly number[]];

const broadcasts: readonly Shapes[] = [
  [[7, 11], [11]],
  [[11], [7, 11]],
  [
    [7, 1],
    [7, 11],
  ],
  [[1], [7, 11]],
  [[7, 11], [1]],
  [
    [7, 1],
    [1, 11],
  ],
  [[13], [2, 5, 13]],
  [
    [2, 1, 3, 1],
    [1, 4, 1, 5],
  ],
  [
    [2, 4, 3, 5],
    [2, 1, 3, 1],
  ],
  [[300, 1], [1]], // a gradient whose sum takes two dispatches
];

const equalSizes = [1, 31, 64, 65, 129];

/** The functions by their public names, which simplify constants away. */
const publicNames: Partial<Record<BinaryFunction, (a: Tensor, b: Tensor) => Tensor>> = {
  add,
  subtract,
  multiply,
  divide,
};

function apply(name: BinaryFunction, a: Tensor, b: Tensor): Tensor {
  return publicNames[name]?.(a, b) ?? binary(name, a, b);
}

/** WGSL: division 2.5 units, the others at most one. */
const operations: Record<BinaryFunction, number> = {
  add: 1,
  subtract: 1,
  multiply: 1,
  divide: 3,
  maximum: 0,
  minimum: 0,
};

function expectBinary(graph: CaseGraph, name: BinaryFunction, a: F64, b: F64): void {
  const tensors = [graph.input('a', a), graph.input('b', b)] as const;
  const y = apply(name, ...tensors);
  const expected = reference(a, b, name);
  graph.expect(
    'y',
    y,
    expected,
    each(expected, (value) => tolerances.rounded(operations[name], value)),
  );
  const [cotangent, aGradient, bGradient] = graph.pullBack(y, tensors);
  const gradients = binaryBackward(a, b, name, cotangent);
  const sizes = magnitudes(a, b, name, cotangent);
  const allowed = (gradient: F64, magnitude: F64): Float64Array => {
    const repeated = cotangent.values.length / gradient.values.length;
    // A division's gradient by b takes a product and two divisions before the sum.
    return each(magnitude, (value) => tolerances.dot(repeated, value) + 8 * ULP * value);
  };
  graph.expect('aGradient', aGradient!, gradients.aGradient, allowed(gradients.aGradient, sizes.aGradient));
  graph.expect('bGradient', bGradient!, gradients.bGradient, allowed(gradients.bGradient, sizes.bGradient));
}

/** Sums of absolute terms: what the rounding of a gradient is relative to. */
function magnitudes(
  a: F64,
  b: F64,
  name: BinaryFunction,
  cotangent: F64,
): { aGradient: F64; bGradient: F64 } {
  const { partials } = binaryFunctions[name];
  const terms = (which: 0 | 1): F64 => {
    const shape = broadcastShape(a.shape, b.shape);
    const [wideA, wideB] = [referenceBroadcast(a, shape), referenceBroadcast(b, shape)];
    return map(cotangent, (g, i) => Math.abs(g * partials(wideA.values[i]!, wideB.values[i]!)[which]));
  };
  return {
    aGradient: broadcastToBackward(a.shape, terms(0)),
    bGradient: broadcastToBackward(b.shape, terms(1)),
  };
}

/** a of either sign; b from 0.5 to 2, so that it can divide. */
function operands([a, b]: Shapes): [F64, F64] {
  return [randomNormal(a, 1), randomUniform(b, 2, 0.5, 2)];
}

function binaryCase(name: BinaryFunction, shapes: Shapes): KernelCase {
  return kernelCase(`binary ${name} f32${describe(shapes[0])} f32${describe(shapes[1])}`, (graph) =>
    expectBinary(graph, name, ...operands(shapes)),
  );
}

/** Whole numbers from -1 to 1, so that a third of the pairs are equal. */
function tieCase(name: BinaryFunction): KernelCase {
  return kernelCase(`binary ${name} with ties`, (graph) => {
    const whole = (seed: number): F64 => map(randomUniform([9, 9], seed, -1.5, 1.5), Math.round);
    expectBinary(graph, name, whole(3), whole(4));
  });
}

const broadcastCase = kernelCase('broadcastTo f32[3, 1] to f32[2, 3, 35]', (graph) => {
  const x = randomNormal([3, 1], 5);
  const tensor = graph.input('x', x);
  const y = broadcastTo(tensor, [2, 3, 35]);
  const expected = referenceBroadcast(x, [2, 3, 35]);
  graph.expect('y', y, expected, everywhere(expected, 0));
  const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
  const magnitude = broadcastToBackward([3, 1], map(cotangent, Math.abs));
  const allowed = each(magnitude, (value) => tolerances.dot(70, value));
  graph.expect('xGradient', xGradient!, broadcastToBackward([3, 1], cotangent), allowed);
});

/** One tensor as both operands: its gradient has two parts. */
const sameOperand = kernelCase('binary multiply of a tensor by itself', (graph) => {
  const x = randomNormal([33], 6);
  const tensor = graph.input('x', x);
  const y = multiply(tensor, tensor);
  const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
  const expected = map(x, (value, i) => 2 * value * cotangent.values[i]!);
  graph.expect(
    'xGradient',
    xGradient!,
    expected,
    each(expected, (value) => tolerances.rounded(2, value)),
  );
});

export const binaryCases: readonly KernelCase[] = [
  ...binaryNames.map((name) =>
    binaryCase(name, [
      [7, 11],
      [7, 11],
    ]),
  ),
  ...equalSizes.map((size) => binaryCase('subtract', [[size], [size]])),
  ...broadcasts.flatMap((shapes) =>
    (['add', 'multiply', 'divide', 'maximum'] as const).map((name) => binaryCase(name, shapes)),
  ),
  tieCase('maximum'),
  tieCase('minimum'),
  broadcastCase,
  sameOperand,
];
