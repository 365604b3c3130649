/** The convolutional workloads in jax-js, whose convolutions have PyTorch's layouts. */
import { blockUntilReady, jit, lax, nn, numpy as np, tree, vjp } from '@jax-js/jax';
import {
  decoderWeightNames,
  mapConvWeights,
  type ConvLayerTask,
  type ConvStepTask,
  type ConvWeights,
  type DecodeTask,
} from '../conv-task.js';
import type { Work } from '../peer.js';
import { inputMajor } from '../tensor.js';
import { CONV } from '../workloads.js';
import { createTraining, dense, elbo, toArray, upload } from './jax-js-training.js';

const STRIDE = [2, 2];
const PADDING: [number, number][] = [
  [1, 1],
  [1, 1],
];

type DecoderArrays = Pick<
  ConvWeights<np.Array>,
  'decoder.weight' | 'decoder.bias' | 'deconv1.weight' | 'deconv1.bias' | 'deconv2.weight' | 'deconv2.bias'
>;

/** A bias f32[C] for images f32[B, C, H, W]. */
const perChannel = (bias: np.Array): np.Array => bias.reshape([1, -1, 1, 1]);

/** Without bias and activation. */
const forward = (image: np.Array, weight: np.Array): np.Array =>
  lax.convGeneralDilated(image, weight, STRIDE, PADDING);

const convolve = (image: np.Array, weight: np.Array, bias: np.Array): np.Array =>
  nn.relu(forward(image, weight).add(perChannel(bias)));

const deconvolve = (image: np.Array, weight: np.Array, bias: np.Array): np.Array =>
  lax.convTranspose(image, weight, STRIDE, PADDING, { transposeKernel: true }).add(perChannel(bias));

/** f32[B, 16] -> logits f32[B, 784]. */
function decode(w: DecoderArrays, z: np.Array): np.Array {
  const batch = z.shape[0]!;
  const units = nn.relu(dense(z, w['decoder.weight'], w['decoder.bias']));
  const image = units.reshape([batch, 64, 7, 7]);
  const first = nn.relu(deconvolve(image, w['deconv1.weight'], w['deconv1.bias']));
  return deconvolve(first, w['deconv2.weight'], w['deconv2.bias']).reshape([batch, CONV.pixels]);
}

function loss(w: ConvWeights<np.Array>, x: np.Array, noise: np.Array): np.Array {
  const batch = CONV.batchSize;
  const first = convolve(x.ref.reshape([batch, 1, 28, 28]), w['conv1.weight'], w['conv1.bias']);
  const second = convolve(first, w['conv2.weight'], w['conv2.bias']);
  const hidden = nn.relu(dense(second.reshape([batch, 3136]), w['dense.weight'], w['dense.bias']));
  const mean = dense(hidden.ref, w['mean.weight'], w['mean.bias']);
  const logVariance = dense(hidden, w['logVariance.weight'], w['logVariance.bias']);
  const z = mean.ref.add(noise.mul(np.exp(logVariance.ref.mul(0.5))));
  return elbo(decode(w, z), x, mean, logVariance, batch);
}

/** The training step of the VAE. */
export function createConvTraining({ x, noise, weights }: ConvStepTask): Work {
  return createTraining({
    weights: mapConvWeights((name) => inputMajor(weights[name])),
    x,
    noise,
    batchSize: CONV.batchSize,
    learningRate: CONV.learningRate,
    loss,
  });
}

/** A convolution, or both of its gradients. */
export function createConvLayer(task: ConvLayerTask): Work {
  const [x, weight, cotangent] = [upload(task.x), upload(task.weight), upload(task.cotangent)];
  const layer = jit((image: np.Array, w: np.Array) => [forward(image, w)]);
  const gradients = jit((image: np.Array, w: np.Array, g: np.Array): np.Array[] => {
    const [y, back] = vjp(forward, [image, w]);
    y.dispose();
    const found = back(g);
    back.dispose();
    return found;
  });
  let outputs: np.Array[] = [];
  return {
    async step(_i, sync) {
      tree.dispose(outputs);
      outputs =
        task.kind === 'conv-forward' ? layer(x.ref, weight.ref) : gradients(x.ref, weight.ref, cotangent.ref);
      if (sync) await blockUntilReady(outputs);
      return undefined;
    },
    result: () => Promise.all(outputs.map(async (output) => Float32Array.from(await output.ref.data()))),
  };
}

/** One latent to its pixels, read back. */
export function createDecoder(task: DecodeTask): Work {
  const weights = Object.fromEntries(
    decoderWeightNames.map((name) => [name, upload(inputMajor(task.weights[name]))]),
  ) as DecoderArrays;
  const run = jit((w: DecoderArrays, z: np.Array) => nn.sigmoid(decode(w, z)));
  let last = new Float32Array();
  return {
    async step() {
      const image = run(tree.ref(weights), toArray(task.z.values.slice(), task.z.shape));
      last = Float32Array.from(await image.data());
      return undefined;
    },
    result: async () => [last],
  };
}
