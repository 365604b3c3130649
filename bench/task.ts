/**
 * The tensors of a workload, the same bits for every peer. They come from an integer hash and from
 * correctly rounded operations only (no sin, no log), so that a page, Node and a child process agree
 * without a data file, and so that the losses in losses.json stay valid.
 */
import { DENSE, isMatmul, matmulSizes, type WorkloadName } from './workloads.js';

/** A dense row-major tensor. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

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

export type Task = DenseStepTask | MatmulTask;

/** The 32-bit finaliser of MurmurHash3 over (stream, index): a uniform number in [0, 1) with 24 bits. */
function uniform(stream: number, index: number): number {
  let h = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(stream + 1, 0x7feb352d);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 8) / 0x1000000;
}

/** Twelve uniforms less six: mean 0, variance 1, close to normal, and exact in float64. */
function nearlyNormal(stream: number, index: number): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += uniform(stream, index * 12 + i);
  return sum;
}

function fill(shape: readonly number[], value: (index: number) => number): Tensor {
  const elementCount = shape.reduce((product, size) => product * size, 1);
  return { shape, values: Float32Array.from({ length: elementCount }, (_, index) => value(index)) };
}

/** Soft-edged discs on a 28 x 28 field: centre, radius and brightness differ by row, as digits do. */
function discs(rows: number): Tensor {
  const side = 28;
  return fill([rows, side * side], (index) => {
    const row = Math.floor(index / (side * side));
    const pixel = index % (side * side);
    const of = (property: number): number => uniform(1, row * 4 + property);
    const dx = (pixel % side) - (9 + 10 * of(0));
    const dy = Math.floor(pixel / side) - (9 + 10 * of(1));
    const inside = 3 + 5 * of(2) - Math.sqrt(dx * dx + dy * dy);
    return Math.min(Math.max(inside, 0), 1) * (0.5 + 0.5 * of(3));
  });
}

/** Uniform within 1 / sqrt(inputs of the layer) of zero, PyTorch's default for a linear layer. */
function initialWeight(name: WeightName, layer: LayerName, stream: number): Tensor {
  const { inputs, outputs } = LAYERS[layer];
  const bound = 1 / Math.sqrt(inputs);
  const shape = name.endsWith('.bias') ? [outputs] : [outputs, inputs];
  return fill(shape, (index) => (2 * uniform(stream, index) - 1) * bound);
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
  if (!isMatmul(name)) return denseStepTask();
  const { M, K, N } = matmulSizes(name);
  return {
    kind: 'matmul',
    left: fill([M, K], (index) => nearlyNormal(3, index)),
    right: fill([K, N], (index) => nearlyNormal(4, index)),
  };
}

/** Rows of the batch that step i trains on: f32[batchSize, columns], a copy that the caller may keep. */
export function batchOf(tensor: Tensor, i: number): Float32Array<ArrayBuffer> {
  const columns = tensor.shape[1] ?? 1;
  const elementCount = DENSE.batchSize * columns;
  const start = (i % DENSE.batchCount) * elementCount;
  return tensor.values.slice(start, start + elementCount);
}

/** A matrix f32[out, in] as f32[in, out], for libraries that are fastest so; a vector stays as it is. */
export function inputMajor(tensor: Tensor): Tensor {
  const [outputs = 0, inputs] = tensor.shape;
  if (inputs === undefined) return tensor;
  const values = new Float32Array(tensor.values.length);
  for (let row = 0; row < outputs; row++) {
    for (let column = 0; column < inputs; column++) {
      values[column * outputs + row] = tensor.values[row * inputs + column] ?? NaN;
    }
  }
  return { shape: [inputs, outputs], values };
}
