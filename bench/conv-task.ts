/**
 * Tensors of the convolutional workloads, in PyTorch's layouts: images f32[B, C, H, W], a convolution's weight
 * f32[out, in, KH, KW], a transposed one's f32[in, out, KH, KW], a matrix f32[out, in]. Peers convert when they are set up.
 */
import { discs, fill, nearlyNormal, permute, reshaped, symmetric, type Tensor } from './tensor.js';
import { CONV, LAYER, type MatmulName, type WorkloadName } from './workloads.js';

/** Weight shapes of the VAE; a bias has the shape's first size, or the second where `transposed`. */
const LAYERS = {
  conv1: [32, 1, 4, 4],
  conv2: [64, 32, 4, 4],
  dense: [256, 3136],
  mean: [16, 256],
  logVariance: [16, 256],
  decoder: [3136, 16],
  deconv1: [64, 32, 4, 4],
  deconv2: [32, 1, 4, 4],
} as const;

/** The deconvolutions by reshape that stand for the transposed ones: 3x3, to 4 times the channels (ry, rx, out). */
const BY_RESHAPE = { deconv1: [128, 64, 3, 3], deconv2: [4, 32, 3, 3] } as const;

export type ConvLayerName = keyof typeof LAYERS;
export type ConvWeightName = `${ConvLayerName}.weight` | `${ConvLayerName}.bias`;
export type ConvWeights<T> = Record<ConvWeightName, T>;

const layerNames = Object.keys(LAYERS) as ConvLayerName[];
export const convWeightNames = layerNames.flatMap((layer): ConvWeightName[] => [
  `${layer}.weight`,
  `${layer}.bias`,
]);
export const decoderWeightNames = convWeightNames.filter((name) => name.startsWith('dec'));

/** Training: step i uses rows of batch `i mod (rows / batchSize)`. */
export interface ConvStepTask {
  readonly kind: 'conv-step';
  /** f32[rows, 784], in [0, 1]. */
  readonly x: Tensor;
  /** f32[rows, 16], mean 0, variance 1. */
  readonly noise: Tensor;
  readonly weights: ConvWeights<Tensor>;
  /** The weights of the two deconvolutions where the model has them by reshape. */
  readonly byReshape: Pick<
    ConvWeights<Tensor>,
    'deconv1.weight' | 'deconv1.bias' | 'deconv2.weight' | 'deconv2.bias'
  >;
}

/** One convolution, 4x4, stride 2, padding 1: its output, or both gradients for a cotangent. */
export interface ConvLayerTask {
  readonly kind: 'conv-forward' | 'conv-backward';
  /** f32[32, 32, 28, 28] */
  readonly x: Tensor;
  /** f32[64, 32, 4, 4] */
  readonly weight: Tensor;
  /** f32[32, 64, 14, 14] */
  readonly cotangent: Tensor;
}

/** Latent to pixels: sigmoid of the decoder's logits. */
export interface DecodeTask {
  readonly kind: 'decode-one';
  /** f32[1, 16] */
  readonly z: Tensor;
  readonly weights: ConvWeights<Tensor>;
}

export type ConvTask = ConvStepTask | ConvLayerTask | DecodeTask;

/** Builds one value for each weight. */
export function mapConvWeights<T>(make: (name: ConvWeightName) => T): ConvWeights<T> {
  return Object.fromEntries(convWeightNames.map((name) => [name, make(name)])) as ConvWeights<T>;
}

/** Uniform within 1 / sqrt(inputs of an output), PyTorch's default. */
function initial(shape: readonly number[], outputs: number, name: ConvWeightName): Tensor {
  const bound = 1 / Math.sqrt(shape.slice(1).reduce((a, b) => a * b));
  const stream = 64 + convWeightNames.indexOf(name);
  return symmetric(name.endsWith('.bias') ? [outputs] : shape, stream, bound);
}

function layerOf(name: ConvWeightName): ConvLayerName {
  return name.split('.', 1)[0] as ConvLayerName;
}

function weights(): ConvWeights<Tensor> {
  return mapConvWeights((name) => {
    const layer = layerOf(name);
    const shape = LAYERS[layer];
    return initial(shape, layer.startsWith('deconv') ? shape[1] : shape[0], name);
  });
}

function byReshape(): ConvStepTask['byReshape'] {
  const make = (name: keyof ConvStepTask['byReshape']): Tensor => {
    const shape = BY_RESHAPE[layerOf(name) as keyof typeof BY_RESHAPE];
    return initial(shape, shape[0], name);
  };
  return {
    'deconv1.weight': make('deconv1.weight'),
    'deconv1.bias': make('deconv1.bias'),
    'deconv2.weight': make('deconv2.weight'),
    'deconv2.bias': make('deconv2.bias'),
  };
}

function normal(shape: readonly number[], stream: number): Tensor {
  return fill(shape, (index) => nearlyNormal(stream, index));
}

/** The tensors of a convolutional workload. */
export function createConvTask(name: Exclude<WorkloadName, MatmulName | 'dense-step'>): ConvTask {
  const { rows, latent } = CONV;
  if (name === 'conv-step' || name === 'conv-batch') {
    const noise = normal([rows, latent], 5);
    return { kind: 'conv-step', x: discs(rows), noise, weights: weights(), byReshape: byReshape() };
  }
  if (name === 'decode-one') return { kind: name, z: normal([1, latent], 6), weights: weights() };
  const { batch, size, channels, outputs } = LAYER;
  return {
    kind: name,
    x: normal([batch, channels, size, size], 7),
    weight: normal([outputs, channels, 4, 4], 8),
    cotangent: normal([batch, outputs, size / 2, size / 2], 9),
  };
}

/** f32[B, C, H, W] to f32[B, H, W, C]. */
export function channelsLast(image: Tensor): Tensor {
  return permute(image, [0, 2, 3, 1]);
}

/** f32[B, H, W, C] to f32[B, C, H, W]. */
export function channelsFirst(image: Tensor): Tensor {
  return permute(image, [0, 3, 1, 2]);
}

/** f32[out, in, KH, KW] to f32[KH, KW, in, out]; of a transposed convolution f32[KH, KW, out, in]. */
export function kernelFirst(weight: Tensor): Tensor {
  return permute(weight, [2, 3, 1, 0]);
}

/**
 * A weight as libraries want it whose images have their channels last and whose matrices are f32[in, out]: the rows of
 * `dense` and the columns of `decoder` follow the pixels of 7x7x64 instead of 64x7x7.
 */
export function channelsLastWeight(name: ConvWeightName, tensor: Tensor): Tensor {
  if (name === 'dense.weight')
    return reshaped(permute(reshaped(tensor, [CONV.hidden, 64, 7, 7]), [2, 3, 1, 0]), [3136, CONV.hidden]);
  if (name === 'decoder.weight')
    return reshaped(permute(reshaped(tensor, [64, 7, 7, CONV.latent]), [3, 1, 2, 0]), [CONV.latent, 3136]);
  if (name === 'decoder.bias') return reshaped(permute(reshaped(tensor, [64, 7, 7]), [1, 2, 0]), [3136]);
  if (tensor.shape.length === 4) return kernelFirst(tensor);
  return tensor.shape.length === 2 ? permute(tensor, [1, 0]) : tensor;
}
