/**
 * Plan: the entropy coder (src/vae/coding/rans.ts) against the formula of the paper in BigInt, and against itself.
 * | axis      | control               | cases                                                                      |
 * | words     | the paper's formula   | four pushes by hand, 20 random streams                                     |
 * | order     | pushed, popped        | pops and pushes mixed: bits-back                                           |
 * | rate      | the entropy           | 20,000 symbols of 4 tables                                                 |
 * | symbols   | inside the table      | escapes up to +-2^30, one symbol, 4,096 symbols, frequencies of 1 and 2^16-1 |
 * | refusals  | -                     | too few words, no state, popping an empty stack, an empty interval         |
 */
import { expect, test } from '@playwright/test';
import { DataError } from '../../src/gpu/errors.js';
import { RansStack } from '../../src/vae/coding/rans.js';
import { bitsOf, popValue, pushValue, quantize, type SymbolTable } from '../../src/vae/coding/table.js';
import { tablesFromBytes, tablesToBytes } from '../../src/vae/coding/table-bytes.js';
import { integers, uniforms } from '../random-integers.js';

/** Duda's formula with whole numbers of any size: x' = floor(x / f) 2^16 + start + x mod f, words out at f 2^32. */
class Reference {
  x = 2n ** 32n;
  words: number[] = [];
  push(start: number, frequency: number): void {
    const f = BigInt(frequency);
    if (this.x >= f << 32n) {
      this.words.push(Number(this.x & 0xffffn));
      this.x >>= 16n;
    }
    this.x = ((this.x / f) << 16n) + BigInt(start) + (this.x % f);
  }
  toWords(): number[] {
    return [...this.words, ...[0n, 16n, 32n].map((shift) => Number((this.x >> shift) & 0xffffn))];
  }
}

/** A table of `count` values around 0 with weights of 2^-sharpness |value|. */
function laplaceTable(count: number, sharpness: number): SymbolTable {
  const first = -Math.floor(count / 2);
  const weights = Array.from({ length: count }, (_, i) => 2 ** (-sharpness * Math.abs(first + i)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return quantize(
    first,
    weights.map((weight) => (0.999 * weight) / sum),
  );
}

/** Values as the table itself would make them: the symbols of slots that are equally likely. */
function valuesOf({ first, starts }: SymbolTable, count: number, seed: number): number[] {
  const last = starts.length - 3;
  return integers(count, seed, 65536).map(
    (slot) =>
      first +
      Math.min(
        last,
        starts.findLastIndex((start) => start <= slot),
      ),
  );
}

const tables: Record<string, SymbolTable> = {
  'one value': quantize(7, [1]),
  'two values': quantize(0, [0.03, 0.97]),
  'a peak': laplaceTable(31, 1),
  'a plain': laplaceTable(255, 0.01),
  '4,096 values': laplaceTable(4096, 0.001),
};

test('pushes by hand', () => {
  const stack = new RansStack();
  stack.push(0, 32768); // 2^32 -> 2^33
  stack.push(32768, 32768); // 2^33 -> 2^34 + 2^15
  expect([...stack.toWords()]).toEqual([32768, 0, 4]);
  const rare = new RansStack();
  rare.push(5, 1); // 2^32 is 2^32 times the frequency: a word of 0 goes out, then 2^16 -> 2^32 + 5
  expect([...rare.toWords()]).toEqual([0, 5, 0, 1]);
});

test('words are those of the formula in whole numbers of any size', () => {
  for (let seed = 0; seed < 20; seed++) {
    const [stack, reference] = [new RansStack(), new Reference()];
    const draws = integers(2000, seed, 65536);
    for (let i = 0; i < draws.length; i += 2) {
      const start = draws[i]!;
      // every fourth symbol is nearly certain, every fourth rare
      const room = 65536 - start;
      const frequency = [room, 1, 1 + (draws[i + 1]! % room), Math.max(1, room >> 1)][(i / 2) % 4]!;
      stack.push(start, frequency);
      reference.push(start, frequency);
    }
    expect([...stack.toWords()]).toEqual(reference.toWords());
  }
});

for (const [name, table] of Object.entries(tables))
  test(`values come back under ${name}, at the rate of the table`, () => {
    const values = valuesOf(table, 20_000, 5);
    const stack = new RansStack();
    for (const value of values) pushValue(stack, table, value);
    const predicted = values.reduce((sum, value) => sum + bitsOf(table, value), 0);
    // 2^-15 bits a symbol are lost at most, see rans.ts
    expect(Math.abs(stack.bitLength - predicted)).toBeLessThan(20_000 * 2 ** -15 + 1e-6);
    expect(16 * stack.toWords().length - stack.bitLength).toBeLessThan(64);
    const again = RansStack.fromWords(stack.toWords());
    expect(values.toReversed().map(() => popValue(again, table))).toEqual(values.toReversed());
    expect(again.isEmpty).toBe(true);
  });

test('the mean bits of a value are the entropy of the distribution', () => {
  const probabilities = [0.5, 0.25, 0.125, 0.0625, 0.0625];
  const table = quantize(0, probabilities);
  const bits = probabilities.reduce((sum, p, value) => sum + p * bitsOf(table, value), 0);
  expect(bits).toBeGreaterThan(1.875);
  expect(bits).toBeLessThan(1.875 + 2e-4); // five of 2^16 slots are given away
});

test('escapes take any whole number up to 2^30', () => {
  const values = [-(2 ** 30), 2 ** 30, -6, 6, -7, 22, 65_541, -65_542, 123_456_789, 0, 5, -5];
  const table = quantize(
    -5,
    Array.from({ length: 11 }, () => 1 / 11),
  );
  const stack = new RansStack();
  for (const value of values) pushValue(stack, table, value);
  const predicted = values.reduce((sum, value) => sum + bitsOf(table, value), 0);
  expect(Math.abs(stack.bitLength - predicted)).toBeLessThan(0.01);
  expect(values.toReversed().map(() => popValue(stack, table))).toEqual(values.toReversed());
});

test('random tables, values and escapes come back, after a round of bytes', () => {
  for (let seed = 0; seed < 200; seed++) {
    const [count = 0, offset = 0, spread = 0] = integers(3, seed, 300);
    const weights = uniforms(count + 1, seed + 1000).map((u) => u ** (1 + (seed % 7)) + 1e-9);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const table = quantize(
      offset - 150,
      weights.map((weight) => weight / sum),
    );
    const [back] = tablesFromBytes(tablesToBytes([table]), 'test');
    expect(back).toEqual(table);
    const values = integers(300, seed + 2000, 2 * spread + 1).map((value) => value + offset - 150 - spread);
    const stack = new RansStack();
    for (const value of values) pushValue(stack, table, value);
    expect(values.toReversed().map(() => popValue(stack, back!))).toEqual(values.toReversed());
    expect(stack.isEmpty).toBe(true);
  }
});

test('frequencies are whole, at least 1, within one of their share, and add up to 2^16', () => {
  for (const probabilities of [
    [0, 1, 0],
    [1e-12, 1 - 1e-12],
    [0.2, 0.2],
    uniforms(999, 3).map((u) => u / 999),
  ]) {
    const { starts } = quantize(0, probabilities);
    expect(starts[0]).toBe(0);
    expect(starts.at(-1)).toBe(65536);
    const shared = 65536 - probabilities.length - 1;
    probabilities.forEach((p, i) => {
      const frequency = starts[i + 1]! - starts[i]!;
      expect(frequency).toBeGreaterThanOrEqual(1);
      expect(Math.abs(frequency - 1 - p * shared)).toBeLessThanOrEqual(1);
    });
    expect(starts.at(-1)! - starts.at(-2)!).toBeGreaterThanOrEqual(1);
  }
});

test('popping from random bits and pushing again gives the bits back', () => {
  const words = Uint16Array.from([...integers(400, 9, 65536), 1, 2, 3]);
  const stack = RansStack.fromWords(words);
  const order = integers(300, 10, 4);
  const popped = order.map((which) => popValue(stack, Object.values(tables)[which]!));
  for (let i = order.length - 1; i >= 0; i--) pushValue(stack, Object.values(tables)[order[i]!]!, popped[i]!);
  expect(stack.toWords()).toEqual(words);
});

const refusals: [name: string, run: () => unknown, message: RegExp][] = [
  ['two words', () => RansStack.fromWords(new Uint16Array(2), 'f'), /\[f\] the coded data have 2 words/],
  ['a state below 2^32', () => RansStack.fromWords(Uint16Array.of(1, 2, 0)), /no valid state/],
  [
    'popping an empty stack',
    () => popValue(new RansStack(), tables['4,096 values']!),
    /end before the last symbol/,
  ],
  ['an empty interval', () => new RansStack().push(4, 0), /owns \[4, 4\); expected a part of/],
  ['an interval past the end', () => new RansStack().push(65535, 2), /owns \[65535, 65537\)/],
  [
    'a fraction',
    () => pushValue(new RansStack(), tables['a peak']!, 0.5),
    /the value is 0.5; expected a whole number/,
  ],
  ['NaN', () => pushValue(new RansStack(), tables['a peak']!, NaN), /the value is NaN/],
  ['a value past 2^30', () => pushValue(new RansStack(), tables['a peak']!, 2 ** 31), /at most 2\^30/],
  ['no probabilities', () => quantize(0, []), /got 0 probabilities; expected 1 to 4096/],
  ['a negative probability', () => quantize(0, [0.5, -0.1]), /probability 1 is -0.1/],
  ['NaN as a probability', () => quantize(0, [NaN]), /probability 0 is NaN/],
  ['a sum above 1', () => quantize(0, [0.7, 0.7]), /the sum so far 1.4/],
];
for (const [name, run, message] of refusals)
  test(`${name} is refused`, () => {
    expect(run).toThrow(DataError);
    expect(run).toThrow(message);
  });

const badTables: [name: string, bytes: number[], message: RegExp][] = [
  ['no bytes', [], /the number of tables is missing/],
  ['too many tables', [0x81, 0x20], /the number of tables is 4097; expected a number from 0 to 4096/],
  ['a missing table', [1], /the first value of table 0 is missing/],
  ['no symbols', [1, 0, 0], /the number of symbols of table 0 is 0; expected a number from 1 to 4096/],
  ['a number without an end', [0x80, 0x80, 0x80, 0x80, 0x80, 0], /is longer than 5 bytes/],
  ['no slot for the escape', [1, 0, 1, 0xff, 0xff, 3], /add up to 65536; expected less/],
  ['a byte too many', [1, 0, 1, 5, 9], /1 bytes follow the last table/],
];
for (const [name, bytes, message] of badTables)
  test(`tables with ${name} are refused`, () => {
    expect(() => tablesFromBytes(Uint8Array.from(bytes), 't')).toThrow(DataError);
    expect(() => tablesFromBytes(Uint8Array.from(bytes), 't')).toThrow(message);
  });
