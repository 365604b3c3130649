/**
 * Plan: the columns of a batch in orders of their own, exactly as the contract draws them.
 * - rows: one, two, powers of four and one past them, many; columns: one to many; fewer valid rows than the batch has;
 * - streams and tags, which change the order.
 */
import { permuteColumns } from 'webgpu-vae/gpu';
import { permuteColumns as reference } from '../reference/permute-columns.js';
import { randomNormal } from '../reference/tensor.js';
import { everywhere, tolerances } from '../tolerance.js';
import { describe, kernelCase, type KernelCase } from './case.js';

interface PermuteRow {
  readonly shape: readonly [rows: number, columns: number];
  readonly count: number;
  readonly stream: number;
  readonly tag: number;
}

const control: PermuteRow = { shape: [16, 5], count: 16, stream: 3, tag: 0 };
const seed = { low: 0x89abcdef, high: 0x1ffff };

const rows: readonly PermuteRow[] = [
  control,
  { ...control, shape: [1, 1], count: 1 },
  { ...control, shape: [2, 3], count: 2 },
  { ...control, shape: [17, 5], count: 17 },
  { ...control, shape: [17, 5], count: 16 },
  { ...control, count: 1 },
  { ...control, count: 5 },
  { ...control, shape: [257, 70], count: 257 },
  { ...control, shape: [256, 3], count: 199 },
  { ...control, stream: 0xffffffff },
  { ...control, tag: 0xdeadbeef },
];

function permuteCase({ shape, count, stream, tag }: PermuteRow): KernelCase {
  const name = `permuteColumns f32${describe(shape)}, ${count} valid, stream ${stream}, tag ${tag}`;
  return kernelCase(name, (graph) => {
    const x = randomNormal(shape, 1);
    const key = { low: seed.low, high: (seed.high ^ tag) >>> 0 };
    graph.steps = [{ seed: [seed.low, seed.high], stream, row_count: count }];
    const expected = reference(x, count, key, stream);
    const y = permuteColumns(graph.input('x', x), tag);
    graph.expect('y', y, expected, everywhere(expected, tolerances.exact()));
  });
}

export const permuteColumnsCases: readonly KernelCase[] = rows.map(permuteCase);
