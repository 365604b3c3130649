/**
 * Plan: the smallest column of rows, one-hot rows and nearest codewords, all of them exact, and their zero gradients.
 * - lowest, with the lanes of software adapters and of GPUs: widths of 1, 2, around 4 and 64 lanes, 300; the smallest
 *   value in every column in turn; equal values within and across lanes, of which the first counts; many rows;
 * - oneHot: every class, numbers that are no class, 1 class, 1 to 3 axes;
 * - nearest: points on a grid, whose distances are exact in float32 and often equal, and a codeword that is there twice.
 */
import { lowest, matmul, nearest, oneHot, sum } from 'webgpu-vae/gpu';
import * as reference from '../reference/choice.js';
import { matmul as product } from '../reference/matmul.js';
import { fromValues, map, randomNormal, randomUniform, zeros, type F64 } from '../reference/tensor.js';
import { everywhere } from '../tolerance.js';
import {
  describe,
  kernelCase,
  matmulClasses,
  rowClasses,
  type AdapterClass,
  type KernelCase,
} from './case.js';

const widths = [1, 2, 3, 4, 5, 8, 63, 64, 65, 127, 128, 129, 300];

/** Rows of random numbers; row r has its smallest in column r, and once more in each `period`-th column behind it. */
function rowsWithLowest(rows: number, width: number, period: number): F64 {
  return map(randomNormal([rows, width], 1), (value, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const behind = column - (row % width);
    return behind >= 0 && behind % period === 0 ? -50 : value;
  });
}

function lowestCase(x: F64, words: string, adapterClass: AdapterClass): KernelCase {
  return {
    name: `lowest of f32${describe(x.shape)} ${words} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const tensor = graph.input('x', x);
      const y = lowest(tensor);
      const expected = reference.lowest(x);
      graph.expect('y', y, expected, everywhere(expected, 0));
      const [, xGradient] = graph.pullBack(y, [tensor]);
      graph.expect('xGradient', xGradient!, zeros(x.shape), everywhere(x, 0));
    },
  };
}

const lowestCases = rowClasses.flatMap((adapterClass) => [
  ...widths.map((width) => lowestCase(rowsWithLowest(width, width, 1000), 'with one lowest', adapterClass)),
  ...[1, 3, 4, 64].map((period) =>
    lowestCase(rowsWithLowest(9, 130, period), `with equals every ${period}`, adapterClass),
  ),
  lowestCase(randomNormal([65_537, 2], 2), 'in many rows', adapterClass),
]);

function oneHotCase(x: F64, classes: number): KernelCase {
  return kernelCase(`oneHot of f32${describe(x.shape)} in ${classes} classes`, (graph) => {
    const tensor = graph.input('x', x);
    const y = oneHot(tensor, classes);
    const expected = reference.oneHot(x, classes);
    graph.expect('y', y, expected, everywhere(expected, 0));
    const [, xGradient] = graph.pullBack(y, [tensor]);
    graph.expect('xGradient', xGradient!, zeros(x.shape), everywhere(x, 0));
  });
}

const classesOf = (shape: number[], classes: number): F64 =>
  map(randomUniform(shape, 3, 0, classes), Math.floor);

const oneHotCases = [
  oneHotCase(classesOf([65], 10), 10),
  oneHotCase(classesOf([5], 1), 1),
  oneHotCase(classesOf([3, 4, 5], 7), 7),
  oneHotCase(fromValues([7], [-1, 0, 0.5, 2, 3, 1e9, -0.25]), 3),
];

/** Coordinates in quarters: squares and sums of them are exact in float32. */
const grid = (shape: number[], seed: number): F64 =>
  map(randomUniform(shape, seed, -2, 2), (value) => Math.round(4 * value) / 4);

function nearestCase([R, C, D]: readonly [number, number, number], adapterClass: AdapterClass): KernelCase {
  return {
    name: `nearest of ${C} codewords to f32${describe([R, D])} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const [x, codebook] = [grid([R, D], 4), grid([C, D], 5)];
      codebook.values.copyWithin(D * (C - 1), 0, D); // the last codeword is the first once more
      const [points, words] = [graph.input('x', x), graph.input('codebook', codebook)];
      const y = nearest(points, words);
      const expected = reference.oneHot(reference.lowest(reference.squaredDistances(x, codebook)), C);
      graph.expect('y', y, expected, everywhere(expected, 0));
      const quantized = product(expected, codebook);
      graph.expect('quantized', matmul(y, words), quantized, everywhere(quantized, 0));
      const sums = product(expected, x, { transposeA: true });
      graph.expect('sums', matmul(y, points, 'TN'), sums, everywhere(sums, 0));
      const counts = product(
        expected,
        { shape: [R, 1], values: new Float64Array(R).fill(1) },
        { transposeA: true },
      );
      graph.expect('counts', sum(y, [0]), { shape: [C], values: counts.values }, new Float64Array(C));
      const [cotangent, , codebookGradient] = graph.pullBack(matmul(y, words), [points, words]);
      const gradient = product(expected, cotangent, { transposeA: true });
      const magnitude = product(expected, map(cotangent, Math.abs), { transposeA: true });
      graph.expect(
        'codebookGradient',
        codebookGradient!,
        gradient,
        magnitude.values.map((value) => R * 2 ** -23 * value),
      );
    },
  };
}

const sizes = [
  [1, 1, 1],
  [5, 3, 2],
  [33, 17, 4],
  [64, 65, 7],
] as const;

export const choiceCases: readonly KernelCase[] = [
  ...lowestCases,
  ...oneHotCases,
  ...matmulClasses.flatMap((adapterClass) => sizes.map((size) => nearestCase(size, adapterClass))),
];
