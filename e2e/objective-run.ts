/**
 * One batch of a training step on the GPU, with its loss, its terms and the gradient of every weight, and the same batch
 * for the float64 reference: the last of an epoch, so that it has padding rows, in the epoch's order, with the noise of the
 * contract.
 */
import { expect, test } from '@playwright/test';
import { Executable } from '../src/gpu/executable.js';
import { makePlan } from '../src/gpu/plan.js';
import { readBuffer } from '../src/gpu/readback.js';
import { Scheduler } from '../src/gpu/scheduler.js';
import { seedWords, shuffleKeys } from '../src/gpu/threefry.js';
import type { EstimatorSpec } from '../src/vae/estimator-spec.js';
import { forEachElement } from '../src/vae/file-layout.js';
import { buildOptimizer } from '../src/vae/optimizers/optimizer.js';
import { trainingPlan, type PhasePlan, type TrainingPlan } from '../src/vae/training-plan.js';
import type { VaeSpec } from '../src/vae/spec.js';
import type { Vae } from '../src/vae/vae.js';
import { loadModel } from './model.js';
import { nodeDevice } from './node-device.js';
import { centralDifference } from './reference/difference.js';
import { normalNoise } from './reference/noise.js';
import { epochOrder } from './reference/permutation.js';
import type { Seed } from './reference/threefry.js';
import { elementCount, fromValues, zeros, type F64 } from './reference/tensor.js';
import type { Parameters } from './reference/vae.js';

const SEED = 77;
export const STREAM = 5;
const EPOCH = 2;
/** Rows of a batch; the last of the epoch has fewer that are valid. */
export const BATCH = 8;

export interface ObjectiveCase {
  readonly spec: VaeSpec;
  /** Every weight, by its name in a file. */
  readonly parameters: Parameters;
  /** f64[N, D], the whole data set, exact in float32. */
  readonly data: F64;
  readonly samples?: number;
  readonly estimator?: EstimatorSpec;
  /** The phase whose loss is asked for; the model's by default. */
  readonly phase?: 'model' | 'adversary';
}

export interface ObjectiveResult {
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
  /** Of the phase's own weights, by name in a file. */
  readonly gradients: Parameters;
}

/** Key of the step's randomness under a tag. */
export function stepSeed(tag: number): Seed {
  return { low: SEED, high: tag };
}

/** Noise of the step under a tag, f64[...shape]. */
export function stepNoise(shape: readonly number[], tag: number): F64 {
  return normalNoise(shape, stepSeed(tag), STREAM);
}

/** The valid rows of the batch, and the latent noise of each of their samples: f64[n, D] and f64[S*n, K]. */
export function validRows(
  { spec, data, samples = 1 }: ObjectiveCase,
  tag = 0,
): { x: F64; noise: F64; count: number } {
  const [N, D] = data.shape as [number, number];
  const first = firstRow(N);
  const order = epochOrder(N, stepSeed(0), EPOCH);
  const count = N - first;
  const rows = Array.from(order.slice(first), (row) =>
    Array.from(data.values.slice(row * D, (row + 1) * D)),
  ).flat();
  const noise = stepNoise([samples * BATCH, spec.latent], tag);
  return { x: fromValues([count, D], rows), noise: validOf(noise, count), count };
}

/** f64[S*BATCH, K] -> the rows of the batch's `count` data, f64[S*count, K]. */
export function validOf({ shape, values }: F64, count: number): F64 {
  const [rows, K] = shape as [number, number];
  const kept = Array.from({ length: rows }, (_, row) => row).filter((row) => row % BATCH < count);
  const flat = kept.flatMap((row) => Array.from(values.slice(row * K, (row + 1) * K)));
  return fromValues([kept.length, K], flat);
}

function firstRow(rows: number): number {
  return Math.floor((rows - 1) / BATCH) * BATCH;
}

/** Runs one phase of the step without its update. */
export async function runObjective(given: ObjectiveCase): Promise<ObjectiveResult> {
  const { spec, parameters, data, samples = 1, estimator = 'B', phase = 'model' } = given;
  const vae = await loadModel(spec, parameters, await nodeDevice());
  const [rows, D] = data.shape as [number, number];
  const set = { rows, shape: [D], values: new Float32Array(data.values) };
  const plan = trainingPlan(vae.model, set, BATCH, { samples, estimator }, buildOptimizer({ type: 'sgd' }));
  const planned = phase === 'model' ? plan.model[0]! : plan.adversary!;
  try {
    return await runPhase(vae, set.values, planned, plan);
  } finally {
    vae.destroy();
  }
}

async function runPhase(
  vae: Vae,
  values: Float32Array<ArrayBuffer>,
  { request }: PhasePlan,
  { termNames }: TrainingPlan,
): Promise<ObjectiveResult> {
  const { device } = vae;
  const named = request.trained!.map(({ name }, index) => [`gradient ${name}`, request.gradients![index]!]);
  const outputs = { ...request.outputs, ...(Object.fromEntries(named) as typeof request.outputs) };
  const { label, parameters, state } = request;
  const plan = makePlan(
    { label, outputs, ...(parameters && { parameters }), ...(state && { state }) },
    device.adapterClass,
  );
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const dataset = device.createBuffer('test data', values.byteLength, usage);
  device.gpu.queue.writeBuffer(dataset, 0, values);
  const executable = await Executable.create(device, plan, { resources: { ...vae.resources, dataset } });
  const rows = values.length / vae.model.width;
  await new Scheduler(device).run(executable, {
    seed: seedWords(SEED),
    stream: STREAM,
    row_count: rows - firstRow(rows),
    epoch: EPOCH,
    first_row: firstRow(rows),
    beta: 1,
    shuffle_keys: shuffleKeys(SEED, EPOCH),
  });
  const read = async (name: string): Promise<number> => (await executable.read(name))[0]!;
  const isModels = 'terms' in request.outputs;
  const terms = isModels
    ? await Promise.all(termNames.map(async (name) => [name, await read(`term ${name}`)]))
    : [];
  const flat = new Float32Array(vae.weightLength);
  for (const { name, offset } of request.trained!) {
    const { buffer, byteOffset, byteLength } = executable.output(`gradient ${name}`);
    flat.set(new Float32Array(await readBuffer(device, buffer, byteOffset, byteLength)), offset);
  }
  const result = {
    loss: await read('loss'),
    terms: Object.fromEntries(terms) as Record<string, number>,
    gradients: inFileLayout(vae, flat, new Set(request.trained!.map(({ offset }) => offset))),
  };
  executable.destroy();
  device.destroyBuffer(dataset);
  return result;
}

/** Flat numbers as the tensors of a file, of the weights at `offsets`. */
function inFileLayout(vae: Vae, flat: Float32Array, offsets: ReadonlySet<number>): Parameters {
  const tensors = vae.model.weights.fileTensors().filter(({ offset }) => offsets.has(offset));
  return new Map(
    tensors.map(({ layout, offset }) => {
      const stored = new Float32Array(elementCount(layout.sizes));
      forEachElement(layout, (i, ours) => (stored[i] = flat[offset + ours]!));
      return [layout.name, fromValues(layout.shape, stored)];
    }),
  );
}

/** The gradient of a float64 loss by the parameters named, by central differences. */
export function differences(parameters: Parameters, names: Iterable<string>, loss: () => number): Parameters {
  return new Map(
    [...names].map((name) => [name, centralDifference(loss, parameters.get(name) ?? zeros([0]))]),
  );
}

/** The largest error of any gradient, in units of the largest gradient of all. */
export function gradientError(actual: Parameters, expected: Parameters): number {
  let [worst, scale] = [0, Number.MIN_VALUE];
  for (const [name, { values }] of expected) {
    values.forEach((value, i) => {
      scale = Math.max(scale, Math.abs(value));
      const error = Math.abs(value - (actual.get(name)?.values[i] ?? Number.NaN));
      if (!(error <= worst)) worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
    });
  }
  return worst / scale;
}

/**
 * Holds a result's terms to float64's, each within `tolerance` of the larger of itself and 1, and notes how far loss and
 * gradients are, relative to the loss and to the largest gradient.
 */
export function compareObjective(
  actual: ObjectiveResult,
  expected: Omit<ObjectiveResult, 'gradients'>,
  gradients: Parameters,
  tolerance: number,
): { relative: number; error: number } {
  const error = gradientError(actual.gradients, gradients);
  const relative = Math.abs(actual.loss - expected.loss) / Math.abs(expected.loss);
  const description = `loss ${relative.toExponential(1)}, gradients ${error.toExponential(1)}`;
  test.info().annotations.push({ type: 'relative error', description });
  expect(Object.keys(actual.terms)).toEqual(Object.keys(expected.terms));
  for (const [name, term] of Object.entries(expected.terms))
    expect(Math.abs(actual.terms[name]! - term), name).toBeLessThan(tolerance * Math.max(1, Math.abs(term)));
  return { relative, error };
}
