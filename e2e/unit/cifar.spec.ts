/**
 * Plan: CIFAR-10's binary version.
 * | axis    | control      | cases                                                     |
 * | batches | one          | several of different lengths; none                        |
 * | bytes   | whole        | empty, one less, one more, CIFAR-100's records, labels    |
 * | offset  | 0            | a Buffer inside another                                   |
 */
import { expect, test } from '@playwright/test';
import { DataError } from '../../src/gpu/errors.js';
import { readCifar10 } from '../../src/vae/data/cifar.js';

/** Record r: label r mod 10, red 3r + 1, green 3r + 2, blue 3r + 3, each plus the pixel's place mod 7. */
function batch(count: number, first = 0): Uint8Array {
  const bytes = new Uint8Array(count * 3073);
  for (let r = 0; r < count; r++) {
    bytes[r * 3073] = (first + r) % 10;
    for (let i = 0; i < 3072; i++)
      bytes[r * 3073 + 1 + i] = 3 * (first + r) + 1 + Math.floor(i / 1024) + ((i % 1024) % 7);
  }
  return bytes;
}

test('planes become pixels, batches follow each other', () => {
  const data = readCifar10([
    { name: 'a', bytes: batch(2) },
    { name: 'b', bytes: batch(3, 2) },
  ]);
  expect(data).toMatchObject({ rows: 5, shape: [32, 32, 3] });
  expect([...data.labels!]).toEqual([0, 1, 2, 3, 4]);
  expect(data.values).toHaveLength(5 * 3072);
  const wrong: string[] = [];
  for (let row = 0; row < 5; row++)
    for (let pixel = 0; pixel < 1024; pixel++)
      for (let c = 0; c < 3; c++) {
        const value = data.values[row * 3072 + pixel * 3 + c];
        if (value !== 3 * row + 1 + c + (pixel % 7)) wrong.push(`${row} ${pixel} ${c}: ${value}`);
      }
  expect(wrong).toEqual([]);
});

test('a Buffer inside another', () => {
  const holder = Buffer.concat([Buffer.alloc(3), batch(1), Buffer.alloc(5)]);
  const data = readCifar10([{ name: 'a', bytes: holder.subarray(3, 3 + 3073) }]);
  expect(data.values).toEqual(readCifar10([{ name: 'a', bytes: batch(1) }]).values);
});

function labelled(label: number): Uint8Array {
  const bytes = batch(2);
  bytes[3073] = label;
  return bytes;
}

const whole = 'expected whole records of 3073, a label and 32x32x3 pixels; pass a complete file';
const bad: [name: string, bytes: Uint8Array, message: string][] = [
  ['an empty file', new Uint8Array(0), `[b.bin] the file has 0 bytes; ${whole}`],
  ['a byte short', batch(2).subarray(1), `[b.bin] the file has 6145 bytes; ${whole}`],
  ['a byte long', Buffer.concat([batch(2), Buffer.alloc(1)]), `[b.bin] the file has 6147 bytes; ${whole}`],
  ["CIFAR-100's records", new Uint8Array(2 * 3074), `[b.bin] the file has 6148 bytes; ${whole}`],
  [
    'a label of 10',
    labelled(10),
    '[b.bin] record 1 has the label 10; expected 0 to 9; pass a file of CIFAR-10',
  ],
  ['a label of 255', labelled(255), '[b.bin] record 1 has the label 255; expected 0 to 9'],
];
for (const [name, bytes, message] of bad)
  test(`readCifar10 refuses ${name}`, () => {
    const batches = [
      { name: 'a.bin', bytes: batch(1) },
      { name: 'b.bin', bytes },
    ];
    expect(() => readCifar10(batches)).toThrow(DataError);
    expect(() => readCifar10(batches)).toThrow(message);
  });

test('readCifar10 refuses no batch', () => {
  expect(() => readCifar10([])).toThrow('[readCifar10] no batch came; expected at least one');
});
