/** Random choices on the CPU, from the counter-based generator. */
import { seedWords, threefry } from '../../gpu/threefry.js';

/** An index by weight: the first whose cumulated weight exceeds `u` times the total; the last one if all are 0. */
export function drawIndex(weights: ArrayLike<number>, u: number): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i]!;
  let rest = u * total;
  for (let i = 0; i < weights.length; i++) {
    rest -= weights[i]!;
    if (rest < 0) return i;
  }
  return weights.length - 1;
}

/** Uniform numbers in [0, 1) from the counter-based generator. */
export function uniformDraws(seed: number, stream: number): () => number {
  const [low, high] = seedWords(seed);
  let counter = 0;
  return () => threefry(low, high, counter++, stream)[0] / 2 ** 32;
}
