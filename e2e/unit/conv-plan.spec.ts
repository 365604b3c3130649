/**
 * Plan: how convolutions are planned, without a GPU. What is fused into them is in e2e/node/conv-fusion.spec.ts; here,
 * - what must stay a dispatch of its own: other readers, wanted tensors, other channels, another order of ops;
 * - what is absorbed where several read it;
 * - grids of more row tiles than an axis holds stay within the limits, cover every tile once, and refuse politely.
 */
import { expect, test } from '@playwright/test';
import {
  activate,
  add,
  conv2d,
  convGeometry,
  convInputGradient,
  convWeightGradient,
  depthToSpace,
  gradient,
  input,
  makePlan,
  matmul,
  spaceToDepth,
  sum,
  upsample,
  type Plan,
  type Tensor,
} from 'webgpu-vae/gpu';
import { matmulClasses } from '../cases/case.js';

const x = input('x', [2, 6, 4, 4]);
/** 3 x 3 to as many channels, and to 4 times as many. */
const [w, w4] = [input('w', [3, 3, 4, 4]), input('w4', [3, 3, 4, 16])];
const bias = input('bias', [4]);
const padding = 'same';
/** A gradient of what `w4` makes with its channels divided among 2 x 2 pixels. */
const fine = input('fine', [2, 12, 8, 4]);
const geometry = convGeometry([6, 4], [3, 3], { padding });
const up = upsample(x, 2);
const pixels = convGeometry([12, 8], [1, 1], {});
const gathered = spaceToDepth(fine, 2);

function labels(outputs: readonly Tensor[]): string[] {
  const named = Object.fromEntries(outputs.map((tensor, i) => [`${i}`, tensor]));
  const { dispatches } = makePlan({ label: 'apart', outputs: named }, 'gpu');
  return dispatches.map(({ label }) => label);
}

type Row = readonly [what: string, outputs: readonly Tensor[], labels: readonly string[]];

const product = conv2d(x, w, { padding });

const apart: readonly Row[] = [
  ['a product that is wanted', [product, activate(product, 'tanh')], ['conv', 'unary']],
  ['a product that two ops read', [add(activate(product, 'tanh'), product)], ['conv', 'unary', 'binary']],
  ['an image that is added', [add(product, input('residual', [2, 6, 4, 4]))], ['conv', 'binary']],
  ['a bias for every column', [add(product, input('columns', [4, 1]))], ['conv', 'binary']],
  [
    'a bias after the channels became pixels',
    [activate(add(depthToSpace(conv2d(x, w4, { padding }), 2), bias), 'tanh')],
    ['conv+depthToSpace', 'binary', 'unary'],
  ],
  [
    'channels that become pixels after the activation',
    [depthToSpace(activate(conv2d(x, w4, { padding }), 'tanh'), 2)],
    ['conv+tanh', 'depthToSpace'],
  ],
  [
    'channels that become pixels twice',
    [depthToSpace(depthToSpace(conv2d(x, w4, { padding }), 2), 2)],
    ['conv+depthToSpace', 'depthToSpace'],
  ],
  [
    'channels of a transposed convolution',
    [depthToSpace(convInputGradient(product, w, geometry), 2)],
    ['conv', 'conv', 'depthToSpace'],
  ],
  [
    'pixels that become channels of an image',
    [conv2d(spaceToDepth(x, 2), input('w16', [1, 1, 16, 3]))],
    ['depthToSpace', 'conv'],
  ],
  [
    'gathered pixels that are wanted',
    [gathered, convInputGradient(gathered, w4, geometry)],
    ['depthToSpace', 'conv'],
  ],
  [
    'gathered pixels that a sum reads too',
    [sum(gathered, [0, 1, 2]), convInputGradient(gathered, w4, geometry)],
    ['depthToSpace', 'sum', 'conv'],
  ],
  [
    'gathered pixels in the place of an image',
    [convWeightGradient(gathered, input('g', [2, 6, 4, 3]), convGeometry([6, 4], [1, 1], {}))],
    ['depthToSpace', 'conv'],
  ],
  [
    '6 channels that are repeated',
    [conv2d(upsample(input('six', [1, 2, 2, 6]), 2), input('w6', [3, 3, 6, 4]))],
    ['upsample', 'conv'],
  ],
  ['repeated pixels that are wanted', [up, conv2d(up, w)], ['upsample', 'conv']],
  [
    'repeated pixels that are added to a convolution',
    [add(conv2d(up, w, { padding }), up)],
    ['upsample', 'conv', 'binary'],
  ],
  [
    "repeated pixels in the place of y's gradient",
    [convInputGradient(up, input('w1', [1, 1, 3, 4]), pixels)],
    ['upsample', 'conv'],
  ],
  ['repeated pixels in both places', [convWeightGradient(up, up, pixels)], ['upsample', 'conv']],
];

for (const [what, outputs, expected] of apart)
  test(`${what}: nothing is absorbed that must not be`, () => {
    expect(labels(outputs).toSorted()).toEqual(expected.toSorted());
  });

const together: readonly Row[] = [
  [
    'two convolutions of the same repeated pixels',
    [conv2d(up, w), conv2d(up, w4)],
    ['conv+upsample', 'conv+upsample'],
  ],
  [
    'a transposed convolution with a bias',
    [activate(add(convInputGradient(product, w, geometry), bias), 'tanh')],
    ['conv', 'conv+add+tanh'],
  ],
  [
    'both gradients of the same gathered pixels, and their sum',
    [
      convInputGradient(gathered, w4, geometry),
      convWeightGradient(x, gathered, geometry),
      sum(gathered, [0, 1, 2]),
    ],
    ['conv+columnSum+depthToSpace', 'conv+depthToSpace'],
  ],
  [
    'the derivative of the layer before a deconvolution',
    gradient(sum(depthToSpace(conv2d(activate(conv2d(x, w, { padding }), 'tanh'), w4, { padding }), 2)), [w]),
    ['conv+tanh', 'gradient conv/conv+activationGradient+depthToSpace', 'gradient conv/conv'],
  ],
];

for (const [what, outputs, expected] of together)
  test(`${what}: absorbed`, () => {
    expect(labels(outputs).toSorted()).toEqual(expected.toSorted());
  });

/** Rows of a product whose tiles are more than an axis holds: for narrow and for wide tiles of every class. */
const longProducts = [
  [9_000_001, 4, 4],
  [4_194_304 + 1, 1, 60],
  [2_097_121, 3, 70],
] as const;

function gridOf(plan: Plan): readonly [number, number, number] {
  expect(plan.dispatches).toHaveLength(1);
  return plan.dispatches[0]!.dispatch.workgroups;
}

for (const [M, K, N] of longProducts)
  for (const adapterClass of matmulClasses)
    test(`${M} x ${K} x ${N} on ${adapterClass} kernels fits a grid`, () => {
      const planOf = (rows: number): Plan =>
        makePlan(
          { label: 'long', outputs: { y: matmul(input('a', [rows, K]), input('b', [K, N])) } },
          adapterClass,
        );
      const grid = gridOf(planOf(M));
      expect(Math.max(...grid)).toBeLessThanOrEqual(65_535);
      // A product of the same kernels that fits one axis says how many rows a tile has.
      const few = 1_000_000;
      const [columnTiles, fewTiles] = gridOf(planOf(few));
      const tiles = Math.ceil(M / 2 ** Math.round(Math.log2(few / fewTiles)));
      const blocks = grid[0] / columnTiles;
      expect(Number.isInteger(blocks)).toBe(true);
      expect(blocks * grid[1], 'all row tiles').toBeGreaterThanOrEqual(tiles);
      expect(blocks * grid[1] - tiles, 'few workgroups without work').toBeLessThan(blocks);
      if (tiles > 65_535) expect(blocks).toBeGreaterThan(1);
    });

test('one product of every class needs more row tiles than an axis holds', () => {
  for (const adapterClass of matmulClasses) {
    const [M, K, N] = longProducts[0];
    const y = matmul(input('a', [M, K]), input('b', [K, N]));
    expect(gridOf(makePlan({ label: 'long', outputs: { y } }, adapterClass))[0]).toBeGreaterThan(1);
  }
});

test('a convolution of many pixels fits a grid, phase by phase', () => {
  const image = input('image', [1, 9_000, 1_001, 1]);
  const weight = input('weight', [2, 2, 1, 1]);
  const y = conv2d(image, weight, { stride: 1, padding });
  const fold = convInputGradient(
    input('g', [1, 9_000, 1_001, 1]),
    weight,
    convGeometry([18_000, 2_002], [2, 2], { stride: 2 }),
  );
  for (const adapterClass of matmulClasses)
    for (const [tensor, phases] of [
      [y, 1],
      [fold, 4],
    ] as const) {
      const grid = gridOf(makePlan({ label: 'pixels', outputs: { tensor } }, adapterClass));
      expect(Math.max(...grid)).toBeLessThanOrEqual(65_535);
      expect(grid[0]).toBeGreaterThan(1);
      expect(grid[2]).toBe(phases);
    }
});

test('a product that no grid holds is refused', () => {
  const y = matmul(input('a', [1, 1]), input('b', [1, 2 ** 23 + 1]));
  expect(() => makePlan({ label: 'wide', outputs: { y } }, 'gpu')).toThrow(
    '[matmul] its product of 1 x 8388609 needs 131073 x 1 x 1 workgroups; an axis holds 65535; use smaller batches',
  );
});
