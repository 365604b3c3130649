/**
 * @jax-js/jax on WebGPU. The whole training step (loss, gradient, Adam) is one jitted function, which
 * is how that library fuses best, and matrices are f32[in, out], which it multiplies a quarter faster. Its arrays are owned: each use consumes one, `.ref` keeps one more.
 */
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { DeviceError } from '../../src/gpu/errors.js';
import type { Peer } from '../peer.js';
import {
  batchOf,
  inputMajor,
  mapWeights,
  type DenseStepTask,
  type MatmulTask,
  type Task,
  type Tensor,
  type Weights,
} from '../task.js';
import { DENSE } from '../workloads.js';

type Arrays = Weights<np.Array>;

const FIRST_DECAY = 0.9;
const SECOND_DECAY = 0.999;
const EPSILON = 1e-8;

const toArray = (values: Float32Array<ArrayBuffer>, shape: readonly number[]): np.Array =>
  np.array(values, { shape: [...shape], dtype: np.float32 });

const upload = (tensor: Tensor): np.Array => toArray(tensor.values.slice(), tensor.shape);

const dense = (x: np.Array, weight: np.Array, bias: np.Array): np.Array => np.matmul(x, weight).add(bias);

/** (sum of Bernoulli cross-entropy + KL) / B of x f32[B, 784] with noise f32[B, 20]. */
function loss(w: Arrays, x: np.Array, noise: np.Array): np.Array {
  const hidden = nn.relu(dense(x.ref, w['encoder.weight'], w['encoder.bias']));
  const mean = dense(hidden.ref, w['mean.weight'], w['mean.bias']);
  const logVariance = dense(hidden, w['logVariance.weight'], w['logVariance.bias']);
  const z = mean.ref.add(noise.mul(np.exp(logVariance.ref.mul(0.5))));
  const decoded = nn.relu(dense(z, w['decoder.weight'], w['decoder.bias']));
  const logits = dense(decoded, w['output.weight'], w['output.bias']);
  const crossEntropy = nn.softplus(logits.ref).sub(logits.mul(x)).sum();
  const kl = np.square(mean).add(np.exp(logVariance.ref)).sub(logVariance).sub(1).sum().mul(0.5);
  return crossEntropy.add(kl).mul(1 / DENSE.batchSize);
}

/** Adam's new first moment, second moment and weight; `correction` is f32[2], 1 / (1 - decay^t) of each. */
function adam(weight: np.Array, gradient: np.Array, first: np.Array, second: np.Array, correction: np.Array) {
  const nextFirst = first.mul(FIRST_DECAY).add(gradient.ref.mul(1 - FIRST_DECAY));
  const nextSecond = second.mul(SECOND_DECAY).add(np.square(gradient).mul(1 - SECOND_DECAY));
  const numerator = nextFirst.ref.mul(correction.ref.slice(0)).mul(DENSE.learningRate);
  const denominator = np.sqrt(nextSecond.ref.mul(correction.slice(1))).add(EPSILON);
  return { first: nextFirst, second: nextSecond, weight: weight.sub(numerator.div(denominator)) };
}

function trainStep(
  w: Arrays,
  first: Arrays,
  second: Arrays,
  correction: np.Array,
  x: np.Array,
  noise: np.Array,
) {
  const [value, gradients] = valueAndGrad(loss)(tree.ref(w), x, noise);
  const next = mapWeights((name) =>
    adam(w[name], gradients[name], first[name], second[name], correction.ref),
  );
  correction.dispose();
  return {
    loss: value,
    weights: mapWeights((name) => next[name].weight),
    first: mapWeights((name) => next[name].first),
    second: mapWeights((name) => next[name].second),
  };
}

/** Trains, keeping weights and moments on the device between steps. */
class Training {
  readonly #task: DenseStepTask;
  readonly #step = jit(trainStep);
  #weights: Arrays;
  #first: Arrays;
  #second: Arrays;

  constructor(task: DenseStepTask) {
    this.#task = task;
    const initial = mapWeights((name) => inputMajor(task.weights[name]));
    this.#weights = mapWeights((name) => upload(initial[name]));
    this.#first = mapWeights((name) => np.zeros([...initial[name].shape]));
    this.#second = mapWeights((name) => np.zeros([...initial[name].shape]));
  }

  async step(i: number, sync: boolean): Promise<number | undefined> {
    const { x, noise } = this.#task;
    const correction = new Float32Array([
      1 / (1 - FIRST_DECAY ** (i + 1)),
      1 / (1 - SECOND_DECAY ** (i + 1)),
    ]);
    const next = this.#step(
      this.#weights,
      this.#first,
      this.#second,
      toArray(correction, [2]),
      toArray(batchOf(x, i), [DENSE.batchSize, DENSE.pixels]),
      toArray(batchOf(noise, i), [DENSE.batchSize, DENSE.latent]),
    );
    this.#weights = next.weights;
    this.#first = next.first;
    this.#second = next.second;
    if (sync) return (await next.loss.data())[0];
    next.loss.dispose();
    return undefined;
  }
}

/** Multiplies, keeping the last product. */
class Product {
  readonly #left: np.Array;
  readonly #right: np.Array;
  readonly #multiply = jit((left: np.Array, right: np.Array) => np.matmul(left, right));
  #product: np.Array | undefined;

  constructor(task: MatmulTask) {
    this.#left = upload(task.left);
    this.#right = upload(task.right);
  }

  async step(_i: number, sync: boolean): Promise<undefined> {
    this.#product?.dispose();
    this.#product = this.#multiply(this.#left.ref, this.#right.ref);
    if (sync) await this.#product.blockUntilReady();
    return undefined;
  }

  async result(): Promise<Float32Array> {
    return Float32Array.from((await this.#product?.ref.data()) ?? []);
  }
}

class JaxJs implements Peer {
  #work!: Training | Product;

  async setup(task: Task): Promise<void> {
    const devices = await init('webgpu');
    if (!devices.includes('webgpu')) throw new DeviceError('bench', 'jax-js found no WebGPU; one is needed');
    defaultDevice('webgpu');
    this.#work = task.kind === 'matmul' ? new Product(task) : new Training(task);
  }

  step(i: number, sync: boolean): Promise<number | undefined> {
    return this.#work.step(i, sync);
  }

  async result(): Promise<Float32Array> {
    return this.#work instanceof Product ? this.#work.result() : new Float32Array();
  }
}

export const createPeer = (): Peer => new JaxJs();
