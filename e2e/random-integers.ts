/** Numbers for property tests, the same in every run: a test that fails names its seed. */
import { symmetricUniform } from '../src/gpu/threefry.js';

/** `count` numbers in [0, 1) with 24 bits. */
export function uniforms(count: number, seed: number): number[] {
  return Array.from(symmetricUniform(count, seed, 0), (u) => (u + 1) / 2);
}

/** `count` whole numbers in [0, below). */
export function integers(count: number, seed: number, below: number): number[] {
  return uniforms(count, seed).map((u) => Math.floor(u * below));
}
