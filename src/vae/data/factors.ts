/** The factors that made a data set, where they are known: what disentanglement is measured against. */
import { DataError } from '../../gpu/errors.js';

/** One way in which data differ. */
export interface Factor {
  readonly name: string;
  /** Number of values; a value is its index, 0 to size - 1. */
  readonly size: number;
  /** Whether a larger index means more of something; classes, such as kinds of shape, have no order. */
  readonly ordered: boolean;
}

/** The factors' values of every row. */
export interface FactorTable {
  readonly factors: readonly Factor[];
  /** `u16[N, F]`, rows as the data's. */
  readonly values: Uint16Array;
}

/** Rows of a table. @throws DataError when its values are no whole rows or leave a factor's range */
export function checkFactors({ factors, values }: FactorTable, where: string): number {
  const rows = values.length / factors.length;
  if (factors.length === 0 || !Number.isInteger(rows) || rows === 0)
    throw new DataError(
      where,
      `${values.length} values of ${factors.length} factors came; expected one value a factor and row; pass whole rows`,
    );
  const wrong = values.findIndex((value, i) => value >= factors[i % factors.length]!.size);
  if (wrong < 0) return rows;
  const { name, size } = factors[wrong % factors.length]!;
  throw new DataError(
    where,
    `row ${Math.floor(wrong / factors.length)}, ${name} is ${values[wrong]}; expected 0 to ${size - 1}; correct the value or the factor's size`,
  );
}

/** The values of one factor, `u16[N]`. */
export function factorColumn({ factors, values }: FactorTable, index: number): Uint16Array {
  return Uint16Array.from(
    { length: values.length / factors.length },
    (_, n) => values[n * factors.length + index]!,
  );
}

/** The first `rows` rows, as a view. */
export function takeFactors({ factors, values }: FactorTable, rows: number): FactorTable {
  return { factors, values: values.subarray(0, rows * factors.length) };
}
