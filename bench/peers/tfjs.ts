/**
 * TensorFlow.js on WebGPU, eager with its fused layers (matrix product, bias, activation in one op) and
 * its own Adam. tfjs-core alone registers no gradients, so they are imported by name.
 */
import * as tf from '@tensorflow/tfjs-core';
// oxlint-disable-next-line import/no-unassigned-import -- it exists for its side effect
import '@tensorflow/tfjs-core/dist/register_all_gradients';
// oxlint-disable-next-line import/no-unassigned-import -- it registers the backend
import '@tensorflow/tfjs-backend-webgpu';
import { DeviceError } from '../../src/gpu/errors.js';
import type { Peer, Work } from '../peer.js';
import {
  mapWeights,
  type DenseStepTask,
  type LayerName,
  type MatmulTask,
  type Task,
  type Weights,
} from '../task.js';
import { batchOf, inputMajor } from '../tensor.js';
import { DENSE } from '../workloads.js';
import { createConvLayer, createConvTraining, createDecoder } from './tfjs-conv.js';
import { elbo, finish, upload } from './tfjs-device.js';

/** Trains with tf.train.adam; matrices are kept as f32[in, out], the layout of its dense layers. */
class Training {
  readonly #task: DenseStepTask;
  readonly #weights: Weights<tf.Variable>;
  readonly #optimizer = tf.train.adam(DENSE.learningRate, 0.9, 0.999, 1e-8);

  constructor(task: DenseStepTask) {
    this.#task = task;
    this.#weights = mapWeights((name) => tf.variable(upload(inputMajor(task.weights[name]))));
  }

  #dense(x: tf.Tensor, layer: LayerName, activation: 'relu' | 'linear'): tf.Tensor {
    const weight = this.#weights[`${layer}.weight`];
    return tf.fused.matMul({ a: x, b: weight, bias: this.#weights[`${layer}.bias`], activation });
  }

  #loss(x: tf.Tensor, noise: tf.Tensor): tf.Scalar {
    const hidden = this.#dense(x, 'encoder', 'relu');
    const mean = this.#dense(hidden, 'mean', 'linear');
    const logVariance = this.#dense(hidden, 'logVariance', 'linear');
    const z = tf.add(mean, tf.mul(noise, tf.exp(tf.mul(logVariance, 0.5))));
    const logits = this.#dense(this.#dense(z, 'decoder', 'relu'), 'output', 'linear');
    return elbo(logits, x, mean, logVariance, DENSE.batchSize);
  }

  async step(i: number, sync: boolean): Promise<number | undefined> {
    const x = tf.tensor2d(batchOf(this.#task.x, i, DENSE.batchSize), [DENSE.batchSize, DENSE.pixels]);
    const noise = tf.tensor2d(batchOf(this.#task.noise, i, DENSE.batchSize), [DENSE.batchSize, DENSE.latent]);
    const loss = this.#optimizer.minimize(() => this.#loss(x, noise), true);
    const value = sync ? (await loss?.data())?.[0] : undefined;
    tf.dispose([x, noise, ...(loss ? [loss] : [])]);
    return value;
  }
}

/** Multiplies, keeping the last product. */
class Product {
  readonly #left: tf.Tensor;
  readonly #right: tf.Tensor;
  #product: tf.Tensor | undefined;

  constructor(task: MatmulTask) {
    this.#left = upload(task.left);
    this.#right = upload(task.right);
  }

  async step(_i: number, sync: boolean): Promise<undefined> {
    this.#product?.dispose();
    this.#product = tf.matMul(this.#left, this.#right);
    if (sync) await finish();
    return undefined;
  }

  async result(): Promise<readonly Float32Array[]> {
    return [Float32Array.from((await this.#product?.data()) ?? [])];
  }
}

class TensorFlowJs implements Peer {
  #work!: Work;

  async setup(task: Task): Promise<void> {
    tf.enableProdMode();
    if (!(await tf.setBackend('webgpu')))
      throw new DeviceError('bench', 'tfjs found no WebGPU; one is needed');
    await tf.ready();
    this.#work = createWork(task);
  }

  step(i: number, sync: boolean): Promise<number | undefined> {
    return this.#work.step(i, sync);
  }

  async result(): Promise<readonly Float32Array[]> {
    return this.#work.result?.() ?? [];
  }
}

function createWork(task: Task): Work {
  switch (task.kind) {
    case 'matmul':
      return new Product(task);
    case 'dense-step':
      return new Training(task);
    case 'conv-step':
      return createConvTraining(task);
    case 'decode-one':
      return createDecoder(task);
    default:
      return createConvLayer(task);
  }
}

export const createPeer = (): Peer => new TensorFlowJs();
