/**
 * Plan: NumPy's files and CSV. What is written comes back bit for bit; a file of NumPy's own, byte by byte, in its three
 * formats, types and orders; every way in which a header, a length or a number may be wrong is refused by name.
 */
import { expect, test } from '@playwright/test';
import { DataError } from '../../src/gpu/errors.js';
import { readCsv, writeCsv } from '../../src/vae/data/csv.js';
import { isNpy, readNpy, writeNpy } from '../../src/vae/data/npy.js';
import { randomNormal } from '../reference/tensor.js';

const values = Float32Array.from([
  ...randomNormal([21], 5).values,
  0,
  -0,
  1e-45,
  3.4e38,
  0.1,
  -1 / 3,
  2 ** 24 + 1,
  7,
  8,
]);

/** As numpy.save lays it out: format 1 by default, the header padded with spaces to a multiple of 64. */
function numpyFile(dict: string, data: Uint8Array, format = 1): Uint8Array {
  const first = format === 1 ? 10 : 12;
  const header = new TextEncoder().encode(
    `${dict.padEnd(Math.ceil((first + dict.length + 1) / 64) * 64 - first - 1)}\n`,
  );
  const bytes = new Uint8Array(first + header.length + data.length);
  bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), format, 0]);
  const view = new DataView(bytes.buffer);
  if (format === 1) view.setUint16(8, header.length, true);
  else view.setUint32(8, header.length, true);
  bytes.set(header, first);
  bytes.set(data, first + header.length);
  return bytes;
}

const dict = (descr: string, shape: string, order = 'False'): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }`;

const bits = (array: ArrayLike<number>): number[] => [...new Uint32Array(Float32Array.from(array).buffer)];

for (const shape of [[30], [5, 6], [2, 3, 5, 1]])
  test(`f32[${shape.join(', ')}] comes back from .npy`, () => {
    const bytes = writeNpy(shape, values);
    expect(isNpy(bytes)).toBe(true);
    expect(bytes.length % 2).toBe(0);
    const back = readNpy(bytes, 'x.npy');
    expect(back.shape).toEqual(shape);
    expect(bits(back.values)).toEqual(bits(values));
  });

for (const format of [1, 2, 3])
  test(`bytes of format ${format} are a view`, () => {
    const bytes = numpyFile(dict('|u1', '2, 2'), Uint8Array.of(1, 2, 3, 255), format);
    const { shape, values: read } = readNpy(bytes, 'x.npy');
    expect(shape).toEqual([2, 2]);
    expect([...read]).toEqual([1, 2, 3, 255]);
    expect(read.buffer).toBe(bytes.buffer);
  });

for (const [type, size, isLittle] of [
  ['<f4', 4, true],
  ['>f4', 4, false],
  ['<f8', 8, true],
  ['>f8', 8, false],
] as const)
  test(`${type} is read`, () => {
    const data = new DataView(new ArrayBuffer(3 * size));
    [0.1, -2, 1e30].forEach((value, i) =>
      size === 4 ? data.setFloat32(4 * i, value, isLittle) : data.setFloat64(8 * i, value, isLittle),
    );
    const read = readNpy(numpyFile(dict(type, '3,'), new Uint8Array(data.buffer)), 'x.npy');
    expect(read).toEqual({ shape: [3], values: Float32Array.of(0.1, -2, 1e30) });
  });

const four = new Uint8Array(16);
const wrongFiles: readonly (readonly [what: string, bytes: Uint8Array, message: RegExp])[] = [
  ['another file', Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), /is no \.npy file; expected/],
  ['nothing', new Uint8Array(), /is no \.npy file/],
  ['format 4', numpyFile(dict('<f4', '4,'), four, 4), /is of format 4\.0/],
  ['a header past the end', numpyFile(dict('<f4', '4,'), four).subarray(0, 40), /has a header of \d+ bytes/],
  [
    'whole numbers',
    numpyFile(dict('<i8', '2,'), four),
    /holds <i8; .*astype|holds <i8; expected .*dtype='float32'/,
  ],
  ['objects', numpyFile(dict('|O', '2,'), four), /holds \|O/],
  ['Fortran order', numpyFile(dict('<f4', '2, 2', 'True'), four), /is in Fortran order; .*ascontiguousarray/],
  ['fewer bytes', numpyFile(dict('<f4', '5,'), four), /says <f4 of \[5\], 148 bytes/],
  ['more bytes', numpyFile(dict('<f4', '3,'), four), /holds 144 bytes/],
  ['a shape past all memory', numpyFile(dict('<f4', '9999999999, 9999999999'), four), /copy the file again/],
  ['a negative size', numpyFile(dict('<f4', '-4,'), four), /has a header that is none/],
  [
    'code',
    numpyFile("{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os'), }", four),
    /that is none/,
  ],
  ['a field twice', numpyFile("{'descr': '<f4', 'descr': '<f4', 'shape': (4,), }", four), /that is none/],
  [
    'a NaN',
    numpyFile(dict('<f4', '1,'), Uint8Array.of(0, 0, 0xc0, 0x7f)),
    /element 0 is NaN; expected finite/,
  ],
  [
    'a float64 past float32',
    numpyFile(dict('<f8', '1,'), new Uint8Array(Float64Array.of(1e300).buffer)),
    /element 0 is 1e\+300/,
  ],
];

for (const [what, bytes, message] of wrongFiles)
  test(`.npy: ${what} is refused`, () => {
    expect(() => readNpy(bytes, 'x.npy')).toThrow(DataError);
    expect(() => readNpy(bytes, 'x.npy')).toThrow(message);
  });

test('a table comes back from .csv bit for bit', () => {
  const text = writeCsv(['a', 'b', 'c'], values);
  expect(text.split('\n')[0]).toBe('a,b,c');
  const table = readCsv(text, 'x.csv');
  expect(table).toMatchObject({ rows: 10, columns: 3 });
  expect(bits(table.values)).toEqual(bits(values));
});

test('.csv: line ends, a byte order mark and a missing header', () => {
  expect(readCsv('\uFEFF1,2\r\n\r\n3, 4.5e-1\r\n', 'x.csv')).toEqual({
    rows: 2,
    columns: 2,
    values: Float32Array.of(1, 2, 3, 0.45),
  });
});

const wrongTables: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ['nothing', '', /holds no rows/],
  ['names alone', 'a,b\n', /holds no rows/],
  ['a word', '1,2\n3,x\n', /line 2, field 2 is 'x'/],
  ['an empty field', '1,\n', /line 1, field 2 is ''/],
  ['a short line', '1,2\n\n3\n', /line 3 has 1 fields; expected 2/],
  ['an infinity', '1e39\n', /line 1, field 1 is '1e39'/],
];

for (const [what, text, message] of wrongTables)
  test(`.csv: ${what} is refused`, () => {
    expect(() => readCsv(text, 'x.csv')).toThrow(DataError);
    expect(() => readCsv(text, 'x.csv')).toThrow(message);
  });
