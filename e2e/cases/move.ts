/**
 * Plan: sums over axes, windows (slice and pad), concatenations and reshapes, and their gradients, which are each other.
 * - sum: outer, inner and middle axes, all; short ones, and long ones that are added in two and three dispatches;
 *   lengths around the limit of 256 (control: one row);
 * - concat: one to nine parts (four a dispatch), every axis, parts of one element and of another length each;
 * - window: every axis, whole, first, last and single elements, zeros on either side or both.
 */
import { affine, concat, pad, reshape, slice, sum } from 'webgpu-vae/gpu';
import * as reference from '../reference/reduce.js';
import { map, randomNormal } from '../reference/tensor.js';
import { dotTolerance, everywhere } from '../tolerance.js';
import { describe, kernelCase, type KernelCase } from './case.js';

interface SumRow {
  readonly shape: readonly number[];
  readonly axes: readonly number[];
  readonly keep?: boolean;
}

const sums: readonly SumRow[] = [
  { shape: [1, 33], axes: [1] },
  { shape: [5, 1], axes: [0] },
  { shape: [31, 32], axes: [0] },
  { shape: [32, 33], axes: [1], keep: true },
  { shape: [3, 65, 7], axes: [1] },
  { shape: [2, 3, 4, 5], axes: [1, 2] },
  { shape: [2, 3, 4, 5], axes: [0, 1], keep: true },
  { shape: [2, 3, 4, 5], axes: [0, 1, 2, 3] },
  { shape: [7, 13], axes: [0, 1] },
  { shape: [256], axes: [0] }, // the longest that one dispatch adds
  { shape: [257], axes: [0] },
  { shape: [3, 300, 2], axes: [1] },
  { shape: [4097, 3], axes: [0] },
  { shape: [100_003], axes: [0] }, // pieces of pieces
];

function sumCase({ shape, axes, keep = false }: SumRow): KernelCase {
  const words = `axes ${describe(axes)}${keep ? ' kept' : ''}`;
  return kernelCase(`sum f32${describe(shape)} ${words}`, (graph) => {
    const x = randomNormal(shape, 1);
    const tensor = graph.input('x', x);
    const y = sum(tensor, axes, keep);
    const length = axes.reduce((product, axis) => product * shape[axis]!, 1);
    const magnitude = reference.sum(map(x, Math.abs), axes, keep);
    graph.expect('y', y, reference.sum(x, axes, keep), dotTolerance(length, magnitude));
    const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
    graph.expect('xGradient', xGradient!, reference.sumBackward(shape, axes, cotangent), everywhere(x, 0));
  });
}

interface SliceRow {
  readonly shape: readonly number[];
  readonly axis: number;
  readonly start: number;
  readonly length: number;
}

const slices: readonly SliceRow[] = [
  { shape: [5, 40], axis: 1, start: 0, length: 40 }, // control: everything
  { shape: [5, 40], axis: 1, start: 0, length: 20 },
  { shape: [5, 40], axis: 1, start: 20, length: 20 },
  { shape: [33, 3], axis: 0, start: 32, length: 1 },
  { shape: [3, 9, 11], axis: 1, start: 2, length: 5 },
  { shape: [2, 3, 4, 17], axis: 3, start: 16, length: 1 },
  { shape: [65], axis: 0, start: 1, length: 64 },
];

function sliceCase({ shape, axis, start, length }: SliceRow): KernelCase {
  return kernelCase(`slice f32${describe(shape)} axis ${axis} from ${start}, ${length} long`, (graph) => {
    const x = randomNormal(shape, 2);
    const tensor = graph.input('x', x);
    const y = slice(tensor, axis, start, length);
    const expected = reference.slice(x, axis, start, length);
    graph.expect('y', y, expected, everywhere(expected, 0));
    const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
    graph.expect(
      'xGradient',
      xGradient!,
      reference.sliceBackward(shape, axis, start, cotangent),
      everywhere(x, 0),
    );
  });
}

const pads = [
  { shape: [3, 5], axis: 1, before: 0, after: 0 }, // control: a copy
  { shape: [3, 5], axis: 1, before: 2, after: 0 },
  { shape: [3, 5], axis: 0, before: 0, after: 31 },
  { shape: [2, 3, 7], axis: 1, before: 1, after: 4 },
  { shape: [1], axis: 0, before: 32, after: 32 },
];

function padCase({ shape, axis, before, after }: (typeof pads)[number]): KernelCase {
  return kernelCase(`pad f32${describe(shape)} axis ${axis} by ${before} and ${after}`, (graph) => {
    const x = randomNormal(shape, 3);
    const tensor = graph.input('x', x);
    const y = pad(tensor, axis, before, after);
    const expected = reference.pad(x, axis, before, after);
    graph.expect('y', y, expected, everywhere(expected, 0));
    const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
    const gradient = reference.padBackward(shape, axis, before, cotangent);
    graph.expect('xGradient', xGradient!, gradient, everywhere(x, 0));
  });
}

const joins = [
  { shape: [3, 5], axis: 1, lengths: [1, 4] }, // control
  { shape: [3, 5], axis: 0, lengths: [2, 3, 1] },
  { shape: [2, 1, 7], axis: 1, lengths: [1, 33, 2, 5] },
  { shape: [9], axis: 0, lengths: [1, 1, 60, 3] },
  { shape: [2, 3, 1], axis: 2, lengths: [1, 2, 3, 4, 5] },
  { shape: [2, 2, 2, 2], axis: 3, lengths: [1, 2, 1, 2, 1, 2, 1, 2, 1] },
];

function concatCase({ shape, axis, lengths }: (typeof joins)[number]): KernelCase {
  return kernelCase(`concat of f32${describe(shape)} along ${axis}, ${lengths.join('+')}`, (graph) => {
    const parts = lengths.map((length, i) =>
      randomNormal(
        shape.map((n, k) => (k === axis ? length : n)),
        10 + i,
      ),
    );
    const tensors = parts.map((part, i) => graph.input(`x${i}`, part));
    const y = concat(tensors, axis);
    const expected = reference.concat(parts, axis);
    graph.expect('y', y, expected, everywhere(expected, 0));
    const [cotangent, ...gradients] = graph.pullBack(y, tensors);
    let start = 0;
    for (const [i, length] of lengths.entries()) {
      const gradient = reference.slice(cotangent, axis, start, length);
      graph.expect(`x${i}Gradient`, gradients[i]!, gradient, everywhere(gradient, 0));
      start += length;
    }
  });
}

/** A view of a computed tensor: no dispatch, and what reads it reads the same elements. */
const reshapeCase = kernelCase('reshape f32[6, 5] to f32[3, 10]', (graph) => {
  const x = randomNormal([6, 5], 4);
  const tensor = graph.input('x', x);
  const y = reshape(affine(tensor, 2, 0), [3, 10]);
  const doubled = { shape: [3, 10], values: x.values.map((value) => 2 * value) };
  graph.expect('y', y, doubled, everywhere(x, 0));
  graph.expect('columns', slice(y, 1, 7, 2), reference.slice(doubled, 1, 7, 2), new Float64Array(6));
  const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
  const gradient = { shape: [6, 5], values: cotangent.values.map((value) => 2 * value) };
  graph.expect('xGradient', xGradient!, gradient, everywhere(x, 0));
  graph.labels = ['unary', 'window', 'gradient unary/unary'];
});

export const moveCases: readonly KernelCase[] = [
  ...sums.map(sumCase),
  ...slices.map(sliceCase),
  ...pads.map(padCase),
  ...joins.map(concatCase),
  reshapeCase,
];
