/**
 * Plan: what `plan`, `train --profile` and `tune` print about a training step, without a GPU.
 * - variants in words, for each skeleton, cut and unaligned; none for what is no product;
 * - memory by class: the classes of a dense VAE counted by hand, and the peak against a buffer for every tensor;
 * - the roof: which of the two binds, shares of it, and a dispatch that took no tick of the clock;
 * - tune's table: the rule and the best marked, rates, and the sums of a step.
 */
import { expect, test } from '@playwright/test';
import { gradient, input, makePlan, type Plan, type PlanRequest } from 'webgpu-vae/gpu';
import type { Dispatch } from '../../src/gpu/dispatch.js';
import { formatMemory, memoryOf } from '../../src/node/cli/memory.js';
import { describeVariant } from '../../src/node/cli/product.js';
import { formatProfile, type DispatchProfile } from '../../src/node/cli/profile.js';
import { roofTime } from '../../src/node/cli/roof.js';
import { kernels } from '../../src/gpu/kernels.generated.js';
import { formatTuning, type TunedProduct } from '../../src/node/cli/tune.js';
import { Model } from '../../src/vae/model.js';
import { completeSpec } from '../../src/vae/spec.js';

function dispatchOf(kernel: keyof typeof kernels, overrides: Dispatch['overrides'], z = 1): Dispatch {
  return {
    kernel: kernels[kernel],
    bindings: {},
    overrides,
    parameters: { rows: 1, columns: 1, inner: 1, stride_y: 2, stride_x: 2 },
    workgroups: [1, 1, z],
    cost: { flops: 0, bytesRead: 0, bytesWritten: 0 },
  };
}

const registers = { ROW_QUADS: 4, COLUMN_QUADS: 2, WORKGROUP_X: 4, WORKGROUP_Y: 8 };
const workgroup = { QUADS: 2, TILE_INNER: 16, WORKGROUP_X: 16, WORKGROUP_Y: 8 };

const variants: readonly (readonly [dispatch: Dispatch, words: string])[] = [
  [dispatchOf('matmul_quads', registers), 'quads 128x32'],
  [dispatchOf('matmul_registers_any', registers), 'registers 128x32, unaligned'],
  [dispatchOf('conv_weight_workgroup', workgroup, 3), 'workgroup 64x128, 3 pieces'],
  [dispatchOf('conv_quads', { ...registers, INPUT_GRADIENT: true }, 4), 'quads 128x32'],
  [dispatchOf('conv_quads', { ...registers, INPUT_GRADIENT: true }, 8), 'quads 128x32, 2 pieces'],
  [dispatchOf('conv_quads', { ...registers, INPUT_GRADIENT: false }, 4), 'quads 128x32, 4 pieces'],
  [dispatchOf('sum', {}), '-'],
  [dispatchOf('attention', {}), '-'],
];

test('variants in words', () => {
  for (const [dispatch, words] of variants)
    expect(describeVariant(dispatch), dispatch.kernel.name).toBe(words);
});

const model = new Model(
  completeSpec({
    input: [8],
    latent: 2,
    encoder: [{ type: 'dense', units: 4 }],
    decoder: [{ type: 'dense', units: 4 }],
    likelihood: { type: 'bernoulli' },
  }),
);

function trainingPlan(rule: 'adam' | 'sgd', reuse = true): Plan {
  const { loss, terms } = model.elbo(input('x', [16, 8]), { estimator: 'B', samples: 1 });
  const { set } = model.weights;
  const targets = set.entries.map(({ tensor }) => tensor);
  const request: PlanRequest = {
    label: 'train',
    outputs: { loss, terms },
    parameters: set,
    gradients: gradient(loss, targets),
    update: { rule, beta1: 0.9, beta2: 0.999, maxNorm: 0 },
    reuse,
  };
  return makePlan(request, 'software');
}

const lengths = { weights: model.weights.set.length, state: model.weights.state.length };
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

test('memory by class', () => {
  const plan = trainingPlan('adam');
  const classes = memoryOf(plan, lengths);
  const bytes = new Map(classes.map(({ name, byteLength }) => [name.split(':')[0], byteLength]));
  expect(bytes.get('weights')).toBe(4 * lengths.weights);
  expect(bytes.get('gradients')).toBe(4 * lengths.weights);
  expect(bytes.get('moments')).toBe(8 * lengths.weights);
  expect(bytes.get('inputs')).toBe(4 * 16 * 8);
  expect(bytes.get('activations')).toBe(total(plan.slotByteLengths));
  expect(bytes.get('uniforms')).toBe(256 * plan.dispatches.length);
  // The planner itself says what it takes without reuse.
  const alone = total(trainingPlan('adam', false).slotByteLengths);
  expect(classes.find(({ name }) => name.startsWith('activations'))!.withoutReuse).toBe(alone);
  expect(alone).toBeGreaterThan(total(plan.slotByteLengths));
  expect(memoryOf(trainingPlan('sgd'), lengths).find(({ name }) => name === 'moments')!.byteLength).toBe(
    4 * lengths.weights,
  );
});

test('the table of memory ends in the peak and leaves empty classes out', () => {
  const classes = [
    { name: 'weights', byteLength: 1000, withoutReuse: 1000 },
    { name: 'state', byteLength: 0, withoutReuse: 0 },
    { name: 'activations: 4 tensors in 2 slots', byteLength: 2000, withoutReuse: 5000 },
  ];
  expect(formatMemory(classes).split('\n')).toEqual([
    'GPU memory                            plan  without reuse',
    'weights                            1.00 kB        1.00 kB',
    'activations: 4 tensors in 2 slots  2.00 kB        5.00 kB',
    'peak                               3.00 kB        6.00 kB',
    'peak: 3000 of 6000 bytes, 50.0 %',
  ]);
});

const roof = { flopPerSecond: 10e9, bytePerSecond: 1e9 };

test('the roof is whichever of the two takes longer', () => {
  expect(roofTime({ flops: 20e6, bytesRead: 1e6, bytesWritten: 0.5e6 }, roof)).toEqual({
    bound: 'arithmetic',
    timeMs: 2,
  });
  expect(roofTime({ flops: 20e6, bytesRead: 1e6, bytesWritten: 3e6 }, roof)).toEqual({
    bound: 'memory',
    timeMs: 4,
  });
  expect(roofTime({ flops: 0, bytesRead: 0, bytesWritten: 0 }, roof).timeMs).toBe(0);
});

test('a profile, the slowest dispatch first', () => {
  const entry = { kernel: 'sum', variant: '-', bytes: 0 };
  const dispatches: DispatchProfile[] = [
    { ...entry, label: 'none', flops: 5, timeMs: 0, roof: { bound: 'memory', timeMs: 0.5 } },
    { ...entry, label: 'short', flops: 1e6, timeMs: 2, roof: { bound: 'memory', timeMs: 1.5 } },
    {
      ...entry,
      label: 'long',
      kernel: 'matmul_quads',
      variant: 'quads 32x64',
      flops: 20e6,
      timeMs: 8,
      roof: { bound: 'arithmetic', timeMs: 2 },
    },
  ];
  expect(formatProfile({ roof, dispatches }).split('\n')).toEqual([
    'dispatch  kernel        variant         ms   share          rate  of roof  bound by',
    'long      matmul_quads  quads 32x64  8.000  80.0 %  2.50 GFLOP/s   25.0 %  arithmetic',
    'short     sum           -            2.000  20.0 %   500 MFLOP/s   75.0 %  memory',
    'none      sum           -            0.000   0.0 %             -        -  memory',
    '10.000 ms in 3 dispatches, 40.0 % of the roof: 10.0 GFLOP/s of multiply-adds, 1.00 GB/s of memory',
  ]);
});

test("tune's table marks the rule and the best", () => {
  const key = { family: 'conv', rows: 64, columns: 32, inner: 16, phases: 4, aligned: false } as const;
  const tiling = { kernel: 'quads', quads: [4, 2], workgroup: [4, 2], splits: 1 } as const;
  const rule = { tiling, timeMs: 4 };
  const best = { tiling: { ...tiling, quads: [2, 2], splits: 2 } as const, timeMs: 2 };
  const products: TunedProduct[] = [
    { key, flops: 8e6, count: 2, measurements: [rule, best], best },
    {
      key: { ...key, family: 'matmul', phases: 1, aligned: true },
      flops: 1e6,
      count: 1,
      measurements: [rule],
      best: rule,
    },
  ];
  expect(formatTuning(products).split('\n')).toEqual([
    'product                                           variant                                     ms          rate',
    'conv 64 x 32 x 16, 4 phases, unaligned, 2 a step  quads 32x32 (16x8 each of 2x4)           4.000  2.00 GFLOP/s  rule',
    '                                                  quads 16x32, 2 pieces (8x8 each of 2x4)  2.000  4.00 GFLOP/s  best',
    'matmul 64 x 32 x 16                               quads 32x32 (16x8 each of 2x4)           4.000   250 MFLOP/s  rule, best',
    'products of a step: 6.000 ms; by the rule 8.000 ms',
  ]);
});
