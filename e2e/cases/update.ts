/**
 * Plan: optimizer updates of the flat weight buffer over several steps, against PyTorch's semantics in float64.
 * - rule sgd (control), with momentum, adam, adamw, adagrad with and without decay;
 * - gradients computed in place, copied from a tensor that is also an input, and zero; gaps between weights stay zero;
 * - clipping by the global norm that acts, that does not, and over more elements than one pass of the reduction;
 * - NaN, infinity and overflow: the element and its moments stay as they were, and the lowest index is recorded.
 */
import { affine, gradient, multiply, ParameterSet, square, subtract, sum } from 'webgpu-vae/gpu';
import { buildOptimizer, type OptimizerSpec } from '../../src/vae/optimizers/optimizer.js';
import * as reference from '../reference/optimizer.js';
import { fromValues, map, randomNormal, randomUniform, zeros, type F64 } from '../reference/tensor.js';
import { each, ULP } from '../tolerance.js';
import { rowClasses, type AdapterClass, type CaseGraph, type KernelCase } from './case.js';

const STEPS = 5;
const NOTHING_REFUSED = 0xffffffff;

interface Row {
  readonly optimizer: OptimizerSpec;
  readonly learningRate: number;
  /** Elements of the weight whose gradient is computed in place. */
  readonly size?: number;
  /** Elements of the fed gradient that are not finite, or too large. */
  readonly poison?: Readonly<Record<number, number>>;
}

const table: readonly Row[] = [
  { optimizer: { type: 'sgd' }, learningRate: 0.1 },
  { optimizer: { type: 'sgd', momentum: 0.9 }, learningRate: 0.05 },
  { optimizer: { type: 'adam' }, learningRate: 0.01 },
  { optimizer: { type: 'adam', beta1: 0.5, beta2: 0.9, epsilon: 1e-3 }, learningRate: 0.1 },
  { optimizer: { type: 'adam', beta1: 0 }, learningRate: 0.01 },
  { optimizer: { type: 'adamw', weightDecay: 0.1 }, learningRate: 0.05 },
  { optimizer: { type: 'adagrad' }, learningRate: 0.1 },
  { optimizer: { type: 'adagrad', weightDecay: 0.2 }, learningRate: 0.1 },
  { optimizer: { type: 'adam', maxNorm: 0.5 }, learningRate: 0.01 },
  { optimizer: { type: 'sgd', momentum: 0.5, maxNorm: 1e6 }, learningRate: 0.05 },
  { optimizer: { type: 'sgd', maxNorm: 0.5 }, learningRate: 0.5 },
  { optimizer: { type: 'adagrad', maxNorm: 0.5 }, learningRate: 0.1, size: 20_003 },
  ...(['sgd', 'adam', 'adagrad'] as const).flatMap((type): Row[] => [
    { optimizer: { type }, learningRate: 0.1, poison: { 2: Number.NaN } },
    { optimizer: { type }, learningRate: 0.1, poison: { 6: Number.NaN, 5: -Infinity } },
  ]),
  // 1e30 squared is infinite in float32
  { optimizer: { type: 'adam' }, learningRate: 0.1, poison: { 1: Math.fround(1e30) } },
  { optimizer: { type: 'adagrad' }, learningRate: 0.1, poison: { 1: Math.fround(1e30) } },
  { optimizer: { type: 'sgd' }, learningRate: 10, poison: { 3: Math.fround(3e38) } },
];

/** Three weights: one that moves towards a target, one whose gradient is fed, one that nothing depends on. */
function build(graph: CaseGraph, { optimizer: spec, learningRate, size = 33, poison = {} }: Row): void {
  const set = new ParameterSet();
  const [moving, fed, idle] = [set.add('moving', [size]), set.add('fed', [7]), set.add('idle', [5])];
  const [movingOffset, fedOffset, idleOffset] = set.entries.map(({ offset }) => offset) as [
    number,
    number,
    number,
  ];
  // Targets well away from the weights, so that no gradient comes near zero.
  const target = map(randomUniform([size], 4, 6, 8), (value, i) => (i % 2 ? value : -value));
  const fedGradient = map(randomNormal([7], 5, 2), (value, i) => poison[i] ?? value);
  const distance = subtract(moving, graph.input('target', target));
  const loss = affine(sum(square(distance)), 0.5, 0);
  const fedLoss = sum(multiply(graph.input('fed', fedGradient), fed));
  graph.parameters = set;
  graph.gradients = [...gradient(loss, [moving]), ...gradient(fedLoss, [fed]), ...gradient(loss, [idle])];

  const optimizer = buildOptimizer(spec);
  graph.update = optimizer.settings;
  graph.steps = Array.from({ length: STEPS }, (_, t) => optimizer.stepValues(t + 1, learningRate));
  const start = zeros([set.length]);
  start.values.set(randomNormal([size], 1).values, movingOffset);
  start.values.set(randomNormal([7], 2).values, fedOffset);
  start.values.set(randomNormal([5], 3).values, idleOffset);
  graph.resources.set('weights', Float32Array.from(start.values));
  for (const name of ['gradients', 'moment1', 'moment2'])
    graph.resources.set(name, new Float32Array(set.length));
  graph.resources.set('refused', Uint32Array.of(NOTHING_REFUSED));

  const refused = Object.keys(poison).map((index) => fedOffset + Number(index));
  const expected = simulate(spec, learningRate, start, refused, (weights) => {
    const gradients = new Float64Array(set.length);
    target.values.forEach((value, i) => (gradients[movingOffset + i] = weights[movingOffset + i]! - value));
    gradients.set(fedGradient.values, fedOffset);
    return gradients;
  });
  const allowed = weightTolerance(start, expected);
  graph.expectResource('weights', expected.weights, allowed);
  // NaN equals nothing; the gaps between the gradients must be as empty as they were.
  if (refused.length === 0)
    graph.expectResource(
      'gradients',
      expected.gradients,
      each(expected.gradients, (value, i) => allowed[i]! + ULP * value),
    );
  graph.expectResource('moment1', expected.first, each(expected.first, momentTolerance));
  graph.expectResource('moment2', expected.second, each(expected.second, momentTolerance));
  graph.expectWords('refused', [Math.min(NOTHING_REFUSED, ...refused)]);
}

interface Simulated {
  readonly weights: F64;
  readonly first: F64;
  readonly second: F64;
  /** Distance that each weight has gone, there and back. */
  readonly path: F64;
  /** Of the last step, before clipping. */
  readonly gradients: F64;
}

/** The reference's steps; refused elements are put back after each. */
function simulate(
  spec: OptimizerSpec,
  learningRate: number,
  { shape, values: start }: F64,
  refused: readonly number[],
  gradientAt: (weights: Float64Array) => Float64Array,
): Simulated {
  const weights = start.slice();
  const path = zeros(shape);
  let raw: Float64Array = new Float64Array(start.length);
  const state = reference.initialState(start.length);
  for (let step = 0; step < STEPS; step++) {
    raw = gradientAt(weights);
    const gradients = raw.slice();
    for (const index of refused) gradients[index] = 0;
    const before = weights.slice();
    if (spec.maxNorm) reference.clipGlobalNorm([gradients], spec.maxNorm);
    takeStep(spec, learningRate, weights, gradients, state);
    for (const index of refused) weights[index] = before[index]!;
    weights.forEach((value, i) => (path.values[i]! += Math.abs(value - before[i]!)));
  }
  const { first, second } = state;
  return {
    weights: fromValues(shape, weights),
    first: fromValues(shape, first),
    second: fromValues(shape, second),
    path,
    gradients: fromValues(shape, raw),
  };
}

/** One step of the reference's optimizer of that name. */
function takeStep(
  spec: OptimizerSpec,
  learningRate: number,
  weights: Float64Array,
  gradients: Float64Array,
  state: reference.OptimizerState,
): void {
  switch (spec.type) {
    case 'sgd':
      return reference.sgd(weights, gradients, state, { ...spec, learningRate });
    case 'adam':
      return reference.adam(weights, gradients, state, { ...spec, learningRate });
    case 'adamw':
      return reference.adamw(weights, gradients, state, { ...spec, learningRate });
    case 'adagrad':
      return reference.adagrad(weights, gradients, state, { ...spec, learningRate });
  }
}

/**
 * Each step rounds the weight once and the way it goes a dozen times (two products, a square root of 2.5 units, a
 * division, the clipping); errors of the way stay in proportion because no gradient here comes near zero.
 */
function weightTolerance(start: F64, { weights, path }: Simulated): Float64Array {
  return each(path, (way, i) => {
    const largest = Math.max(Math.abs(start.values[i]!), Math.abs(weights.values[i]!), way);
    return way === 0 ? 0 : ULP * (STEPS * largest + 24 * way);
  });
}

/** The same for the moments, which are running sums of gradients and their squares. */
function momentTolerance(moment: number): number {
  return ULP * 16 * moment;
}

function words({ optimizer, learningRate, size, poison }: Row): string {
  const bad = Object.entries(poison ?? {}).map(
    ([index, value]) => `gradient[${index}] = ${value.toPrecision(1)}`,
  );
  return [JSON.stringify(optimizer), `rate ${learningRate}`, size && `of ${size}`, ...bad]
    .filter(Boolean)
    .join(', ');
}

function updateCase(row: Row, adapterClass: AdapterClass): KernelCase {
  return {
    name: `update ${words(row)} (${adapterClass})`,
    adapterClass,
    build: (graph) => build(graph, row),
  };
}

export const updateCases: readonly KernelCase[] = rowClasses.flatMap((adapterClass) =>
  table
    .filter(({ optimizer }) => adapterClass === 'software' || optimizer.maxNorm !== undefined)
    .map((row) => updateCase(row, adapterClass)),
);
