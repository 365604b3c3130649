/**
 * The shuffle contract: position `i` of an epoch takes row `permute(i)`. A keyed bijection needs no index array
 * on the device and no sort: a six-round Feistel network on the smallest even number of bits that holds n,
 * walked along its cycle until it lands below n (Black and Rogaway, "Ciphers with arbitrary finite domains",
 * CT-RSA 2002). Integers only, so WGSL matches it bit for bit.
 */
import { threefry, type Seed } from './threefry.js';

const ROUNDS = 6;
/** Second counter word of the round keys, far from the small stream numbers of the noise ('sh' in ASCII). */
const SHUFFLE_STREAM = 0x73680000;

/** Avalanche mixer of 32 bits. Source: C. Wellons, "Prospecting for hash functions" (2018), lowbias32. */
export function mix(value: number): number {
  let v = value;
  v ^= v >>> 16;
  v = Math.imul(v, 0x7feb352d);
  v ^= v >>> 15;
  v = Math.imul(v, 0x846ca68b);
  v ^= v >>> 16;
  return v >>> 0;
}

/** Bits of each Feistel half for a domain of `n`: `max(2, ceil(log2 n))` rounded up to even, halved. */
export function halfBits(n: number): number {
  const bits = Math.max(2, 32 - Math.clz32(n - 1));
  return Math.ceil(bits / 2);
}

/** The six round keys of an epoch: round r has word `r & 1` of `threefry(seed, (epoch, 0x73680000 + (r >> 1)))`. */
export function roundKeys(seed: Seed, epoch: number): number[] {
  return Array.from({ length: ROUNDS }, (_, r) => threefry(seed, [epoch, SHUFFLE_STREAM + (r >> 1)])[r & 1]!);
}

/** The row that position `i` takes, both in [0, n), for the round keys of an epoch. */
export function permute(i: number, n: number, keys: readonly number[]): number {
  const half = halfBits(n);
  const mask = 2 ** half - 1;
  let x = i;
  do {
    let left = x >>> half;
    let right = x & mask;
    for (const key of keys) {
      const scrambled = mix(right ^ key) & mask;
      [left, right] = [right, left ^ scrambled];
    }
    x = ((left << half) | right) >>> 0;
  } while (x >= n);
  return x;
}

/** The whole order of an epoch: `u32[n]`, element i is the row that position i takes. */
export function epochOrder(n: number, seed: Seed, epoch: number): Uint32Array {
  const keys = roundKeys(seed, epoch);
  return Uint32Array.from({ length: n }, (_, i) => permute(i, n, keys));
}
