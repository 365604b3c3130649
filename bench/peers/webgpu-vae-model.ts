/**
 * The convolutional VAE as a graph of this library's ops. The transposed convolutions of the peers are input gradients
 * here, so that the function is exactly theirs; by reshape they are the deconvolutions of this library's own models.
 */
import {
  activate,
  add,
  conv2d,
  convInputGradient,
  depthToSpace,
  matmul,
  ParameterSet,
  reshape,
  type ConvGeometry,
  type Tensor as Symbol,
} from 'webgpu-vae/gpu';
import { channelsLastWeight, type ConvWeightName } from '../conv-task.js';
import { permute, type Tensor } from '../tensor.js';
import { CONV } from '../workloads.js';

const { latent, pixels } = CONV;

/** The convolutions of the peers: 4x4, stride 2, padding 1. */
export function halving(size: number): ConvGeometry {
  return { input: [size, size], kernel: [4, 4], stride: [2, 2], padding: [1, 1, 1, 1] };
}

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
export class Weights {
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
export function encode(weights: Weights, x: Symbol): Symbol {
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
export function decode(weights: Weights, z: Symbol, byReshape: boolean): Symbol {
  const batch = z.shape[0]!;
  const deconvolve = (image: Symbol, size: number, layer: string): Symbol => {
    const weight = weights.weight(layer);
    if (byReshape)
      return depthToSpace(weights.plusBias(conv2d(image, weight, { padding: 'same' }), layer), 2);
    return weights.plusBias(convInputGradient(image, weight, halving(2 * size)), layer);
  };
  const dense = activate(weights.plusBias(matmul(z, weights.weight('decoder')), 'decoder'), 'relu');
  const first = deconvolve(reshape(dense, [batch, 7, 7, 64]), 7, 'deconv1');
  return reshape(deconvolve(activate(first, 'relu'), 14, 'deconv2'), [batch, pixels]);
}
