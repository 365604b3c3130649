/**
 * Plan: y = f(x) and its gradient.
 * - every function on values where it is hard: around 0 and 1, at branches of the implementation, far out, where
 *   the built-ins lose all digits or give NaN; the bound is relative wherever lib/math.wgsl promises that;
 * - sizes around a workgroup of 64, several axes, and a grid too long for one axis (control: f = square).
 */
import { activate, affine, clamp, unary } from 'webgpu-vae/gpu';
import { activations, type Activation } from '../reference/activation.js';
import { unaryFunctions, unaryNames, type UnaryFunction } from '../reference/elementwise.js';
import { fromValues, map, randomNormal, randomUniform, type F64 } from '../reference/tensor.js';
import {
  activationError,
  each,
  everywhere,
  slopeError,
  ULP,
  unaryErrors,
  unarySlopeError,
} from '../tolerance.js';
import { describe, kernelCase, type KernelCase } from './case.js';

/** Small to large magnitudes: 1e-6 to 100, with the edges of the series at 0.5 and 1. */
const magnitudes = [1e-6, 3e-4, 0.01, 0.2, 0.49, 0.5, 0.51, 0.99, 1, 1.01, 1.7, 3, 7.5, 19, 20, 21];
const farOut = [45, 88, 90, 100, 1e4];

function bothSigns(values: readonly number[]): number[] {
  return [0, ...values, ...values.map((value) => -value)].map(Math.fround);
}

/** Around the zeros of log Gamma and digamma, and the branches of lib/gamma.wgsl. */
const positive = [
  [1e-3, 0.01, 0.1, 0.3, 0.4999999, 0.5, 0.75, 1 - 2 ** -24, 1, 1 + 2 ** -23, 1.001, 1.2],
  [1.4616321, 1.4999999, 1.5, 1.75, 1.999, 2 - 2 ** -23, 2, 2 + 2 ** -22, 2.1, 2.4999998, 2.5, 2.6],
  [3, 4.5, 7.4999995, 7.5, 7.9999995, 8, 8.1, 20, 100, 1e3, 12345.678, 1e6],
].flat();

/** Where each function is tried; by default everything above. */
const places: Partial<Record<UnaryFunction, readonly number[]>> = {
  exp: bothSigns([...magnitudes, 45, 86]),
  expm1: bothSigns([...magnitudes, 45, 86]),
  square: bothSigns([...magnitudes, 1e4, 1e9]),
  log: [
    1e-30,
    1e-6,
    0.01,
    0.3,
    0.5,
    0.51,
    0.9,
    0.999,
    1 - 2 ** -24,
    1,
    1 + 2 ** -23,
    1.001,
    1.5,
    1.99,
    2,
    10,
    1e30,
  ],
  round: bothSigns([0.2, 0.49999997, 0.5, 0.7, 1.5, 2.5, 3.5, 10000.5, 2 ** 23 + 1, 1e9]),
  ...Object.fromEntries(['logGamma', 'digamma', 'trigamma'].map((name) => [name, positive])),
  sqrt: [1e-20, 0.01, 0.5, 1, 2, 1e3, 1e20],
  reciprocal: [1e-15, 0.01, 0.5, 1, 3, 1e3, 1e15, -0.3, -7],
  log1p: [...bothSigns([1e-7, 1e-6, 3e-4, 0.01, 0.2, 0.49, 0.5]), -0.51, -0.9, -0.99, 0.99, 1, 1.01, 10, 1e6],
};

function argumentsOf(name: UnaryFunction): F64 {
  const values = (places[name] ?? bothSigns([...magnitudes, ...farOut])).map(Math.fround);
  return fromValues([values.length], values);
}

function functionCase(name: UnaryFunction): KernelCase {
  return kernelCase(`unary ${name}`, (graph) => {
    const x = argumentsOf(name);
    const { value, derivative } = unaryFunctions[name];
    const tensor = graph.input('x', x);
    const y = unary(name, tensor);
    const expected = map(x, value);
    graph.expect(
      'y',
      y,
      expected,
      each(expected, (_, i) => unaryErrors[name](x.values[i]!, expected.values[i]!)),
    );
    if (name === 'trigamma') return; // it has no gradient
    const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
    const slopes = map(x, derivative);
    const gradient = map(slopes, (slope, i) => slope * cotangent.values[i]!);
    const allowed = each(cotangent, (g, i) => {
      const slope = Math.abs(slopes.values[i]!);
      return g * (unarySlopeError(name, x.values[i]!, slope) + 2 * ULP * slope);
    });
    graph.expect('xGradient', xGradient!, gradient, isConstant(name) ? everywhere(x, 0) : allowed);
  });
}

/** Functions of steps, whose gradient is exactly zero. */
function isConstant(name: UnaryFunction): boolean {
  return name === 'sign' || name === 'positive' || name === 'round';
}

function activationCase(activation: Activation): KernelCase {
  return kernelCase(`activation ${activation}`, (graph) => {
    const x = fromValues([2, 3, 7], [...bothSigns([...magnitudes, 45, 88, 90, 100]), 2]);
    const { value, first } = activations[activation];
    const tensor = graph.input('x', x);
    const y = activate(tensor, activation);
    graph.expect(
      'y',
      y,
      map(x, value),
      each(x, (_, i) => activationError(activation, x.values[i]!)),
    );
    const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
    const slopes = map(x, first);
    const allowed = each(cotangent, (g, i) => {
      const slope = Math.abs(slopes.values[i]!);
      return g * (slopeError(activation, x.values[i]!) + 2 * ULP * slope);
    });
    graph.expect(
      'xGradient',
      xGradient!,
      map(slopes, (slope, i) => slope * cotangent.values[i]!),
      allowed,
    );
  });
}

/** Beyond [-87, 88] exp is that of the nearest end: no infinity is ever made. */
const clampedExp = kernelCase('unary exp beyond its range', (graph) => {
  const x = fromValues([6], [-1e4, -200, -87.5, 88.5, 200, 1e4]);
  const inside = map(x, (value) => Math.min(Math.max(value, -87), 88));
  const expected = map(inside, Math.exp);
  const allowed = each(expected, (y, i) => unaryErrors.exp(inside.values[i]!, y));
  graph.expect('y', unary('exp', graph.input('x', x)), expected, allowed);
});

const affineCase = kernelCase('unary affine, clamp and inside', (graph) => {
  const x = randomNormal([5, 13], 3, 2);
  const tensor = graph.input('x', x);
  const [scaled, clamped] = [affine(tensor, 2.5, -1.25), clamp(tensor, -1, 0.75)];
  graph.expect(
    'affine',
    scaled,
    map(x, (v) => 2.5 * v - 1.25),
    each(x, (v) => 2 * ULP * (2.5 * v + 1.25)),
  );
  graph.expect(
    'clamp',
    clamped,
    map(x, (v) => Math.min(Math.max(v, -1), 0.75)),
    everywhere(x, 0),
  );
  const inside = map(x, (v) => (v >= -1 && v <= 0.75 ? 1 : 0));
  graph.expect('inside', unary('inside', tensor, -1, 0.75), inside, everywhere(x, 0));
  const [g, affineGradient] = graph.pullBack(scaled, [tensor]);
  graph.expect(
    'affineGradient',
    affineGradient!,
    map(g, (v) => 2.5 * v),
    each(g, (v) => 2.5 * ULP * v),
  );
  const [h, clampGradient] = graph.pullBack(clamped, [tensor], 'second', 78);
  graph.expect(
    'clampGradient',
    clampGradient!,
    map(h, (v, i) => v * inside.values[i]!),
    everywhere(x, 0),
  );
});

/** Elements that fill one axis of the grid, 65,535 workgroups of 64. */
const LONGEST_AXIS = 65_535 * 64;

const shapes: readonly (readonly number[])[] = [
  [1],
  [31],
  [32],
  [33],
  [63],
  [64],
  [65],
  [1, 1],
  [7, 11],
  [3, 5, 9],
  [2, 3, 4, 11],
  [1, 129, 1, 1],
  [LONGEST_AXIS + 1],
];

function shapeCase(shape: readonly number[]): KernelCase {
  return kernelCase(`unary square of f32${describe(shape)}`, (graph) => {
    const x = randomUniform(shape, 5, -2, 2);
    const expected = map(x, (value) => value * value);
    graph.expect(
      'y',
      unary('square', graph.input('x', x)),
      expected,
      each(expected, (y) => unaryErrors.square(0, y)),
    );
  });
}

export const unaryCases: readonly KernelCase[] = [
  ...unaryNames.map(functionCase),
  ...(Object.keys(activations) as Activation[]).map(activationCase),
  clampedExp,
  affineCase,
  ...shapes.map(shapeCase),
];
