/**
 * Plan: what a convolution does beside its products, so that no dispatch is left for it (`absent`).
 * - forward: bias with identity (control), ReLU and SiLU, channels that are multiples of 4 and not, strides 1 and 2;
 * - backward: the derivative of the layer below in the input gradient; the bias gradient with the weight gradient;
 * - deconvolution by reshape, r = 2, 3, 4: the rearrangement in the store and, backwards, in the loads;
 * - nearest-neighbour upsampling in the loads of the convolution after it and of its weight gradient.
 */
import { activate, add, depthToSpace, gradient, multiply, sum, upsample } from 'webgpu-vae/gpu';
import { activations, type Activation } from '../reference/activation.js';
import * as reference from '../reference/conv.js';
import { deconvolution } from '../reference/deconvolution.js';
import * as image from '../reference/image.js';
import { map, randomNormal, zeros, type F64 } from '../reference/tensor.js';
import { activationError, dotTolerance, each, slopeError, STEEPEST, ULP } from '../tolerance.js';
import { matmulClasses, type AdapterClass, type KernelCase } from './case.js';
import { absolute, convolve, operandsOf } from './conv.js';
import { describeRow, type ConvRow } from './conv-table.js';

const same = { padding: 'same', stride: [1, 1] } as const;
const control: ConvRow = { ...same, kernel: [3, 3], batch: 2, image: [5, 7], channels: 4, outputs: 8 };

const layerRows: readonly ConvRow[] = [
  control,
  { ...control, stride: [2, 2], kernel: [4, 4], image: [28, 28], channels: 1, outputs: 32 },
  { ...control, batch: 3, kernel: [2, 3], channels: 5, outputs: 3 },
  { ...control, image: [1, 1], channels: 33, outputs: 31 },
  { ...control, batch: 1, kernel: [4, 4], stride: [2, 2], channels: 64, outputs: 9 }, // 1,024 products: cut into pieces
];

const fusedActivations = ['identity', 'relu', 'silu'] as const satisfies readonly Activation[];

/** `x[..., n] + bias[n]` */
function addRow(x: F64, bias: F64): F64 {
  return map(x, (value, i) => value + bias.values[i % bias.values.length]!);
}

/** Sums over all but the last axis. */
function columnSums(g: F64): F64 {
  const sums = zeros(g.shape.slice(-1));
  g.values.forEach((value, i) => (sums.values[i % sums.values.length]! += value));
  return sums;
}

/** Image, weight, bias, and `conv2d + bias` with its magnitude; scaled so that activations see values of about 1. */
function layerOf(row: ConvRow): {
  operands: ReturnType<typeof operandsOf>;
  bias: F64;
  before: F64;
  magnitude: F64;
  terms: number;
} {
  const terms = row.kernel[0] * row.kernel[1] * row.channels;
  const { x: wide, weight, window } = operandsOf(row);
  const x = map(wide, (value) => Math.fround(value / Math.sqrt(terms)));
  const bias = randomNormal([row.outputs], 3);
  return {
    operands: { x, weight, window },
    bias,
    before: addRow(reference.conv2d(x, weight, window), bias),
    magnitude: addRow(reference.conv2d(absolute(x), absolute(weight), window), absolute(bias)),
    terms,
  };
}

function layerCase(row: ConvRow, activation: Activation, adapterClass: AdapterClass): KernelCase {
  return {
    name: `conv layer ${activation} ${describeRow(row)} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const { operands, bias, before, magnitude, terms } = layerOf(row);
      const product = convolve(row, graph.input('x', operands.x), graph.input('weight', operands.weight));
      const y = activate(add(product, graph.input('bias', bias)), activation);
      const allowed = dotTolerance(terms + 1, magnitude).map(
        (error, i) => STEEPEST * error + activationError(activation, before.values[i]!),
      );
      graph.expect('y', y, map(before, activations[activation].value), allowed);
      graph.absent = ['binary', 'unary'];
    },
  };
}

/** d<g, conv2d(act(x), weight)>/dx: the input gradient times act'(x). */
function derivativeCase(row: ConvRow, activation: Activation, adapterClass: AdapterClass): KernelCase {
  return {
    name: `conv derivative of ${activation} ${describeRow(row)} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const { x, weight, window } = operandsOf(row);
      const tensor = graph.input('x', x);
      const y = convolve(row, activate(tensor, activation), graph.input('weight', weight));
      const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
      const back = reference.convInputGradient(cotangent, weight, row.image, window);
      const magnitude = reference.convInputGradient(absolute(cotangent), absolute(weight), row.image, window);
      const roundings = dotTolerance(row.kernel[0] * row.kernel[1] * row.outputs + 1, magnitude);
      const { first } = activations[activation];
      const expected = map(back, (value, i) => value * first(x.values[i]!));
      const allowed = each(back, (value, i) => {
        const slope = Math.abs(first(x.values[i]!));
        return slope * (roundings[i]! + ULP * value) + value * slopeError(activation, x.values[i]!);
      });
      graph.expect('xGradient', xGradient!, expected, allowed);
      graph.absent = ['binary'];
    },
  };
}

/** The weight's and the bias's gradient of a layer, from one pass over the cotangent. */
function biasGradientCase(row: ConvRow, adapterClass: AdapterClass): KernelCase {
  return {
    name: `conv bias gradient ${describeRow(row)} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const { x, weight, window } = operandsOf(row);
      const weightTensor = graph.input('weight', weight);
      const bias = graph.input('bias', randomNormal([row.outputs], 3));
      const y = add(convolve(row, graph.input('x', x), weightTensor), bias);
      const g = randomNormal(y.shape, 4);
      const loss = sum(multiply(y, graph.input('g', g)));
      const [weightGradient, biasGradient] = gradient(loss, [weightTensor, bias]);
      const pixels = g.values.length / row.outputs;
      const expected = reference.convWeightGradient(x, g, row.kernel, window);
      const magnitude = reference.convWeightGradient(absolute(x), absolute(g), row.kernel, window);
      graph.expect('weightGradient', weightGradient!, expected, dotTolerance(pixels, magnitude));
      const columns = dotTolerance(pixels, columnSums(absolute(g)));
      graph.expect('biasGradient', biasGradient!, columnSums(g), columns);
      graph.absent = ['sum', 'binary'];
    },
  };
}

/** A coarse image of a few pixels; the weight has r*r times the channels. */
function deconvolutionRow(
  r: number,
  channels: number,
  outputs: number,
  kernel: number,
  batch: number,
): ConvRow {
  return { ...control, batch, kernel: [kernel, kernel], image: [3, 5], channels, outputs: r * r * outputs };
}

const deconvolutions: readonly (readonly [r: number, row: ConvRow])[] = [
  [2, deconvolutionRow(2, 8, 4, 3, 2)],
  [2, deconvolutionRow(2, 3, 1, 2, 3)], // the last layer: one output channel
  [2, deconvolutionRow(2, 32, 33, 3, 1)],
  [3, deconvolutionRow(3, 5, 2, 3, 2)],
  [3, deconvolutionRow(3, 4, 4, 1, 1)],
  [4, deconvolutionRow(4, 4, 1, 3, 3)],
  [4, deconvolutionRow(4, 1, 8, 5, 1)],
];

/** `act(depthToSpace(conv2d(x, weight) + bias))` against the lecture's loops. */
function deconvolutionCase(
  [r, row]: (typeof deconvolutions)[number],
  activation: Activation,
  adapterClass: AdapterClass,
): KernelCase {
  return {
    name: `deconvolution ${activation} r=${r} ${describeRow(row)} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const { operands, bias, magnitude, terms } = layerOf(row);
      const product = convolve(row, graph.input('x', operands.x), graph.input('weight', operands.weight));
      const y = activate(depthToSpace(add(product, graph.input('bias', bias)), r), activation);
      const before = deconvolution(operands.x, operands.weight, bias, r);
      const roundings = dotTolerance(terms + 1, image.depthToSpace(magnitude, r));
      const allowed = roundings.map(
        (error, i) => STEEPEST * error + activationError(activation, before.values[i]!),
      );
      graph.expect('y', y, map(before, activations[activation].value), allowed);
      graph.absent = ['binary', 'unary', 'depthToSpace'];
    },
  };
}

/** The three gradients of a deconvolution: each reads the fine cotangent as if it were the coarse one. */
function deconvolutionGradientCase(
  [r, row]: (typeof deconvolutions)[number],
  adapterClass: AdapterClass,
): KernelCase {
  return {
    name: `deconvolution gradient r=${r} ${describeRow(row)} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const { x, weight, window } = operandsOf(row);
      const bias = randomNormal([row.outputs], 3);
      const tensors = [
        graph.input('x', x),
        graph.input('weight', weight),
        graph.input('bias', bias),
      ] as const;
      const y = depthToSpace(add(convolve(row, tensors[0], tensors[1]), tensors[2]), r);
      const [cotangent, xGradient, weightGradient, biasGradient] = graph.pullBack(y, tensors);
      const g = image.spaceToDepth(cotangent, r);
      const pixels = g.values.length / row.outputs;
      const of = (xs: F64, weights: F64, gs: F64): readonly [F64, F64, F64] => [
        reference.convInputGradient(gs, weights, row.image, window),
        reference.convWeightGradient(xs, gs, row.kernel, window),
        columnSums(gs),
      ];
      const expected = of(x, weight, g);
      const [xMagnitude, weightMagnitude, biasMagnitude] = of(absolute(x), absolute(weight), absolute(g));
      const xTerms = row.kernel[0] * row.kernel[1] * row.outputs;
      graph.expect('xGradient', xGradient!, expected[0], dotTolerance(xTerms, xMagnitude));
      graph.expect('weightGradient', weightGradient!, expected[1], dotTolerance(pixels, weightMagnitude));
      graph.expect('biasGradient', biasGradient!, expected[2], dotTolerance(pixels, biasMagnitude));
      graph.absent = ['sum', 'binary', 'depthToSpace', 'spaceToDepth'];
    },
  };
}

/** `conv2d(upsample(x))` and its weight gradient, which both read the small image. */
function upsampleCase(row: ConvRow, factor: number, adapterClass: AdapterClass): KernelCase {
  return {
    name: `conv of upsample ${factor} ${describeRow(row)} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const [rows, columns] = row.image;
      const small = randomNormal([row.batch, rows / factor, columns / factor, row.channels], 1);
      const { weight, window } = operandsOf(row);
      const tensor = graph.input('weight', weight);
      const y = convolve(row, upsample(graph.input('x', small), factor), tensor);
      const x = image.upsample(small, factor);
      const terms = row.kernel[0] * row.kernel[1] * row.channels;
      const magnitude = reference.conv2d(absolute(x), absolute(weight), window);
      graph.expect('y', y, reference.conv2d(x, weight, window), dotTolerance(terms, magnitude));
      const [cotangent, weightGradient] = graph.pullBack(y, [tensor]);
      const expected = reference.convWeightGradient(x, cotangent, row.kernel, window);
      const sums = reference.convWeightGradient(absolute(x), absolute(cotangent), row.kernel, window);
      const pixels = cotangent.values.length / row.outputs;
      graph.expect('weightGradient', weightGradient!, expected, dotTolerance(pixels, sums));
      // Four channels at a time are read, or a copy is made.
      graph.absent = row.channels % 4 === 0 ? ['upsample'] : [];
    },
  };
}

const upsamplings: readonly (readonly [factor: number, row: ConvRow])[] = [
  [2, { ...control, image: [6, 8] }],
  [2, { ...control, image: [4, 6], channels: 3, outputs: 5, kernel: [2, 2], stride: [2, 2] }],
  [3, { ...control, image: [9, 6], channels: 8, padding: 'asymmetric', stride: [2, 2] }],
  [4, { ...control, image: [8, 4], channels: 4, outputs: 2, kernel: [1, 5], padding: 'asymmetric' }],
];

export const convFusionCases: readonly KernelCase[] = matmulClasses.flatMap((adapterClass) => [
  ...layerRows.flatMap((row) =>
    fusedActivations.map((activation) => layerCase(row, activation, adapterClass)),
  ),
  ...layerRows
    .slice(0, 3)
    .flatMap((row) => [derivativeCase(row, 'relu', adapterClass), derivativeCase(row, 'silu', adapterClass)]),
  ...layerRows.map((row) => biasGradientCase(row, adapterClass)),
  ...deconvolutions.flatMap((row) => [
    deconvolutionCase(row, row[0] === 2 ? 'relu' : 'identity', adapterClass),
    deconvolutionGradientCase(row, adapterClass),
  ]),
  ...upsamplings.map(([factor, row]) => upsampleCase(row, factor, adapterClass)),
]);
