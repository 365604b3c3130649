/**
 * Tables as bytes: their number, then for each the first value (zigzag), the number of symbols, and each frequency
 * less one, all as LEB128. What is read back is checked to be tables: a decoder must not meet an empty interval.
 */
import { DataError } from '../../gpu/errors.js';
import { frequencyTotal } from './rans.js';
import { maxMagnitude, maxSymbols, type SymbolTable } from './table.js';

/** Most tables in a file: a latent has at most 4,096 dimensions. */
const maxTables = 4096;

/** The bytes of tables. */
export function tablesToBytes(tables: readonly SymbolTable[]): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  append(bytes, tables.length);
  for (const { first, starts } of tables) {
    append(bytes, first < 0 ? -2 * first - 1 : 2 * first);
    append(bytes, starts.length - 2);
    for (let i = 1; i < starts.length - 1; i++) append(bytes, starts[i]! - starts[i - 1]! - 1);
  }
  return Uint8Array.from(bytes);
}

function append(bytes: number[], value: number): void {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
}

/** The tables in bytes. @throws DataError for bytes that are not exactly tables */
export function tablesFromBytes(bytes: Uint8Array, where: string): SymbolTable[] {
  const reader = new Leb128Reader(bytes, where);
  const count = reader.next('the number of tables', 0, maxTables);
  const tables = Array.from({ length: count }, (_, i) => readTable(reader, `table ${i}`, where));
  reader.end();
  return tables;
}

function readTable(reader: Leb128Reader, what: string, where: string): SymbolTable {
  const zigzag = reader.next(`the first value of ${what}`, 0, 2 * maxMagnitude);
  const count = reader.next(`the number of symbols of ${what}`, 1, maxSymbols);
  const starts = new Uint32Array(count + 2);
  for (let i = 0; i < count; i++)
    starts[i + 1] = starts[i]! + 1 + reader.next(`frequency ${i} of ${what}`, 0, frequencyTotal);
  if (starts[count]! >= frequencyTotal)
    throw new DataError(
      where,
      `the frequencies of ${what} add up to ${starts[count]}; expected less than ${frequencyTotal}, so that the escape has a slot; the file is damaged or forged`,
    );
  starts[count + 1] = frequencyTotal;
  return { first: zigzag % 2 === 1 ? -(zigzag + 1) / 2 : zigzag / 2, starts };
}

/** Bytes a number of up to 32 bits takes. */
const maxLebBytes = 5;

class Leb128Reader {
  #at = 0;
  constructor(
    private readonly bytes: Uint8Array,
    private readonly where: string,
  ) {}

  next(what: string, least: number, most: number): number {
    let value = 0;
    for (let i = 0, unit = 1; i < maxLebBytes; i++, unit *= 128) {
      const byte = this.bytes[this.#at++];
      if (byte === undefined) this.#fail(what, 'missing: the tables end before it', least, most);
      value += (byte % 128) * unit;
      if (byte >= 128) continue;
      if (value < least || value > most) this.#fail(what, String(value), least, most);
      return value;
    }
    return this.#fail(what, 'longer than 5 bytes', least, most);
  }

  end(): void {
    if (this.#at === this.bytes.length) return;
    throw new DataError(
      this.where,
      `${this.bytes.length - this.#at} bytes follow the last table; expected none; the file is damaged or forged`,
    );
  }

  #fail(what: string, came: string, least: number, most: number): never {
    throw new DataError(
      this.where,
      `${what} is ${came}; expected a number from ${least} to ${most}; the file is damaged or forged`,
    );
  }
}
