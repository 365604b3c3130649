/**
 * Plan: every backward rule of the float64 reference against central differences, one row a rule and variant, with
 * a random cotangent and a fixed seed (a plain sum would not see a permuted gradient), then the whole VAE.
 * Axes: transposes and activations of matmul, all activations and elementwise functions, broadcast shapes, summed
 * axes, stride and padding of conv2d, norms, posterior by estimator, likelihood by shape of its logScale.
 */
import { expect, test } from '@playwright/test';
import {
  activate,
  activateBackward,
  activationNames,
  activations,
  type Activation,
} from '../reference/activation.js';
import * as conv from '../reference/conv.js';
import { attention, attentionBackward } from '../reference/attention.js';
import { centralDifference, largestError } from '../reference/difference.js';
import { dropout } from '../reference/dropout.js';
import * as elementwise from '../reference/elementwise.js';
import * as image from '../reference/image.js';
import { logLikelihood, logLikelihoodBackward } from '../reference/likelihood.js';
import { logSumExp, logSumExpBackward } from '../reference/log-sum-exp.js';
import { matmul, matmulBackward } from '../reference/matmul.js';
import {
  normalize,
  normalizeBackward,
  normalizeByRunning,
  normalizeByRunningBackward,
  type Norm,
} from '../reference/normalize.js';
import { objective, objectiveBackward } from '../reference/objective.js';
import { pool, poolBackward } from '../reference/pool.js';
import * as reduce from '../reference/reduce.js';
import { reparameterize, reparameterizeBackward } from '../reference/reparameterize.js';
import { softmax, softmaxBackward } from '../reference/softmax.js';
import { triangular, triangularBackward } from '../reference/triangular.js';
import * as tensor from '../reference/tensor.js';
import type { F64 } from '../reference/tensor.js';
import {
  parameterShapes,
  vaeBackward,
  vaeForward,
  type DenseVaeSpec,
  type Parameters,
} from '../reference/vae.js';

/** Five-point differences of functions of order 1 reach 1e-11; the rows below leave a factor of 100. */
const DIFFERENCE_TOLERANCE = 1e-9;

const { randomNormal, randomUniform } = tensor;

/** Values of magnitude 0.1 to 2 and either sign: no element is near the kink at zero. */
function awayFromZero(shape: number[], seed: number): F64 {
  const signs = randomNormal(shape, seed + 1);
  return tensor.map(randomUniform(shape, seed, 0.1, 2), (v, i) => Math.sign(signs.values[i]!) * v);
}

/** One backward rule: `inputs` are differentiated, `gradients` answers for a cotangent of `output`. */
interface GradientCase {
  inputs: F64[];
  output: () => F64;
  gradients: (cotangent: F64) => F64[];
}

const gradientCases: Record<string, () => GradientCase> = {};

for (const transposeA of [false, true])
  for (const transposeB of [false, true])
    for (const activation of ['identity', 'tanh'] as const)
      gradientCases[`matmul A${transposeA ? "'" : ''} B${transposeB ? "'" : ''} ${activation}`] = () => {
        const a = randomNormal(transposeA ? [5, 3] : [3, 5], 1);
        const b = randomNormal(transposeB ? [4, 5] : [5, 4], 2);
        const options = { transposeA, transposeB, activation, bias: randomNormal([4], 3) };
        return {
          inputs: [a, b, options.bias],
          output: () => matmul(a, b, options),
          gradients: (g) => {
            const { aGradient, bGradient, biasGradient } = matmulBackward(a, b, options, g);
            return [aGradient, bGradient, biasGradient];
          },
        };
      };

for (const activation of activationNames)
  gradientCases[`activation ${activation}`] = () => {
    const x = awayFromZero([3, 7], 4);
    return {
      inputs: [x],
      output: () => activate(x, activation),
      gradients: (g) => [activateBackward(x, activation, g)],
    };
  };

for (const name of elementwise.unaryNames)
  gradientCases[`unary ${name}`] = () => {
    const positive = ['log', 'sqrt', 'reciprocal', 'log1p', 'logGamma', 'digamma', 'trigamma'].includes(name);
    const x = positive ? randomUniform([3, 7], 5, 1, 3) : awayFromZero([3, 7], 5);
    return {
      inputs: [x],
      output: () => elementwise.unary(x, name),
      gradients: (g) => [elementwise.unaryBackward(x, name, g)],
    };
  };

const broadcastCases = [
  { a: [2, 3], b: [2, 3] }, // control: nothing repeats
  { a: [2, 3], b: [3] },
  { a: [4, 1], b: [2, 1, 3] },
  { a: [1], b: [2, 3] },
];
for (const name of elementwise.binaryNames)
  for (const { a, b } of broadcastCases)
    gradientCases[`binary ${name} [${a.join(', ')}] [${b.join(', ')}]`] = () => {
      const left = awayFromZero(a, 6);
      const right = randomUniform(b, 7, 1, 3);
      return {
        inputs: [left, right],
        output: () => elementwise.binary(left, right, name),
        gradients: (g) => Object.values(elementwise.binaryBackward(left, right, name, g)),
      };
    };

/** An op on one tensor of `shape`. */
function oneInput(shape: number[], f: (x: F64) => F64, backward: (g: F64) => F64): () => GradientCase {
  return () => {
    const x = randomNormal(shape, 8);
    return { inputs: [x], output: () => f(x), gradients: (g) => [backward(g)] };
  };
}

for (const axes of [[0], [1], [0, 2], [0, 1, 2]])
  for (const keep of [false, true])
    gradientCases[`sum over ${axes.join(', ')} keep ${keep}`] = oneInput(
      [2, 3, 4],
      (x) => reduce.sum(x, axes, keep),
      (g) => reduce.sumBackward([2, 3, 4], axes, g),
    );
gradientCases['broadcastTo'] = oneInput(
  [3, 1],
  (x) => reduce.broadcastTo(x, [2, 3, 4]),
  (g) => reduce.broadcastToBackward([3, 1], g),
);
gradientCases['slice'] = oneInput(
  [2, 5, 3],
  (x) => reduce.slice(x, 1, 1, 3),
  (g) => reduce.sliceBackward([2, 5, 3], 1, 1, g),
);
gradientCases['pad'] = oneInput(
  [2, 3, 2],
  (x) => reduce.pad(x, 1, 2, 1),
  (g) => reduce.padBackward([2, 3, 2], 1, 2, g),
);
gradientCases['transpose'] = oneInput(
  [2, 3, 4],
  (x) => reduce.transpose(x, [2, 0, 1]),
  (g) => reduce.transposeBackward([2, 0, 1], g),
);

gradientCases['depthToSpace'] = oneInput(
  [2, 2, 3, 8],
  (x) => image.depthToSpace(x, 2),
  (g) => image.spaceToDepth(g, 2),
);
gradientCases['spaceToDepth'] = oneInput(
  [1, 6, 3, 2],
  (x) => image.spaceToDepth(x, 3),
  (g) => image.depthToSpace(g, 3),
);
gradientCases['upsample'] = oneInput(
  [2, 2, 3, 2],
  (x) => image.upsample(x, 3),
  (g) => image.upsampleBackward(g, 3),
);
for (const stride of [1, 2, 3] as const)
  for (const padding of [
    [0, 0, 0, 0],
    [1, 1, 1, 1],
    [2, 1, 0, 3],
  ] as const)
    gradientCases[`conv2d stride ${stride} padding ${padding.join(', ')}`] = () => {
      const x = randomNormal([2, 5, 4, 2], 7);
      const weight = randomNormal([3, 2, 2, 3], 8);
      const window = { stride: [stride, stride], padding } as const;
      return {
        inputs: [x, weight],
        output: () => conv.conv2d(x, weight, window),
        gradients: (g) => [
          conv.convInputGradient(g, weight, [5, 4], window),
          conv.convWeightGradient(x, g, [3, 2], window),
        ],
      };
    };

gradientCases['dropout'] = oneInput(
  [5, 4],
  (x) => dropout(x, 0.3, { low: 1, high: 2 }, 3),
  (g) => dropout(g, 0.3, { low: 1, high: 2 }, 3),
);

for (const name of ['sum', 'average', 'max'] as const)
  for (const padding of [0, 1]) {
    const options = { kernel: [3, 2], stride: [2, 1], padding: [padding, padding] } as const;
    gradientCases[`${name}Pool with padding ${padding}`] = () => {
      const x = randomNormal([2, 5, 4, 2], 8);
      return {
        inputs: [x],
        output: () => pool(name, x, options),
        gradients: (g) => [poolBackward(name, x, options, g)],
      };
    };
  }

for (const axes of [[0], [1, 2]])
  gradientCases[`logSumExp over ${axes.join(', ')}`] = () => {
    const x = randomNormal([2, 3, 4], 29);
    return {
      inputs: [x],
      output: () => logSumExp(x, axes),
      gradients: (g) => [logSumExpBackward(x, axes, g)],
    };
  };

gradientCases['softmax'] = () => {
  const x = randomNormal([3, 5], 8);
  return { inputs: [x], output: () => softmax(x), gradients: (g) => [softmaxBackward(x, g)] };
};

for (const form of [{}, { transposed: true }, { solve: true }, { solve: true, transposed: true }])
  gradientCases[`triangular ${JSON.stringify(form)}`] = () => {
    const [diagonal, lower, v] = [
      randomUniform([2, 3], 8, 1, 2),
      randomNormal([2, 3], 9),
      randomNormal([4, 3], 10),
    ] as const;
    return {
      inputs: [diagonal, lower, v],
      output: () => triangular(diagonal, lower, v, form),
      gradients: (g) => triangularBackward(diagonal, lower, v, form, g),
    };
  };

gradientCases['attention'] = () => {
  const [q, k, v] = [8, 9, 10].map((seed) => randomNormal([2, 4, 3], seed)) as [F64, F64, F64];
  return {
    inputs: [q, k, v],
    output: () => attention(q, k, v),
    gradients: (g) => attentionBackward(q, k, v, g),
  };
};

for (const posterior of ['diagonal', 'isotropic'] as const)
  for (const estimator of ['A', 'B'] as const)
    gradientCases[`reparameterize ${posterior} ${estimator}`] = () => {
      const [S, B, K] = [2, 3, 4];
      const moments = randomNormal([B, posterior === 'diagonal' ? 2 * K : K + 1], 9);
      const noise = randomNormal([S * B, K], 10);
      const options = { posterior, estimator };
      const both = (): F64 => {
        const { z, kl } = reparameterize(moments, noise, options);
        return tensor.fromValues([S * B * (K + 1)], [...z.values, ...kl.values]);
      };
      return {
        inputs: [moments],
        output: both,
        gradients: (g) => {
          const zGradient = tensor.fromValues([S * B, K], g.values.subarray(0, S * B * K));
          const klGradient = tensor.fromValues([S * B], g.values.subarray(S * B * K));
          return [reparameterizeBackward(moments, noise, options, zGradient, klGradient)];
        },
      };
    };

for (const kind of ['bernoulli', 'gaussian', 'laplace'] as const)
  for (const scaleShape of kind === 'bernoulli' ? [undefined] : [[1], [5], [4, 5]])
    gradientCases[`likelihood ${kind} logScale [${scaleShape?.join(', ') ?? 'none'}]`] = () => {
      const prediction = randomNormal([4, 5], 11);
      const x = randomUniform([2, 5], 12, 0, 1);
      const logScale = scaleShape && randomNormal(scaleShape, 13, 0.5);
      return {
        inputs: logScale ? [prediction, logScale] : [prediction],
        output: () => logLikelihood(kind, prediction, x, logScale),
        gradients: (g) => Object.values(logLikelihoodBackward(kind, prediction, x, logScale, g)),
      };
    };

const epsilon = 1e-3;
const norms: readonly Norm[] = [
  { kind: 'groupNorm', groups: 2, epsilon },
  { kind: 'layerNorm', epsilon },
  { kind: 'batchNorm', batch: 3, rowCount: 2, epsilon }, // two samples; a third of the rows is padding
];
for (const norm of norms)
  gradientCases[norm.kind] = () => {
    const x = randomNormal([6, 2, 4], 30);
    const [gamma, beta] = [randomNormal([4], 31), randomNormal([4], 32)];
    return {
      inputs: [x, gamma, beta],
      output: () => normalize(x, gamma, beta, norm),
      gradients: (g) => Object.values(normalizeBackward(x, gamma, norm, g)),
    };
  };

gradientCases['batchNorm by running statistics'] = () => {
  const [x, gamma, beta] = [randomNormal([3, 4], 33), randomNormal([4], 34), randomNormal([4], 35)];
  const running = randomUniform([9], 36, 0.5, 2);
  return {
    inputs: [x, gamma, beta],
    output: () => normalizeByRunning(x, gamma, beta, running, epsilon),
    gradients: (g) => Object.values(normalizeByRunningBackward(x, gamma, running, epsilon, g)),
  };
};

gradientCases['objective'] = () => {
  const [kl, reconstruction] = [randomNormal([8], 14), randomNormal([8], 15)];
  const options = { batch: 4, rowCount: 3, beta: 0.3 };
  return {
    inputs: [kl, reconstruction],
    output: () => tensor.fromValues([1], [objective(kl, reconstruction, options).loss]),
    gradients: (g) =>
      Object.values(objectiveBackward(8, options)).map((x) => tensor.map(x, (v) => v * g.values[0]!)),
  };
};

function hidden(units: number, activation: Activation): DenseVaeSpec['encoder'][number] {
  return { type: 'dense', units, activation };
}

test.describe('backward against central differences', () => {
  for (const [name, build] of Object.entries(gradientCases))
    test(name, () => {
      const { inputs, output, gradients } = build();
      const cotangent = randomNormal(output().shape, 99);
      const actual = gradients(cotangent);
      expect(actual).toHaveLength(inputs.length);
      inputs.forEach((input, i) => {
        const expected = centralDifference(() => tensor.dot(output(), cotangent), input);
        expect(actual[i]!.shape).toEqual(input.shape);
        expect(largestError(actual[i]!.values, expected.values), `input ${i}`).toBeLessThan(
          DIFFERENCE_TOLERANCE,
        );
      });
    });

  for (const activation of activationNames)
    test(`second derivative of ${activation}`, () => {
      const { first, second } = activations[activation];
      const x = awayFromZero([40], 16);
      const expected = centralDifference(() => x.values.reduce((sum, v) => sum + first(v), 0), x);
      expect(largestError(x.values.map(second), expected.values)).toBeLessThan(DIFFERENCE_TOLERANCE);
    });

  const nets = {
    input: [2, 3],
    latent: 2,
    encoder: [hidden(5, 'tanh'), hidden(4, 'identity'), hidden(3, 'gelu')],
    decoder: [hidden(4, 'silu')],
  };
  const specs: DenseVaeSpec[] = [
    { ...nets, likelihood: { type: 'bernoulli' } },
    { ...nets, likelihood: { type: 'gaussian', scale: 0.7 }, posterior: 'isotropic' },
    { ...nets, likelihood: { type: 'gaussian', scale: 'per-pixel' } },
    { ...nets, likelihood: { type: 'laplace', scale: 'learned' } },
  ];
  test('parameters are numbered as in nn.Sequential and shaped by posterior and scale', () => {
    const shapes = parameterShapes({
      ...nets,
      posterior: 'isotropic',
      likelihood: { type: 'gaussian', scale: 'per-pixel' },
    });
    expect(Object.fromEntries(shapes)).toMatchObject({
      'encoder.0.weight': [5, 6],
      'encoder.2.weight': [4, 5],
      'encoder.3.weight': [3, 4], // layer 2 has no activation to count
      'log_variance.weight': [1, 3],
      'decoder.2.bias': [6],
      'likelihood.log_variance': [6],
    });
  });

  for (const spec of specs)
    for (const estimator of ['A', 'B'] as const)
      test(`whole VAE ${JSON.stringify(spec.likelihood)} ${estimator}`, () => {
        const entries = [...parameterShapes(spec)];
        const parameters: Parameters = new Map(
          entries.map(([name, shape], i) => [name, randomNormal(shape, 20 + i, 0.5)]),
        );
        const [x, noise] = [randomUniform([3, 6], 17, 0, 1), randomNormal([6, 2], 18)];
        const options = { estimator, beta: 0.4, rowCount: 2 };
        const { gradients, loss } = vaeBackward(spec, parameters, x, noise, options);
        expect([...gradients.keys()]).toEqual([...parameters.keys()]);
        expect(loss).toBe(vaeForward(spec, parameters, x, noise, options).loss);
        for (const [name, parameter] of parameters) {
          const expected = centralDifference(
            () => vaeForward(spec, parameters, x, noise, options).loss,
            parameter,
          );
          const actual = gradients.get(name)!;
          expect(actual.shape, name).toEqual(parameter.shape);
          expect(largestError(actual.values, expected.values), name).toBeLessThan(DIFFERENCE_TOLERANCE);
        }
      });
});
