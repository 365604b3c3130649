/**
 * Plan: layers made of image ops, on Dawn against the float64 reference where they compute more than one op does.
 * - attention: four projections, attention over pixels and the residual sum, value and the gradient of every weight;
 *   its weights' names;
 * - dropout: absent without training, present with it, another mask for another layer;
 * - pooling and upsampling: the op under the layer's name.
 */
import { expect, test } from '@playwright/test';
import { gradient, input, makePlan, multiply, sum } from 'webgpu-vae/gpu';
import type { LayerSpec } from '../../src/vae/layer-spec.js';
import { stack, type Stack } from '../../src/vae/layers/stack.js';
import { WeightFactory } from '../../src/vae/weights.js';
import { evaluate, largest } from '../evaluate.js';
import { nodeDevice } from '../node-device.js';
import { attention as reference, attentionBackward } from '../reference/attention.js';
import { matmul, matmulBackward } from '../reference/matmul.js';
import { fromValues, map, randomNormal, type F64 } from '../reference/tensor.js';
import { tolerances } from '../tolerance.js';

const [B, H, W, C] = [2, 3, 4, 5];

/** Layers whose weights, if any, are in `weights`. */
function layersOf(
  specs: readonly LayerSpec[],
  shape: readonly number[],
  weights = new WeightFactory(),
): Stack {
  return stack(specs, { shape }, { weights, prefix: 'encoder', where: 'spec.encoder' });
}
const flat = [B * H * W, C];
const points = [B, H * W, C];
const parts = ['query', 'key', 'value', 'output'] as const;

/** The layer's output and the gradients of its weights, in the order of `parts`, for a cotangent of the output. */
function expected(x: F64, weights: readonly F64[], biases: readonly F64[], g: F64): F64[] {
  const view = (tensor: F64, shape: number[]): F64 => fromValues(shape, tensor.values);
  const rows = view(x, flat);
  const [q, k, v] = [0, 1, 2].map((i) => view(matmul(rows, weights[i]!, { bias: biases[i]! }), points)) as [
    F64,
    F64,
    F64,
  ];
  const attended = view(reference(q, k, v), flat);
  const last = { bias: biases[3]! };
  const projected = matmul(attended, weights[3]!, last);
  const y = map(x, (value, i) => value + projected.values[i]!);
  const outer = matmulBackward(attended, weights[3]!, last, view(g, flat));
  const inner = attentionBackward(q, k, v, view(outer.aGradient, points)).map((gradientOf, i) =>
    matmulBackward(rows, weights[i]!, { bias: biases[i]! }, view(gradientOf, flat)),
  );
  return [y, ...[...inner, outer].flatMap(({ bGradient, biasGradient }) => [bGradient, biasGradient])];
}

function expectClose(actual: Float32Array, { values }: F64, name: string): void {
  const allowed = tolerances.network(Math.max(1, largest(values)));
  const wrong = values.findIndex((value, i) => !(Math.abs(actual[i]! - value) <= allowed));
  expect(wrong, `${name}[${wrong}] is ${actual[wrong]}; expected ${values[wrong]}`).toBe(-1);
  expect(actual.length, name).toBe(values.length);
}

test('attention is its projections, attention over pixels, and the sum with its input', async () => {
  const factory = new WeightFactory();
  const layer = layersOf([{ type: 'attention' }], [H, W, C], factory);
  const { entries } = factory.set;
  expect(entries.map(({ name }) => name)).toEqual(
    parts.flatMap((part) => [`encoder.0.${part}.weight`, `encoder.0.${part}.bias`]),
  );
  const values = entries.map(({ shape }, i) => randomNormal(shape, i, 0.6));
  const flatWeights = new Float32Array(factory.set.length);
  entries.forEach(({ offset }, i) => flatWeights.set(values[i]!.values, offset));

  const [x, g] = [randomNormal([B, H, W, C], 20), randomNormal([B, H, W, C], 21)];
  const y = layer.apply(input('x', x.shape));
  const loss = sum(multiply(y, input('g', g.shape)));
  const gradients = gradient(
    loss,
    entries.map(({ tensor }) => tensor),
  );
  const result = await evaluate(await nodeDevice(), {
    label: 'attention layer',
    outputs: { y },
    parameters: factory.set,
    gradients,
    inputs: { x, g },
    weights: flatWeights,
  });
  const isBias = (_: F64, i: number): boolean => i % 2 === 1;
  const weights = values.filter((value, i) => !isBias(value, i));
  const [output, ...rest] = expected(x, weights, values.filter(isBias), g);
  expectClose(result.outputs['y']!, output!, 'y');
  entries.forEach(({ name, offset }, i) => {
    const actual = result.gradients.subarray(offset, offset + rest[i]!.values.length);
    expectClose(actual, rest[i]!, name);
  });
});

test('dropout is in graphs for training only, with a mask for every layer', async () => {
  const x = input('x', [7, 9]);
  const half: LayerSpec = { type: 'dropout', rate: 0.5 };
  const first = layersOf([half], [9]);
  const second = layersOf([{ type: 'activation', activation: 'identity' }, half], [9]);
  expect(first.apply(x)).toBe(x);
  const inputs = { x: randomNormal([7, 9], 1) };
  const training = { batch: 7 };
  const outputs = {
    a: first.apply(x, training),
    again: first.apply(x, training),
    b: second.apply(x, training),
  };
  const result = await evaluate(await nodeDevice(), { label: 'dropout', outputs, inputs });
  const zeros = (name: string): number[] =>
    [...result.outputs[name]!.keys()].filter((i) => result.outputs[name]![i] === 0);
  expect(zeros('a').length).toBeGreaterThan(15);
  expect(zeros('a').length).toBeLessThan(48);
  expect(zeros('again')).toEqual(zeros('a'));
  expect(zeros('b')).not.toEqual(zeros('a'));
  expect(result.labels).toContain('encoder.1/dropout');
});

test('pooling and upsampling are the ops under the layers names', () => {
  const x = input('x', [2, 6, 4, 3]);
  const outputs = {
    average: layersOf([{ type: 'averagePool', kernel: 2 }], [6, 4, 3]).apply(x),
    max: layersOf([{ type: 'maxPool', kernel: [3, 1], stride: 1, padding: [1, 0] }], [6, 4, 3]).apply(x),
    larger: layersOf([{ type: 'upsample', factor: 2 }], [6, 4, 3]).apply(x),
  };
  expect(Object.values(outputs).map(({ shape }) => shape)).toEqual([
    [2, 3, 2, 3],
    [2, 6, 4, 3],
    [2, 12, 8, 3],
  ]);
  const plan = makePlan({ label: 'layers', outputs }, 'software');
  expect(plan.dispatches.map(({ label }) => label)).toEqual([
    'encoder.0/pool',
    'encoder.0/pool',
    'encoder.0/upsample',
  ]);
});
