/**
 * Plan: the float64 convolutions, and the table of geometries that kernels are tested on.
 * - values and gradients against PyTorch (goldens, exact): conv2d by stride and padding, conv_transpose2d in six forms,
 *   PixelShuffle. Gradients against central differences are in reference-gradients.spec.ts;
 * - the lecture's deconvolution against its parts: a convolution, then a rearrangement;
 * - the table: every value of each axis, every kernel with each stride and padding, no row too large.
 */
import { expect, test } from '@playwright/test';
import { convTable, describeRow, paddingOf } from '../cases/conv-table.js';
import { describeTransposed, image, loadConvolutions, read, weight } from '../goldens/convolutions.js';
import * as conv from '../reference/conv.js';
import { deconvolution } from '../reference/deconvolution.js';
import { depthToSpace, spaceToDepth } from '../reference/image.js';
import { transpose } from '../reference/reduce.js';
import { map, randomNormal, type F64 } from '../reference/tensor.js';

const golden = loadConvolutions();

/** Values that came from adding in another order may be 0 here and -0 there. */
function unsigned(x: F64): F64 {
  return map(x, (value) => value + 0);
}

function addRow(x: F64, row: F64): F64 {
  return map(x, (value, i) => value + row.values[i % row.values.length]!);
}

test.describe('against PyTorch', () => {
  test('the file has every kind of convolution', () => {
    expect(golden.convolutions.map(({ paddingName }) => paddingName)).toContain('asymmetric');
    expect(golden.transposed).toHaveLength(6);
  });

  for (const row of golden.convolutions) {
    const { paddingName, stride, padding } = row;
    const [H, W] = row.x.shape.slice(2) as [number, number];
    const [KH, KW] = row.weight.shape.slice(2) as [number, number];
    test(`conv2d ${KH}x${KW} of ${H}x${W}, stride ${stride.join('x')}, padding ${paddingName}`, () => {
      if (paddingName === 'same') expect(conv.samePadding([H, W], [KH, KW], stride)).toEqual(padding);
      const [x, w, g] = [image(row.x), weight(row.weight), image(row.g)];
      const window = { stride, padding };
      expect(unsigned(conv.conv2d(x, w, window))).toEqual(image(row.y));
      expect(unsigned(conv.convInputGradient(g, w, [H, W], window))).toEqual(image(row.xGradient));
      expect(unsigned(conv.convWeightGradient(x, g, [KH, KW], window))).toEqual(weight(row.weightGradient));
    });
  }

  for (const row of golden.transposed) {
    const { stride, padding } = row;
    test(`conv_transpose2d of ${describeTransposed(row)} is the input gradient of a convolution`, () => {
      const [H, W] = row.y.shape.slice(2) as [number, number];
      const window = { stride: [stride, stride], padding: [padding, padding, padding, padding] } as const;
      const y = conv.convInputGradient(image(row.x), weight(row.weight), [H, W], window);
      expect(unsigned(addRow(y, read(row.bias)))).toEqual(image(row.y));
    });
  }

  for (const { r, x, y } of golden.shuffles)
    test(`depthToSpace of ${r} is PixelShuffle, whose channels stand in another order`, () => {
      const [B, channels, H, W] = x.shape as [number, number, number, number];
      const outer = { shape: [B, channels / (r * r), r * r, H * W], values: read(x).values };
      const reordered = transpose(outer, [0, 3, 2, 1]); // [B, H*W, r*r, O]
      const coarse = { shape: [B, H, W, channels], values: reordered.values };
      expect(depthToSpace(coarse, r)).toEqual(image(y));
      expect(spaceToDepth(image(y), r)).toEqual(coarse);
    });
});

for (const r of [2, 3, 4])
  for (const kernel of [1, 2, 3, 4, 5])
    test(`deconvolution ${kernel}x${kernel}, r = ${r}: the lecture's loops are a convolution and a rearrangement`, () => {
      const x = randomNormal([2, 3, 4, 2], 1);
      const w = randomNormal([kernel, kernel, 2, r * r * 3], 2);
      const bias = randomNormal([r * r * 3], 3);
      const padding = conv.samePadding([3, 4], [kernel, kernel], [1, 1]);
      const parts = depthToSpace(addRow(conv.conv2d(x, w, { stride: [1, 1], padding }), bias), r);
      const whole = deconvolution(x, w, bias, r);
      expect(whole.shape).toEqual(parts.shape);
      whole.values.forEach((value, i) => expect(Math.abs(value - parts.values[i]!)).toBeLessThan(1e-12));
    });

test.describe('the table of geometries', () => {
  const values = <T>(f: (row: (typeof convTable)[number]) => T): Set<T> => new Set(convTable.map(f));

  test('has every value of each axis and every kernel with each stride and padding', () => {
    const channels = [1, 2, 3, 4, 5, 8, 31, 33, 64];
    expect([...values(({ channels: c }) => c)].toSorted((a, b) => a - b)).toEqual(channels);
    expect([...values(({ outputs }) => outputs)].toSorted((a, b) => a - b)).toEqual(channels);
    expect(values(({ batch }) => batch)).toEqual(new Set([1, 2, 3]));
    expect(values(({ image: size }) => size.join('x'))).toEqual(new Set(['1x1', '5x7', '28x28', '33x31']));
    for (const kernel of ['1,1', '2,2', '3,3', '4,4', '5,5', '6,6', '7,7', '1,5'])
      for (const stride of ['1,1', '2,2', '3,3'])
        for (const padding of ['none', 'same', 'asymmetric'])
          expect(values((row) => [row.kernel, row.stride, row.padding].join(' '))).toContain(
            `${kernel} ${stride} ${padding}`,
          );
  });

  test('has no row of 2 MFLOP', () => {
    for (const row of convTable) {
      const kernel = [...row.kernel, row.channels, row.outputs];
      const window = { stride: row.stride, padding: paddingOf(row) };
      const [B, rows, columns] = conv.convOutputShape(
        [row.batch, ...row.image, row.channels],
        kernel,
        window,
      );
      const flop = 2 * B * rows * columns * kernel.reduce((a, b) => a * b);
      expect(flop, describeRow(row)).toBeLessThan(2e6);
    }
  });
});
