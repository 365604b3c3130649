/**
 * Training in jax-js: loss, gradient and Adam are one jitted function, which is how that library fuses best. Its arrays
 * are owned: each use consumes one, `.ref` keeps one more.
 */
import { jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import type { Work } from '../peer.js';
import { batchOf, type Tensor } from '../tensor.js';

/** Weights or their moments by name. */
export type Arrays = Record<string, np.Array>;

const FIRST_DECAY = 0.9;
const SECOND_DECAY = 0.999;
const EPSILON = 1e-8;

/** An array with a tensor's values. */
export function toArray(values: Float32Array<ArrayBuffer>, shape: readonly number[]): np.Array {
  return np.array(values, { shape: [...shape], dtype: np.float32 });
}

/** An array with a copy of a tensor's values. */
export function upload(tensor: Tensor): np.Array {
  return toArray(tensor.values.slice(), tensor.shape);
}

/** x f32[B, in] times a weight f32[in, out], plus a bias. */
export function dense(x: np.Array, weight: np.Array, bias: np.Array): np.Array {
  return np.matmul(x, weight).add(bias);
}

/** (sum of Bernoulli cross-entropy + KL) / B. */
export function elbo(
  logits: np.Array,
  x: np.Array,
  mean: np.Array,
  logVariance: np.Array,
  batchSize: number,
): np.Array {
  const crossEntropy = nn.softplus(logits.ref).sub(logits.mul(x)).sum();
  const kl = np.square(mean).add(np.exp(logVariance.ref)).sub(logVariance).sub(1).sum().mul(0.5);
  return crossEntropy.add(kl).mul(1 / batchSize);
}

/** Adam's new first moment, second moment and weight; `correction` is f32[2], 1 / (1 - decay^t) of each. */
function adam(
  weight: np.Array,
  gradient: np.Array,
  first: np.Array,
  second: np.Array,
  correction: np.Array,
  learningRate: number,
): { first: np.Array; second: np.Array; weight: np.Array } {
  const nextFirst = first.mul(FIRST_DECAY).add(gradient.ref.mul(1 - FIRST_DECAY));
  const nextSecond = second.mul(SECOND_DECAY).add(np.square(gradient).mul(1 - SECOND_DECAY));
  const numerator = nextFirst.ref.mul(correction.ref.slice(0)).mul(learningRate);
  const denominator = np.sqrt(nextSecond.ref.mul(correction.slice(1))).add(EPSILON);
  return { first: nextFirst, second: nextSecond, weight: weight.sub(numerator.div(denominator)) };
}

/** What is trained, on which data. */
export interface Training {
  readonly weights: Readonly<Record<string, Tensor>>;
  readonly x: Tensor;
  readonly noise: Tensor;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Consumes its arguments. A method, so that an implementation may name the weights that it takes. */
  loss(w: Arrays, x: np.Array, noise: np.Array): np.Array;
}

/** Trains, keeping weights and moments on the device between steps. */
export function createTraining(training: Training): Work {
  const { weights, batchSize, learningRate } = training;
  const map = <T>(make: (name: string) => T): Record<string, T> =>
    Object.fromEntries(Object.keys(weights).map((name) => [name, make(name)]));
  const trainStep = jit(
    (w: Arrays, first: Arrays, second: Arrays, correction: np.Array, x: np.Array, noise: np.Array) => {
      const [loss, gradients] = valueAndGrad((...given: [Arrays, np.Array, np.Array]) =>
        training.loss(...given),
      )(tree.ref(w), x, noise);
      const next = map((name) =>
        adam(w[name]!, gradients[name]!, first[name]!, second[name]!, correction.ref, learningRate),
      );
      correction.dispose();
      return {
        loss,
        weights: map((name) => next[name]!.weight),
        first: map((name) => next[name]!.first),
        second: map((name) => next[name]!.second),
      };
    },
  );
  const zeros = (name: string): np.Array => np.zeros([...weights[name]!.shape]);
  let state = {
    weights: map((name) => upload(weights[name]!)),
    first: map(zeros),
    second: map(zeros),
  };
  const batch = (tensor: Tensor, i: number): np.Array =>
    toArray(batchOf(tensor, i, batchSize), [batchSize, ...tensor.shape.slice(1)]);
  return {
    async step(i, sync) {
      const correction = new Float32Array([
        1 / (1 - FIRST_DECAY ** (i + 1)),
        1 / (1 - SECOND_DECAY ** (i + 1)),
      ]);
      const { loss, ...next } = trainStep(
        state.weights,
        state.first,
        state.second,
        toArray(correction, [2]),
        batch(training.x, i),
        batch(training.noise, i),
      );
      state = next;
      if (sync) return (await loss.data())[0];
      loss.dispose();
      return undefined;
    },
  };
}
