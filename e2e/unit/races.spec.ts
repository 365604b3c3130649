/**
 * Plan: the kernels that talk through workgroup memory, run invocation by invocation in lockstep (wgsl_reflect's
 * detectRaces), which sees two accesses to one address without a barrier between them. A race may give right numbers
 * on one machine for years, so the numbers of a GPU cannot show that there is none.
 * - no kernel with a barrier has a race or a barrier that only some invocations reach, at toy shapes;
 * - with any one barrier removed there is one, which shows that the check can fail (products run with stand-ins for
 *   their loads and stores, which are checked to touch no workgroup memory);
 * - where the interpreter's numbers are right, they are those of the reference.
 */
import { expect, test } from '@playwright/test';
import { detectRaces } from 'wgsl_reflect/wgsl_reflect.module.js';
import type { KernelName } from '../../src/gpu/dispatch.js';
import { kernelSource } from '../../src/gpu/kernel.js';
import { kernels, stepBlock } from '../../src/gpu/kernels.generated.js';
import { randomNormal } from '../reference/tensor.js';
import { tolerances } from '../tolerance.js';

/** One dispatch at a toy shape. */
interface Row {
  readonly kernel: KernelName;
  readonly overrides: Readonly<Record<string, number | boolean>>;
  readonly parameters: Readonly<Record<string, number>>;
  readonly workgroups: readonly [number, number, number];
  /** Elements of each storage buffer; the rest get one. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Barriers (counted from 0 in the source) that this kernel alone would not need. */
  readonly spare?: readonly number[];
}

/** workgroup_sum ends with a barrier for a caller that calls it again, which only `objective` does. */
const sumsOnce = { spare: [2] };

const posterior = { rows: 4, batch: 2, latent: 5, samples: 2, noise_tag: 0 };
const lanes = 4;

const tile = { TILE_INNER: 4, WORKGROUP_X: 2, WORKGROUP_Y: 2, COLUMN_SUM: true };

/** A 2x2 convolution of two 3x3 images. */
const window = {
  splits: 1,
  split_length: 16,
  product_length: 16,
  batch: 2,
  height: 3,
  width: 3,
  out_height: 2,
  out_width: 2,
  kernel_height: 2,
  kernel_width: 2,
  stride_y: 1,
  stride_x: 1,
  top: 0,
  left: 0,
};

function productOf(isWeight: boolean, C: number, O: number): Record<string, number> {
  return isWeight ? { rows: 4 * C, columns: O, inner: 8 } : { rows: 8, columns: O, inner: 4 * C };
}
/** Two groups of 3 numbers at each of 5 positions, two lanes a group; the last of the lanes has nothing to do. */
const normOverrides = { WORKGROUP: lanes, COLUMNS: 2, POSITION_LANES: 2, WIDTH_LANES: 1 };
const norm = {
  count: 3,
  positions: 5,
  groups: 1,
  width: 3,
  batch_positions: 1,
  row_positions: 1,
  epsilon: 1e-5,
  momentum: 0.1,
};
const normSizes = { x: 45, gamma: 3, beta: 3, y: 45, statistics: 12, y_gradient: 45, x_gradient: 45 };

const rows: readonly Row[] = [
  {
    kernel: 'objective',
    overrides: { WORKGROUP: lanes },
    parameters: { rows: 9 },
    workgroups: [1, 1, 1],
    sizes: { reconstruction: 9, kl: 9, reconstruction_weights: 9, kl_weights: 9, terms: 3 },
  },
  {
    kernel: 'squared_norm',
    overrides: { WORKGROUP: 8 },
    parameters: { first: 0, count: 21, offset: 0 },
    workgroups: [2, 1, 1],
    sizes: { x: 84, partials: 2 },
    ...sumsOnce,
  },
  ...[false, true].map((GRADIENT): Row => ({
    kernel: 'softmax',
    overrides: { WORKGROUP: lanes, GRADIENT },
    parameters: { rows: 2, width: 9 },
    workgroups: [2, 1, 1],
    sizes: { x: 18, y_gradient: 18, result: 18 },
    // the source has workgroup_sum's barriers first; the gradient takes no maximum
    spare: GRADIENT ? [2, 3, 4, 5] : [2],
  })),
  {
    kernel: 'log_sum_exp',
    overrides: { WORKGROUP: lanes, COOPERATIVE: true },
    parameters: { outer: 2, reduced: 9, inner: 1, piece: 9 },
    workgroups: [2, 1, 1],
    sizes: { x: 18, y: 2 },
    ...sumsOnce,
  },
  {
    kernel: 'lowest',
    overrides: { WORKGROUP: lanes },
    parameters: { rows: 2, width: 9 },
    workgroups: [2, 1, 1],
    sizes: { x: 18, y: 2 },
  },
  {
    kernel: 'attention',
    overrides: { WORKGROUP: 2 },
    parameters: { images: 2, points: 19, channels: 3, scale: 1 },
    workgroups: [10, 1, 1],
    sizes: { q: 114, k: 114, v: 114, y: 114, log_sum: 38 },
  },
  ...[false, true].map((KEYS): Row => ({
    kernel: 'attention_gradient',
    overrides: { WORKGROUP: 2, KEYS },
    parameters: { images: 1, points: 19, channels: 3, scale: 1 },
    workgroups: [5, 1, 1],
    sizes: {
      own_a: 57,
      own_b: 57,
      other_a: 57,
      other_b: 57,
      log_sum: 19,
      delta: 19,
      gradient_a: 57,
      gradient_b: 57,
    },
  })),
  {
    kernel: 'likelihood',
    overrides: { WORKGROUP: lanes, FAMILY: 1, WITH_GRADIENT: true, WITH_SCALE_GRADIENT: true },
    parameters: { rows: 2, batch: 1, width: 7, scale_row_stride: 0, scale_column_stride: 1 },
    workgroups: [2, 1, 1],
    sizes: {
      prediction: 14,
      data: 7,
      log_scale: 7,
      cotangent: 2,
      value: 2,
      prediction_gradient: 14,
      scale_gradient: 14,
    },
    ...sumsOnce,
  },
  {
    kernel: 'normalize',
    overrides: normOverrides,
    parameters: norm,
    workgroups: [2, 1, 1],
    sizes: normSizes,
  },
  {
    kernel: 'normalize', // a channel of BatchNorm for each of two columns
    overrides: { ...normOverrides, UPDATE: true },
    parameters: { ...norm, count: 3, groups: 3, width: 1 },
    workgroups: [2, 1, 1],
    sizes: { x: 15, gamma: 3, beta: 3, y: 15, statistics: 12, updated: 7 },
  },
  {
    kernel: 'normalize_gradient',
    overrides: normOverrides,
    parameters: norm,
    workgroups: [2, 1, 1],
    sizes: normSizes,
  },
  {
    kernel: 'reparameterize',
    overrides: { WORKGROUP: lanes },
    parameters: posterior,
    workgroups: [4, 1, 1],
    sizes: { moments: 20, noise: 20, z: 20, kl: 4 },
    ...sumsOnce,
  },
  {
    kernel: 'reparameterize_gradient',
    overrides: { WORKGROUP: lanes, ISOTROPIC: true, SUPPLIED_NOISE: true, SAMPLED_KL: true },
    parameters: posterior,
    workgroups: [2, 1, 1],
    sizes: { moments: 12, noise: 20, z_gradient: 20, kl_gradient: 4, moments_gradient: 12 },
    ...sumsOnce,
  },
  ...(['matmul_workgroup', 'matmul_workgroup_any'] as const).flatMap((kernel) =>
    [1, 2].map((quads): Row => {
      const [M, K, N] = kernel === 'matmul_workgroup' ? [8, 12, 8] : [7, 9, 6];
      return {
        kernel,
        overrides: { ...tile, QUADS: quads },
        parameters: { rows: M, columns: N, inner: K, split_length: 12 },
        workgroups: [1, 1, 1],
        sizes: { column_sum: N },
      };
    }),
  ),
  ...(['conv', 'conv_weight'] as const).flatMap((family) =>
    (['workgroup', 'workgroup_any'] as const).map((skeleton): Row => {
      const [C, O] = skeleton === 'workgroup' ? [4, 4] : [3, 2];
      const isWeight = family === 'conv_weight';
      return {
        kernel: `${family}_${skeleton}`,
        overrides: { ...tile, QUADS: 1 },
        parameters: { ...window, ...productOf(isWeight, C, O), channels: C, out_channels: O, cell: O },
        workgroups: [1, 1, 1],
        sizes: { column_sum: O },
      };
    }),
  ),
];

const BARRIER = 'workgroupBarrier();';

/**
 * The source with its overrides replaced by numbers, as a pipeline has them: the interpreter sizes workgroup arrays
 * before it applies overrides.
 */
function specialize(source: string, overrides: Row['overrides']): string {
  return source.replace(
    /override (\w+): (\w+) = ([^;]+);/g,
    (_, name: string, type: string, initial: string) => {
      const value = overrides[name];
      const text = value === undefined ? initial : type === 'u32' ? `${String(value)}u` : String(value);
      return `const ${name}: ${type} = ${text};`;
    },
  );
}

/**
 * What stands in for the loads, counters and stores of products. The interpreter shares the result of a function among the
 * invocations and has no integer vectors, so it would compute wrong places; only shaders/lib/product_workgroup.wgsl
 * touches workgroup memory, and it runs as it is.
 */
const standIns: Readonly<Record<string, string>> = {
  'fn advance(inner: Inner, by: u32) -> Inner': 'return inner;',
  'fn load_a(rows: Rows, inner: Inner) -> mat4x4f': 'return mat4x4f();',
  'fn load_b(inner: Inner, columns: Columns) -> mat4x4f': 'return mat4x4f();',
  'fn finish(places: vec4u, column: u32, tile: mat4x4f)': '',
};

/** The source of a product with the bodies of its loads and stores replaced, if they stay off workgroup memory. */
function withStandIns(kernel: KernelName, source: string): string {
  const touching = functionsWith(source, /\w+_tile\[|Barrier\(/);
  if (touching.join() !== 'fill_a,fill_b,main')
    throw new Error(`[races] ${kernel} touches workgroup memory in ${touching.join()}; mend \`standIns\``);
  return Object.entries(standIns).reduce((text, [signature, body]) => {
    const [before, after, ...more] = text.split(`${signature} {`);
    if (after === undefined || more.length > 0)
      throw new Error(`[races] ${kernel} does not define \`${signature}\` once; mend \`standIns\``);
    return `${before}${signature} { ${body} ${after.slice(bodyLength(after))}`;
  }, source);
}

/** Names of the functions whose text matches. */
function functionsWith(source: string, text: RegExp): string[] {
  return source.split(/^fn /m).flatMap((part) => (text.test(part) ? [part.slice(0, part.indexOf('('))] : []));
}

/** Characters before the brace that closes a body that is open. */
function bodyLength(text: string): number {
  let depth = 1;
  for (const { index, 0: brace } of text.matchAll(/[{}]/g)) {
    depth += brace === '{' ? 1 : -1;
    if (depth === 0) return index;
  }
  throw new Error('[races] a body does not end');
}

function isProduct(kernel: KernelName): boolean {
  return kernel.includes('_workgroup');
}

interface Outcome {
  readonly races: readonly string[];
  /** Divergent barriers, or a kernel that does not end. */
  readonly errors: readonly string[];
  readonly buffers: Readonly<Record<string, Float32Array>>;
}

/** Runs a row's kernel in lockstep, with one of its barriers removed if asked. */
function run(row: Row, withoutBarrier?: number): Outcome {
  const { kernel, overrides, parameters, workgroups, sizes } = row;
  let index = 0;
  const whole = kernelSource(kernels[kernel]);
  const interpreted = isProduct(kernel) ? withStandIns(kernel, whole) : whole;
  const source = specialize(interpreted, overrides).replaceAll(BARRIER, () =>
    index++ === withoutBarrier ? '' : BARRIER,
  );
  const buffers: Record<string, Float32Array> = {};
  const group: Record<string, unknown> = {};
  for (const { name, binding, type } of kernels[kernel].bindings) {
    if (type === 'uniform') {
      group[binding] = { uniform: name === 'step' ? new ArrayBuffer(stepBlock.byteLength) : uniform(row) };
    } else {
      buffers[name] = Float32Array.from(randomNormal([sizes[name] ?? 4], binding).values);
      group[binding] = buffers[name].buffer;
    }
  }
  expect(Object.keys(parameters).toSorted(), kernel).toEqual(
    kernels[kernel].parameters.fields.map(({ name }) => name).toSorted(),
  );
  const { races, errors } = silenced(() => detectRaces(source, 'main', [...workgroups], { 0: group }));
  return { races: races.map(({ message }) => message), errors, buffers };
}

function uniform({ kernel, parameters }: Row): ArrayBuffer {
  const { byteLength, fields } = kernels[kernel].parameters;
  const view = new DataView(new ArrayBuffer(byteLength));
  for (const { name, type, offset } of fields) {
    if (type === 'f32') view.setFloat32(offset, parameters[name]!, true);
    else view.setUint32(offset, parameters[name]!, true);
    if (type === 'u32') view.setUint32(offset, parameters[name]!, true);
    else if (type === 'f32') view.setFloat32(offset, parameters[name]!, true);
    else throw new Error(`[races] ${kernel}.${name} is ${type}; this test writes u32 and f32 only`);
  }
  return view.buffer;
}

/** The interpreter has no += for matrices and says so at every one; sums do not matter to a race. */
function silenced<T>(f: () => T): T {
  const { error } = console;
  const other: unknown[] = [];
  console.error = (...complaint: unknown[]) => {
    if (!String(complaint[0]).startsWith('Invalid type for += operator')) other.push(complaint);
  };
  try {
    return f();
  } finally {
    console.error = error;
    expect(other, 'complaints of the interpreter').toEqual([]);
  }
}

function words({ kernel, overrides }: Row): string {
  return `${kernel} ${JSON.stringify(overrides)}`;
}

test('every kernel with a barrier is in the table', () => {
  const withBarrier = (Object.keys(kernels) as KernelName[]).filter((name) =>
    kernelSource(kernels[name]).includes(BARRIER),
  );
  expect([...new Set(rows.map(({ kernel }) => kernel))].toSorted()).toEqual(withBarrier.toSorted());
});

for (const row of rows) {
  test(`${words(row)} has no race`, () => {
    const { races, errors } = run(row);
    expect(races).toEqual([]);
    expect(errors).toEqual([]);
  });

  const barriers = kernelSource(kernels[row.kernel]).split(BARRIER).length - 1;
  for (let barrier = 0; barrier < barriers; barrier++) {
    if (row.spare?.includes(barrier)) continue;
    test(`${words(row)} without its barrier ${barrier + 1} of ${barriers} has a race`, () => {
      const { races } = run(row, barrier);
      expect(races.length).toBeGreaterThan(0);
      expect(races[0]).toMatch(
        /^Data race on '(lanes|columns|a_tile|b_tile|maxima|sums|weights|slopes)' .* line \d+/,
      );
    });
  }
}

/** Calls of our own functions share one result among the invocations there, so only these two can be compared. */
test('objective gives the numbers of the reference', () => {
  const { loss, terms, reconstruction, kl, reconstruction_weights: w, kl_weights: v } = run(rows[0]!).buffers;
  const inner = (a: Float32Array, b: Float32Array): number =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const magnitude =
    inner(w!.map(Math.abs), reconstruction!.map(Math.abs)) + inner(v!.map(Math.abs), kl!.map(Math.abs));
  const allowed = tolerances.dot(18, magnitude);
  const expected = inner(w!, reconstruction!) + inner(v!, kl!);
  expect(Math.abs(loss![0]! - expected)).toBeLessThan(allowed);
  expect(Math.abs(terms![0]! + expected)).toBeLessThan(allowed);
});

test('squared_norm gives the numbers of the reference', () => {
  const { x, partials } = run(rows[1]!).buffers;
  const expected = x!.reduce((sum, value) => sum + value * value, 0);
  expect(Math.abs(partials![0]! + partials![1]! - expected)).toBeLessThan(tolerances.dot(84, expected));
});
