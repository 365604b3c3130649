/**
 * Plan: the library's own random numbers on the CPU (initial weights, shuffle keys, prior samples).
 * - Threefry2x32-20 against its published vectors and, on random keys, against the reference's implementation;
 * - what is made of the words: normals, uniforms, shuffle keys, seeds of 53 bits; odd counts and single elements.
 * The same words in WGSL are checked in node/threefry.spec.ts and, through the noise, by the kernel cases.
 */
import { expect, test } from '@playwright/test';
import {
  seedWords,
  shuffleKeys,
  standardNormal,
  symmetricUniform,
  threefry,
} from '../../src/gpu/threefry.js';
import { knownAnswers } from '../cases/threefry.js';
import { normalNoise, uniformElement } from '../reference/noise.js';
import { roundKeys } from '../reference/permutation.js';
import { TestRandom } from '../reference/tensor.js';
import { threefry as reference } from '../reference/threefry.js';

for (const { key, counter, words } of knownAnswers)
  test(`published vector of key ${key.map((word) => word.toString(16)).join(' ')}`, () => {
    expect(threefry(...key, ...counter)).toEqual(words);
  });

test('a thousand random keys and counters give the words of the reference', () => {
  const random = new TestRandom(1);
  const wrong = Array.from({ length: 1000 }, () => {
    const [k0, k1, c0, c1] = [random.word(), random.word(), random.word(), random.word()];
    return threefry(k0, k1, c0, c1).join() === reference({ low: k0, high: k1 }, [c0, c1]).join();
  }).filter((same) => !same);
  expect(wrong).toEqual([]);
});

const seeds = [0, 1, 42, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];

test('a seed becomes its low and high word', () => {
  expect(seeds.map(seedWords)).toEqual([
    [0, 0],
    [1, 0],
    [42, 0],
    [0xffffffff, 0],
    [0, 1],
    [0xffffffff, 0x1fffff],
  ]);
});

for (const seed of seeds) {
  const [low, high] = seedWords(seed);
  test(`seed ${seed}: shuffle keys are the round keys, padded to whole vectors`, () => {
    for (const epoch of [0, 1, 2 ** 31])
      expect(shuffleKeys(seed, epoch)).toEqual([...roundKeys({ low, high }, epoch), 0, 0]);
  });

  test(`seed ${seed}: normals are those of the noise contract`, () => {
    for (const count of [1, 2, 33])
      expect(standardNormal(count, seed, 9)).toEqual(
        Float32Array.from(normalNoise([count], { low, high }, 9).values),
      );
  });

  test(`seed ${seed}: uniforms are 2u - 1 of the noise contract, in [-1, 1)`, () => {
    for (const count of [1, 2, 257]) {
      const expected = Float32Array.from(
        { length: count },
        (_, i) => 2 * uniformElement(i, { low, high }, 3) - 1,
      );
      expect(symmetricUniform(count, seed, 3)).toEqual(expected);
      expect(expected.every((value) => value >= -1 && value < 1)).toBe(true);
    }
  });
}

test('streams and seeds differ', () => {
  const draws = [
    [1, 0],
    [1, 1],
    [2, 0],
    [2 ** 32 + 1, 0],
  ].map(([seed, stream]) => standardNormal(8, seed!, stream!).join());
  expect(new Set(draws).size).toBe(draws.length);
});
