/**
 * An entropy coder that is a stack: range asymmetric numeral systems (Duda 2013, arXiv:1311.2540, section 3). What is
 * pushed last is popped first, and a pop undoes a push to the bit, which is what bits-back coding needs.
 *
 * The state is a whole number in [2^32, 2^48), kept as its upper 32 and lower 16 bits, beside a stack of 16-bit
 * words. Every operation is on whole numbers below 2^53, which ECMAScript defines exactly, so that every device
 * writes and reads the same bits. There is no carry to propagate. 16 spare bits above the total of a table make
 * rounding cost less than 2^-15 bits a symbol.
 */
import { DataError } from '../../gpu/errors.js';

/** Frequencies of a table add up to 2^16. */
export const precisionBits = 16;
/** What the frequencies of a table add up to. */
export const frequencyTotal = 65536;

const wordSize = 65536;
/** The upper half of the least state, 2^32. */
const leastUpper = 65536;
/** Words that the state takes in a file. */
const stateWords = 3;
/** First capacity of the stack; it doubles when it is full. */
const firstCapacity = 1024;

/** A stack of coded symbols: what was pushed last is popped first. */
export class RansStack {
  #upper = leastUpper;
  #lower = 0;
  #words = new Uint16Array(firstCapacity);
  #length = 0;
  readonly #where: string;

  /** An empty stack. @param where what error messages open with */
  constructor(where = 'rans') {
    this.#where = where;
  }

  /**
   * The stack that `toWords` wrote.
   * @throws DataError when the words are too few or no state
   */
  static fromWords(words: Uint16Array, where = 'rans'): RansStack {
    const stack = new RansStack(where);
    const length = words.length - stateWords;
    const upper = length < 0 ? 0 : words[length + 2]! * wordSize + words[length + 1]!;
    if (upper < leastUpper)
      throw new DataError(
        where,
        `the coded data have ${words.length} words and end in no valid state; expected at least ${stateWords} words; the file is damaged`,
      );
    stack.#words = words.slice();
    stack.#length = length;
    stack.#upper = upper;
    stack.#lower = words[length]!;
    return stack;
  }

  /** Bits of everything on the stack: log2 of the state beyond its least value, and the words. */
  get bitLength(): number {
    return Math.log2(this.#upper + this.#lower / wordSize) - precisionBits + precisionBits * this.#length;
  }

  /** True when all that was pushed was popped, in a stack that began empty. */
  get isEmpty(): boolean {
    return this.#length === 0 && this.#upper === leastUpper && this.#lower === 0;
  }

  /**
   * Pushes the symbol that owns `[start, start + frequency)` of the 2^16 slots: log2(2^16 / frequency) bits.
   * @throws DataError unless 1 <= frequency and the interval lies in the slots
   */
  push(start: number, frequency: number): void {
    this.#check(start, frequency);
    if (this.#upper >= frequency * wordSize) {
      this.#append(this.#lower);
      this.#lower = this.#upper % wordSize;
      this.#upper = Math.floor(this.#upper / wordSize);
    }
    const state = this.#upper * wordSize + this.#lower;
    // Exact: the quotient's distance to the next whole number, 1 / frequency, is far above its rounding.
    this.#upper = Math.floor(state / frequency);
    this.#lower = state - this.#upper * frequency + start;
  }

  /** The slot in [0, 2^16) of the symbol on top; `drop` removes it. */
  get slot(): number {
    return this.#lower;
  }

  /**
   * Removes the symbol on top, which owns `[start, start + frequency)` and with it `slot`.
   * @throws DataError when the stack has no bits left
   */
  drop(start: number, frequency: number): void {
    this.#check(start, frequency);
    let state = frequency * this.#upper + this.#lower - start;
    if (state < leastUpper * wordSize) state = state * wordSize + this.#take();
    this.#upper = Math.floor(state / wordSize);
    this.#lower = state - this.#upper * wordSize;
  }

  /** Pushes a whole number in [0, 2^bits), all equally likely; at most 16 bits. */
  pushBits(value: number, bits: number): void {
    const frequency = frequencyTotal / 2 ** bits;
    this.push(value * frequency, frequency);
  }

  /** Pops what `pushBits` pushed. */
  popBits(bits: number): number {
    const frequency = frequencyTotal / 2 ** bits;
    const value = Math.floor(this.slot / frequency);
    this.drop(value * frequency, frequency);
    return value;
  }

  /** u16: the stack from its bottom, then the state; the stack itself stays as it is. */
  toWords(): Uint16Array {
    const words = new Uint16Array(this.#length + stateWords);
    words.set(this.#words.subarray(0, this.#length));
    words.set([this.#lower, this.#upper % wordSize, Math.floor(this.#upper / wordSize)], this.#length);
    return words;
  }

  #check(start: number, frequency: number): void {
    if (start >= 0 && frequency >= 1 && start + frequency <= frequencyTotal) return;
    throw new DataError(
      this.#where,
      `a symbol owns [${start}, ${start + frequency}); expected a part of [0, ${frequencyTotal}) that is not empty; build tables with quantize()`,
    );
  }

  #append(word: number): void {
    if (this.#length === this.#words.length) {
      const grown = new Uint16Array(2 * this.#length + firstCapacity);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words[this.#length++] = word;
  }

  #take(): number {
    if (this.#length === 0)
      throw new DataError(
        this.#where,
        'the coded data end before the last symbol; expected more words; the file is cut short or was coded with other tables',
      );
    return this.#words[--this.#length]!;
  }
}
