/**
 * Plan: the float64 reference of the image operations against PyTorch (float64) to 1e-12, values and gradients of a
 * random cotangent: average and max pooling (touching, overlapping, padded; maxima with ties), PixelShuffle with its
 * channel order converted, nearest upsampling, softmax, attention.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { attention, attentionBackward } from '../reference/attention.js';
import { largestError } from '../reference/difference.js';
import { depthToSpace, spaceToDepth, upsample, upsampleBackward } from '../reference/image.js';
import { pool, poolBackward, type PoolWindows } from '../reference/pool.js';
import { transpose } from '../reference/reduce.js';
import { softmax, softmaxBackward } from '../reference/softmax.js';
import { fromValues, type F64 } from '../reference/tensor.js';

const TOLERANCE = 1e-12;

interface Golden {
  inputs: number[][];
  /** Shape of value and cotangent. */
  result: number[];
  value: number[];
  cotangent: number[];
  gradients: number[][];
}
interface Resized extends Golden {
  shape: number[];
  factor: number;
}

const golden: {
  format: number;
  pools: (Golden & PoolWindows & { shape: number[]; function: 'average' | 'max' })[];
  pixelShuffles: Resized[];
  upsamplings: Resized[];
  softmax: Golden;
  attention: Golden;
} = JSON.parse(readFileSync(new URL('../goldens/images.json', import.meta.url), 'utf8'));

const toNhwc = (x: F64): F64 => transpose(x, [0, 2, 3, 1]);
const toNchw = (x: F64): F64 => transpose(x, [0, 3, 1, 2]);

/** Images of the file, channels last. */
function images(shape: readonly number[], values: readonly number[]): F64 {
  return toNhwc(fromValues(shape, values));
}

function expectEqual(actual: F64, expected: readonly number[], what: string): void {
  expect(largestError(actual.values, expected), what).toBeLessThan(TOLERANCE);
}

/** PyTorch's channel order (o, ry, rx) as ours, (ry, rx, o), or back. */
function reorder(x: F64, r: number, to: 'ours' | 'theirs'): F64 {
  const [B, H, W, channels] = x.shape as [number, number, number, number];
  const O = channels / (r * r);
  const split = to === 'ours' ? [B * H * W, O, r * r] : [B * H * W, r * r, O];
  return { shape: x.shape, values: transpose({ shape: split, values: x.values }, [0, 2, 1]).values };
}

test('the file has the format this test reads', () => {
  expect(golden.format).toBe(1);
  expect(golden.pools).toHaveLength(12);
});

golden.pools.forEach((row, index) =>
  test(`${row.function} pooling ${index}: ${row.kernel.join('x')} stride ${row.stride.join(', ')}`, () => {
    const x = images(row.shape, row.inputs[0]!);
    expectEqual(toNchw(pool(row.function, x, row)), row.value, 'value');
    const cotangent = images(row.result, row.cotangent);
    expectEqual(toNchw(poolBackward(row.function, x, row, cotangent)), row.gradients[0]!, 'gradient');
  }),
);

for (const row of golden.pixelShuffles)
  test(`PixelShuffle by ${row.factor} is depthToSpace of reordered channels`, () => {
    const x = reorder(images(row.shape, row.inputs[0]!), row.factor, 'ours');
    expectEqual(toNchw(depthToSpace(x, row.factor)), row.value, 'value');
    const xGradient = spaceToDepth(images(row.result, row.cotangent), row.factor);
    expectEqual(toNchw(reorder(xGradient, row.factor, 'theirs')), row.gradients[0]!, 'gradient');
  });

for (const row of golden.upsamplings)
  test(`nearest upsampling by ${row.factor}`, () => {
    expectEqual(toNchw(upsample(images(row.shape, row.inputs[0]!), row.factor)), row.value, 'value');
    const xGradient = upsampleBackward(images(row.result, row.cotangent), row.factor);
    expectEqual(toNchw(xGradient), row.gradients[0]!, 'gradient');
  });

test('softmax', () => {
  const { inputs, result, value, cotangent, gradients } = golden.softmax;
  const x = fromValues(result, inputs[0]!);
  expectEqual(softmax(x), value, 'value');
  expectEqual(softmaxBackward(x, fromValues(result, cotangent)), gradients[0]!, 'gradient');
});

test('attention', () => {
  const { inputs, result, value, cotangent, gradients } = golden.attention;
  const [q, k, v] = inputs.map((values) => fromValues(result, values)) as [F64, F64, F64];
  expectEqual(attention(q, k, v), value, 'value');
  attentionBackward(q, k, v, fromValues(result, cotangent)).forEach((actual, i) =>
    expectEqual(actual, gradients[i]!, `gradient of ${'qkv'[i]}`),
  );
});
