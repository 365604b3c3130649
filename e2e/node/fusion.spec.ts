/**
 * Plan: fused kernels against the separate ops they stand for.
 * - a small dense VAE planned with and without fusion: loss, terms and every gradient agree; the fused plan has the
 *   dispatches one expects to see; with and without buffer reuse the bits are the same;
 * - likelihood, norms and reparameterize against their compositions of primitive ops, value and gradient.
 * - likelihood, reparameterize and attention against their compositions of primitive ops, value and gradient.
 * Axes: the model's likelihood and posterior; family and scale; posterior, estimator, samples and own noise.
 */
import { expect, test } from '@playwright/test';
import {
  add,
  attention,
  gradient,
  input,
  likelihood,
  multiply,
  reparameterize,
  sum,
  type PlanRequest,
  type Tensor,
} from 'webgpu-vae/gpu';
import { apply } from '../../src/gpu/graph.js';
import { attentionComposition } from '../../src/gpu/ops/attention.js';
import { likelihoodComposition } from '../../src/gpu/ops/likelihood.js';
import { normalizeComposition, normalizeOp } from '../../src/gpu/ops/normalize.js';
import type { NormalizeAttributes } from '../../src/gpu/ops/normalize-shape.js';
import { reparameterizeComposition } from '../../src/gpu/ops/reparameterize.js';
import { broadcastTo } from '../../src/gpu/ops/binary.js';
import { Model } from '../../src/vae/model.js';
import { completeSpec, type VaeSpec } from '../../src/vae/spec.js';
import { evaluate, largest } from '../evaluate.js';
import { nodeDevice } from '../node-device.js';
import { randomNormal, randomUniform, type F64 } from '../reference/tensor.js';
import { tolerances } from '../tolerance.js';

/** Fails with the index of the worst element when two tensors differ by more than rounding. */
function expectSame(actual: Float32Array, expected: Float32Array, name: string): void {
  expect(actual.length, name).toBe(expected.length);
  const allowed = tolerances.network(largest(expected));
  const wrong = actual.findIndex((value, i) => !(Math.abs(value - expected[i]!) <= allowed));
  expect(wrong, `${name}[${wrong}] is ${actual[wrong]}; expected ${expected[wrong]} within ${allowed}`).toBe(
    -1,
  );
}

const layers = {
  input: [9],
  latent: 3,
  encoder: [{ type: 'dense', units: 8, activation: 'tanh' }],
  decoder: [{ type: 'dense', units: 12, activation: 'silu' }],
} as const;

const specs: readonly VaeSpec[] = [
  { ...layers, likelihood: { type: 'bernoulli' } }, // control
  { ...layers, likelihood: { type: 'gaussian', scale: 'per-pixel' }, posterior: 'isotropic' },
  { ...layers, likelihood: { type: 'laplace', scale: 'learned' } },
];

const BATCH = 5;
const SAMPLES = 2;

function vaeGraph(spec: VaeSpec): {
  request: PlanRequest;
  inputs: Record<string, F64>;
  weights: Float32Array;
} {
  const model = new Model(completeSpec(spec));
  const inputs = {
    x: randomUniform([BATCH, 9], 1, 0, 1),
    noise: randomNormal([SAMPLES * BATCH, 3], 2),
  };
  const [x, noise] = [input('x', inputs.x.shape), input('noise', inputs.noise.shape)];
  const { loss, terms } = model.elbo(x, { estimator: 'B', samples: SAMPLES, noise });
  const { set } = model.weights;
  const targets = set.entries.map(({ tensor }) => tensor);
  const request = {
    label: 'fusion',
    outputs: { loss, terms },
    parameters: set,
    gradients: gradient(loss, targets),
  };
  return { request, inputs, weights: model.weights.initialValues(7) };
}

const step = { row_count: BATCH - 1, beta: 0.5 };

for (const spec of specs)
  test(`a VAE with ${JSON.stringify(spec.likelihood)} fused and separate`, async () => {
    const device = await nodeDevice();
    const { request, ...numbers } = vaeGraph(spec);
    const fused = await evaluate(device, { ...request, ...numbers, step });
    const separate = await evaluate(device, { ...request, ...numbers, step, fusion: false });
    expect(separate.labels.filter((label) => label.includes('+'))).toEqual([]);
    expect(fused.labels.length).toBeLessThan(separate.labels.length);
    for (const name of ['loss', 'terms']) expectSame(fused.outputs[name]!, separate.outputs[name]!, name);
    for (const { name, offset, shape } of request.parameters!.entries) {
      const part = (flat: Float32Array): Float32Array =>
        flat.subarray(offset, offset + shape.reduce((a, b) => a * b, 1));
      expect(largest(part(separate.gradients)), `${name} has a gradient`).toBeGreaterThan(0);
      expectSame(part(fused.gradients), part(separate.gradients), name);
    }
  });

test('the fused plan of a Bernoulli VAE has these dispatches', async () => {
  const { request, ...numbers } = vaeGraph(specs[0]!);
  const { labels } = await evaluate(await nodeDevice(), { ...request, ...numbers, step });
  expect(labels).toEqual([
    'encoder.0/matmul+add+tanh',
    'moments/matmul+add',
    'posterior/reparameterize',
    'decoder.0/matmul+add',
    'decoder.0/unary', // SiLU keeps its input for the derivative, so only the bias joins the product
    'decoder.2/matmul+add',
    'rowWeights',
    'likelihood/likelihood+gradient',
    'objective',
    'gradient decoder.2/matmul/matmul+columnSum',
    'gradient decoder.2/matmul/matmul+activationGradient',
    'gradient decoder.0/matmul/matmul',
    'gradient decoder.0/matmul/matmul+columnSum',
    'gradient posterior/reparameterize/reparameterizeGradient',
    'gradient moments/matmul/matmul+columnSum',
    'gradient moments/matmul/matmul+activationGradient',
    'gradient encoder.0/matmul/matmul+columnSum',
  ]);
});

test('reusing buffers changes no bit', async () => {
  const device = await nodeDevice();
  for (const fusion of [true, false]) {
    const { request, ...numbers } = vaeGraph(specs[1]!);
    const [shared, own] = [true, false].map((reuse) =>
      evaluate(device, { ...request, ...numbers, step, fusion, reuse }),
    );
    expect((await shared!).outputs).toEqual((await own!).outputs);
    expect((await shared!).gradients).toEqual((await own!).gradients);
  }
});

test('two gradients of one loss in one plan', async () => {
  const device = await nodeDevice();
  const { request, ...numbers } = vaeGraph(specs[2]!);
  const targets = request.parameters!.entries.map(({ tensor }) => tensor);
  const { loss } = request.outputs;
  // As alternating schemes do: the decoder's gradients and the encoder's, each from a walk of its own.
  const walks = targets.map((target, i) => [`gradient ${i}`, gradient(loss!, [target])[0]!] as const);
  const outputs = { loss: loss!, ...Object.fromEntries(walks) };
  const twice = { label: 'two gradients', outputs, parameters: request.parameters!, ...numbers, step };
  const fused = await evaluate(device, twice);
  const separate = await evaluate(device, { ...twice, fusion: false });
  for (const [name, values] of Object.entries(separate.outputs))
    expectSame(fused.outputs[name]!, values, name);
});

/** <cotangent, y> summed over `outputs`, and its gradients by `targets`. */
function pulledBack(
  outputs: readonly Tensor[],
  cotangents: readonly Tensor[],
  targets: readonly Tensor[],
): Tensor[] {
  const products = outputs.map((output, i) => sum(multiply(output, cotangents[i]!)));
  return gradient(
    products.reduce((a, b) => add(a, b)),
    targets,
  );
}

/** Evaluates a kernel and its composition on the same inputs and compares outputs and gradients. */
async function compare(
  inputs: Readonly<Record<string, F64>>,
  targetNames: readonly string[],
  kernel: (tensors: Readonly<Record<string, Tensor>>) => readonly Tensor[],
  composition: (tensors: Readonly<Record<string, Tensor>>) => readonly Tensor[],
): Promise<void> {
  const device = await nodeDevice();
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]) => [name, input(name, shape)]),
  );
  const targets = targetNames.map((name) => tensors[name]!);
  const results = [kernel, composition].map(async (build) => {
    const outputs = build(tensors);
    const cotangents = outputs.map((output, i) => ({
      tensor: input(`g${i}`, output.shape),
      values: randomNormal(output.shape, 50 + i),
    }));
    const gradients = pulledBack(
      outputs,
      cotangents.map(({ tensor }) => tensor),
      targets,
    );
    return evaluate(device, {
      label: 'composition',
      outputs: Object.fromEntries([...outputs, ...gradients].map((tensor, i) => [`tensor ${i}`, tensor])),
      inputs: { ...inputs, ...Object.fromEntries(cotangents.map(({ values }, i) => [`g${i}`, values])) },
      step: { seed: [3, 4], stream: 5, row_count: 2 },
    });
  });
  const [actual, expected] = await Promise.all(results);
  expect(actual!.labels.length).toBeLessThan(expected!.labels.length);
  for (const [name, values] of Object.entries(expected!.outputs))
    expectSame(actual!.outputs[name]!, values, name);
}

const norms: readonly [name: string, attributes: NormalizeAttributes][] = [
  ['groupNorm', { kind: 'groupNorm', groups: 2, epsilon: 1e-5 }],
  ['layerNorm', { kind: 'layerNorm', groups: 1, epsilon: 1e-5 }],
  [
    'batchNorm',
    { kind: 'batchNorm', groups: 1, epsilon: 1e-5, statistics: { training: true, momentum: 0.1, batch: 3 } },
  ],
];
for (const [name, attributes] of norms)
  test(`${name} and its composition`, async () => {
    const shape = [6, 2, 3, 4]; // two samples of a batch of 3, of which the last is padding
    await compare(
      { x: randomNormal(shape, 1), gamma: randomUniform([4], 2, 0.5, 1.5), beta: randomNormal([4], 3) },
      ['x', 'gamma', 'beta'],
      ({ x, gamma, beta }) => [apply(normalizeOp, [x!, gamma!, beta!], attributes)[0]!],
      ({ x, gamma, beta }) => [normalizeComposition(x!, gamma!, beta!, attributes)],
    );
  });

const [R, B, D] = [6, 3, 5];
for (const family of ['bernoulli', 'gaussian', 'laplace'] as const)
  for (const scaleShape of family === 'bernoulli' ? [[1]] : [[1], [D], [R, D]])
    test(`likelihood ${family} with scale [${scaleShape.join(', ')}] and its composition`, async () => {
      const inputs = {
        prediction: randomNormal([R, D], 1),
        x: randomUniform([B, D], 2, 0, 1),
        scale: randomNormal(scaleShape, 3, 0.5),
      };
      const targets = family === 'bernoulli' ? ['prediction'] : ['prediction', 'scale'];
      await compare(
        inputs,
        targets,
        ({ prediction, x, scale }) => [likelihood(family, prediction!, x!, scale)],
        ({ prediction, x, scale }) => [
          likelihoodComposition(prediction!, x!, broadcastTo(scale!, [R, D]), family),
        ],
      );
    });

for (const posterior of ['diagonal', 'isotropic'] as const)
  for (const estimator of ['A', 'B'] as const)
    for (const samples of [1, 3])
      for (const supplied of [true, false])
        test(`reparameterize ${posterior} ${estimator} S=${samples} ${supplied ? 'supplied' : 'own'} noise and its composition`, async () => {
          const latent = 4;
          const moments = randomNormal([B, posterior === 'diagonal' ? 2 * latent : latent + 1], 1);
          moments.values[moments.values.length - 1] = -35; // clamped, where the gradient is zero
          const inputs = { moments, noise: randomNormal([samples * B, latent], 2) };
          const attributes = { latent, samples, posterior, estimator, tag: 9 };
          await compare(
            inputs,
            ['moments'],
            ({ moments: m, noise }) => {
              const { z, kl } = reparameterize(m!, attributes, supplied ? noise : undefined);
              return [z, kl];
            },
            ({ moments: m, noise }) =>
              reparameterizeComposition(m!, supplied ? noise : undefined, attributes),
          );
        });

test('attention and its composition', async () => {
  const inputs = Object.fromEntries(
    ['q', 'k', 'v'].map((name, i) => [name, randomNormal([2, 21, 6], i + 1)]),
  );
  await compare(
    inputs,
    ['q', 'k', 'v'],
    ({ q, k, v }) => [attention(q!, k!, v!)],
    ({ q, k, v }) => [attentionComposition(q!, k!, v!)],
  );
});
