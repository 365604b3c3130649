/**
 * The linear VAE on the numbers of the golden values, and its bound without sampling error. Shared by the tests of
 * training, schemes and bounds, because its best log p(x) is known in closed form (e2e/reference/ppca.ts).
 */
import type { Dataset } from '../src/vae/data/dataset.js';
import type { Terms } from '../src/vae/terms.js';
import type { Vae } from '../src/vae/vae.js';
import { linearSpec as linearSpecOf } from './linear-vae.js';
import { float32 } from './model.js';
import { ppcaData } from './reference/ppca.js';

export { linearParameters } from './linear-vae.js';

export const K = 2;
export const [N, D] = [200, 8];

export const linearSpec = linearSpecOf(D, K);

/** `f64[200, 8]` */
export const linearRows = ppcaData();
export const linearData: Dataset = { rows: N, shape: [D], values: float32(linearRows) };

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
