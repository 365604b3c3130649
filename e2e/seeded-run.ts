/**
 * One short training run from a seed, for the tests of determinism: they repeat it in this process, on another
 * device, and in another process, and compare the bits of the weights.
 */
import { createHash } from 'node:crypto';
import type { Device } from '../src/gpu/device.js';
import type { Dataset } from '../src/vae/data/dataset.js';
import { denseSpec } from '../src/vae/presets.js';
import type { TrainerOptions } from '../src/vae/trainer-options.js';
import { Vae } from '../src/vae/vae.js';

/** 50 images of 6 x 6 bytes without any pattern to speak of. */
export const seededData: Dataset = {
  rows: 50,
  shape: [6, 6, 1],
  values: Uint8Array.from({ length: 50 * 36 }, (_, i) => (i * 37 + (i >> 4) * 101 + (i >> 7) * 13) & 255),
};

const STEPS = 20;

/** SHA-256 of the weights after 20 steps, five epochs of 16, 16, 16 and 2 rows, with the kernels' own noise. */
export async function seededDigest(
  device: Device,
  seed: number,
  options: TrainerOptions = {},
): Promise<string> {
  const spec = denseSpec({ input: [6, 6, 1], hidden: 24, latent: 3 });
  const vae = await Vae.create(spec, { device, seed });
  const trainer = await vae.trainer(seededData, { batchSize: 16, learningRate: 0.01, seed, ...options });
  for (let step = 0; step < STEPS; step++) await trainer.step();
  await trainer.terms(); // throws if a number was not finite
  const weights = await vae.readWeights();
  trainer.destroy();
  vae.destroy();
  return createHash('sha256').update(new Uint8Array(weights.buffer)).digest('hex');
}
