/**
 * Plan: the .wvae container (src/vae/coding/coded-file.ts).
 * | axis     | control       | cases                                                                              |
 * | layout   | bytes by hand | rank 1 and 3, no words, an extra part, any alignment                               |
 * | damage   | -             | every length cut off, every single bit flipped: refused by name, no other content  |
 * | forgery  | -             | counts and lengths up to 2^32 - 1 with a valid digest: refused before allocation   |
 */
import { createHash } from 'node:crypto';
import { expect, test } from '@playwright/test';
import { DataError } from '../../src/gpu/errors.js';
import { readCodedFile, writeCodedFile, type CodedFile } from '../../src/vae/coding/coded-file.js';
import { refused } from '../refused.js';

const small: CodedFile = {
  kind: 'rate-distortion',
  rows: 3,
  shape: [2, 2, 1],
  model: '0123456789abcdef',
  extra: Uint8Array.of(7),
  words: Uint16Array.of(1, 2, 0x8003),
};

/** The layout by hand: what the docstring promises. */
const body = [
  ...Buffer.from(
    '57564145 01 01 03 00  03000000 020000000200000001000000  0123456789abcdef  01000000 07  03000000 010002000380'.replaceAll(
      ' ',
      '',
    ),
    'hex',
  ),
];

/** A file with these bytes before its digest, which is right. */
function sealed(bytes: readonly number[]): Uint8Array {
  const digest = createHash('sha256').update(Uint8Array.from(bytes)).digest();
  return Uint8Array.from([...bytes, ...digest.subarray(0, 8)]);
}

/** `body` with other bytes from an index on. */
function forged(at: number, ...bytes: number[]): Uint8Array {
  return sealed([...body.slice(0, at), ...bytes, ...body.slice(at + bytes.length)]);
}

const refusal = async (promise: Promise<unknown>): Promise<string> =>
  String(await refused(() => promise, DataError));

test('the layout is the one of the table', async () => {
  expect([...(await writeCodedFile(small))]).toEqual([...sealed(body)]);
});

const files: Record<string, CodedFile> = {
  small,
  'a vector and no words': { ...small, shape: [784], words: new Uint16Array(), extra: new Uint8Array() },
  'bits-back': {
    ...small,
    kind: 'bits-back',
    rows: 1,
    words: Uint16Array.from({ length: 5000 }, (_, i) => i),
  },
};
for (const [name, file] of Object.entries(files))
  test(`${name} comes back, whatever its alignment`, async () => {
    const bytes = await writeCodedFile(file);
    for (const offset of [0, 1, 3]) {
      const holder = new Uint8Array(bytes.length + offset);
      holder.set(bytes, offset);
      expect(await readCodedFile(holder.subarray(offset))).toEqual(file);
    }
  });

test('every length that is cut off is refused', async () => {
  const bytes = await writeCodedFile(small);
  for (let length = 0; length < bytes.length; length++)
    expect(await refusal(readCodedFile(bytes.subarray(0, length)))).toMatch(/\[wvae\] .+; /);
});

test('every flipped bit is refused', async () => {
  const bytes = await writeCodedFile(small);
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const damaged = bytes.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    expect(await refusal(readCodedFile(damaged)), `bit ${bit}`).toMatch(/\[wvae\] .+; /);
  }
});

const full = [0xff, 0xff, 0xff, 0xff];
const badFiles: [name: string, bytes: Uint8Array, message: string][] = [
  ['another format', sealed([0x50, 0x4b, 3, 4, ...body.slice(4)]), "does not begin with 'WVAE'"],
  ['another version', forged(4, 2), 'is of version 2; this library reads version 1; update it'],
  ['an unknown kind', forged(5, 3), 'states kind 3, rank 3 and 0; expected kind 1 to 2, rank 1 to 3 and 0'],
  ['kind 0', forged(5, 0), 'states kind 0'],
  ['rank 0', forged(6, 0), 'rank 0'],
  ['rank 255', forged(6, 255), 'rank 255'],
  ['a reserved byte', forged(7, 1), 'rank 3 and 1; expected'],
  ['no data', forged(8, 0, 0, 0, 0), 'states 0 data of [2, 2, 1]; expected 1 to 268435456 numbers'],
  ['2^32 - 1 data', forged(8, ...full), 'states 4294967295 data'],
  [
    'sizes of 2^32 - 1',
    forged(12, ...full, ...full, ...full),
    'data of [4294967295, 4294967295, 4294967295]',
  ],
  ['a size of 0', forged(12, 0, 0, 0, 0), 'states 3 data of [0, 2, 1]'],
  ['a long extra part', forged(32, ...full), 'the extra part takes 4294967295 bytes and 19 are left'],
  ['many words', forged(37, ...full), 'the words takes 8589934590 bytes and 14 are left'],
  ['a byte too many', sealed([...body, 0]), '1 bytes follow the digest'],
];
for (const [name, bytes, message] of badFiles)
  test(`${name} is refused`, async () => {
    const text = await refusal(readCodedFile(bytes, { name: 'f.wvae' }));
    expect(text).toContain('[f.wvae] ');
    expect(text).toContain(message);
  });

test('the number of numbers may be bounded by the caller', async () => {
  const bytes = await writeCodedFile(small);
  await readCodedFile(bytes, { maxElements: 12 });
  expect(await refusal(readCodedFile(bytes, { maxElements: 11 }))).toContain(
    'raise maxElements if you trust the file',
  );
});
