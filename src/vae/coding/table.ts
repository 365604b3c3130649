/**
 * Integer tables for the coder: whole numbers `first, first + 1, ...` and an escape behind the last, each with its part
 * of 2^16 slots. Every symbol has at least one slot and the escape takes any other whole number, so nothing is
 * undecodable; coding itself meets no fraction.
 */
import { DataError } from '../../gpu/errors.js';
import { frequencyTotal, type RansStack } from './rans.js';

/** Symbol i of n, value `first + i`, owns slots [starts[i], starts[i + 1]); the escape owns [starts[n], 2^16). */
export interface SymbolTable {
  readonly first: number;
  /** u32[n + 2], increasing from 0 to 2^16. */
  readonly starts: Uint32Array;
}

/** Most symbols of a table beside the escape. */
export const maxSymbols = 4096;
/** Largest magnitude of a value that can be coded. */
export const maxMagnitude = 2 ** 30;
/** Bits that tell how many bits an escaped distance takes. */
const lengthBits = 5;
const halfBits = 16;

/**
 * The table of values `first + i` with these probabilities; the escape gets what they leave. Each symbol gets one
 * slot, and the rest are shared by rounding the cumulative distribution: a frequency is within one of its share.
 * @throws DataError when there are no probabilities, too many, or they are no probabilities
 */
export function quantize(first: number, probabilities: ArrayLike<number>): SymbolTable {
  const count = probabilities.length;
  if (count < 1 || count > maxSymbols)
    throw new DataError(
      'quantize',
      `got ${count} probabilities; expected 1 to ${maxSymbols}; narrow the range`,
    );
  const shared = frequencyTotal - count - 1;
  const starts = new Uint32Array(count + 2);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const probability = probabilities[i]!;
    sum += probability;
    if (!(probability >= 0 && sum < 1 + 1e-6))
      throw new DataError(
        'quantize',
        `probability ${i} is ${probability} and the sum so far ${sum}; expected numbers of at least 0 with a sum of at most 1; normalise them`,
      );
    starts[i + 1] = Math.floor((sum < 1 ? sum : 1) * shared + 0.5) + i + 1;
  }
  starts[count + 1] = frequencyTotal;
  return { first, starts };
}

/** Pushes a whole number. @throws DataError for a number that is not whole or beyond 2^30 */
export function pushValue(stack: RansStack, table: SymbolTable, value: number): void {
  if (!Number.isInteger(value) || Math.abs(value) > maxMagnitude)
    throw new DataError(
      'coding',
      `the value is ${value}; expected a whole number of at most 2^30 in magnitude; check the model's weights`,
    );
  const { first, starts } = table;
  const count = starts.length - 2;
  const index = value - first;
  const isInside = index >= 0 && index < count;
  if (!isInside) pushDistance(stack, index < 0 ? -index : index - count + 1, index < 0);
  pushSymbol(stack, table, isInside ? index : count);
}

/** Pops what `pushValue` pushed with the same table. @throws DataError when the data are not of this table */
export function popValue(stack: RansStack, table: SymbolTable): number {
  const { first, starts } = table;
  const count = starts.length - 2;
  const index = findSymbol(starts, stack.slot);
  stack.drop(starts[index]!, starts[index + 1]! - starts[index]!);
  if (index < count) return first + index;
  const [distance, isBelow] = popDistance(stack);
  const value = isBelow ? first - distance : first + count - 1 + distance;
  if (Math.abs(value) > maxMagnitude)
    throw new DataError(
      'coding',
      `an escaped value is ${value}; expected at most 2^30 in magnitude; the file is damaged or forged`,
    );
  return value;
}

function pushSymbol(stack: RansStack, { starts }: SymbolTable, index: number): void {
  stack.push(starts[index]!, starts[index + 1]! - starts[index]!);
}

/** The last symbol that starts at or below a slot. */
function findSymbol(starts: Uint32Array, slot: number): number {
  let low = 0;
  let high = starts.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= slot) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** A distance of at least 1: its side, how many bits follow its leading one, and those (Elias gamma, its length flat). */
function pushDistance(stack: RansStack, distance: number, isBelow: boolean): void {
  const bits = 31 - Math.clz32(distance);
  const rest = distance - 2 ** bits;
  const upperBits = Math.max(0, bits - halfBits);
  stack.pushBits(rest % 2 ** halfBits, bits - upperBits);
  stack.pushBits(Math.floor(rest / 2 ** halfBits), upperBits);
  stack.pushBits(bits, lengthBits);
  stack.pushBits(isBelow ? 1 : 0, 1);
}

function popDistance(stack: RansStack): [distance: number, isBelow: boolean] {
  const isBelow = stack.popBits(1) === 1;
  const bits = stack.popBits(lengthBits);
  const upperBits = Math.max(0, bits - halfBits);
  const upper = stack.popBits(upperBits);
  return [2 ** bits + upper * 2 ** halfBits + stack.popBits(bits - upperBits), isBelow];
}

/** Bits that a value costs, to the part of a bit. */
export function bitsOf({ first, starts }: SymbolTable, value: number): number {
  const count = starts.length - 2;
  const index = value - first;
  const isInside = index >= 0 && index < count;
  const symbol = isInside ? index : count;
  const bits = Math.log2(frequencyTotal / (starts[symbol + 1]! - starts[symbol]!));
  const distance = index < 0 ? -index : index - count + 1;
  return isInside ? bits : bits + 1 + lengthBits + (31 - Math.clz32(distance));
}

/** Bits of the likeliest symbol, above 0. */
export function leastBitsOf({ starts }: SymbolTable): number {
  const frequencies = starts.subarray(1).map((end, i) => end - starts[i]!);
  return Math.log2(frequencyTotal / frequencies.reduce((most, frequency) => Math.max(most, frequency), 1));
}
