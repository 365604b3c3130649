/**
 * Plan: moving averages in the state of a plan, three steps of them.
 * - sizes around a workgroup's 64 invocations; decays of 0 and 0.99;
 * - two averages towards what the plan computes from one of them: all of it is read before either moves;
 * - fresh numbers that are not finite leave their average as it was.
 */
import { affine, ParameterSet } from 'webgpu-vae/gpu';
import { randomNormal, zeros } from '../reference/tensor.js';
import { each, ULP } from '../tolerance.js';
import { kernelCase, type CaseGraph, type KernelCase } from './case.js';

const STEPS = 3;

interface Row {
  readonly size: number;
  readonly decay: number;
  readonly poison?: Readonly<Record<number, number>>;
}

const control: Row = { size: 5, decay: 0.99 };

const table: readonly Row[] = [
  control,
  { ...control, decay: 0 },
  ...[1, 63, 64, 65, 1000].map((size) => ({ ...control, size })),
  { ...control, poison: { 1: Number.NaN, 3: Number.POSITIVE_INFINITY, 4: Number.NEGATIVE_INFINITY } },
];

function build(graph: CaseGraph, { size, decay, poison = {} }: Row): void {
  const state = new ParameterSet();
  const [first, second] = [state.add('first', [size]), state.add('second', [size])];
  const secondOffset = state.entries[1]!.offset;
  const fed = randomNormal([size], 1);
  for (const [index, value] of Object.entries(poison)) fed.values[Number(index)] = value;
  const start = zeros([state.length]);
  start.values.set(randomNormal([size], 2).values);
  start.values.set(randomNormal([size], 3).values, secondOffset);
  graph.state = state;
  graph.averages = [
    { average: first, fresh: graph.input('fed', fed), decay },
    { average: second, fresh: affine(first, -2, 1), decay },
  ];
  graph.resources.set('state', Float32Array.from(start.values));
  graph.steps = Array.from({ length: STEPS }, () => ({}));

  const expected = { shape: start.shape, values: start.values.slice() };
  const { values } = expected;
  for (let step = 0; step < STEPS; step++)
    for (let i = 0; i < size; i++) {
      const old = values[i]!;
      const value = fed.values[i]!;
      if (Number.isFinite(value)) values[i] = decay * old + (1 - decay) * value;
      values[secondOffset + i] = decay * values[secondOffset + i]! + (1 - decay) * (1 - 2 * old);
    }
  // A step rounds a difference, a product and a sum of numbers below 8; the gaps stay empty.
  const allowed = each(expected, (_, i) => (i % secondOffset < size ? 8 * 3 * STEPS * ULP : 0));
  graph.expectResource('state', expected, allowed);
}

export const movingAverageCases: readonly KernelCase[] = table.map((row) => {
  const bad = Object.values(row.poison ?? {}).join(', ');
  const name = `moving average of ${row.size}, decay ${row.decay}${bad && `, towards ${bad}`}`;
  return kernelCase(name, (graph) => build(graph, row));
});
