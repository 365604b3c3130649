/** What all of the TensorFlow.js peer's work shares. */
import * as tf from '@tensorflow/tfjs-core';
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { DeviceError } from '../../src/gpu/errors.js';
import type { Tensor } from '../tensor.js';

/** Sends what tfjs has recorded so far (it submits by the batch) and waits for the GPU. */
export async function finish(): Promise<void> {
  const backend = tf.backend();
  if (!(backend instanceof WebGPUBackend))
    throw new DeviceError('bench', 'tfjs is not on WebGPU; it must be');
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  await backend.queue.onSubmittedWorkDone();
}

/** A tensor on the device. */
export function upload<R extends tf.Rank = tf.Rank>({ values, shape }: Tensor): tf.Tensor<R> {
  return tf.tensor<R>(values, [...shape] as tf.ShapeMap[R]);
}

/** (sum of Bernoulli cross-entropy + KL) / B. */
export function elbo(
  logits: tf.Tensor,
  x: tf.Tensor,
  mean: tf.Tensor,
  logVariance: tf.Tensor,
  batchSize: number,
): tf.Scalar {
  const crossEntropy = tf.sum(tf.sub(tf.softplus(logits), tf.mul(logits, x)));
  const inner = tf.sub(tf.sub(tf.add(tf.square(mean), tf.exp(logVariance)), logVariance), 1);
  return tf.div<tf.Scalar>(tf.add(crossEntropy, tf.mul(tf.sum(inner), 0.5)), batchSize);
}
