/**
 * The convolutional workloads in TensorFlow.js: fused layers where it has them with gradients, its own transposed
 * convolution, images with their channels last.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  channelsFirst,
  channelsLast,
  channelsLastWeight,
  decoderWeightNames,
  kernelFirst,
  mapConvWeights,
  type ConvLayerTask,
  type ConvStepTask,
  type ConvWeightName,
  type ConvWeights,
  type DecodeTask,
} from '../conv-task.js';
import type { Work } from '../peer.js';
import { batchOf, permute } from '../tensor.js';
import { CONV } from '../workloads.js';
import { elbo, finish, upload } from './tfjs-device.js';

type Tensors = Partial<ConvWeights<tf.Tensor>>;
type Layer = 'conv1' | 'conv2' | 'dense' | 'mean' | 'logVariance' | 'decoder' | 'deconv1' | 'deconv2';

function weightOf<R extends tf.Rank>(weights: Tensors, name: ConvWeightName): tf.Tensor<R> {
  return weights[name] as tf.Tensor<R>;
}

function dense(weights: Tensors, x: tf.Tensor, layer: Layer, activation: 'relu' | 'linear'): tf.Tensor2D {
  const b = weightOf(weights, `${layer}.weight`);
  const product = tf.fused.matMul({ a: x, b, bias: weightOf(weights, `${layer}.bias`), activation });
  return product as tf.Tensor2D;
}

/** 'same' is a padding of 1 for these sizes. */
function convolve(weights: Tensors, x: tf.Tensor4D, layer: Layer): tf.Tensor4D {
  return tf.fused.conv2d({
    x,
    filter: weightOf<tf.Rank.R4>(weights, `${layer}.weight`),
    strides: 2,
    pad: 'same',
    bias: weightOf(weights, `${layer}.bias`),
    activation: 'relu',
  });
}

function deconvolve(
  weights: Tensors,
  x: tf.Tensor4D,
  layer: Layer,
  size: number,
  channels: number,
): tf.Tensor4D {
  const filter = weightOf<tf.Rank.R4>(weights, `${layer}.weight`);
  const product = tf.conv2dTranspose(x, filter, [x.shape[0], size, size, channels], 2, 'same');
  return tf.add(product, weightOf(weights, `${layer}.bias`));
}

/** f32[B, 16] -> logits f32[B, 784]. */
function decode(weights: Tensors, z: tf.Tensor2D): tf.Tensor2D {
  const batch = z.shape[0];
  const image = tf.reshape<tf.Rank.R4>(dense(weights, z, 'decoder', 'relu'), [batch, 7, 7, 64]);
  const first = tf.relu(deconvolve(weights, image, 'deconv1', 14, 32));
  return tf.reshape(deconvolve(weights, first, 'deconv2', 28, 1), [batch, CONV.pixels]);
}

function loss(weights: Tensors, x: tf.Tensor2D, noise: tf.Tensor2D): tf.Scalar {
  const batch = CONV.batchSize;
  const image = tf.reshape<tf.Rank.R4>(x, [batch, 28, 28, 1]);
  const features = convolve(weights, convolve(weights, image, 'conv1'), 'conv2');
  const hidden = dense(weights, tf.reshape(features, [batch, 3136]), 'dense', 'relu');
  const mean = dense(weights, hidden, 'mean', 'linear');
  const logVariance = dense(weights, hidden, 'logVariance', 'linear');
  const z = tf.add<tf.Tensor2D>(mean, tf.mul(noise, tf.exp(tf.mul(logVariance, 0.5))));
  return elbo(decode(weights, z), x, mean, logVariance, batch);
}

/** The training step of the VAE. */
export function createConvTraining(task: ConvStepTask): Work {
  const weights = mapConvWeights((name) => tf.variable(upload(channelsLastWeight(name, task.weights[name]))));
  const optimizer = tf.train.adam(CONV.learningRate, 0.9, 0.999, 1e-8);
  const { batchSize, pixels, latent } = CONV;
  return {
    async step(i, sync) {
      const x = tf.tensor2d(batchOf(task.x, i, batchSize), [batchSize, pixels]);
      const noise = tf.tensor2d(batchOf(task.noise, i, batchSize), [batchSize, latent]);
      const value = optimizer.minimize(() => loss(weights, x, noise), true);
      const read = sync ? (await value?.data())?.[0] : undefined;
      tf.dispose([x, noise, ...(value ? [value] : [])]);
      return read;
    },
  };
}

/** A convolution, or both of its gradients by tfjs's own gradient kernels. */
export function createConvLayer(task: ConvLayerTask): Work {
  const x = upload<tf.Rank.R4>(channelsLast(task.x));
  const filter = upload<tf.Rank.R4>(kernelFirst(task.weight));
  const dy = upload<tf.Rank.R4>(channelsLast(task.cotangent));
  const options = { strides: 2, pad: 1, dataFormat: 'NHWC' };
  const gradients = (): tf.Tensor[] => [
    tf.engine().runKernel('Conv2DBackpropInput', { dy, filter }, { ...options, inputShape: x.shape }),
    tf.engine().runKernel('Conv2DBackpropFilter', { x, dy }, { ...options, filterShape: filter.shape }),
  ];
  let outputs: tf.Tensor[] = [];
  return {
    async step(_i, sync) {
      tf.dispose(outputs);
      outputs = task.kind === 'conv-forward' ? [tf.conv2d(x, filter, 2, 1)] : gradients();
      if (sync) await finish();
      return undefined;
    },
    result: () =>
      Promise.all(
        outputs.map(async (output, i) => {
          const tensor = { shape: output.shape, values: Float32Array.from(await output.data()) };
          return (i === 1 ? permute(tensor, [3, 2, 0, 1]) : channelsFirst(tensor)).values;
        }),
      ),
  };
}

/** One latent to its pixels, read back. */
export function createDecoder(task: DecodeTask): Work {
  const weights: Tensors = Object.fromEntries(
    decoderWeightNames.map((name) => [name, upload(channelsLastWeight(name, task.weights[name]))]),
  );
  let last = new Float32Array();
  return {
    async step() {
      const image = tf.tidy(() => tf.sigmoid(decode(weights, upload<tf.Rank.R2>(task.z))));
      last = Float32Array.from(await image.data());
      image.dispose();
      return undefined;
    },
    result: async () => [last],
  };
}
