/** A linear Gaussian model as a VAE's parameters: the model whose likelihood, posterior and best bound are known. */
import * as ppca from './reference/ppca.js';
import { fromValues, size, zeros } from './reference/tensor.js';
import type { DenseVaeSpec, Parameters } from './reference/vae.js';

/** Data of D numbers, K latents, no hidden layer, one learned variance. */
export function linearSpec(D: number, K: number): DenseVaeSpec {
  return {
    input: [D],
    latent: K,
    encoder: [],
    decoder: [],
    likelihood: { type: 'gaussian', scale: 'learned' },
  };
}

/** The model with an encoder of the exact posterior's mean and these fixed variances. */
export function linearParameters(model: ppca.LinearModel, variances: readonly number[]): Parameters {
  const [D, K] = [size(model.W, 0), size(model.W, 1)];
  return new Map([
    ['mean.weight', ppca.exactPosterior(model).encoder],
    ['mean.bias', zeros([K])],
    ['log_variance.weight', zeros([K, D])],
    ['log_variance.bias', fromValues([K], variances.map(Math.log))],
    ['decoder.0.weight', model.W],
    ['decoder.0.bias', zeros([D])],
    ['likelihood.log_variance', fromValues([1], [Math.log(model.sigma2)])],
  ]);
}
