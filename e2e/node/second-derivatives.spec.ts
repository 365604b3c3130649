/**
 * Plan: the gradient of a gradient through every op that has one. With g = d<w, op(x)>/dx the test takes
 * d<v, g>/dx and d<v, g>/dw on the GPU and holds them to central differences of the float64 backward.
 * Axes: matmul transpositions; every unary function and activation; every binary function, equal shapes (control) and
 * broadcast; sums and moves; norms; likelihood family and scale; posterior, estimator and samples; a small network.
 * Inputs stay away from kinks, where a second derivative does not exist.
 */
import { expect, test } from '@playwright/test';
import {
  activate,
  add,
  affine,
  batchNorm,
  attention,
  averagePool,
  binary,
  broadcastTo,
  clamp,
  concat,
  depthToSpace,
  dropout,
  gradient,
  groupNorm,
  input,
  layerNorm,
  likelihood,
  logSumExp,
  matmul,
  maxPool,
  multiply,
  objective,
  pad,
  ParameterSet,
  reparameterize,
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
import { evaluate, largest } from '../evaluate.js';
import { nodeDevice } from '../node-device.js';
import { activateBackward, activationNames } from '../reference/activation.js';
import { centralDifference } from '../reference/difference.js';
import { dropout as drop } from '../reference/dropout.js';
import { attentionBackward } from '../reference/attention.js';
import { binaryBackward, binaryNames, unaryBackward, unaryNames } from '../reference/elementwise.js';
import * as image from '../reference/image.js';
import { logLikelihoodBackward, logLikelihoodDataGradient } from '../reference/likelihood.js';
import { logSumExpBackward } from '../reference/log-sum-exp.js';
import { matmul as product, matmulBackward } from '../reference/matmul.js';
import * as norms from '../reference/normalize.js';
import { poolBackward } from '../reference/pool.js';
import * as reduce from '../reference/reduce.js';
import { reparameterizeBackward, reparameterizeNoiseGradient } from '../reference/reparameterize.js';
import { softmaxBackward } from '../reference/softmax.js';
import { dot, map, randomNormal, randomUniform, type F64 } from '../reference/tensor.js';
import { triangularBackward, triangular as triangle } from '../reference/triangular.js';
import { tolerances } from '../tolerance.js';
import { convRows } from './second-derivatives-conv.js';
import type { Row } from './second-derivative-row.js';

/** Values of magnitude 0.2 to 2 and either sign: none is near the kink at zero. */
function awayFromZero(shape: readonly number[], seed: number): F64 {
  const signs = randomNormal(shape, seed + 1);
  return map(randomUniform(shape, seed, 0.2, 2), (v, i) => (signs.values[i]! < 0 ? -v : v));
}

const matmulRows: readonly Row[] = (['NN', 'TN', 'NT'] as const).map((transposition) => {
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

const unaryRows: readonly Row[] = [
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

const binaryRows: readonly Row[] = binaryNames.flatMap((name) =>
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

const moveRows: readonly Row[] = [
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

const softmaxRow: Row = {
  name: 'softmax',
  inputs: { x: randomNormal([3, 5], 22) },
  build: ({ x }) => [softmax(x!)],
  backward: ({ x }, [g]) => [softmaxBackward(x!, g!)],
};

const logSumExpRows: readonly Row[] = [[0], [1], [1, 2]].map((axes) => ({
  name: `logSumExp over ${axes.join(', ')}`,
  inputs: { x: randomNormal([3, 4, 2], 29) },
  build: ({ x }) => [logSumExp(x!, axes)],
  backward: ({ x }, [g]) => [logSumExpBackward(x!, axes, g!)],
}));

const triangularRows: readonly Row[] = [
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

const attentionRows: readonly Row[] = [
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

const [R, B, D] = [4, 2, 3];

const likelihoodRows: readonly Row[] = (['bernoulli', 'gaussian', 'laplace'] as const).flatMap((family) =>
  (family === 'bernoulli' ? [undefined] : [[1], [D], [R, D]]).map((scaleShape): Row => {
    const scale = scaleShape && { scale: randomNormal(scaleShape, 11, 0.5) };
    return {
      name: `likelihood ${family} scale [${scaleShape?.join(', ') ?? 'none'}]`,
      inputs: { prediction: randomUniform([R, D], 9, 1.5, 3), ...scale, x: randomUniform([B, D], 10, 0, 1) },
      differentiated: scale ? ['prediction', 'scale', 'x'] : ['prediction', 'x'],
      build: (tensors) => [likelihood(family, tensors['prediction']!, tensors['x']!, tensors['scale'])],
      backward(values, [g]) {
        const { prediction, x } = values as { prediction: F64; x: F64 };
        const result = logLikelihoodBackward(family, prediction, x, values['scale'], g!);
        return [
          ...Object.values(result),
          logLikelihoodDataGradient(family, prediction, x, values['scale'], g!),
        ];
      },
    };
  }),
);

const reparameterizeRows: readonly Row[] = (['diagonal', 'isotropic'] as const).flatMap((posterior) =>
  (['A', 'B'] as const).flatMap((estimator) =>
    [1, 2].map((samples): Row => {
      const latent = 3;
      const columns = posterior === 'diagonal' ? 2 * latent : latent + 1;
      return {
        name: `reparameterize ${posterior} ${estimator} S=${samples}`,
        inputs: { moments: randomNormal([B, columns], 12), noise: randomNormal([samples * B, latent], 13) },
        build(tensors) {
          const attributes = { latent, samples, posterior, estimator, tag: 0 };
          const { z, kl } = reparameterize(tensors['moments']!, attributes, tensors['noise']);
          return [z, kl];
        },
        backward({ moments, noise }, [zGradient, klGradient]) {
          const operands = [moments!, noise!, { posterior, estimator }, zGradient!, klGradient!] as const;
          return [reparameterizeBackward(...operands), reparameterizeNoiseGradient(...operands)];
        },
      };
    }),
  ),
);

/** Positions of 2 by 2 pixels; of BatchNorm's rows the last is padding. */
const normShape = [3, 2, 2, 4];
const ROW_COUNT = 2;
const epsilon = 1e-5;

function normRow(
  name: string,
  norm: norms.Norm,
  build: (x: Tensor, gamma: Tensor, beta: Tensor) => Tensor,
): Row {
  return {
    name,
    inputs: {
      x: randomNormal(normShape, 22),
      gamma: randomUniform([4], 23, 0.5, 1.5),
      beta: randomNormal([4], 24),
    },
    build: ({ x, gamma, beta }) => [build(x!, gamma!, beta!)],
    backward({ x, gamma }, [g]) {
      const { xGradient, gammaGradient, betaGradient } = norms.normalizeBackward(x!, gamma!, norm, g!);
      return [xGradient, gammaGradient, betaGradient];
    },
  };
}

const runningState = new ParameterSet();
const runningTensor = runningState.add('running', [9]);
const runningValues = { shape: [9], values: Float64Array.of(0.5, -1, 0, 2, 0.3, 1, 2, 0.7, 5) };

const normRows: readonly Row[] = [
  normRow('groupNorm', { kind: 'groupNorm', groups: 2, epsilon }, (x, gamma, beta) =>
    groupNorm(x, gamma, beta, { groups: 2 }),
  ),
  normRow('layerNorm', { kind: 'layerNorm', epsilon }, (x, gamma, beta) => layerNorm(x, gamma, beta)),
  {
    ...normRow(
      'batchNorm in training',
      { kind: 'batchNorm', batch: 3, rowCount: ROW_COUNT, epsilon },
      (x, gamma, beta) => batchNorm(x, gamma, beta, runningTensor, { training: true }),
    ),
    state: runningState,
  },
  {
    name: 'batchNorm in inference',
    inputs: {
      x: randomNormal(normShape, 25),
      gamma: randomUniform([4], 26, 0.5, 1.5),
      beta: randomNormal([4], 27),
      running: runningValues,
    },
    differentiated: ['x', 'gamma', 'beta'],
    fixed: ['running'],
    build: ({ x, gamma, beta, running }) => [batchNorm(x!, gamma!, beta!, running!, { training: false })],
    backward({ x, gamma, running }, [g]) {
      const result = norms.normalizeByRunningBackward(x!, gamma!, running!, epsilon, g!);
      return [result.xGradient, result.gammaGradient, result.betaGradient];
    },
  },
];

const objectiveRow: Row = {
  name: 'objective',
  inputs: {
    reconstruction: randomNormal([5], 14),
    kl: randomNormal([5], 15),
    weight: randomNormal([5], 16),
    klWeight: randomNormal([5], 17),
  },
  build(tensors) {
    const weights = { reconstruction: tensors['weight']!, kl: tensors['klWeight']! };
    return [objective(tensors['reconstruction']!, tensors['kl']!, weights).loss];
  },
  backward(values, [g]) {
    const scaled = (x: F64): F64 => map(x, (v) => v * g!.values[0]!);
    return [values['weight']!, values['klWeight']!, values['reconstruction']!, values['kl']!].map(scaled);
  },
};

/** tanh(x w1 + bias) w2: every kind of fused matmul takes part. */
const networkRow: Row = {
  name: 'a network of two layers',
  inputs: {
    x: randomNormal([3, 4], 18),
    w1: randomNormal([4, 5], 19, 0.5),
    bias: randomNormal([5], 20, 0.5),
    w2: randomNormal([5, 2], 21, 0.5),
  },
  build({ x, w1, bias, w2 }) {
    return [matmul(activate(add(matmul(x!, w1!), bias!), 'tanh'), w2!)];
  },
  backward({ x, w1, bias, w2 }, [g]) {
    const options = { bias: bias!, activation: 'tanh' } as const;
    const second = matmulBackward(product(x!, w1!, options), w2!, {}, g!);
    const first = matmulBackward(x!, w1!, options, second.aGradient);
    return [first.aGradient, first.bGradient, first.biasGradient, second.bGradient];
  },
};

const rows: readonly Row[] = [
  ...matmulRows,
  ...convRows,
  ...unaryRows,
  ...binaryRows,
  ...moveRows,
  softmaxRow,
  ...logSumExpRows,
  ...triangularRows,
  ...attentionRows,
  ...likelihoodRows,
  ...reparameterizeRows,
  ...normRows,
  objectiveRow,
  networkRow,
];

for (const row of rows)
  test(row.name, async () => {
    const { inputs, differentiated = Object.keys(inputs), fixed = [] } = row;
    const tensors = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape }]) => [name, input(name, shape)]),
    );
    const outputs = row.build(tensors);
    const cotangents = numbered('w', outputs, 60);
    const first = gradient(
      inner(outputs, cotangents.tensors),
      differentiated.map((name) => tensors[name]!),
    );
    const directions = numbered('v', first, 70);
    const names = Object.keys(inputs).filter((name) => !fixed.includes(name));
    const second = gradient(inner(first, directions.tensors), [
      ...names.map((name) => tensors[name]!),
      ...cotangents.tensors,
    ]);

    const { outputs: actual } = await evaluate(await nodeDevice(), {
      label: row.name,
      outputs: Object.fromEntries(second.map((tensor, i) => [`${i}`, tensor])),
      inputs: { ...inputs, ...cotangents.inputs, ...directions.inputs },
      step: { row_count: ROW_COUNT },
      ...(row.state && { state: row.state }),
    });
    const contracted = (): number =>
      row
        .backward(inputs, cotangents.values)
        .reduce((total, value, i) => total + dot(value, directions.values[i]!), 0);
    [...names.map((name) => inputs[name]!), ...cotangents.values].forEach((value, i) => {
      const name = `d<v, g>/d${names[i] ?? `w${i - names.length}`}`;
      expectClose(name, actual[`${i}`]!, centralDifference(contracted, value));
    });
  });

/** An input tensor for each of `tensors`, of its shape, with random numbers. */
function numbered(
  prefix: string,
  tensors: readonly Tensor[],
  seed: number,
): { tensors: Tensor[]; values: F64[]; inputs: Record<string, F64> } {
  const values = tensors.map(({ shape }, i) => randomNormal(shape, seed + i));
  return {
    tensors: values.map(({ shape }, i) => input(`${prefix}${i}`, shape)),
    values,
    inputs: Object.fromEntries(values.map((value, i) => [`${prefix}${i}`, value])),
  };
}

/** sum_i <a_i, b_i> */
function inner(a: readonly Tensor[], b: readonly Tensor[]): Tensor {
  return a.map((tensor, i) => sum(multiply(tensor, b[i]!))).reduce((total, term) => add(total, term));
}

function expectClose(name: string, actual: Float32Array, { values }: F64): void {
  const allowed = tolerances.secondDerivative(Math.max(1, largest(values)));
  const wrong = values.findIndex((value, i) => !(Math.abs(actual[i]! - value) <= allowed));
  expect(wrong, `${name}[${wrong}] is ${actual[wrong]}; expected ${values[wrong]} within ${allowed}`).toBe(
    -1,
  );
  expect(actual.length).toBe(values.length);
}
