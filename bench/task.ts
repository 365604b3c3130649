/** The tasks: what each workload asks of a peer, with all tensors that it needs. */
import { createConvTask, type ConvTask } from './conv-task.js';
import { discs, fill, nearlyNormal, symmetric, type Tensor } from './tensor.js';
import { DENSE, isMatmul, matmulSizes, type WorkloadName } from './workloads.js';

/** Layers of the dense VAE: how many inputs and outputs each has. */
export const LAYERS = {
  encoder: { inputs: DENSE.pixels, outputs: DENSE.hidden },
  mean: { inputs: DENSE.hidden, outputs: DENSE.latent },
  logVariance: { inputs: DENSE.hidden, outputs: DENSE.latent },
  decoder: { inputs: DENSE.latent, outputs: DENSE.hidden },
  output: { inputs: DENSE.hidden, outputs: DENSE.pixels },
};

export type LayerName = keyof typeof LAYERS;
export type WeightName = `${LayerName}.weight` | `${LayerName}.bias`;

/** A value for every weight of the dense VAE. */
export type Weights<T> = Record<WeightName, T>;

/** Builds one value for each weight. */
export function mapWeights<T>(make: (name: WeightName, layer: LayerName) => T): Weights<T> {
  return {
    'encoder.weight': make('encoder.weight', 'encoder'),
    'encoder.bias': make('encoder.bias', 'encoder'),
    'mean.weight': make('mean.weight', 'mean'),
    'mean.bias': make('mean.bias', 'mean'),
    'logVariance.weight': make('logVariance.weight', 'logVariance'),
    'logVariance.bias': make('logVariance.bias', 'logVariance'),
    'decoder.weight': make('decoder.weight', 'decoder'),
    'decoder.bias': make('decoder.bias', 'decoder'),
    'output.weight': make('output.weight', 'output'),
    'output.bias': make('output.bias', 'output'),
  };
}

/** Training of the dense VAE: step i uses rows of batch `i mod batchCount`. */
export interface DenseStepTask {
  readonly kind: 'dense-step';
  /** f32[batchCount * batchSize, pixels], in [0, 1]. */
  readonly x: Tensor;
  /** f32[batchCount * batchSize, latent], mean 0, variance 1. */
  readonly noise: Tensor;
  /** PyTorch's layout: a matrix is f32[out, in]. */
  readonly weights: Weights<Tensor>;
}

/** One product `left x right`. */
export interface MatmulTask {
  readonly kind: 'matmul';
  /** f32[M, K] */
  readonly left: Tensor;
  /** f32[K, N] */
  readonly right: Tensor;
}

export type Task = DenseStepTask | MatmulTask | ConvTask;

/** Uniform within 1 / sqrt(inputs of the layer) of zero, PyTorch's default for a linear layer. */
function initialWeight(name: WeightName, layer: LayerName, stream: number): Tensor {
  const { inputs, outputs } = LAYERS[layer];
  const bound = 1 / Math.sqrt(inputs);
  return symmetric(name.endsWith('.bias') ? [outputs] : [outputs, inputs], stream, bound);
}

function denseStepTask(): DenseStepTask {
  const rows = DENSE.batchCount * DENSE.batchSize;
  let stream = 16;
  return {
    kind: 'dense-step',
    x: discs(rows),
    noise: fill([rows, DENSE.latent], (index) => nearlyNormal(2, index)),
    weights: mapWeights((name, layer) => initialWeight(name, layer, stream++)),
  };
}

/** The tensors of the named workload. */
export function createTask(name: WorkloadName): Task {
  if (name === 'dense-step') return denseStepTask();
  if (!isMatmul(name)) return createConvTask(name);
  const { M, K, N } = matmulSizes(name);
  return {
    kind: 'matmul',
    left: fill([M, K], (index) => nearlyNormal(3, index)),
    right: fill([K, N], (index) => nearlyNormal(4, index)),
  };
}
