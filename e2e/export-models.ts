/** Models that exports are tried on: every preset, every layer, and every member that leaves, with data that it can have. */
import { add } from '../src/gpu/ops/binary.js';
import { reshape } from '../src/gpu/ops/constant.js';
import { matmul } from '../src/gpu/ops/matmul.js';
import { affine, unary } from '../src/gpu/ops/unary.js';
import type { Extensions, OwnObjective } from '../src/index.js';
import { writeModelFile } from '../src/vae/checkpoint/model-file.js';
import { Model } from '../src/vae/model.js';
import { convResidualSpec, convSpec, denseSpec, worldModelsSpec } from '../src/vae/presets.js';
import { completeSpec, type LikelihoodSpec, type VaeSpec } from '../src/vae/spec.js';
import { randomUniform } from './reference/tensor.js';

/** A small dense model of [4, 5, 3] images. */
export const small = (rest: Partial<VaeSpec> = {}): VaeSpec => ({
  input: [4, 5, 3],
  latent: 4,
  encoder: [{ type: 'dense', units: 12, activation: 'tanh' }],
  decoder: [{ type: 'dense', units: 12, activation: 'tanh' }],
  ...rest,
});

export const presetModels: Readonly<Record<string, VaeSpec>> = {
  dense: denseSpec({ input: [28, 28, 1], hidden: 64, latent: 8 }),
  conv: convSpec({ input: [28, 28, 1], hidden: 32, latent: 8 }),
  'conv-residual': convResidualSpec({ input: [8, 8, 3], hidden: 16, latent: 4 }),
  'world-models': worldModelsSpec({ input: [64, 64, 3], latent: 8 }),
};

/** Every type of layer, paddings that PyTorch has no word for, and every way that a vector becomes an image. */
export const layerModels: Readonly<Record<string, VaeSpec>> = {
  'every layer': {
    input: [9, 7, 2],
    latent: 3,
    encoder: [
      {
        type: 'conv',
        channels: 5,
        kernel: [3, 2],
        stride: [2, 1],
        padding: [1, 0, 0, 2],
        activation: 'relu',
      },
      { type: 'batchNorm', momentum: 0.5, activation: 'silu' },
      {
        type: 'residual',
        layers: [
          { type: 'layerNorm', activation: 'gelu' },
          { type: 'conv', channels: 6, kernel: 3 },
          { type: 'dropout', rate: 0.1 },
        ],
        activation: 'leakyRelu',
      },
      { type: 'maxPool', kernel: 2 },
      { type: 'attention' },
      { type: 'groupNorm', groups: 3 },
      { type: 'activation', activation: 'softplus' },
      { type: 'flatten' },
      { type: 'batchNorm' },
      { type: 'dense', units: 10, activation: 'tanh' },
      { type: 'layerNorm' },
      { type: 'groupNorm', groups: 2 },
    ],
    decoder: [
      { type: 'dense', units: 24, activation: 'relu' },
      { type: 'reshape', shape: [2, 3, 4] },
      { type: 'deconv', channels: 5, crop: [1, 0] },
      { type: 'groupNorm', groups: 5, activation: 'silu' },
      { type: 'residual', layers: [{ type: 'conv', channels: 5, kernel: 2, activation: 'sigmoid' }] },
      { type: 'upsample', factor: 3 },
      { type: 'averagePool', kernel: [1, 2], padding: [0, 1] },
      { type: 'conv', channels: 2, kernel: [1, 4], padding: 0 },
    ],
  },
  'images of vectors': {
    input: [4, 5, 3],
    latent: 12,
    encoder: [
      { type: 'reshape', shape: [10, 3, 2] },
      { type: 'conv', channels: 4, kernel: 3 },
      { type: 'reshape', shape: [120] },
      { type: 'reshape', shape: [5, 4, 6] },
    ],
    decoder: [
      { type: 'reshape', shape: [2, 2, 3] },
      { type: 'conv', channels: 5, kernel: 2, activation: 'relu' },
      { type: 'flatten' },
    ],
  },
};

export const posteriorModels: Readonly<Record<string, VaeSpec>> = {
  isotropic: small({ posterior: 'isotropic' }),
  full: small({ posterior: 'full' }),
  deterministic: small({ posterior: 'deterministic' }),
  'uniform, factorized': small({ posterior: 'uniform', prior: 'factorized' }),
  planar: small({ posterior: { type: 'planar', steps: 3 } }),
  radial: small({ posterior: { type: 'radial', steps: 3 } }),
  iaf: small({ posterior: { type: 'iaf', steps: 2, units: 7, context: 3 } }),
  'vector-quantized': small({ posterior: { type: 'vector-quantized', codes: 6, dimension: 2 } }),
  'vector-quantized, averages': small({
    posterior: { type: 'vector-quantized', codes: 6, dimension: 2, codebook: 'ema', decay: 0.9 },
  }),
};

export const priorModels: Readonly<Record<string, VaeSpec>> = {
  mixture: small({ prior: { type: 'mixture', components: 3 } }),
  'full, mixture': small({ posterior: 'full', prior: { type: 'mixture', components: 3 } }),
  vamp: small({ prior: { type: 'vamp', pseudoInputs: 4 } }),
  'full, vamp': small({ posterior: 'full', prior: { type: 'vamp', pseudoInputs: 4 } }),
  'isotropic, vamp, images': {
    ...small({ posterior: 'isotropic', prior: { type: 'vamp', pseudoInputs: 4 } }),
    encoder: [{ type: 'conv', channels: 4, kernel: 3, stride: 2, activation: 'relu' }],
  },
  'a class': small({ condition: { classes: 3 } }),
  'a class, images': {
    ...small({ condition: { classes: 3 } }),
    encoder: [{ type: 'conv', channels: 4, kernel: 3, stride: 2, activation: 'relu' }],
  },
  'a class, conditional': small({
    condition: { classes: 3 },
    prior: { type: 'conditional', layers: [{ type: 'dense', units: 5, activation: 'relu' }] },
  }),
  'full, a class, conditional': small({
    posterior: 'full',
    condition: { classes: 3 },
    prior: { type: 'conditional', layers: [] },
  }),
};

/** Two and three levels, every prior above, and networks that are not just a Linear. */
export const hierarchicalModels: Readonly<Record<string, VaeSpec>> = {
  hierarchical: small({
    prior: {
      type: 'hierarchical',
      latent: 2,
      encoder: [{ type: 'dense', units: 5, activation: 'tanh' }],
      decoder: [{ type: 'dense', units: 6, activation: 'relu' }, { type: 'layerNorm' }],
    },
  }),
  'three levels, mixture': small({
    posterior: 'full',
    prior: {
      type: 'hierarchical',
      latent: 3,
      encoder: [],
      decoder: [],
      prior: {
        type: 'hierarchical',
        latent: 2,
        encoder: [],
        decoder: [{ type: 'dense', units: 4, activation: 'tanh' }],
        prior: { type: 'mixture', components: 3 },
      },
    },
  }),
  'hierarchical, vamp': small({
    prior: {
      type: 'hierarchical',
      latent: 3,
      encoder: [{ type: 'dense', units: 5, activation: 'tanh' }],
      decoder: [],
      prior: { type: 'vamp', pseudoInputs: 4 },
    },
  }),
  'hierarchical, a class, conditional': small({
    condition: { classes: 3 },
    prior: {
      type: 'hierarchical',
      latent: 2,
      encoder: [],
      decoder: [{ type: 'dense', units: 5, activation: 'relu' }],
      prior: { type: 'conditional', layers: [{ type: 'dense', units: 4, activation: 'tanh' }] },
    },
  }),
};

const likelihoods: Readonly<Record<string, LikelihoodSpec>> = {
  gaussian: { type: 'gaussian', scale: 0.5 },
  'gaussian, learned': { type: 'gaussian', scale: 'learned' },
  'gaussian, per pixel': { type: 'gaussian', scale: 'per-pixel' },
  'gaussian of the decoder': { type: 'gaussian', scale: 'decoder' },
  laplace: { type: 'laplace', scale: 2 },
  'laplace, per pixel': { type: 'laplace', scale: 'per-pixel' },
  categorical: { type: 'categorical', classes: 5 },
  'logistic mixture': { type: 'discretized-logistic-mixture', components: 3 },
  'one logistic': { type: 'discretized-logistic-mixture', components: 1 },
  'negative binomial': { type: 'negative-binomial', mean: 'exp' },
  'negative binomial, softplus': { type: 'negative-binomial', mean: 'softplus' },
  'beta-binomial': { type: 'beta-binomial' },
};

export const likelihoodModels: Readonly<Record<string, VaeSpec>> = Object.fromEntries(
  Object.entries(likelihoods).map(([name, likelihood]) => [name, small({ likelihood })]),
);

/** An objective of its author's own, which has weights: how far a Linear of the reconstruction's mean is from 1. */
const distance: OwnObjective = ({ weights }) => {
  const { weight, bias } = weights.linear('objective.own', [1], [1]);
  return {
    usesBound: true,
    penalty({ bound, mean }) {
      const made = add(matmul(reshape(mean(bound.reconstruction), [1, 1]), weight), bias);
      const loss = reshape(unary('abs', affine(made, 1, -1)), [1]);
      return { loss, terms: { loss } };
    },
  };
};

/** A model with it, and the code that it takes to make one. */
export const ownObjective = {
  spec: small({ objective: { type: 'own', name: 'distance' } }),
  extensions: { objectives: { distance } },
} as const;

/** The file of a model in which no number is as it was initialised, running statistics included. */
export function movedModelFile(spec: VaeSpec, seed: number, extensions?: Extensions): Promise<Uint8Array> {
  const model = new Model(completeSpec(spec), extensions);
  const { set, state } = model.weights;
  const moves = randomUniform([set.length], seed, -0.1, 0.1).values;
  const weights = model.weights.initialValues(seed).map((value, i) => value + moves[i]!);
  const shares = randomUniform([state.length], seed + 1, 0.5, 1.5).values;
  return writeModelFile(model, { weights, state: Float32Array.from(shares) });
}

/** A number in [0, 1) as a value that the likelihood's data can have. */
export function datumOf(likelihood: LikelihoodSpec | undefined, u: number): number {
  switch (likelihood?.type) {
    case 'categorical':
      return Math.floor(u * likelihood.classes);
    case 'negative-binomial':
      return Math.floor(8 * u);
    case 'discretized-logistic-mixture':
    case 'beta-binomial':
      return Math.floor(256 * u) / 255;
    default:
      return u;
  }
}
