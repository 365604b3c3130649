/** The convolutional VAE's training step and its decoder through plans of their own. */
import {
  BufferGroup,
  Executable,
  gradient,
  input,
  likelihood,
  makePlan,
  MetricRing,
  objective,
  reparameterize,
  rowWeights,
  Scheduler,
  unary,
  type Device,
  type StepValues,
} from 'webgpu-vae/gpu';
import { decoderWeightNames, type ConvStepTask, type DecodeTask } from '../conv-task.js';
import type { Work } from '../peer.js';
import { batchOf } from '../tensor.js';
import { CONV, convStepFlop } from '../workloads.js';
import { decode, encode, Weights } from './webgpu-vae-model.js';

const FIRST_DECAY = 0.9;
const SECOND_DECAY = 0.999;
const EPSILON = 1e-8;
const { latent, pixels } = CONV;

/** Numbers of step t = 1, 2, ... : Adam's corrections in float64, all rows valid, beta 1. */
function stepValues(t: number, batchSize: number): StepValues {
  const root = Math.sqrt(1 - SECOND_DECAY ** t);
  return {
    row_count: batchSize,
    beta: 1,
    learning_rate: (CONV.learningRate * root) / (1 - FIRST_DECAY ** t),
    epsilon: EPSILON * root,
    decay: 0,
  };
}

const FLAT = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

/** How the training step differs between this library's contestants. */
export interface ConvVariant {
  readonly byReshape?: boolean;
  readonly batchSize?: number;
}

/** The training step: loss, gradients and Adam in one plan. */
export async function createConvTraining(
  device: Device,
  task: ConvStepTask,
  { byReshape = false, batchSize = CONV.batchSize }: ConvVariant,
): Promise<Work> {
  const weights = new Weights(byReshape ? { ...task.weights, ...task.byReshape } : task.weights);
  const x = input('x', [batchSize, pixels]);
  const attributes = { latent, samples: 1, posterior: 'diagonal', estimator: 'B', tag: 0 } as const;
  const { z, kl } = reparameterize(encode(weights, x), attributes, input('noise', [batchSize, latent]));
  const reconstruction = likelihood('bernoulli', decode(weights, z, byReshape), x);
  const { loss } = objective(reconstruction, kl, rowWeights(batchSize, 1));
  const { set } = weights;
  const tensors = set.entries.map(({ tensor }) => tensor);
  const plan = makePlan(
    {
      label: 'bench',
      outputs: { loss },
      parameters: set,
      gradients: gradient(loss, tensors),
      update: { rule: 'adam', beta1: FIRST_DECAY, beta2: SECOND_DECAY, maxNorm: 0 },
    },
    device.adapterClass,
  );
  const buffers = new BufferGroup(device, 'bench');
  const flat = ['weights', 'gradients', 'moment1', 'moment2'];
  const resources = Object.fromEntries(
    flat.map((name) => [name, buffers.create(name, weights.values.byteLength, FLAT)]),
  );
  device.gpu.queue.writeBuffer(resources['weights']!, 0, weights.values);
  const executable = await Executable.create(device, plan, {
    resources: { ...resources, refused: buffers.create('refused', 4, FLAT) },
  });
  const scheduler = new Scheduler(device);
  const ring = new MetricRing(buffers, 1);
  return {
    flop: convStepFlop(batchSize, byReshape),
    async step(i, sync) {
      executable.write('x', batchOf(task.x, i, batchSize));
      executable.write('noise', batchOf(task.noise, i, batchSize));
      const source = executable.output('loss');
      await scheduler.run(executable, stepValues(i + 1, batchSize), (encoder) =>
        ring.record(encoder, [source]),
      );
      if (!sync && ring.pending < ring.capacity - 1) return undefined;
      const losses = await ring.read();
      return sync ? losses.at(-1)?.[0] : undefined;
    },
  };
}

/** One latent to its pixels, written and read back each time. */
export async function createDecoder(device: Device, task: DecodeTask): Promise<Work> {
  const weights = new Weights(
    Object.fromEntries(decoderWeightNames.map((name) => [name, task.weights[name]])),
  );
  const image = unary('sigmoid', decode(weights, input('z', [1, latent]), false));
  const request = { label: 'bench', outputs: { image }, parameters: weights.set };
  const buffers = new BufferGroup(device, 'bench');
  const flat = buffers.create('weights', weights.values.byteLength, FLAT);
  device.gpu.queue.writeBuffer(flat, 0, weights.values);
  const executable = await Executable.create(device, makePlan(request, device.adapterClass), {
    resources: { weights: flat },
  });
  const scheduler = new Scheduler(device);
  let last = new Float32Array();
  return {
    async step() {
      executable.write('z', task.z.values);
      await scheduler.run(executable, {});
      last = (await executable.read('image')) as Float32Array<ArrayBuffer>;
      return undefined;
    },
    result: async () => [last],
  };
}
