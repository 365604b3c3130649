/**
 * Threefry2x32-20, the counter-based generator behind noise and shuffling: a keyed bijection of 64 bits, so any
 * element can be drawn alone, in any order, on any device. Source: Salmon, Moraes, Dror and Shaw, "Parallel
 * random numbers: as easy as 1, 2, 3" (SC 2011), section 3.3; vectors from Random123's known-answer file.
 */

/** 64-bit key as two unsigned 32-bit words. */
export interface Seed {
  low: number;
  high: number;
}

/** Rotations of the eight-round cycle (Random123, threefry 2x32). */
const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
/** Skein's parity constant for 32-bit words; it keeps an all-zero key from being a fixed point of the schedule. */
const PARITY = 0x1bd11bda;
const ROUNDS = 20;

/** Two random unsigned 32-bit words for a key and a counter of two words each. */
export function threefry(seed: Seed, counter: readonly [number, number]): [number, number] {
  const keys = [seed.low, seed.high, PARITY ^ seed.low ^ seed.high];
  let x = (counter[0] + keys[0]!) | 0;
  let y = (counter[1] + keys[1]!) | 0;
  for (let round = 0; round < ROUNDS; round++) {
    const rotation = ROTATIONS[round % 8]!;
    x = (x + y) | 0;
    y = ((y << rotation) | (y >>> (32 - rotation))) ^ x;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x = (x + keys[injection % 3]!) | 0;
      y = (y + keys[(injection + 1) % 3]! + injection) | 0;
    }
  }
  return [x >>> 0, y >>> 0];
}
