/**
 * Plan: row tiles that go on in further blocks of column tiles along x (shaders/lib/product_tile.wgsl), where there
 * are more than an axis holds. That takes millions of rows, so a small product's grid is folded as if an axis held
 * few: the bits must stay the same.
 * - a matrix product, a convolution, its gradients by x (in phases) and by the weight; aligned and not;
 * - folded into 2 and 3 blocks, so that the last has tiles past the end; several column tiles;
 * - the kernels of every adapter class.
 */
import { expect, test } from '@playwright/test';
import {
  conv2d,
  convGeometry,
  convInputGradient,
  convWeightGradient,
  input,
  matmul,
  type Plan,
  type Tensor,
} from 'webgpu-vae/gpu';
import { matmulClasses } from '../cases/case.js';
import { evaluate, type Evaluated } from '../evaluate.js';
import { nodeDevice } from '../node-device.js';
import { randomNormal } from '../reference/tensor.js';

interface Row {
  readonly name: string;
  readonly a: readonly number[];
  readonly b: readonly number[];
  build(a: Tensor, b: Tensor): Tensor;
}

const geometry = convGeometry([40, 23], [3, 2], { stride: 2, padding: 1 });

const rows: readonly Row[] = [
  { name: 'matmul', a: [301, 8], b: [8, 132], build: (a, b) => matmul(a, b) },
  { name: 'matmul of odd sizes', a: [301, 5], b: [5, 131], build: (a, b) => matmul(a, b) },
  { name: 'conv', a: [2, 17, 9, 4], b: [3, 3, 4, 72], build: (a, b) => conv2d(a, b, { padding: 1 }) },
  { name: 'conv of odd channels', a: [2, 17, 9, 3], b: [3, 3, 3, 71], build: (a, b) => conv2d(a, b) },
  {
    name: 'gradient by x',
    a: [2, 20, 12, 4],
    b: [3, 2, 68, 4],
    build: (a, b) => convInputGradient(a, b, geometry),
  },
  {
    name: 'gradient by x of odd channels',
    a: [2, 20, 12, 3],
    b: [3, 2, 65, 3],
    build: (a, b) => convInputGradient(a, b, geometry),
  },
  {
    name: 'gradient by the weight',
    a: [1, 40, 23, 24],
    b: [1, 20, 12, 68],
    build: (a, b) => convWeightGradient(a, b, geometry),
  },
  {
    name: 'gradient by the weight of odd channels',
    a: [1, 40, 23, 23],
    b: [1, 20, 12, 65],
    build: (a, b) => convWeightGradient(a, b, geometry),
  },
];

/** The plan of one product with its row tiles in `blocks` blocks along x, as productGrid folds them. */
function folded(plan: Plan, blocks: number): Plan {
  const [planned, ...more] = plan.dispatches;
  expect(more, 'an uncut inner axis').toEqual([]);
  const [x, y, z] = planned!.dispatch.workgroups;
  expect(x, 'column tiles').toBeGreaterThan(1);
  expect(y, 'row tiles').toBeGreaterThan(blocks);
  const workgroups = [x * blocks, Math.ceil(y / blocks), z] as const;
  return { ...plan, dispatches: [{ ...planned!, dispatch: { ...planned!.dispatch, workgroups } }] };
}

for (const row of rows)
  for (const adapterClass of matmulClasses)
    test(`${row.name} in a folded grid (${adapterClass})`, async () => {
      const device = await nodeDevice();
      test.skip(
        adapterClass === 'software-subgroups' && !device.gpu.features.has('subgroups'),
        'the adapter has no subgroups',
      );
      const inputs = { a: randomNormal(row.a, 1), b: randomNormal(row.b, 2) };
      const y = row.build(input('a', row.a), input('b', row.b));
      const run = (adjust?: (plan: Plan) => Plan): Promise<Evaluated> =>
        evaluate(device, {
          label: row.name,
          outputs: { y },
          inputs,
          adapterClass,
          ...(adjust && { adjust }),
        });
      const { y: expected } = (await run()).outputs;
      for (const blocks of [2, 3]) {
        const { y: actual } = (await run((plan) => folded(plan, blocks))).outputs;
        const wrong = actual!.findIndex((value, i) => !Object.is(value, expected![i]));
        expect(wrong, `${blocks} blocks: [${wrong}] is ${actual![wrong]}; expected ${expected![wrong]}`).toBe(
          -1,
        );
      }
    });
