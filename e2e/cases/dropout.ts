/**
 * Plan: dropout and its gradient against the mask of the noise contract, element by element.
 * - sizes: one (half a pair), odd, around 64 pairs; rates of 0 (a copy of nothing), small, 1/2, and near 1;
 * - a rate that equals an element's uniform, which keeps the element;
 * - seeds of 53 bits, streams, tags; two steps of one plan have different masks.
 */
import { affine, dropout } from 'webgpu-vae/gpu';
import { dropout as reference } from '../reference/dropout.js';
import { uniformElement } from '../reference/noise.js';
import { map, randomNormal } from '../reference/tensor.js';
import { each, tolerances } from '../tolerance.js';
import { describe, kernelCase, type CaseGraph, type KernelCase } from './case.js';

interface DropoutRow {
  readonly shape: readonly number[];
  readonly rate: number;
  readonly stream: number;
  readonly tag: number;
}

const control: DropoutRow = { shape: [5, 13], rate: 0.5, stream: 3, tag: 7 };
const seed = { low: 0x89abcdef, high: 0x1ffff };

const rows: readonly DropoutRow[] = [
  control,
  { ...control, shape: [1] },
  { ...control, shape: [2] },
  { ...control, shape: [127] },
  { ...control, shape: [128] },
  { ...control, shape: [129] },
  { ...control, shape: [3, 8, 8, 17] },
  { ...control, rate: 0 },
  { ...control, rate: 0.1 },
  { ...control, rate: 0.99 },
  { ...control, rate: 2 ** -24 },
  { ...control, rate: uniformElement(6, { low: seed.low, high: seed.high ^ 7 }, 3) },
  { ...control, stream: 0xffffffff },
  { ...control, tag: 0xdeadbeef },
];

function build(graph: CaseGraph, { shape, rate, stream, tag }: DropoutRow): void {
  const key = { low: seed.low, high: (seed.high ^ tag) >>> 0 };
  const x = randomNormal(shape, 1);
  const tensor = graph.input('x', x);
  const y = dropout(affine(tensor, 2, 0), rate, tag);
  const doubled = map(x, (value) => 2 * value);
  const expected = reference(doubled, rate, key, stream);
  // a rounded factor and a product
  graph.expect(
    'y',
    y,
    expected,
    each(expected, (value) => tolerances.rounded(2, value)),
  );
  const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
  const gradient = reference(
    map(cotangent, (value) => 2 * value),
    rate,
    key,
    stream,
  );
  graph.expect(
    'xGradient',
    xGradient!,
    gradient,
    each(gradient, (value) => tolerances.rounded(2, value)),
  );
}

function dropoutCase(row: DropoutRow): KernelCase {
  const { shape, rate, stream, tag } = row;
  return kernelCase(`dropout f32${describe(shape)} rate ${rate} stream ${stream} tag ${tag}`, (graph) => {
    graph.steps = [{ seed: [seed.low, seed.high], stream }];
    build(graph, row);
  });
}

/** The mask belongs to the step, not to the plan. */
const nextStep = kernelCase('dropout of the second of two steps', (graph) => {
  graph.steps = [11, 12].map((stream) => ({ seed: [seed.low, seed.high], stream }));
  build(graph, { ...control, stream: 12 });
});

export const dropoutCases: readonly KernelCase[] = [...rows.map(dropoutCase), nextStep];
