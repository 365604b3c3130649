/** Training on batches that a peer in another process gets too: the same rows in the same order, with the same noise. */
import { symmetricUniform } from '../src/gpu/threefry.js';
import type { FedBatch, StepTerms } from '../src/vae/trainer-options.js';
import type { Trainer } from '../src/vae/trainer.js';

/** Steps between reads of the terms; the trainer keeps those of 256. */
const STEPS_A_READ = 128;

/** The rows in a random order, the same for a seed. */
export function permutation(rows: number, seed: number): number[] {
  const keys = symmetricUniform(rows, seed, 1);
  return Array.from(keys.keys()).toSorted((a, b) => keys[a]! - keys[b]!);
}

/** The rows of f32[N, width] at the places, in their order. */
export function rowsAt(values: Float32Array, width: number, places: readonly number[]): Float32Array {
  const result = new Float32Array(places.length * width);
  places.forEach((row, index) => result.set(values.subarray(row * width, (row + 1) * width), index * width));
  return result;
}

/** Takes the steps of an epoch and gives the mean over them of a value of their terms. */
export async function fedEpoch(
  trainer: Trainer,
  steps: number,
  batchOf: (step: number) => FedBatch,
  valueOf: (terms: StepTerms) => number,
): Promise<number> {
  let sum = 0;
  for (let step = 0; step < steps; step++) {
    await trainer.step(batchOf(step));
    if ((step + 1) % STEPS_A_READ === 0 || step === steps - 1)
      for (const terms of await trainer.terms()) sum += valueOf(terms);
  }
  return sum / steps;
}
