/**
 * Threefry2x32-20 (Salmon et al. 2011) on the CPU: initial weights, the shuffle's round keys, prior samples.
 * The same words as shaders/lib/threefry.wgsl.
 */

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** Two words (u32) from a key of two words and a counter of two words. */
export function threefry(key0: number, key1: number, counter0: number, counter1: number): [number, number] {
  const keys = [key0, key1, 0x1bd11bda ^ key0 ^ key1] as const;
  let x = (counter0 + key0) | 0;
  let y = (counter1 + key1) | 0;
  for (let group = 0; group < 5; group++) {
    for (let round = 0; round < 4; round++) {
      const rotation = ROTATIONS[4 * (group % 2) + round]!;
      x = (x + y) | 0;
      y = ((y << rotation) | (y >>> (32 - rotation))) ^ x;
    }
    x = (x + keys[(group + 1) % 3]!) | 0;
    y = (y + keys[(group + 2) % 3]! + group + 1) | 0;
  }
  return [x >>> 0, y >>> 0];
}

/** A 53-bit seed as the key's two words. */
export function seedWords(seed: number): [low: number, high: number] {
  return [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
}

/** `count` numbers uniform in [-1, 1) with 24 bits. */
export function symmetricUniform(count: number, seed: number, stream: number): Float32Array {
  const [low, high] = seedWords(seed);
  const values = new Float32Array(count);
  for (let element = 0; element < count; element += 2) {
    const words = threefry(low, high, element >>> 1, stream);
    values[element] = (words[0] >>> 8) * 2 ** -23 - 1;
    if (element + 1 < count) values[element + 1] = (words[1] >>> 8) * 2 ** -23 - 1;
  }
  return values;
}

/** `count` standard normals by Box-Muller: the contract of shaders/lib/threefry.wgsl, computed in float64. */
export function standardNormal(count: number, seed: number, stream: number): Float32Array {
  const [low, high] = seedWords(seed);
  const values = new Float32Array(count);
  for (let element = 0; element < count; element += 2) {
    const [w0, w1] = threefry(low, high, element >>> 1, stream);
    const radius = Math.sqrt(-2 * Math.log(((w0 >>> 9) + 0.5) * 2 ** -23));
    const angle = 2 * Math.PI * ((w1 >>> 8) * 2 ** -24);
    values[element] = radius * Math.cos(angle);
    if (element + 1 < count) values[element + 1] = radius * Math.sin(angle);
  }
  return values;
}

/** First counter word of the shuffle's keys ("sh"), away from every other use of the seed. */
const SHUFFLE_COUNTER = 0x73680000;

/** The six round keys of an epoch's shuffle (shaders/gather.wgsl), padded to eight words. */
export function shuffleKeys(seed: number, epoch: number): number[] {
  const [low, high] = seedWords(seed);
  const words = [0, 1, 2].flatMap((index) => threefry(low, high, epoch, SHUFFLE_COUNTER + index));
  return [...words, 0, 0];
}
