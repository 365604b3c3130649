/** Dropout with inverted scaling; the mask is the uniform of the noise contract compared with the rate. */
import { uniformElement } from './noise.js';
import { map, type F64 } from './tensor.js';
import type { Seed } from './threefry.js';

/** `x / (1 - rate)` where the uniform of the element is at least the rate, else 0. It is its own backward. */
export function dropout(x: F64, rate: number, seed: Seed, stream: number): F64 {
  return map(x, (value, i) => (uniformElement(i, seed, stream) < rate ? 0 : value / (1 - rate)));
}
