/**
 * The shuffle's permutation (shaders/gather.wgsl) on the CPU: position i takes row `permutation(i)`, a six-round Feistel
 * network walked until it lands below n (Black and Rogaway, CT-RSA 2002). Any part of a huge set is drawn without
 * repeats and without a list of it.
 */
import { shuffleHalfBits } from '../../gpu/ops/gather.js';
import { shuffleKeys } from '../../gpu/threefry.js';

const ROUNDS = 6;

/** The order of an epoch of `n` rows as a function of the position, both in [0, n). */
export function permutation(n: number, seed: number, epoch = 0): (position: number) => number {
  const keys = shuffleKeys(seed, epoch).slice(0, ROUNDS);
  const half = shuffleHalfBits(n);
  const mask = 2 ** half - 1;
  return (position) => {
    let x = position;
    do {
      let [left, right] = [x >>> half, x & mask];
      for (const key of keys) [left, right] = [right, left ^ (mix(right ^ key) & mask)];
      x = ((left << half) | right) >>> 0;
    } while (x >= n);
    return x;
  };
}

/** Avalanche mixer of 32 bits: lowbias32 (Wellons, "Prospecting for hash functions", 2018). */
function mix(value: number): number {
  let v = value;
  v ^= v >>> 16;
  v = Math.imul(v, 0x7feb352d);
  v ^= v >>> 15;
  v = Math.imul(v, 0x846ca68b);
  return (v ^ (v >>> 16)) >>> 0;
}
