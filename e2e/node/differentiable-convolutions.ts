/**
 * Second derivatives of convolutions: each of the three forms, whose gradients are the other two, at strides with
 * several phases, padding and pixels that no window reaches; and a network without kinks, in which they are fused.
 */
import { activate, add, conv2d, convInputGradient, convWeightGradient, depthToSpace } from 'webgpu-vae/gpu';
import { activate as activated, activateBackward } from '../reference/activation.js';
import * as conv from '../reference/conv.js';
import { spaceToDepth } from '../reference/image.js';
import { sum } from '../reference/reduce.js';
import { map, randomNormal, type F64 } from '../reference/tensor.js';
import type { Row } from './differentiable-op.js';

const windows: readonly (conv.ConvWindow & { readonly kernel: readonly [number, number] })[] = [
  { kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1] },
  { kernel: [4, 4], stride: [2, 2], padding: [1, 1, 1, 1] },
  { kernel: [2, 3], stride: [3, 2], padding: [2, 1, 0, 3] },
];
const size = [6, 5] as const;

const formRows: readonly Row[] = windows.flatMap((window): Row[] => {
  const { kernel, stride, padding } = window;
  const words = `${kernel.join('x')} stride ${stride.join('x')}`;
  const x = randomNormal([2, ...size, 3], 41);
  const weight = randomNormal([...kernel, 3, 2], 42);
  const g = randomNormal(conv.convOutputShape(x.shape, weight.shape, window), 43);
  const geometry = { input: size, kernel, stride, padding };
  return [
    {
      name: `conv2d ${words}`,
      inputs: { x, weight },
      build: (t) => [conv2d(t['x']!, t['weight']!, { stride, padding })],
      backward: (v, [c]) => [
        conv.convInputGradient(c!, v['weight']!, size, window),
        conv.convWeightGradient(v['x']!, c!, kernel, window),
      ],
    },
    {
      name: `convInputGradient ${words}`,
      inputs: { g, weight },
      build: (t) => [convInputGradient(t['g']!, t['weight']!, geometry)],
      backward: (v, [c]) => [
        conv.conv2d(c!, v['weight']!, window),
        conv.convWeightGradient(c!, v['g']!, kernel, window),
      ],
    },
    {
      name: `convWeightGradient ${words}`,
      inputs: { x, g },
      build: (t) => [convWeightGradient(t['x']!, t['g']!, geometry)],
      backward: (v, [c]) => [
        conv.convInputGradient(v['g']!, c!, size, window),
        conv.conv2d(v['x']!, c!, window),
      ],
    },
  ];
});

const down = { stride: [2, 2], padding: [1, 1, 1, 1] } as const;
const even = { stride: [1, 1], padding: [1, 1, 1, 1] } as const;

function plusRow(x: F64, row: F64): F64 {
  return map(x, (value, i) => value + row.values[i % row.values.length]!);
}

/** A convolution, tanh, and a deconvolution by reshape: both biases, an activation and its derivative are fused. */
const networkRow: Row = {
  name: 'a convolution, tanh and a deconvolution by reshape',
  inputs: {
    x: randomNormal([1, 4, 4, 2], 44),
    weight: randomNormal([4, 4, 2, 4], 45, 0.3),
    bias: randomNormal([4], 46, 0.5),
    upWeight: randomNormal([3, 3, 4, 4], 47, 0.3),
    upBias: randomNormal([4], 48, 0.5),
  },
  build({ x, weight, bias, upWeight, upBias }) {
    const hidden = activate(add(conv2d(x!, weight!, { stride: 2, padding: 1 }), bias!), 'tanh');
    return [depthToSpace(add(conv2d(hidden, upWeight!, { padding: 'same' }), upBias!), 2)];
  },
  backward({ x, weight, bias, upWeight }, [g]) {
    const before = plusRow(conv.conv2d(x!, weight!, down), bias!);
    const hidden = activated(before, 'tanh');
    const coarse = spaceToDepth(g!, 2);
    const back = activateBackward(before, 'tanh', conv.convInputGradient(coarse, upWeight!, [2, 2], even));
    return [
      conv.convInputGradient(back, weight!, [4, 4], down),
      conv.convWeightGradient(x!, back, [4, 4], down),
      sum(back, [0, 1, 2]),
      conv.convWeightGradient(hidden, coarse, [3, 3], even),
      sum(coarse, [0, 1, 2]),
    ];
  },
};

export const convRows: readonly Row[] = [...formRows, networkRow];
