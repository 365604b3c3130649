/**
 * Plan: sum, average and max pooling and their gradients.
 * - kernels that touch, overlap and leave gaps; one axis only; the whole image; a single pixel (a copy);
 * - padding up to half the kernel, images whose last rows fill no window, 1 to 33 channels, batches of 1 and 3;
 * - maxima with ties (values of 0, 1 and 2), where the gradient goes to the first pixel in row-major order.
 */
import { averagePool, maxPool, sumPool } from 'webgpu-vae/gpu';
import { pool, poolBackward, type PoolFunction, type PoolWindows } from '../reference/pool.js';
import { map, randomNormal, randomUniform, type F64 } from '../reference/tensor.js';
import { each, everywhere, tolerances } from '../tolerance.js';
import { describe, kernelCase, type KernelCase } from './case.js';

interface PoolRow extends PoolWindows {
  readonly shape: readonly [number, number, number, number];
}

const control: PoolRow = { shape: [3, 8, 6, 3], kernel: [2, 2], stride: [2, 2], padding: [0, 0] };

const rows: readonly PoolRow[] = [
  control,
  { ...control, kernel: [1, 1], stride: [1, 1] },
  { ...control, shape: [1, 1, 1, 1], kernel: [1, 1], stride: [1, 1] },
  { ...control, shape: [1, 5, 7, 33], kernel: [5, 7], stride: [5, 7] },
  { ...control, shape: [2, 7, 5, 1] }, // the last row and column are in no window
  { ...control, kernel: [3, 3], stride: [1, 1], padding: [1, 1] },
  { ...control, kernel: [3, 3], stride: [2, 2], padding: [1, 1] },
  { ...control, kernel: [2, 3], stride: [3, 1], padding: [1, 0] }, // gaps below, overlap sideways
  { ...control, kernel: [5, 4], stride: [2, 3], padding: [2, 2] },
  { ...control, shape: [1, 28, 28, 4], kernel: [3, 3], stride: [2, 2] },
  { ...control, shape: [2, 33, 31, 2], kernel: [1, 5], stride: [1, 2], padding: [0, 2] },
  { ...control, shape: [1, 2, 2, 3], kernel: [4, 4], stride: [1, 1], padding: [2, 2] },
];

const functions = { sum: sumPool, average: averagePool, max: maxPool };

function words({ shape, kernel, stride, padding }: PoolRow): string {
  return `f32${describe(shape)} ${kernel.join('x')} stride ${stride.join(', ')} padding ${padding.join(', ')}`;
}

/** Sums of pixels (or of cotangents) and, for the average, a product with a rounded factor. */
function allowed(name: PoolFunction, magnitude: F64, terms: number): Float64Array {
  return each(magnitude, (m) => tolerances.dot(terms, m) + tolerances.rounded(name === 'average' ? 2 : 0, m));
}

function poolCase(name: PoolFunction, row: PoolRow, x: F64, what: string): KernelCase {
  return kernelCase(`${name}Pool ${words(row)}${what}`, (graph) => {
    const { kernel, stride, padding } = row;
    const tensor = graph.input('x', x);
    const y = functions[name](tensor, { kernel, stride, padding });
    const expected = pool(name, x, row);
    const area = kernel[0] * kernel[1];
    const magnitude = pool(name, map(x, Math.abs), row);
    const exact = name === 'max';
    graph.expect('y', y, expected, exact ? everywhere(expected, 0) : allowed(name, magnitude, area));
    const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
    const gradientMagnitude = poolBackward(name, x, row, map(cotangent, Math.abs));
    const gradientAllowed = allowed(name, gradientMagnitude, area);
    graph.expect('xGradient', xGradient!, poolBackward(name, x, row, cotangent), gradientAllowed);
  });
}

export const poolCases: readonly KernelCase[] = [
  ...rows.flatMap((row) =>
    (['sum', 'average', 'max'] as const).map((name) => poolCase(name, row, randomNormal(row.shape, 1), '')),
  ),
  ...rows.map((row) =>
    poolCase('max', row, map(randomUniform(row.shape, 2, 0, 3), Math.floor), ' with ties'),
  ),
];
