/**
 * What the model trains on: equal rows of numbers with a shape. Every fault that would surface
 * later as a NaN loss (an infinite pixel, a wrong count, values outside the likelihood's support)
 * is named here, before any GPU work, with the row it sits in.
 */
import { DataError } from '../../gpu/errors.js';
import { checkFactors, takeFactors, type FactorTable } from './factors.js';

/** Rows of data of one shape. Uint8Array values mean value / 255. */
export interface Dataset {
  /** How many data there are (N). */
  readonly rows: number;
  /** The shape of one row, channels last, without N; e.g. `[28, 28, 1]`. */
  readonly shape: readonly number[];
  /** `u8[N, ...shape]` or `f32[N, ...shape]`, rows one after the other. */
  readonly values: Uint8Array | Float32Array;
  /** `u8[N]`, the class of each row; training does not read it. */
  readonly labels?: Uint8Array;
  /** What made each row, where it is known; disentanglement is measured against it. */
  readonly factors?: FactorTable;
}

const u8Scale = 255;

/**
 * Refuses a dataset that cannot be trained on or evaluated: no rows, a shape that does not multiply
 * out to the values, or a Float32 value that is NaN or infinite.
 *
 * @param where what the message opens with, e.g. the option or the file
 * @throws DataError naming the field or the first offending row and element
 */
export function checkDataset(data: Dataset, where: string): void {
  checkCounts(data, where);
  const { rows, shape, values, labels, factors } = data;
  const elementCount = rowElementCount(shape, where);
  if (values.length !== rows * elementCount) {
    throw new DataError(
      where,
      `values holds ${values.length} numbers; ${rows} rows of [${shape.join(', ')}] need ` +
        `${rows * elementCount}; correct rows, shape or values`,
    );
  }
  if (labels !== undefined && labels.length !== rows) {
    throw new DataError(
      where,
      `there are ${labels.length} labels for ${rows} rows; expected one label a row; ` +
        'pass the labels file that belongs to these images',
    );
  }
  const factorRows = factors && checkFactors(factors, where);
  if (factorRows !== undefined && factorRows !== rows)
    throw new DataError(
      where,
      `there are factors of ${factorRows} rows for ${rows} rows; expected one value a factor and row; pass those of this data`,
    );
  if (values instanceof Float32Array) checkFinite(values, elementCount, where);
}

/**
 * Refuses values outside `[low, high]`, which a likelihood such as Bernoulli gives no meaning.
 * Uint8Array values are compared as value / 255.
 *
 * @param reason who asks for the range, e.g. `'the bernoulli likelihood'`
 * @throws DataError naming the first offending row and element
 */
export function checkRange(data: Dataset, low: number, high: number, where: string, reason: string): void {
  const { values } = data;
  const isByte = values instanceof Uint8Array;
  if (isByte && low <= 0 && high >= 1) return;
  const scale = isByte ? u8Scale : 1;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]! / scale;
    if (value >= low && value <= high) continue; // false for NaN, which is refused too
    throw new DataError(
      where,
      `${locate(i, rowElementCount(data.shape, where))} is ${value}; ${reason} needs values in ` +
        `[${low}, ${high}]; rescale to [${low}, ${high}] or choose the gaussian likelihood`,
    );
  }
}

/** Float32 values of 1/255 are off by less than this many steps. */
const STEP_TOLERANCE = 1e-3;

/**
 * Refuses values that are not one of the levels 0, 1/steps, ..., last/steps of a discrete likelihood. Uint8Array values
 * are value / 255.
 *
 * @param levels `last` may be infinite; `reason` says who asks
 * @throws DataError naming the first offending row and element
 */
export function checkLevels(
  data: Dataset,
  { steps, last, reason }: { readonly steps: number; readonly last: number; readonly reason: string },
): void {
  const { values } = data;
  const isByte = values instanceof Uint8Array;
  if (isByte && steps === u8Scale && last === u8Scale) return;
  const scale = isByte ? steps / u8Scale : steps;
  for (let i = 0; i < values.length; i++) {
    const level = Math.round(values[i]! * scale);
    const isLevel = Math.abs(values[i]! * scale - level) <= STEP_TOLERANCE && level >= 0 && level <= last;
    if (isLevel) continue; // NaN is refused too
    const came = isByte ? `${values[i]!} / 255` : `${values[i]!}`;
    const expected =
      steps === u8Scale
        ? '0, 1/255, ..., 1; pass the bytes as Uint8Array, or round to 255 steps'
        : `whole numbers from 0${last === Infinity ? '' : ` to ${last}`}; pass them as Float32Array, or choose the gaussian likelihood`;
    throw new DataError(
      'data',
      `${locate(i, rowElementCount(data.shape, 'data'))} is ${came}; ${reason} needs ${expected}`,
    );
  }
}

/**
 * The first `count` rows as a view: no value is copied, and a count past the end gives all rows.
 *
 * @throws DataError if count is not a whole number of at least 1
 */
export function takeRows(data: Dataset, count: number): Dataset {
  if (!Number.isInteger(count) || count < 1) {
    throw new DataError('takeRows', `count is ${count}; expected a whole number of at least 1`);
  }
  if (count >= data.rows) return data;
  const elementCount = rowElementCount(data.shape, 'takeRows');
  return {
    rows: count,
    shape: data.shape,
    values: data.values.subarray(0, count * elementCount),
    ...(data.labels && { labels: data.labels.subarray(0, count) }),
    ...(data.factors && { factors: takeFactors(data.factors, count) }),
  };
}

/** Rows `first` to `last`, or to the end, as a model takes them: `f32[last - first, ...shape]`, bytes divided by 255. */
export function floatRows({ values, shape }: Dataset, first = 0, last = Infinity): Float32Array {
  const width = rowElementCount(shape, 'floatRows');
  const part = values.subarray(first * width, last * width);
  return part instanceof Float32Array ? part : Float32Array.from(part, (byte) => byte / u8Scale);
}

/** Numbers in one row; the partial products are checked because 94906267 squared is already inexact. */
function rowElementCount(shape: readonly number[], where: string): number {
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(size) || size < 1 || !Number.isSafeInteger(count)) {
      throw new DataError(
        where,
        `shape is [${shape.join(', ')}]; expected whole sizes of at least 1, e.g. [28, 28, 1]`,
      );
    }
  }
  return count;
}

function checkCounts({ rows, shape, values }: Dataset, where: string): void {
  if (rows === 0) {
    throw new DataError(
      where,
      'the dataset has zero images (rows is 0); expected at least one; check the file, or the filter before it',
    );
  }
  if (!Number.isSafeInteger(rows) || rows < 0) {
    throw new DataError(where, `rows is ${rows}; expected a whole number of at least 1`);
  }
  if (shape.length === 0) {
    throw new DataError(where, 'shape is []; expected the shape of one row, e.g. [28, 28, 1] or [784]');
  }
  // The type says so already; plain JavaScript callers arrive with arrays and clamped canvas bytes.
  if (!(values instanceof Uint8Array || values instanceof Float32Array)) {
    const came = Object.prototype.toString.call(values).slice('[object '.length, -1);
    throw new DataError(
      where,
      `values is ${came}; expected Uint8Array (0 to 255) or Float32Array; convert with Float32Array.from(values)`,
    );
  }
}

function checkFinite(values: Float32Array, elementCount: number, where: string): void {
  const i = values.findIndex((value) => !Number.isFinite(value));
  if (i < 0) return;
  throw new DataError(
    where,
    `${locate(i, elementCount)} is ${values[i]}; every value must be finite; ` +
      'remove the row or repair the step that made it',
  );
}

function locate(index: number, elementCount: number): string {
  return `row ${Math.floor(index / elementCount)}, element ${index % elementCount}`;
}
