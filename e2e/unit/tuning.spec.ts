/**
 * Plan: tables of measured kernels, without a GPU.
 * - a table is checked like any file: each thing that may be wrong with it, by the exact message;
 * - a plan takes the table's kernel for products of exactly its sizes, the rule's for all others;
 * - a table of another adapter, or of kernels that the device lacks, is left unused with a reason;
 * - the candidates of `tune`: the rule's first, each once, three to six, and all of them fit for a table.
 */
import { expect, test } from '@playwright/test';
import {
  conv2d,
  depthToSpace,
  input,
  makePlan,
  matmul,
  readTuneTable,
  SpecError,
  type Tensor,
} from 'webgpu-vae/gpu';
import type { ProductShape } from '../../src/gpu/ops/product.js';
import { misfit, tuningOf, variantOf } from '../../src/gpu/tuning.js';
import { candidatesFor, everyTile } from '../../src/node/cli/candidates.js';
import { describeVariant, productOf } from '../../src/node/cli/product.js';
import { matmulClasses } from '../cases/case.js';

const entry = {
  family: 'matmul',
  rows: 64,
  columns: 32,
  inner: 256,
  phases: 1,
  aligned: true,
  kernel: 'registers',
  quads: [2, 4],
  workgroup: [4, 4],
  splits: 2,
} as const;
const shared = { ...entry, kernel: 'workgroup', quads: [2, 2], workgroup: [8, 8], tileInner: 16 } as const;

function tableOf(...entries: unknown[]): unknown {
  return { version: 1, adapter: 'google swiftshader', entries };
}

test('a table passes as it came', () => {
  for (const table of [tableOf(), tableOf(entry), tableOf(shared), tableOf(entry, { ...shared, rows: 65 })])
    expect(readTuneTable(JSON.parse(JSON.stringify(table)))).toEqual(table);
});

const where = '[tuning.entries[0]';
const refused: Readonly<Record<string, readonly [table: unknown, message: string]>> = {
  'no object': [[], '[tuning] is []; expected an object with version, adapter, entries'],
  'an unknown field': [
    { ...(tableOf() as object), date: 1 },
    "[tuning] has the unknown field 'date'; it may have version, adapter, entries",
  ],
  'another version': [
    { ...(tableOf() as object), version: 2 },
    '[tuning.version] is 2; expected 1; make the table anew with npm run tune',
  ],
  'no adapter': [
    { ...(tableOf() as object), adapter: '' },
    '[tuning.adapter] is ""; expected the adapter\'s name; make the table anew with npm run tune',
  ],
  'no list': [
    { ...(tableOf() as object), entries: {} },
    '[tuning.entries] is {}; expected a list of 0 to 65536 values',
  ],
  'an unknown field of an entry': [
    tableOf({ ...entry, time: 1 }),
    `${where}] has the unknown field 'time'; it may have family, rows, columns, inner, phases, aligned, kernel, quads, workgroup, tileInner, splits`,
  ],
  'an unknown family': [
    tableOf({ ...entry, family: 'sum' }),
    `${where}.family] is "sum"; expected one of matmul, conv, conv_weight`,
  ],
  'half a row': [
    tableOf({ ...entry, rows: 0.5 }),
    `${where}.rows] is 0.5; expected an integer from 1 to 2147483648`,
  ],
  'aligned in words': [
    tableOf({ ...entry, aligned: 'yes' }),
    `${where}.aligned] is "yes"; expected true or false`,
  ],
  'three quads': [tableOf({ ...entry, quads: [3, 1] }), `${where}.quads] is [3,1]; expected 1, 2 or 4 each`],
  'one number of quads': [
    tableOf({ ...entry, quads: [4] }),
    `${where}.quads] is [4]; expected a list of 2 to 2 values`,
  ],
  'more invocations than a workgroup has': [
    tableOf({ ...entry, workgroup: [32, 16] }),
    `${where}.workgroup] is [32,16]; expected at most 256 invocations in all`,
  ],
  'quads of fewer than four neighbours': [
    tableOf({ ...entry, kernel: 'quads', workgroup: [2, 4] }),
    `${where}.workgroup] is [2,4]; expected a multiple of 4 across: four neighbours share rows`,
  ],
  'an inner tile in registers': [
    tableOf({ ...entry, tileInner: 16 }),
    `${where}.tileInner] is 16; expected none: only the kernel 'workgroup' has one`,
  ],
  'an oblong tile of the workgroup kernel': [
    tableOf({ ...shared, quads: [2, 1] }),
    `${where}.quads] is [2,1]; expected [1, 1] or [2, 2] of the kernel 'workgroup'`,
  ],
  'an inner tile that too few invocations fill': [
    tableOf({ ...shared, tileInner: 20 }),
    `${where}.tileInner] is 20; expected a multiple of 4, at most 4 * min(workgroup) / quads, in tiles of at most 16384 bytes`,
  ],
  'more workgroup memory than there is': [
    tableOf({ ...shared, workgroup: [16, 16], tileInner: 20 }),
    `${where}.tileInner] is 20; expected a multiple of 4, at most 4 * min(workgroup) / quads, in tiles of at most 16384 bytes`,
  ],
  'more pieces than the inner axis has': [
    tableOf({ ...entry, inner: 8, splits: 3 }),
    `${where}.splits] is 3; expected an integer from 1 to 2`,
  ],
  'a product twice': [
    tableOf(entry, shared),
    '[tuning.entries[1]] is the product of entry 0 again (matmul 64 x 32 x 256, 1 phases, aligned); remove one of the two',
  ],
};

for (const [name, [table, message]] of Object.entries(refused))
  test(`a table is refused for ${name}`, () => {
    expect(() => readTuneTable(table)).toThrow(SpecError);
    expect(messageOf(() => readTuneTable(table))).toBe(message);
  });

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was thrown';
}

function product(rows: number): Tensor {
  return matmul(input(`a${rows}`, [rows, 256]), input(`b${rows}`, [256, 32]));
}

test('a plan takes the table for products of exactly its sizes', () => {
  const outputs = { same: product(64), other: product(68) };
  for (const adapterClass of matmulClasses) {
    const tuning = tuningOf(readTuneTable(tableOf(entry)));
    const variants = (plan: ReturnType<typeof makePlan>): string[] =>
      plan.dispatches.map(({ dispatch }) => describeVariant(dispatch)).filter((words) => words !== '-');
    const [same, other] = variants(makePlan({ label: 'tuned', outputs }, adapterClass, tuning));
    const [, rule] = variants(makePlan({ label: 'rule', outputs }, adapterClass));
    expect(same).toBe('registers 32x64, 2 pieces');
    expect(other).toBe(rule);
  }
});

test('what cannot be added up from pieces is not cut by a table', () => {
  const y = conv2d(input('x', [1, 8, 8, 64]), input('w', [3, 3, 64, 16]));
  const pieces = (output: Tensor): number[] =>
    makePlan({ label: 'cut', outputs: { output } }, 'software', ({ aligned }) =>
      variantOf(entry, aligned),
    ).dispatches.map(({ dispatch }) => productOf(dispatch)?.tiling.splits ?? 0);
  expect(pieces(y)).toEqual([2, 0]); // control: a product and a sum
  expect(pieces(depthToSpace(y, 2))).toEqual([1]);
});

test('a table that does not fit the device is left unused, with a reason', () => {
  const table = readTuneTable(tableOf(entry));
  const name = 'google swiftshader';
  for (const description of [name, `${name} SwiftShader driver 5.0.0`])
    expect(misfit(table, description, 'software')).toBeUndefined();
  for (const description of ['nvidia hopper', 'google swiftshader2'])
    expect(misfit(table, description, 'gpu')).toBe(
      `the tuning table was measured on 'google swiftshader'; this device is '${description}'; run npm run tune on it`,
    );
  const quads = readTuneTable(tableOf({ ...entry, kernel: 'quads' }));
  expect(misfit(quads, name, 'software-subgroups')).toBeUndefined();
  for (const adapterClass of ['software', 'gpu'] as const)
    expect(misfit(quads, name, adapterClass)).toMatch(/has kernels for software adapters with subgroups/);
});

/** Sizes from 1 to thousands, with and without vec4 loads, cut and whole. */
const shapes: readonly ProductShape[] = [1, 33, 64, 3136].flatMap((rows) =>
  [1, 4, 32, 257].flatMap((columns) =>
    [1, 512, 12_544].flatMap((inner) =>
      [true, false].map((aligned): ProductShape => ({
        family: 'conv',
        rows,
        columns,
        inner,
        aligned,
        splittable: (rows + inner) % 2 === 0,
      })),
    ),
  ),
);

for (const adapterClass of matmulClasses)
  for (const all of [false, true])
    test(`candidates for ${adapterClass}${all ? ', all' : ''} fit into a table`, () => {
      for (const shape of shapes) {
        const { family, rows, columns, inner, aligned } = shape;
        const rule = ruleOf(shape, adapterClass);
        const candidates = candidatesFor(adapterClass, shape, rule, { all });
        expect(candidates[0]).toEqual(rule);
        expect(new Set(candidates.map((tiling) => JSON.stringify(tiling))).size).toBe(candidates.length);
        expect(candidates.length).toBeGreaterThanOrEqual(2);
        if (!all) expect(candidates.length).toBeLessThanOrEqual(6);
        for (const tiling of candidates) {
          const key = { family, rows, columns, inner, phases: 1, aligned };
          const table = readTuneTable(tableOf({ ...key, ...tiling }));
          if (shape.splittable === false) expect(tiling.splits).toBe(1);
          expect(misfit(table, 'google swiftshader', adapterClass)).toBeUndefined();
        }
      }
    });

/** What the rule chooses, read from a plan of a matmul of these sizes. */
function ruleOf(
  { rows, columns, inner, splittable = true }: ProductShape,
  adapterClass: (typeof matmulClasses)[number],
): ReturnType<typeof candidatesFor>[number] {
  const y = matmul(input('a', [rows, inner]), input('b', [inner, columns]));
  const { tiling } = productOf(
    makePlan({ label: 'rule', outputs: { y } }, adapterClass).dispatches[0]!.dispatch,
  )!;
  return splittable ? tiling : { ...tiling, splits: 1 };
}

test('every tile that tune may choose fits into a table', () => {
  for (const { tile } of everyTile()) {
    const table = readTuneTable(tableOf({ ...entry, tileInner: undefined, ...tile }));
    expect(table.entries[0]).toMatchObject(tile);
  }
});
