/** The ops of a VAE and norms as rows of the tests of gradients, and the list of all rows. */
import {
  activate,
  add,
  batchNorm,
  groupNorm,
  layerNorm,
  likelihood,
  matmul,
  objective,
  ParameterSet,
  reparameterize,
  type Tensor,
} from 'webgpu-vae/gpu';
import { logLikelihoodBackward, logLikelihoodDataGradient } from '../reference/likelihood.js';
import { matmul as product, matmulBackward } from '../reference/matmul.js';
import * as norms from '../reference/normalize.js';
import { reparameterizeBackward, reparameterizeNoiseGradient } from '../reference/reparameterize.js';
import { map, randomNormal, randomUniform, type F64 } from '../reference/tensor.js';
import type { Row } from './differentiable-op.js';
import {
  attentionRows,
  binaryRows,
  logSumExpRows,
  matmulRows,
  moveRows,
  softmaxRow,
  triangularRows,
  unaryRows,
} from './differentiable-ops.js';
import { convRows } from './differentiable-convolutions.js';

const [R, B, D] = [4, 2, 3];

export const likelihoodRows: readonly Row[] = (['bernoulli', 'gaussian', 'laplace'] as const).flatMap(
  (family) =>
    (family === 'bernoulli' ? [undefined] : [[1], [D], [R, D]]).map((scaleShape): Row => {
      const scale = scaleShape && { scale: randomNormal(scaleShape, 11, 0.5) };
      return {
        name: `likelihood ${family} scale [${scaleShape?.join(', ') ?? 'none'}]`,
        inputs: {
          prediction: randomUniform([R, D], 9, 1.5, 3),
          ...scale,
          x: randomUniform([B, D], 10, 0, 1),
        },
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

export const reparameterizeRows: readonly Row[] = (['diagonal', 'isotropic'] as const).flatMap((posterior) =>
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
export const ROW_COUNT = 2;
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

export const normRows: readonly Row[] = [
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

export const objectiveRow: Row = {
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
export const networkRow: Row = {
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

/** Every differentiable op. */
export const differentiableOps: readonly Row[] = [
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
