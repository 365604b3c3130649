/**
 * @jax-js/jax on WebGPU: everything under jit, matrices as f32[in, out], which it multiplies a quarter faster.
 */
import { defaultDevice, init, jit, nn, numpy as np } from '@jax-js/jax';
import { DeviceError } from '../../src/gpu/errors.js';
import type { Peer, Work } from '../peer.js';
import { mapWeights, type DenseStepTask, type MatmulTask, type Task, type Weights } from '../task.js';
import { inputMajor } from '../tensor.js';
import { DENSE } from '../workloads.js';
import { createConvLayer, createConvTraining, createDecoder } from './jax-js-conv.js';
import { createTraining, dense, elbo, upload } from './jax-js-training.js';

/** (sum of Bernoulli cross-entropy + KL) / B of x f32[B, 784] with noise f32[B, 20]. */
function loss(w: Weights<np.Array>, x: np.Array, noise: np.Array): np.Array {
  const hidden = nn.relu(dense(x.ref, w['encoder.weight'], w['encoder.bias']));
  const mean = dense(hidden.ref, w['mean.weight'], w['mean.bias']);
  const logVariance = dense(hidden, w['logVariance.weight'], w['logVariance.bias']);
  const z = mean.ref.add(noise.mul(np.exp(logVariance.ref.mul(0.5))));
  const decoded = nn.relu(dense(z, w['decoder.weight'], w['decoder.bias']));
  const logits = dense(decoded, w['output.weight'], w['output.bias']);
  return elbo(logits, x, mean, logVariance, DENSE.batchSize);
}

function createDenseTraining({ x, noise, weights }: DenseStepTask): Work {
  return createTraining({
    weights: mapWeights((name) => inputMajor(weights[name])),
    x,
    noise,
    batchSize: DENSE.batchSize,
    learningRate: DENSE.learningRate,
    loss,
  });
}

/** Multiplies, keeping the last product. */
function createProduct(task: MatmulTask): Work {
  const [left, right] = [upload(task.left), upload(task.right)];
  const multiply = jit((a: np.Array, b: np.Array) => np.matmul(a, b));
  let product: np.Array | undefined;
  return {
    async step(_i, sync) {
      product?.dispose();
      product = multiply(left.ref, right.ref);
      if (sync) await product.blockUntilReady();
      return undefined;
    },
    async result() {
      return [Float32Array.from((await product?.ref.data()) ?? [])];
    },
  };
}

class JaxJs implements Peer {
  #work!: Work;

  async setup(task: Task): Promise<void> {
    const devices = await init('webgpu');
    if (!devices.includes('webgpu')) throw new DeviceError('bench', 'jax-js found no WebGPU; one is needed');
    defaultDevice('webgpu');
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
      return createProduct(task);
    case 'dense-step':
      return createDenseTraining(task);
    case 'conv-step':
      return createConvTraining(task);
    case 'decode-one':
      return createDecoder(task);
    default:
      return createConvLayer(task);
  }
}

export const createPeer = (): Peer => new JaxJs();
