/**
 * The noise contract: which random number element `e` of a noise tensor is. One Threefry call gives two words
 * and so two elements; `stream` separates tensors and steps that share a seed. WGSL draws the same words exactly
 * and the same numbers up to float32 rounding.
 */
import { threefry, type Seed } from './threefry.js';
import { map, zeros, type F64 } from './tensor.js';

/** The two words that elements `e` and `e ^ 1` share: `threefry(seed, (e >> 1, stream))`. */
export function noiseWords(element: number, seed: Seed, stream: number): [number, number] {
  return threefry(seed, [element >>> 1, stream]);
}

/**
 * Element `e` of standard normal noise, by Box and Muller on the words `w0, w1`:
 * `u1 = ((w0 >>> 9) + 1/2) 2^-23` in (0, 1), `u2 = (w1 >>> 8) 2^-24` in [0, 1), `radius = sqrt(-2 ln u1)`;
 * an even element is `radius cos(2 pi u2)`, an odd one `radius sin(2 pi u2)`. |value| < 5.77.
 */
export function normalElement(element: number, seed: Seed, stream: number): number {
  const [w0, w1] = noiseWords(element, seed, stream);
  const u1 = ((w0 >>> 9) + 0.5) * 2 ** -23; // the half keeps u1 off 0 and exact in float32
  const u2 = (w1 >>> 8) * 2 ** -24;
  const radius = Math.sqrt(-2 * Math.log(u1));
  return element % 2 === 0 ? radius * Math.cos(2 * Math.PI * u2) : radius * Math.sin(2 * Math.PI * u2);
}

/** Element `e` of uniform noise in [0, 1): `(w >>> 8) 2^-24` with `w` = word `e & 1`. */
export function uniformElement(element: number, seed: Seed, stream: number): number {
  return (noiseWords(element, seed, stream)[element & 1]! >>> 8) * 2 ** -24;
}

/** A tensor of standard normal noise; elements are numbered row-major from 0. */
export function normalNoise(shape: readonly number[], seed: Seed, stream: number): F64 {
  return map(zeros(shape), (_, element) => normalElement(element, seed, stream));
}

/** A tensor of uniform noise in [0, 1); elements are numbered row-major from 0. */
export function uniformNoise(shape: readonly number[], seed: Seed, stream: number): F64 {
  return map(zeros(shape), (_, element) => uniformElement(element, seed, stream));
}
