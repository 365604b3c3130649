/**
 * Ops that have a gradient, with float64 backwards of the same functions: what the tests of gradients and of second derivatives
 * run over. Inputs stay away from kinks.
 */
import {
  activate,
  affine,
  attention,
  averagePool,
  binary,
  broadcastTo,
  clamp,
  concat,
  depthToSpace,
  dropout,
  logSumExp,
  matmul,
  maxPool,
  multiply,
  pad,
  reshape,
  slice,
  softmax,
  spaceToDepth,
  sum,
  triangular,
  triangularOuter,
  unary,
  upsample,
  type Tensor,
} from 'webgpu-vae/gpu';
import { activateBackward, activationNames } from '../reference/activation.js';
import { dropout as drop } from '../reference/dropout.js';
import { attentionBackward } from '../reference/attention.js';
import { binaryBackward, binaryNames, unaryBackward, unaryNames } from '../reference/elementwise.js';
import * as image from '../reference/image.js';
import { logSumExpBackward } from '../reference/log-sum-exp.js';
import { matmulBackward } from '../reference/matmul.js';
import { poolBackward } from '../reference/pool.js';
import * as reduce from '../reference/reduce.js';
import { softmaxBackward } from '../reference/softmax.js';
import { map, randomNormal, randomUniform, type F64 } from '../reference/tensor.js';
import { triangularBackward, triangular as triangle } from '../reference/triangular.js';
import type { Row } from './differentiable-op.js';

/** Values of magnitude 0.2 to 2 and either sign: none is near the kink at zero. */
function awayFromZero(shape: readonly number[], seed: number): F64 {
  const signs = randomNormal(shape, seed + 1);
  return map(randomUniform(shape, seed, 0.2, 2), (v, i) => (signs.values[i]! < 0 ? -v : v));
}

export const matmulRows: readonly Row[] = (['NN', 'TN', 'NT'] as const).map((transposition) => {
  const options = { transposeA: transposition === 'TN', transposeB: transposition === 'NT' };
  return {
    name: `matmul ${transposition}`,
    inputs: {
      a: randomNormal(options.transposeA ? [4, 3] : [3, 4], 1),
      b: randomNormal(options.transposeB ? [5, 4] : [4, 5], 2),
    },
    build: ({ a, b }) => [matmul(a!, b!, transposition)],
    backward({ a, b }, [g]) {
      const { aGradient, bGradient } = matmulBackward(a!, b!, options, g!);
      return [aGradient, bGradient];
    },
  };
});

const positiveOnly: readonly string[] = ['log', 'sqrt', 'reciprocal', 'log1p', 'logGamma'];

/** Polygammas end at the second derivative of log Gamma. */
const onceOnly: readonly string[] = ['digamma', 'trigamma'];

export const unaryRows: readonly Row[] = [
  ...unaryNames
    .filter((name) => !onceOnly.includes(name))
    .map((name): Row => ({
      name: `unary ${name}`,
      inputs: { x: positiveOnly.includes(name) ? randomUniform([7], 3, 0.5, 3) : awayFromZero([7], 3) },
      build: ({ x }) => [unary(name, x!)],
      backward: ({ x }, [g]) => [unaryBackward(x!, name, g!)],
    })),
  ...activationNames.map((name): Row => ({
    name: `activation ${name}`,
    inputs: { x: awayFromZero([9], 4) },
    build: ({ x }) => [activate(x!, name)],
    backward: ({ x }, [g]) => [activateBackward(x!, name, g!)],
  })),
  {
    name: 'affine and clamp',
    inputs: { x: randomUniform([6], 5, -0.6, 0.6) },
    build: ({ x }) => [multiply(clamp(affine(x!, 3, 0.5), -0.7, 0.9), x!)],
    backward: ({ x }, [g]) => [
      map(x!, (v, i) => {
        const y = 3 * v + 0.5;
        const inside = y >= -0.7 && y <= 0.9;
        return g!.values[i]! * (inside ? 6 * v + 0.5 : Math.min(Math.max(y, -0.7), 0.9));
      }),
    ],
  },
];

export const binaryRows: readonly Row[] = binaryNames.flatMap((name) =>
  [
    [
      [2, 3],
      [2, 3],
    ],
    [[2, 3], [3]],
    [
      [2, 1],
      [1, 4],
    ],
  ].map(([a, b]): Row => ({
    name: `binary ${name} [${a!.join(', ')}] [${b!.join(', ')}]`,
    inputs: { a: awayFromZero(a!, 6), b: randomUniform(b!, 7, 2.1, 3) },
    build: (tensors) => [binary(name, tensors['a']!, tensors['b']!)],
    backward(values, [g]) {
      const { aGradient, bGradient } = binaryBackward(values['a']!, values['b']!, name, g!);
      return [aGradient, bGradient];
    },
  })),
);

/** Ops of one input that are linear: squared, so that there is a second derivative to take. */
function linearRow(
  name: string,
  shape: readonly number[],
  build: (x: Tensor) => Tensor,
  backward: (g: F64) => F64,
): Row {
  return {
    name,
    inputs: { x: randomNormal(shape, 8) },
    build: ({ x }) => [build(unary('square', x!))],
    backward: ({ x }, [g]) => [unaryBackward(x!, 'square', backward(g!))],
  };
}

/** Values 0.05 apart in random order: no difference of two changes its sign when one moves by a little. */
function spaced(shape: readonly number[], seed: number): F64 {
  const { values } = randomNormal(shape, seed);
  const order = [...values.keys()].toSorted((a, b) => values[a]! - values[b]!);
  return map({ shape: [...shape], values }, (_, i) => Math.fround(0.2 + 0.05 * order.indexOf(i)));
}

const overlapping = { kernel: [3, 3], stride: [2, 2], padding: [1, 1] } as const;

export const moveRows: readonly Row[] = [
  linearRow(
    'sum',
    [2, 3, 4],
    (x) => sum(x, [1]),
    (g) => reduce.sumBackward([2, 3, 4], [1], g),
  ),
  linearRow(
    'broadcastTo',
    [3, 1],
    (x) => broadcastTo(x, [2, 3, 4]),
    (g) => reduce.broadcastToBackward([3, 1], g),
  ),
  linearRow(
    'slice',
    [2, 5],
    (x) => slice(x, 1, 1, 3),
    (g) => reduce.sliceBackward([2, 5], 1, 1, g),
  ),
  linearRow(
    'concat',
    [2, 3],
    (x) => concat([x, slice(x, 1, 0, 2)], 1),
    (g) => {
      const twice = reduce.pad(reduce.slice(g, 1, 3, 2), 1, 0, 1);
      return map(reduce.slice(g, 1, 0, 3), (value, i) => value + twice.values[i]!);
    },
  ),
  linearRow(
    'pad',
    [2, 3],
    (x) => pad(x, 1, 1, 2),
    (g) => reduce.padBackward([2, 3], 1, 1, g),
  ),
  linearRow(
    'reshape',
    [2, 6],
    (x) => reshape(x, [4, 3]),
    ({ values }) => ({ shape: [2, 6], values }),
  ),
  linearRow(
    'depthToSpace',
    [1, 2, 1, 8],
    (x) => depthToSpace(x, 2),
    (g) => image.spaceToDepth(g, 2),
  ),
  linearRow(
    'spaceToDepth',
    [2, 4, 2, 1],
    (x) => spaceToDepth(x, 2),
    (g) => image.depthToSpace(g, 2),
  ),
  linearRow(
    'dropout',
    [3, 7],
    (x) => dropout(x, 0.4, 5),
    (g) => drop(g, 0.4, { low: 0, high: 5 }, 0), // evaluate() runs step 0 with seed 0
  ),
  linearRow(
    'averagePool',
    [2, 4, 5, 2],
    (x) => averagePool(x, overlapping),
    (g) => poolBackward('average', randomNormal([2, 4, 5, 2], 8), overlapping, g),
  ),
  {
    name: 'maxPool',
    inputs: { x: spaced([2, 4, 5, 2], 8) },
    build: ({ x }) => [maxPool(unary('square', x!), overlapping)],
    backward: ({ x }, [g]) => [
      unaryBackward(
        x!,
        'square',
        poolBackward(
          'max',
          map(x!, (v) => v * v),
          overlapping,
          g!,
        ),
      ),
    ],
  },
  linearRow(
    'upsample',
    [1, 2, 3, 2],
    (x) => upsample(x, 2),
    (g) => image.upsampleBackward(g, 2),
  ),
];

export const softmaxRow: Row = {
  name: 'softmax',
  inputs: { x: randomNormal([3, 5], 22) },
  build: ({ x }) => [softmax(x!)],
  backward: ({ x }, [g]) => [softmaxBackward(x!, g!)],
};

export const logSumExpRows: readonly Row[] = [[0], [1], [1, 2]].map((axes) => ({
  name: `logSumExp over ${axes.join(', ')}`,
  inputs: { x: randomNormal([3, 4, 2], 29) },
  build: ({ x }) => [logSumExp(x!, axes)],
  backward: ({ x }, [g]) => [logSumExpBackward(x!, axes, g!)],
}));

export const triangularRows: readonly Row[] = [
  ...[{}, { transposed: true }, { solve: true }, { solve: true, transposed: true }].map((form): Row => ({
    name: `triangular ${JSON.stringify(form)}`,
    inputs: {
      diagonal: randomUniform([2, 4], 30, 1, 2),
      lower: randomNormal([2, 6], 31, 0.5),
      v: randomNormal([6, 4], 32),
    },
    build: ({ diagonal, lower, v }) => [triangular(diagonal!, lower!, v!, form)],
    backward: ({ diagonal, lower, v }, [g]) => triangularBackward(diagonal!, lower!, v!, form, g!),
  })),
  {
    name: 'triangularOuter',
    inputs: { a: randomNormal([6, 4], 33), b: randomNormal([6, 4], 34) },
    build: ({ a, b }) => [triangularOuter(a!, b!, 2)],
    backward({ a, b }, [g]) {
      const nothing = { shape: [2, 4], values: new Float64Array(8) };
      return [triangle(nothing, g!, b!), triangle(nothing, g!, a!, { transposed: true })];
    },
  },
];

export const attentionRows: readonly Row[] = [
  {
    name: 'attention',
    inputs: {
      q: randomNormal([2, 5, 3], 23),
      k: randomNormal([2, 5, 3], 24),
      v: randomNormal([2, 5, 3], 25),
    },
    build: ({ q, k, v }) => [attention(q!, k!, v!)],
    backward: ({ q, k, v }, [g]) => attentionBackward(q!, k!, v!, g!),
  },
  {
    name: 'attention of one tensor',
    inputs: { x: randomNormal([1, 5, 3], 26) },
    build: ({ x }) => [attention(x!, x!, x!)],
    backward({ x }, [g]) {
      const [q, k, v] = attentionBackward(x!, x!, x!, g!);
      return [map(q, (value, i) => value + k.values[i]! + v.values[i]!)];
    },
  },
];
