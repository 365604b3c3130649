/** Numbers as comma-separated lines, a row each (RFC 4180 without quotes, which numbers do not need). */
import { DataError } from '../../gpu/errors.js';

/** A table of numbers, f32[rows, columns]. */
export interface NumberTable {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/** Decimal digits that give every float32 back. */
const DIGITS = 9;

/**
 * Reads rows of finite numbers; a first line that holds none is taken for names.
 *
 * @param name what messages open with, usually the file's name
 * @throws DataError naming the line for a field that is no number, or a line of another length
 */
export function readCsv(text: string, name: string): NumberTable {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line, index) => ({ fields: line.split(','), number: index + 1, isEmpty: line.trim() === '' }))
    .filter(({ isEmpty }) => !isEmpty);
  const isHeader = lines[0]?.fields.every((field) => Number.isNaN(numberOf(field))) ?? false;
  const rows = lines.slice(isHeader ? 1 : 0);
  const columns = rows[0]?.fields.length ?? 0;
  if (columns === 0) throw new DataError(name, 'holds no rows; expected a line of numbers for each');
  const values = new Float32Array(rows.length * columns);
  for (const [row, { fields, number }] of rows.entries()) {
    if (fields.length !== columns)
      throw new DataError(
        name,
        `line ${number} has ${fields.length} fields; expected ${columns}, as the first row has`,
      );
    for (const [column, field] of fields.entries()) {
      const value = Math.fround(numberOf(field));
      if (!Number.isFinite(value))
        throw new DataError(
          name,
          `line ${number}, field ${column + 1} is '${field.trim().slice(0, 40)}'; expected a finite number within the range of float32`,
        );
      values[row * columns + column] = value;
    }
  }
  return { rows: rows.length, columns, values };
}

/** NaN for what is no number; Number('') would be 0. */
function numberOf(field: string): number {
  return field.trim() === '' ? Number.NaN : Number(field);
}

/** A line of names and a line a row; every float32 is written so that it comes back as it was. */
export function writeCsv(names: readonly string[], values: Float32Array): string {
  const columns = names.length;
  if (columns === 0 || values.length % columns !== 0)
    throw new DataError(
      'writeCsv',
      `there are ${values.length} values for ${columns} columns; expected whole rows`,
    );
  const lines = [names.join(',')];
  for (let first = 0; first < values.length; first += columns)
    lines.push(
      Array.from(values.subarray(first, first + columns), (value) =>
        Object.is(value, -0) ? '-0' : String(Number(value.toPrecision(DIGITS))),
      ).join(','),
    );
  return `${lines.join('\n')}\n`;
}
