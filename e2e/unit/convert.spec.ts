/**
 * Plan: weights between PyTorch and ours.
 * - conv2d: the golden weights arrive as the reference has them, with and without a PixelShuffle, and go back;
 * - conv_transpose2d: the goldens' outputs to the last bit by a convolution and a rearrangement; every kernel 1 to 7,
 *   stride 1 to 4, padding and output padding that PyTorch takes, against its definition in float64, images of 1 to 3;
 * - back again, bits equal; refused: a weight outside of the kernel, biases that differ, another geometry, bad options;
 * - the world-models preset's deconvolutions are those of kernels 5, 5, 6, 6 with stride 2.
 */
import { expect, test } from '@playwright/test';
import type { Padding } from '../../src/gpu/ops/conv.js';
import type { Pair } from '../../src/gpu/shape.js';
import * as convert from '../../src/vae/convert/convolution.js';
import {
  deconvFromTorch,
  deconvToTorch,
  type Deconvolution,
  type TransposedOptions,
} from '../../src/vae/convert/transposed-convolution.js';
import { worldModelsSpec } from '../../src/vae/presets.js';
import { describeTransposed, image, loadConvolutions, read, weight } from '../goldens/convolutions.js';
import * as conv from '../reference/conv.js';
import { depthToSpace } from '../reference/image.js';
import { slice } from '../reference/reduce.js';
import { fromValues, map, randomNormal, type F64 } from '../reference/tensor.js';

const golden = loadConvolutions();

const float32 = ({ shape, values }: F64): { shape: number[]; values: Float32Array } => ({
  shape,
  values: Float32Array.from(values),
});

test.describe('a Conv2d', () => {
  const row = golden.convolutions[0]!;

  test('has its weight as the reference has it, and gets it back', () => {
    const ours = convert.convWeightFromTorch(float32(read(row.weight)));
    expect({ ...float32(weight(row.weight)), axes: 'KH, KW, C, O' }).toEqual(ours);
    expect(convert.convWeightToTorch(ours)).toEqual(float32(read(row.weight)));
  });

  test('before a PixelShuffle has its channels in the order (row, column, channel)', () => {
    const [factor, O] = [2, 3];
    const stored = { shape: [12, 1, 1, 1], values: Float32Array.from({ length: 12 }, (_, i) => i) };
    const ours = convert.convWeightFromTorch(stored, factor);
    const expected = [0, 1, 2, 3].flatMap((pixel) => [0, 1, 2].map((o) => o * factor ** 2 + pixel));
    expect(expected).toHaveLength(factor ** 2 * O);
    expect([...ours.values]).toEqual(expected);
    expect(convert.convWeightToTorch(ours, factor)).toEqual(stored);
    expect([...convert.convBiasFromTorch(stored.values, factor)]).toEqual(expected);
    expect(convert.convBiasToTorch(Float32Array.from(expected), factor)).toEqual(stored.values);
  });

  test('is refused with other axes, missing values, or channels that do not divide', () => {
    const values = new Float32Array(6);
    expect(() => convert.convWeightFromTorch({ shape: [2, 3], values })).toThrow(
      '[convWeightFromTorch] the weight is f32[2, 3] with 6 values; expected f32[output channels, channels, height, width]',
    );
    expect(() => convert.convWeightFromTorch({ shape: [2, 3, 2, 1], values })).toThrow('with 6 values');
    expect(() => convert.convWeightFromTorch({ shape: [6, 1, 1, 1], values }, 2)).toThrow(
      '[convWeightFromTorch] the factor is 2; 6 channels divide',
    );
    expect(() => convert.convBiasToTorch(values, 1.5)).toThrow('the factor is 1.5');
  });
});

/** The deconvolution as the layer computes it, in float64. */
function apply(x: F64, { layer, weight: w, bias }: Deconvolution): F64 {
  const padding = layer.padding as Padding;
  const values = fromValues(w.shape, w.values);
  const coarse = map(
    conv.conv2d(x, values, { stride: [1, 1], padding }),
    (value, i) => value + bias[i % bias.length]!,
  );
  const y = depthToSpace(coarse, layer.factor!);
  return layer.crop!.reduce<F64>(
    (result, pixels, axis) => slice(result, axis + 1, 0, result.shape[axis + 1]! - pixels),
    y,
  );
}

const largestDifference = (a: F64, b: F64): number =>
  a.values.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b.values[i]!)), 0);

test.describe('a ConvTranspose2d', () => {
  for (const row of golden.transposed)
    test(`of ${describeTransposed(row)} is a deconvolution by reshape, and comes back`, () => {
      const [stored, bias] = [float32(read(row.weight)), Float32Array.from(read(row.bias).values)];
      const deconvolution = deconvFromTorch(stored, bias, row);
      expect(map(apply(image(row.x), deconvolution), (value) => value + 0)).toEqual(image(row.y));
      expect(deconvToTorch(deconvolution, row.kernel, row)).toEqual({ weight: stored, bias });
    });

  for (const stride of [1, 2, 3, 4])
    test(`of any kernel and padding with stride ${stride} equals its definition on every image`, () => {
      for (const [kernel, options] of geometries(stride)) {
        const words = JSON.stringify({ kernel, ...options });
        const stored = randomNormal([2, 3, ...kernel], 7);
        const deconvolution = deconvFromTorch(float32(stored), undefined, options);
        expect(Math.min(...(deconvolution.layer.padding as Padding)), words).toBeGreaterThanOrEqual(0);
        expect(deconvToTorch(deconvolution, kernel, options).weight, words).toEqual(float32(stored));
        for (const size of [1, 2, 3]) {
          const x = randomNormal([1, size, 4 - size, 2], size);
          const expected = definition(x, stored, options);
          if (!expected) continue;
          const actual = apply(x, deconvolution);
          expect(actual.shape, words).toEqual(expected.shape);
          // float64 sums of at most 2 * 49 products
          expect(largestDifference(actual, expected), words).toBeLessThan(1e-12);
        }
      }
    });

  test('has padding and crop that do not change with the image', () => {
    const layers = golden.transposed.map(
      (row) => deconvFromTorch(float32(read(row.weight)), undefined, row).layer,
    );
    expect(layers.map(({ kernel, padding, crop }) => [kernel, padding, crop])).toEqual([
      [
        [3, 3],
        [1, 1, 1, 1],
        [0, 0],
      ],
      [
        [2, 2],
        [0, 1, 0, 1],
        [0, 0],
      ],
      [
        [1, 1],
        [0, 0, 0, 0],
        [0, 0],
      ],
      [
        [3, 3],
        [1, 1, 1, 1],
        [0, 0],
      ],
      [
        [3, 3],
        [2, 2, 2, 2],
        [1, 1],
      ],
      [
        [3, 3],
        [2, 2, 2, 2],
        [0, 0],
      ],
    ]);
  });
});

type Options = Required<{ [Name in 'padding' | 'outputPadding']: Pair }> & { stride: number };

/** Different kernels, paddings and output paddings along the two axes, each value with several of the others. */
function* geometries(stride: number): Generator<readonly [Pair, Options]> {
  for (let k = 1; k <= 7; k++)
    for (let p = 0; p < k; p++)
      for (let o = 0; o < stride; o++) {
        const width = (k % 5) + 1;
        const options: Options = { stride, padding: [p, p % width], outputPadding: [o, (o + p) % stride] };
        yield [[k, width], options];
      }
}

/** The transposed convolution as the input gradient of a convolution; nothing where PyTorch has no output. */
function definition(
  x: F64,
  { shape, values }: F64,
  { stride, padding, outputPadding }: Options,
): F64 | undefined {
  const [C, O, KH, KW] = shape as [number, number, number, number];
  const size = ([0, 1] as const).map(
    (axis) => stride * (x.shape[axis + 1]! - 1) - 2 * padding[axis] + [KH, KW][axis]! + outputPadding[axis],
  ) as [number, number];
  if (Math.min(...size) < 1) return undefined;
  const transposed = weight({ shape: [C, O, KH, KW], values: Array.from(values, (value) => 256 * value) });
  const [y, z] = padding;
  return conv.convInputGradient(x, transposed, size, { stride: [stride, stride], padding: [y, y, z, z] });
}

test.describe('refused', () => {
  const options: TransposedOptions = { stride: 2, padding: 1, outputPadding: 1 };
  const row = golden.transposed[1]!;
  const converted = (): Deconvolution =>
    deconvFromTorch(float32(read(row.weight)), Float32Array.from(read(row.bias).values), row);

  test('a weight outside of the kernel, by its place', () => {
    const { layer, weight: w, bias } = converted();
    w.values[w.shape[3] * 5 + 1] = 0.5; // [0, 1, 2, 1]: pixel (0, 0) has no tap at the right
    expect(() => deconvToTorch({ layer, weight: w, bias }, 3, options)).toThrow(
      '[deconvToTorch] weight [0, 1, 2, 1] is 0.5; it lies outside of a 3x3 kernel and would have to be 0; use a larger kernel, or keep Conv2d and PixelShuffle',
    );
  });

  test('biases that differ, by their places', () => {
    const deconvolution = converted();
    deconvolution.bias.set([1, 2], 2);
    deconvolution.bias.set([1, 3], 0);
    expect(() => deconvToTorch(deconvolution, 3, options)).toThrow(
      '[deconvToTorch] bias [3] is 2 and bias [1] is 3; they belong to pixels of the same channel',
    );
  });

  test('a ConvTranspose2d of another geometry', () => {
    expect(() => deconvToTorch(converted(), 4, { padding: 1 })).toThrow(
      '[deconvToTorch] the layer has kernel 2x2, padding [0,1,0,1], crop [0,0]; that ConvTranspose2d is one of kernel 3x3, padding [1,1,1,1], crop [0,0]; choose its kernel and padding so that they agree',
    );
  });

  test('options that PyTorch does not take, a padding as large as the kernel, other shapes', () => {
    const stored = float32(read(row.weight));
    for (const bad of [
      { stride: 0 },
      { stride: 2, outputPadding: 2 },
      { padding: 3 },
      { padding: -1 },
      { padding: 0.5 },
    ])
      expect(() => deconvFromTorch(stored, undefined, bad), JSON.stringify(bad)).toThrow(
        /^\[deconvFromTorch\] kernel 3, stride .* came; expected a padding below the kernel/,
      );
    expect(() => deconvFromTorch({ shape: [6, 9], values: stored.values })).toThrow(
      'the weight is f32[6, 9] with 54 values; expected f32[channels, output channels, height, width]',
    );
    expect(() => deconvFromTorch(stored, new Float32Array(3))).toThrow('the bias has 3 values');
  });
});

test('a layer that leaves kernel and padding to their defaults is a ConvTranspose2d of kernel 4 and padding 1', () => {
  const stored = float32(randomNormal([2, 1, 4, 4], 3));
  const { weight: w, bias } = deconvFromTorch(stored, undefined, { stride: 2, padding: 1 });
  const layer = { type: 'deconv', channels: 1 } as const;
  expect(deconvToTorch({ layer, weight: w, bias }, 4, { padding: 1 }).weight).toEqual(stored);
});

test("the world-models preset's deconvolutions are those of the 2018 architecture", () => {
  const { decoder } = worldModelsSpec({ input: [64, 64, 3] });
  const layers = decoder.flatMap((layer) => (layer.type === 'deconv' ? [layer] : []));
  const kernels = [5, 5, 6, 6];
  const channels = [1024, 128, 64, 32, 3];
  const expected = kernels.map((kernel, i) => {
    const shape = [channels[i]!, channels[i + 1]!, kernel, kernel];
    const values = new Float32Array(shape.reduce((a, b) => a * b));
    return deconvFromTorch({ shape, values }, undefined, { stride: 2 }).layer;
  });
  const full = layers.map((layer) => ({
    factor: 2,
    crop: [0, 0],
    ...layer,
    kernel: [3, 3],
    padding: [2, 2, 2, 2],
    activation: undefined,
  }));
  expect(layers.map((layer) => [layer.kernel, layer.padding])).toEqual(kernels.map(() => [3, 2]));
  expect(full).toEqual(expected);
});
