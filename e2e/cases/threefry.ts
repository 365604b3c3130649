/**
 * Known answers of Threefry2x32-20, published with Random123 (kat_vectors) and used by JAX's tests too: what every
 * implementation here, on the CPU and in WGSL, must give.
 */
export interface KnownAnswer {
  readonly key: readonly [number, number];
  readonly counter: readonly [number, number];
  readonly words: readonly [number, number];
}

const ones = 0xffffffff;

export const knownAnswers: readonly KnownAnswer[] = [
  { key: [0, 0], counter: [0, 0], words: [0x6b200159, 0x99ba4efe] },
  { key: [ones, ones], counter: [ones, ones], words: [0x1cb996fc, 0xbb002be7] },
  // digits of pi
  { key: [0x13198a2e, 0x03707344], counter: [0x243f6a88, 0x85a308d3], words: [0xc4923a9c, 0x483df7a0] },
];
