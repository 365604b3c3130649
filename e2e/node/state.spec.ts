/**
 * Plan: running statistics are state: a training step moves them, inference reads them, files keep them.
 * - a layer with BatchNorm trained for three steps (the last batch partial): state as the reference's, weights trained;
 *   inference by it, which leaves it as it is; training mode in its plan needs no gradient to move it;
 * - a batch that is not finite moves no running statistic;
 * - a file has PyTorch's names, gives back every number, takes PyTorch's own I64 count, refuses what is missing;
 * - a new model starts with mean 0 and variance 1; a model without BatchNorm has no state.
 */
import { expect, test } from '@playwright/test';
import {
  Executable,
  gradient,
  input,
  makePlan,
  readBuffer,
  Scheduler,
  square,
  sum,
  type Device,
  type PlanRequest,
} from 'webgpu-vae/gpu';
import { modelValues, readModelFile, writeModelFile } from '../../src/vae/checkpoint/model-file.js';
import { readSafetensors, writeSafetensors } from '../../src/vae/checkpoint/safetensors.js';
import { batchNorm, groupNorm, layerNorm } from '../../src/vae/layers/norm.js';
import { Model } from '../../src/vae/model.js';
import { denseSpec } from '../../src/vae/presets.js';
import { completeSpec } from '../../src/vae/spec.js';
import { WeightFactory } from '../../src/vae/weights.js';
import { nodeDevice } from '../node-device.js';
import { initialRunning, normalizeByRunning, updateRunning, type Norm } from '../reference/normalize.js';
import { fromValues, randomNormal, type F64 } from '../reference/tensor.js';
import { tolerances } from '../tolerance.js';

const [BATCH, CHANNELS] = [4, 3];
const SHAPE = [BATCH, 2, 2, CHANNELS];
const epsilon = 1e-5;

/** Buffers of a training run by resource name, and how to run a plan with them. */
class Run {
  readonly buffers: Record<string, GPUBuffer>;

  constructor(
    readonly device: Device,
    readonly weights: WeightFactory,
  ) {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const names = ['weights', 'gradients', 'moment1', 'refused', 'state'];
    this.buffers = Object.fromEntries(
      names.map((name) => [name, device.createBuffer(`test/${name}`, 4 * weights.set.length, usage)]),
    );
    this.#write('weights', weights.initialValues(1));
    this.#write('state', weights.initialState(1));
  }

  #write(name: string, values: Float32Array): void {
    this.device.gpu.queue.writeBuffer(this.buffers[name]!, 0, values as Float32Array<ArrayBuffer>);
  }

  async read(name: 'weights' | 'state', length: number): Promise<Float32Array> {
    return new Float32Array(await readBuffer(this.device, this.buffers[name]!, 0, 4 * length));
  }

  /** Runs the plan of `request` once a batch; returns `y` of the last. */
  async execute(
    request: Omit<PlanRequest, 'label'>,
    batches: readonly { x: F64; rowCount: number }[],
  ): Promise<Float32Array> {
    const { set, state } = this.weights;
    const plan = makePlan({ label: 'state', parameters: set, state, ...request }, this.device.adapterClass);
    const executable = await Executable.create(this.device, plan, { resources: this.buffers });
    const scheduler = new Scheduler(this.device);
    for (const { x, rowCount } of batches) {
      executable.write('x', Float32Array.from(x.values));
      await scheduler.run(executable, { row_count: rowCount, learning_rate: 0.1 });
    }
    const y = await executable.read('y');
    executable.destroy();
    return y;
  }

  destroy(): void {
    for (const buffer of Object.values(this.buffers)) this.device.destroyBuffer(buffer);
  }
}

const batches = [BATCH, BATCH, 1].map((rowCount, seed) => ({ x: randomNormal(SHAPE, seed, 2), rowCount }));

/** The running statistics that the reference has after `batches`. */
function expectedRunning(momentum: number): F64 {
  return batches.reduce((running, { x, rowCount }) => {
    const norm: Norm = { kind: 'batchNorm', batch: BATCH, rowCount, epsilon };
    return updateRunning(running, x, norm, momentum);
  }, initialRunning(CHANNELS));
}

function expectClose(actual: Float32Array, { values }: F64): void {
  const wrong = values.findIndex(
    (v, i) => !(Math.abs(actual[i]! - v) <= tolerances.network(Math.max(1, Math.abs(v)))),
  );
  expect(wrong, `element ${wrong} is ${actual[wrong]}; expected ${values[wrong]}`).toBe(-1);
}

test('three training steps move the state, and inference reads it', async () => {
  const weights = new WeightFactory();
  const layer = batchNorm(weights, 'norm', [CHANNELS], { momentum: 0.3 });
  const run = new Run(await nodeDevice(), weights);
  const x = input('x', SHAPE);
  const y = layer(x, { batch: BATCH });
  const gradients = gradient(
    sum(square(y)),
    weights.set.entries.map(({ tensor }) => tensor),
  );
  const update = { rule: 'sgd', beta1: 0, beta2: 0, maxNorm: 0 } as const;
  await run.execute({ outputs: { y }, gradients, update }, batches);
  const running = expectedRunning(0.3);
  expectClose(await run.read('state', 2 * CHANNELS + 1), running);
  const trained = await run.read('weights', weights.set.length);
  expect(trained).not.toEqual(weights.initialValues(1));

  const values = (name: string): F64 => {
    const { offset } = weights.set.entries.find((entry) => entry.name === name)!;
    return fromValues([CHANNELS], trained.subarray(offset, offset + CHANNELS));
  };
  const before = await run.read('state', weights.state.length);
  const inferred = await run.execute({ outputs: { y: layer(x) } }, [batches[0]!]);
  const expected = normalizeByRunning(
    batches[0]!.x,
    values('norm.weight'),
    values('norm.bias'),
    running,
    epsilon,
  );
  expectClose(inferred, expected);
  expect(await run.read('state', weights.state.length)).toEqual(before);
  run.destroy();
});

test('a batch that is not finite moves no running statistic', async () => {
  const weights = new WeightFactory();
  const layer = batchNorm(weights, 'norm', [CHANNELS]);
  const run = new Run(await nodeDevice(), weights);
  const y = layer(input('x', SHAPE), { batch: BATCH });
  await run.execute({ outputs: { y } }, batches);
  const before = await run.read('state', 2 * CHANNELS);
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const x = { shape: SHAPE, values: new Float64Array(BATCH * 4 * CHANNELS).fill(value) };
    await run.execute({ outputs: { y } }, [{ x, rowCount: BATCH }]);
  }
  expect(await run.read('state', 2 * CHANNELS)).toEqual(before);
  run.destroy();
});

/** A model with one norm of each kind, as a specification with such layers would build it. */
function modelWithNorms(): Model {
  const model = new Model(completeSpec(denseSpec({ input: [4], hidden: 3, latent: 2 })));
  batchNorm(model.weights, 'encoder.1', [3]);
  groupNorm(model.weights, 'encoder.2', [4], 2);
  layerNorm(model.weights, 'decoder.1', [5]);
  return model;
}

test('a file has the running statistics under the names of PyTorch', async () => {
  const model = modelWithNorms();
  const values = {
    weights: model.weights.initialValues(3),
    state: Float32Array.from(model.weights.initialState(1), (v, i) => v + i / 8),
  };
  const file = await writeModelFile(model, values);
  const { tensors } = await readSafetensors(file);
  const shapes = Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));
  expect(shapes).toMatchObject({
    'encoder.1.weight': [3],
    'encoder.1.bias': [3],
    'encoder.1.running_mean': [3],
    'encoder.1.running_var': [3],
    'encoder.1.num_batches_tracked': [],
    'encoder.2.weight': [4],
    'decoder.1.bias': [5],
  });
  expect([...tensors.get('encoder.1.running_var')!.values]).toEqual([...values.state.subarray(3, 6)]);
  const read = modelValues(model, (await readModelFile(file)).tensors);
  expect(read.weights).toEqual(values.weights);
  expect(read.state.subarray(0, 7)).toEqual(values.state.subarray(0, 7));
});

test('a file without a running statistic, or with another shape of it, is refused', async () => {
  const model = modelWithNorms();
  const values = { weights: model.weights.initialValues(3), state: model.weights.initialState(1) };
  const { tensors, metadata } = await readSafetensors(await writeModelFile(model, values));
  const floats = new Map(
    [...tensors].map(([name, { shape, values: v }]) => [
      name,
      { shape, values: Float32Array.from(v as Float32Array) },
    ]),
  );
  floats.delete('encoder.1.running_var');
  const read = async () => {
    const file = await readModelFile(await writeSafetensors(floats, Object.fromEntries(metadata)));
    return modelValues(model, file.tensors);
  };
  await expect(read()).rejects.toThrow(
    '[checkpoint] has no tensor encoder.1.running_var; the specification needs it',
  );
  floats.set('encoder.1.running_var', { shape: [1], values: new Float32Array(1) });
  await expect(read()).rejects.toThrow(
    '[checkpoint] encoder.1.running_var is [1]; the specification needs f32[3]',
  );
});

test("PyTorch's own I64 count of batches is read", async () => {
  const model = modelWithNorms();
  const values = { weights: model.weights.initialValues(3), state: model.weights.initialState(1) };
  const { tensors } = await readSafetensors(await writeModelFile(model, values));
  const read = modelValues(model, (await readSafetensors(rawFile(tensors))).tensors);
  expect(read.state[6]).toBe(1234);
});

/** A file without a digest, as other programs write it, with the counts of batches as I64. */
function rawFile(tensors: Awaited<ReturnType<typeof readSafetensors>>['tensors']): Uint8Array {
  const parts = [...tensors].map(([name, { shape, values }]) => {
    const isCount = name.endsWith('num_batches_tracked');
    const numbers = isCount ? BigInt64Array.of(1234n) : Float32Array.from(values as Float32Array);
    return { name, shape, dtype: isCount ? 'I64' : 'F32', bytes: new Uint8Array(numbers.buffer) };
  });
  let at = 0;
  const header = Object.fromEntries(
    parts.map(({ name, shape, dtype, bytes }) => {
      const data_offsets = [at, (at += bytes.length)];
      return [name, { dtype, shape, data_offsets }];
    }),
  );
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return Uint8Array.from([length, text, ...parts.map(({ bytes }) => bytes)].flatMap((part) => [...part]));
}

test('a new model has mean 0 and variance 1; without BatchNorm it has no state', () => {
  const { weights } = modelWithNorms();
  expect([...weights.initialState(1).subarray(0, 7)]).toEqual([0, 0, 0, 1, 1, 1, 0]);
  const { state } = new Model(completeSpec(denseSpec({ input: [4] }))).weights;
  expect(state.length).toBe(0);
});
