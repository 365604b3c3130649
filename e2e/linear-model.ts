/**
 * The linear VAE on the numbers of the golden values, and its bound without sampling error. Shared by the tests of
 * training, schemes and bounds, because its best log p(x) is known in closed form (e2e/reference/ppca.ts).
 */
import type { Dataset } from '../src/vae/data/dataset.js';
import type { Terms } from '../src/vae/terms.js';
import type { Vae } from '../src/vae/vae.js';
import { float32 } from './model.js';
import * as ppca from './reference/ppca.js';
import { fromValues, zeros } from './reference/tensor.js';
import type { DenseVaeSpec, Parameters } from './reference/vae.js';

export const K = 2;
export const [N, D] = [200, 8];

export const linearSpec: DenseVaeSpec = {
  input: [D],
  latent: K,
  encoder: [],
  decoder: [],
  likelihood: { type: 'gaussian', scale: 'learned' },
};

/** `f64[200, 8]` */
export const linearRows = ppca.ppcaData();
export const linearData: Dataset = { rows: N, shape: [D], values: float32(linearRows) };

/** A linear model with an encoder of fixed variances, whose mean is `scale` times the exact one, as the VAE's parameters. */
export function linearParameters(
  model: ppca.LinearModel,
  variances: readonly number[],
  scale = 1,
): Parameters {
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

/**
 * The bound of a linear VAE in expectation over its noise. The bound under estimator B is a quadratic of the
 * noise, and signs +-1 in every combination have the moments of N(0, I) up to the third: four fed samples give
 * the expectation exactly.
 */
export async function expectedTerms(vae: Vae): Promise<Terms> {
  const samples = 2 ** K;
  const noise = Float32Array.from({ length: samples * N * K }, (_, i) => {
    const sample = Math.floor(i / (N * K));
    return (sample >> (i % K)) & 1 ? 1 : -1;
  });
  const trainer = await vae.trainer(undefined, { batchSize: N, samples, optimizer: { type: 'sgd' } });
  await trainer.step({ x: float32(linearRows), noise }); // its terms are those before the update
  const [terms] = await trainer.terms();
  trainer.destroy();
  return terms!;
}
