/**
 * Plan: conv2d and the gradients of its image and its weight with random cotangents, on the geometries of
 * conv-table.ts: batch 1, 3; 1 to 64 channels on either side; kernels 1 to 7 and 1x5; strides 1 to 3; no, 'same' and
 * asymmetric padding; images from 1x1 to 33x31. Then convInputGradient and convWeightGradient as ops of their own
 * (the first is the transposed convolution), whose gradients are convolutions again.
 */
import { conv2d, convInputGradient, convWeightGradient, type Tensor } from 'webgpu-vae/gpu';
import * as reference from '../reference/conv.js';
import type { ConvWindow } from '../reference/conv.js';
import { map, randomNormal, type F64 } from '../reference/tensor.js';
import { dotTolerance } from '../tolerance.js';
import { matmulClasses, type AdapterClass, type CaseGraph, type KernelCase } from './case.js';
import { convTable, describeRow, paddingOf, type ConvRow } from './conv-table.js';

export function absolute(x: F64): F64 {
  return map(x, Math.abs);
}

/** Longest sum that makes one element of the image's gradient: the taps that a pixel meets, times the outputs. */
function inputTerms({ kernel, stride }: ConvRow, outputs: number): number {
  return Math.ceil(kernel[0] / stride[0]) * Math.ceil(kernel[1] / stride[1]) * outputs;
}

/** The operands of a row: image, weight, and what the reference needs beside them. */
export function operandsOf(row: ConvRow): { x: F64; weight: F64; window: ConvWindow } {
  const { batch, image, channels, outputs, kernel, stride } = row;
  return {
    x: randomNormal([batch, ...image, channels], 1),
    weight: randomNormal([...kernel, channels, outputs], 2),
    window: { stride, padding: paddingOf(row) },
  };
}

/** The convolution of a row as a caller writes it: 'same' is left to the library. */
export function convolve(row: ConvRow, x: Tensor, weight: Tensor): Tensor {
  const stride: [number, number] = [...row.stride];
  if (row.padding === 'none') return conv2d(x, weight, { stride });
  return conv2d(x, weight, { stride, padding: row.padding === 'same' ? 'same' : paddingOf(row) });
}

/** Both gradients of `<cotangent, conv2d(x, weight)>`; the same sums over absolute values are the magnitudes. */
export function expectGradients(
  graph: CaseGraph,
  row: ConvRow,
  { x, weight, window }: ReturnType<typeof operandsOf>,
  cotangent: F64,
  [xGradient, weightGradient]: readonly (Tensor | undefined)[],
): void {
  const pixels = cotangent.values.length / row.outputs;
  const of = (xs: F64, weights: F64, g: F64): readonly [F64, F64] => [
    reference.convInputGradient(g, weights, row.image, window),
    reference.convWeightGradient(xs, g, row.kernel, window),
  ];
  const [xExpected, weightExpected] = of(x, weight, cotangent);
  const [xMagnitude, weightMagnitude] = of(absolute(x), absolute(weight), absolute(cotangent));
  graph.expect('xGradient', xGradient!, xExpected, dotTolerance(inputTerms(row, row.outputs), xMagnitude));
  graph.expect('weightGradient', weightGradient!, weightExpected, dotTolerance(pixels, weightMagnitude));
}

function convCase(row: ConvRow, adapterClass: AdapterClass): KernelCase {
  return {
    name: `conv2d ${describeRow(row)} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const operands = operandsOf(row);
      const { x, weight, window } = operands;
      const tensors = [graph.input('x', x), graph.input('weight', weight)] as const;
      const y = convolve(row, ...tensors);
      const terms = row.kernel[0] * row.kernel[1] * row.channels;
      const magnitude = reference.conv2d(absolute(x), absolute(weight), window);
      graph.expect('y', y, reference.conv2d(x, weight, window), dotTolerance(terms, magnitude));
      const [cotangent, ...gradients] = graph.pullBack(y, tensors);
      expectGradients(graph, row, operands, cotangent, gradients);
    },
  };
}

/** The rows on which the gradients are tested as ops: with pixels that no window reaches, and several phases. */
const transposedRows: readonly ConvRow[] = [
  { padding: 'same', stride: [2, 2], kernel: [4, 4], batch: 2, image: [14, 14], channels: 4, outputs: 8 },
  { padding: 'same', stride: [2, 2], kernel: [3, 3], batch: 1, image: [8, 7], channels: 3, outputs: 5 },
  { padding: 'none', stride: [3, 3], kernel: [2, 2], batch: 3, image: [9, 7], channels: 1, outputs: 4 },
  { padding: 'none', stride: [2, 2], kernel: [5, 5], batch: 1, image: [13, 13], channels: 8, outputs: 8 },
  { padding: 'asymmetric', stride: [1, 1], kernel: [3, 3], batch: 2, image: [5, 7], channels: 5, outputs: 3 },
];

/** `convInputGradient(g, weight)` and its gradients by both, which are `conv2d` and `convWeightGradient`. */
function transposedCase(row: ConvRow, adapterClass: AdapterClass): KernelCase {
  return {
    name: `convInputGradient ${describeRow(row)} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const { x, weight, window } = operandsOf(row);
      const g = randomNormal(reference.convOutputShape(x.shape, weight.shape, window), 3);
      const tensors = [graph.input('g', g), graph.input('weight', weight)] as const;
      const y = convInputGradient(...tensors, geometryOf(row));
      const magnitude = reference.convInputGradient(absolute(g), absolute(weight), row.image, window);
      const expected = reference.convInputGradient(g, weight, row.image, window);
      graph.expect('y', y, expected, dotTolerance(inputTerms(row, row.outputs), magnitude));
      const [cotangent, gGradient, weightGradient] = graph.pullBack(y, tensors);
      const of = (cs: F64, weights: F64, gs: F64): readonly [F64, F64] => [
        reference.conv2d(cs, weights, window),
        reference.convWeightGradient(cs, gs, row.kernel, window),
      ];
      const [gExpected, weightExpected] = of(cotangent, weight, g);
      const [gMagnitude, weightMagnitude] = of(absolute(cotangent), absolute(weight), absolute(g));
      const terms = row.kernel[0] * row.kernel[1] * row.channels;
      graph.expect('gGradient', gGradient!, gExpected, dotTolerance(terms, gMagnitude));
      const pixels = g.values.length / row.outputs;
      graph.expect('weightGradient', weightGradient!, weightExpected, dotTolerance(pixels, weightMagnitude));
    },
  };
}

/** `convWeightGradient(x, g)` and its gradients by both, which are `convInputGradient` and `conv2d`. */
function weightGradientCase(row: ConvRow, adapterClass: AdapterClass): KernelCase {
  return {
    name: `convWeightGradient ${describeRow(row)} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const { x, weight, window } = operandsOf(row);
      const g = randomNormal(reference.convOutputShape(x.shape, weight.shape, window), 3);
      const tensors = [graph.input('x', x), graph.input('g', g)] as const;
      const y = convWeightGradient(...tensors, geometryOf(row));
      const pixels = g.values.length / row.outputs;
      const magnitude = reference.convWeightGradient(absolute(x), absolute(g), row.kernel, window);
      const expected = reference.convWeightGradient(x, g, row.kernel, window);
      graph.expect('y', y, expected, dotTolerance(pixels, magnitude));
      const [cotangent, xGradient, gGradient] = graph.pullBack(y, tensors);
      const of = (cs: F64, xs: F64, gs: F64): readonly [F64, F64] => [
        reference.convInputGradient(gs, cs, row.image, window),
        reference.conv2d(xs, cs, window),
      ];
      const [xExpected, gExpected] = of(cotangent, x, g);
      const [xMagnitude, gMagnitude] = of(absolute(cotangent), absolute(x), absolute(g));
      graph.expect(
        'xGradient',
        xGradient!,
        xExpected,
        dotTolerance(inputTerms(row, row.outputs), xMagnitude),
      );
      const terms = row.kernel[0] * row.kernel[1] * row.channels;
      graph.expect('gGradient', gGradient!, gExpected, dotTolerance(terms, gMagnitude));
    },
  };
}

function geometryOf(row: ConvRow): Parameters<typeof convInputGradient>[2] {
  return { input: row.image, kernel: row.kernel, stride: row.stride, padding: paddingOf(row) };
}

/** All rows on the plain kernels; on the others every third, which meets each kernel with each stride. */
const THIN = 3;

export const convCases: readonly KernelCase[] = matmulClasses.flatMap((adapterClass, index) => [
  ...convTable
    .filter((_, row) => adapterClass === 'software' || (row + Math.floor(row / THIN)) % THIN === index % THIN)
    .map((row) => convCase(row, adapterClass)),
  ...transposedRows.map((row) => transposedCase(row, adapterClass)),
  ...transposedRows.slice(1, 4).map((row) => weightGradientCase(row, adapterClass)),
]);
