/** Rows of numbers as encoders and decoders take them, checked before a kernel sees them. */
import { DataError, ShapeError } from '../../gpu/errors.js';

/** Rows f32[N, width], one after the other. */
export interface Rows {
  readonly values: Float32Array;
  readonly width: number;
}

/**
 * How many rows the arguments of a call have, all as many.
 * @throws ShapeError or DataError for an argument that is not whole rows of finite numbers
 */
export function countRows(label: string, rows: Readonly<Record<string, Rows>>): number {
  const entries = Object.entries(rows);
  const counts = entries.map(([, { values, width }]) => {
    checkRows(label, values);
    return values.length / width;
  });
  const [count] = counts as [number];
  const wrong = counts.findIndex((value) => value !== count || !Number.isInteger(value) || value < 1);
  if (wrong < 0) return count;
  const [name, { values, width }] = entries[wrong]!;
  throw new ShapeError(
    label,
    `got ${values.length} values${entries.length > 1 ? ` of ${name}` : ''}; expected ${
      wrong > 0 && Number.isInteger(count)
        ? `${count * width}, one row for each`
        : `a multiple of ${width}, one row or more`
    }`,
  );
}

/** Values that a kernel would launder (relu makes 0 of a NaN) are refused before they get there. */
function checkRows(label: string, rows: unknown): asserts rows is Float32Array {
  if (!(rows instanceof Float32Array))
    throw new ShapeError(
      label,
      `got ${(rows as object | null)?.constructor.name ?? String(rows)}; expected Float32Array`,
    );
  const index = rows.findIndex((value) => !Number.isFinite(value));
  if (index >= 0) throw new DataError(label, `value ${index} is ${rows[index]}; every value must be finite`);
}
