/** What the tests of checkpoints share: a small training, and the one number that tells two of them apart. */
import { createHash } from 'node:crypto';
import { readSafetensors } from '../src/vae/checkpoint/safetensors.js';
import type { VaeSpec } from '../src/vae/spec.js';
import { denseSpec } from '../src/vae/presets.js';
import type { TrainerOptions } from '../src/vae/trainer-options.js';

/** Four batches an epoch of `seededData`'s 50 rows, the last of 2 rows. */
export const smallSpec: VaeSpec = denseSpec({ input: [6, 6, 1], hidden: 24, latent: 3 });
export const smallOptions = { batchSize: 16, learningRate: 0.01, seed: 3 } as const satisfies TrainerOptions;

/** SHA-256 over names and bits of all tensors of a file: weights, state and moments, and nothing else. */
export async function numbersDigest(checkpoint: Uint8Array): Promise<string> {
  const { tensors } = await readSafetensors(checkpoint);
  const hash = createHash('sha256');
  for (const [name, { values }] of [...tensors].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return hash.digest('hex');
}
