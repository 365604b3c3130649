/**
 * Plan: the dataset checks that stand before any GPU work.
 * | axis    | control                | cases                                                      |
 * | data    | 2 rows of [2, 2, 1]    | rows 0, -1, 1.5; shape [] and [0]; counts; labels; dtype   |
 * | values  | f32 and u8             | NaN and both infinities, first, last; out of range; edges  |
 * | prefix  | count < rows           | count = rows, > rows, 0, 1.5, NaN                          |
 */
import { expect, test } from '@playwright/test';
import { DataError } from '../../src/gpu/errors.js';
import { checkDataset, checkRange, takeRows, type Dataset } from '../../src/vae/data/dataset.js';

const good: Dataset = { rows: 2, shape: [2, 2, 1], values: new Float32Array([0, 1, 0.5, 0, 1, 1, 0, 0.25]) };

function withValue(index: number, value: number): Dataset {
  const values = new Float32Array(good.values);
  values[index] = value;
  return { ...good, values };
}

function refusal(run: () => void): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return String(error);
  }
  throw new Error('nothing was refused');
}

test('checkDataset passes floats, bytes and labels', () => {
  checkDataset(good, 'train');
  checkDataset({ ...good, labels: new Uint8Array(2) }, 'train');
  checkDataset({ rows: 1, shape: [3], values: new Uint8Array(3) }, 'train');
});

const badDatasets: { name: string; data: Dataset; message: string }[] = [
  {
    name: 'zero rows',
    data: { rows: 0, shape: [28, 28, 1], values: new Uint8Array(0) },
    message: 'the dataset has zero images (rows is 0); expected at least one; check the file',
  },
  { name: 'negative rows', data: { ...good, rows: -1 }, message: 'rows is -1; expected a whole number' },
  { name: 'fractional rows', data: { ...good, rows: 1.5 }, message: 'rows is 1.5; expected a whole number' },
  { name: 'no shape', data: { ...good, shape: [] }, message: 'shape is []; expected the shape of one row' },
  { name: 'empty dimension', data: { ...good, shape: [2, 0, 1] }, message: 'shape is [2, 0, 1]; expected' },
  {
    name: 'inexact product',
    data: { ...good, shape: [94906267, 94906267] },
    message: 'shape is [94906267, 94906267]; expected whole sizes',
  },
  {
    name: 'too few values',
    data: { ...good, rows: 3 },
    message: 'values holds 8 numbers; 3 rows of [2, 2, 1] need 12; correct rows, shape or values',
  },
  {
    name: 'labels of another file',
    data: { ...good, labels: new Uint8Array(3) },
    message: 'there are 3 labels for 2 rows; expected one label a row; pass the labels file',
  },
  {
    name: 'a plain array',
    // What a JavaScript caller without types passes.
    data: JSON.parse('{"rows":1,"shape":[2],"values":[0,1]}'),
    message: 'values is Array; expected Uint8Array (0 to 255) or Float32Array; convert',
  },
  {
    name: 'NaN pixel',
    data: withValue(6, NaN),
    message: 'row 1, element 2 is NaN; every value must be finite',
  },
  { name: 'first infinite', data: withValue(0, Infinity), message: 'row 0, element 0 is Infinity; every' },
  { name: 'last infinite', data: withValue(7, -Infinity), message: 'row 1, element 3 is -Infinity; every' },
];
for (const { name, data, message } of badDatasets) {
  test(`checkDataset refuses ${name}`, () => {
    expect(refusal(() => checkDataset(data, 'train'))).toContain(`[train] ${message}`);
  });
}

test('checkRange passes the edges, and bytes in [0, 1]', () => {
  checkRange(good, 0, 1, 'train', 'the bernoulli likelihood');
  checkRange({ ...good, values: new Uint8Array(8).fill(255) }, 0, 1, 'train', 'the bernoulli likelihood');
});

const outside: { name: string; data: Dataset; low: number; message: string }[] = [
  { name: 'above', data: withValue(5, 1.5), low: 0, message: 'row 1, element 1 is 1.5; ' },
  { name: 'below', data: withValue(3, -0.25), low: 0, message: 'row 0, element 3 is -0.25; ' },
  { name: 'NaN', data: withValue(7, NaN), low: 0, message: 'row 1, element 3 is NaN; ' },
  {
    name: 'bytes of a narrower range',
    data: { rows: 1, shape: [2], values: new Uint8Array([255, 51]) },
    low: 0.5,
    message: 'row 0, element 1 is 0.2; ',
  },
];
for (const { name, data, low, message } of outside) {
  test(`checkRange refuses ${name}`, () => {
    expect(refusal(() => checkRange(data, low, 1, 'train', 'the bernoulli likelihood'))).toContain(
      `[train] ${message}the bernoulli likelihood needs values in [${low}, 1]; rescale to [${low}, 1] or choose the gaussian likelihood`,
    );
  });
}

test('takeRows is a prefix view, with its labels', () => {
  const labelled: Dataset = { ...good, labels: new Uint8Array([7, 9]) };
  const first = takeRows(labelled, 1);
  expect(first).toEqual({ ...good, rows: 1, values: good.values.slice(0, 4), labels: new Uint8Array([7]) });
  expect(first.values.buffer).toBe(good.values.buffer);
  expect(takeRows(good, 1)).not.toHaveProperty('labels');
  expect(takeRows(labelled, 2)).toBe(labelled);
  expect(takeRows(labelled, 99)).toBe(labelled);
});

for (const count of [0, -1, 1.5, NaN]) {
  test(`takeRows refuses a count of ${count}`, () => {
    expect(refusal(() => takeRows(good, count))).toContain(
      `[takeRows] count is ${count}; expected a whole number of at least 1`,
    );
  });
}
