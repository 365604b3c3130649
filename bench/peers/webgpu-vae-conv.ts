/**
 * The convolutional workloads as graphs of this library's ops. The transposed convolutions of the peers are input
 * gradients here, so that the function is exactly theirs; `byReshape` trains the deconvolutions of this library's
 * models instead, which have losses of their own.
 */
import {
  activate,
  add,
  BufferGroup,
  conv2d,
  convInputGradient,
  convWeightGradient,
  depthToSpace,
  Executable,
  gradient,
  input,
  likelihood,
  makePlan,
  matmul,
  MetricRing,
  objective,
  ParameterSet,
  reparameterize,
  reshape,
  rowWeights,
  Scheduler,
  unary,
  type Device,
  type StepValues,
  type Tensor as Symbol,
} from 'webgpu-vae/gpu';
import {
  channelsFirst,
  channelsLast,
  channelsLastWeight,
  decoderWeightNames,
  kernelFirst,
  type ConvLayerTask,
  type ConvStepTask,
  type ConvWeightName,
  type DecodeTask,
} from '../conv-task.js';
import type { Work } from '../peer.js';
import { batchOf, permute, type Tensor } from '../tensor.js';
import { CONV, convStepFlop } from '../workloads.js';

const FIRST_DECAY = 0.9;
const SECOND_DECAY = 0.999;
const EPSILON = 1e-8;
const { latent, pixels } = CONV;

/** Mean and log-variance are one product here; everything else is one weight for one of the task's. */
type OurName =
  Exclude<ConvWeightName, `mean.${string}` | `logVariance.${string}`> | 'moments.weight' | 'moments.bias';

/** Values by our names and in our layouts. */
function convert(weights: Readonly<Record<string, Tensor>>): Map<OurName, Tensor> {
  const ours = new Map<OurName, Tensor>();
  for (const [name, tensor] of Object.entries(weights)) {
    if (!/^(mean|logVariance)\./.test(name))
      ours.set(name as OurName, channelsLastWeight(name as ConvWeightName, tensor));
  }
  for (const kind of ['weight', 'bias'] as const) {
    const [mean, logVariance] = [weights[`mean.${kind}`], weights[`logVariance.${kind}`]];
    if (!mean || !logVariance) continue;
    const values = Float32Array.of(...mean.values, ...logVariance.values);
    const stacked = { shape: [2 * latent, ...mean.shape.slice(1)], values };
    ours.set(`moments.${kind}`, kind === 'bias' ? stacked : permute(stacked, [1, 0]));
  }
  return ours;
}

/** Weights as symbolic tensors, and their values in one flat buffer. */
class Weights {
  readonly set = new ParameterSet();
  readonly #tensors = new Map<string, Symbol>();
  readonly values: Float32Array<ArrayBuffer>;

  constructor(weights: Readonly<Record<string, Tensor>>) {
    const converted = convert(weights);
    for (const [name, { shape }] of converted) this.#tensors.set(name, this.set.add(name, shape));
    this.values = new Float32Array(this.set.length);
    for (const { name, offset } of this.set.entries)
      this.values.set(converted.get(name as OurName)!.values, offset);
  }

  weight(layer: string): Symbol {
    return this.#tensors.get(`${layer}.weight`)!;
  }

  plusBias(x: Symbol, layer: string): Symbol {
    return add(x, this.#tensors.get(`${layer}.bias`)!);
  }
}

/** f32[B, 784] -> the moments f32[B, 32]: mean, then log-variance. */
function encode(weights: Weights, x: Symbol): Symbol {
  const batch = x.shape[0]!;
  let image = reshape(x, [batch, 28, 28, 1]);
  for (const layer of ['conv1', 'conv2'])
    image = activate(
      weights.plusBias(conv2d(image, weights.weight(layer), { stride: 2, padding: 1 }), layer),
      'relu',
    );
  const flat = matmul(reshape(image, [batch, 3136]), weights.weight('dense'));
  const units = activate(weights.plusBias(flat, 'dense'), 'relu');
  return weights.plusBias(matmul(units, weights.weight('moments')), 'moments');
}

/** f32[B, 16] -> logits f32[B, 784]. */
function decode(weights: Weights, z: Symbol, byReshape: boolean): Symbol {
  const batch = z.shape[0]!;
  const deconvolve = (image: Symbol, size: number, layer: string): Symbol => {
    const weight = weights.weight(layer);
    if (byReshape)
      return depthToSpace(weights.plusBias(conv2d(image, weight, { padding: 'same' }), layer), 2);
    const geometry = {
      input: [2 * size, 2 * size],
      kernel: [4, 4],
      stride: [2, 2],
      padding: [1, 1, 1, 1],
    } as const;
    return weights.plusBias(convInputGradient(image, weight, geometry), layer);
  };
  const dense = activate(weights.plusBias(matmul(z, weights.weight('decoder')), 'decoder'), 'relu');
  const first = deconvolve(reshape(dense, [batch, 7, 7, 64]), 7, 'deconv1');
  return reshape(deconvolve(activate(first, 'relu'), 14, 'deconv2'), [batch, pixels]);
}

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

/** A convolution, or both of its gradients. */
export async function createConvLayer(device: Device, task: ConvLayerTask): Promise<Work> {
  const [x, weight, cotangent] = [
    channelsLast(task.x),
    kernelFirst(task.weight),
    channelsLast(task.cotangent),
  ];
  const [xTensor, weightTensor, g] = [
    input('x', x.shape),
    input('weight', weight.shape),
    input('cotangent', cotangent.shape),
  ];
  const geometry = {
    input: [x.shape[1]!, x.shape[2]!],
    kernel: [4, 4],
    stride: [2, 2],
    padding: [1, 1, 1, 1],
  } as const;
  const outputs: Record<string, Symbol> =
    task.kind === 'conv-forward'
      ? { y: conv2d(xTensor, weightTensor, { stride: 2, padding: 1 }) }
      : {
          xGradient: convInputGradient(g, weightTensor, geometry),
          weightGradient: convWeightGradient(xTensor, g, geometry),
        };
  const executable = await Executable.create(
    device,
    makePlan({ label: 'bench', outputs }, device.adapterClass),
  );
  for (const [name, { values }] of Object.entries({ x, weight, cotangent })) {
    if (executable.plan.inputs.has(name)) executable.write(name, values);
  }
  const scheduler = new Scheduler(device);
  return {
    async step(_i, sync) {
      await scheduler.run(executable, {});
      if (sync) await scheduler.idle();
      return undefined;
    },
    async result() {
      const read = async ([name, { shape }]: [string, Symbol]): Promise<Float32Array> => {
        const values = (await executable.read(name)) as Float32Array<ArrayBuffer>;
        const tensor = { shape, values };
        return (name === 'weightGradient' ? permute(tensor, [3, 2, 0, 1]) : channelsFirst(tensor)).values;
      };
      return Promise.all(Object.entries(outputs).map(read));
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
