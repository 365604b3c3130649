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

/** The model with an encoder of fixed variances, whose mean is `scale` times the exact posterior's. */
export function linearParameters(
  model: ppca.LinearModel,
  variances: readonly number[],
  scale = 1,
): Parameters {
  const [D, K] = [size(model.W, 0), size(model.W, 1)];
  const { encoder } = ppca.exactPosterior(model);
  return new Map([
    ['mean.weight', { shape: encoder.shape, values: encoder.values.map((value) => scale * value) }],
    ['mean.bias', zeros([K])],
    ['log_variance.weight', zeros([K, D])],
    ['log_variance.bias', fromValues([K], variances.map(Math.log))],
    ['decoder.0.weight', model.W],
    ['decoder.0.bias', zeros([D])],
    ['likelihood.log_variance', fromValues([1], [Math.log(model.sigma2)])],
  ]);
}
