/**
 * Plan: every way a safetensors file can be wrong, one row a case, by the stage that refuses it.
 * | stage   | cases                                                                            |
 * | length  | cut, zero, past the end, 2^32 + 2, 2^63, 2^64 - 1, above the cap                 |
 * | text    | first byte, UTF-8, grammar, padding, nesting                                     |
 * | keys    | twice (plain and escaped), unknown, missing, names, too many                     |
 * | numbers | -0, fractions, exponents, past 2^53, products past 2^53, dtypes, rank            |
 * | layout  | backwards, size against shape, hole, overlap, aliasing, short, long              |
 * | digest  | malformed, wrong, missing though required                                        |
 * The control cases, files that load, are in safetensors.spec.ts.
 */
import { expect, test } from '@playwright/test';
import { CheckpointError } from '../../src/gpu/errors.js';
import { readSafetensors, writeSafetensors, type ReadOptions } from '../../src/vae/checkpoint/safetensors.js';
import { refused } from '../refused.js';
import { entry, file } from '../safetensors-file.js';

const refusal = async (promise: Promise<unknown>): Promise<string> =>
  String(await refused(() => promise, CheckpointError));

const one = entry('a', 'U8', '2', '0,2');
const two = [1, 2];
const many = Array.from({ length: 4097 }, (_, i) => entry(`t${i}`, 'U8', '0', '0,0')).join(',');

const plainDigits = 'expected a whole number below 2^53 in plain digits';

function sized(size: string): Uint8Array {
  return file(`{${entry('a', 'U8', `2,${size}`, '0,2')}}`, two);
}

const badFiles: [name: string, bytes: Uint8Array, message: string, options?: ReadOptions][] = [
  // Length
  [
    'an empty file',
    new Uint8Array(0),
    'the file has 0 bytes; a safetensors file has at least 10; it is cut short',
  ],
  ['seven bytes', new Uint8Array(7), 'the file has 7 bytes; a safetensors'],
  ['a header of nothing', file(''), "the header does not begin with '{'"],
  ['a length of nothing', file('{}', [], 0n), "the header does not begin with '{'"],
  [
    'a header past the end',
    file('{}', [], 3n),
    'the header claims 3 bytes and 2 follow; the file is cut short or not safetensors',
  ],
  ['a length of 2^32 + 2', file('{}', [], 2n ** 32n + 2n), 'the header claims 4294967298 bytes and 2 follow'],
  ['a length of 2^63', file('{}', [], 2n ** 63n), 'the header claims 9223372036854775808 bytes and 2 follow'],
  [
    'a length of 2^64 - 1',
    file('{}', [], 2n ** 64n - 1n),
    'the header claims 18446744073709551615 bytes and 2 follow',
  ],
  [
    'a header above 1 MiB',
    file(`{}${' '.repeat(1024 * 1024 - 1)}`),

    'the header has 1048577 bytes; at most 1048576 are parsed; raise maxHeaderByteLength if you trust the file',
  ],
  ['a header above a given cap', file(`{${one}}`, two), 'at most 20 are parsed', { maxHeaderByteLength: 20 }],
  // Text
  [
    'another format',
    file('PK\u0003\u0004'),
    "the header does not begin with '{'; the file is not safetensors",
  ],
  ['a byte order mark', file('\ufeff{}'), "the header does not begin with '{'"],
  ['white space in front', file(' {}'), "the header does not begin with '{'"],
  [
    'invalid UTF-8',
    file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)),
    'the header is not valid UTF-8; the file is damaged',
  ],
  [
    'an unclosed header',
    file(`{${one}`, two),
    "the header ends at character 52; expected '}'; the file is damaged or not safetensors",
  ],
  [
    'text after the header',
    file(`{${one}}x`, two),
    'the header has "x" at character 53; expected the end of the header',
  ],
  ['NUL padding', file(`{${one}}\0`, two), 'the header has "\\u0000" at character 53; expected the end'],
  ['a trailing comma', file(`{${one},}`, two), 'has "}" at character 53; expected a tensor name in quotes'],
  ['an unclosed string', file('{"a'), 'has "\\"a" at character 1; expected a complete JSON string'],
  ['an escape cut off', file('{"a\\'), 'expected a complete JSON string'],
  ['a line break in a string', file('{"a\nb":0}'), 'expected a complete JSON string'],
  ['a missing colon', file('{"a" {}}'), "expected ':'"],
  ['a number for a tensor', file('{"a":1}'), 'has "1}" at character 5; expected \'{\''],
  ['deep nesting', file(`{"a":${'['.repeat(100000)}`), "at character 5; expected '{'"],
  // Keys
  [
    'a tensor twice',
    file(`{${one},${one}}`, two),

    'tensor "a" appears twice in the header; readers would disagree on which counts; save the file again',
  ],
  [
    'a tensor twice, once escaped',
    file(`{${one},${entry('\\u0061', 'U8', '2', '0,2')}}`, two),
    'tensor "a" appears twice',
  ],
  ['a field twice', file('{"a":{"dtype":"U8","dtype":"U8"}}'), 'field "dtype" appears twice'],
  ['a metadata key twice', file('{"__metadata__":{"k":"1","k":"2"}}'), 'metadata "k" appears twice'],
  ['metadata twice', file('{"__metadata__":{},"__metadata__":{}}'), 'tensor "__metadata__" appears twice'],
  [
    'an unknown field',
    file('{"a":{"dtype":"U8","strides":[1]}}'),
    'tensor a has a field "strides"; expected dtype, shape and data_offsets only',
  ],
  [
    'a missing dtype',
    file('{"a":{"shape":[],"data_offsets":[0,0]}}'),
    'tensor a is incomplete; expected a dtype, a shape and two data_offsets',
  ],
  ['a missing shape', file('{"a":{"dtype":"U8","data_offsets":[0,0]}}'), 'tensor a is incomplete'],
  ['missing offsets', file('{"a":{"dtype":"U8","shape":[]}}'), 'tensor a is incomplete'],
  ['three offsets', file(`{${entry('a', 'U8', '2', '0,2,2')}}`, two), 'tensor a is incomplete'],
  [
    'the name __proto__',
    file(`{${entry('__proto__', 'U8', '2', '0,2')}}`, two),

    'tensor name "__proto__" is not allowed; expected 1 to 128 of A-Z a-z 0-9 _ . -; rename the tensor',
  ],
  ['an empty name', file(`{${entry('', 'U8', '2', '0,2')}}`, two), 'tensor name "" is not allowed'],
  [
    'a name with markup',
    file(`{${entry('<img src=x>', 'U8', '2', '0,2')}}`, two),
    'tensor name "<img src=x>" is not allowed',
  ],
  [
    'a name of 129',
    file(`{${entry('a'.repeat(129), 'U8', '2', '0,2')}}`, two),
    `tensor name "${'a'.repeat(48)}..." is not allowed`,
  ],
  ['4,097 tensors', file(`{${many}}`), 'there are more than 4096 tensors; split the file'],
  ['metadata that is a list', file('{"__metadata__":[]}'), "expected '{'"],
  ['metadata that is a number', file('{"__metadata__":{"k":1}}'), 'expected a metadata value in quotes'],
  // Numbers
  ['a size below zero', sized('-1'), plainDigits],
  ['a size of minus zero', sized('-0'), plainDigits],
  ['a size with a point', sized('1.0'), plainDigits],
  ['a size with an exponent', sized('1e2'), plainDigits],
  ['a size that overflows to infinity', sized('1e400'), plainDigits],
  ['a size with a leading zero', sized('01'), plainDigits],
  ['a size of 2^53', sized('9007199254740992'), plainDigits],
  ['a size of 20 digits', sized('99999999999999999999'), plainDigits],
  ['a size in quotes', sized('"2"'), plainDigits],
  ['a size of null', sized('null'), plainDigits],
  ['a size left out', sized(''), plainDigits],
  [
    'an unknown dtype',
    file(`{${entry('a', 'F64', '', '0,8')}}`, new Uint8Array(8)),
    'tensor a has dtype "F64"; F32, F16, BF16, I64, U8 are read; convert the tensor to F32',
  ],
  [
    'an inherited dtype',
    file(`{${entry('a', 'constructor', '', '0,8')}}`, new Uint8Array(8)),
    'tensor a has dtype "constructor"',
  ],
  [
    'rank 9',
    file(`{${entry('a', 'U8', '1,1,1,1,1,1,1,1,2', '0,2')}}`, two),
    'tensor a has rank 9; at most 8 is read; reshape it',
  ],
  [
    'a product past 2^53',
    file(`{${entry('a', 'U8', '134217728,134217728', '0,2')}}`, two),
    'tensor a has shape [134217728, 134217728]; its element count must be a whole number below 2^53',
  ],
  [
    'a product past 2^53 hidden by a zero',
    file(`{${entry('a', 'U8', '134217728,134217728,0', '0,0')}}`),
    'its element count must be a whole number below 2^53',
  ],
  // Layout
  [
    'offsets that run backwards',
    file(`{${entry('a', 'U8', '2', '2,0')}}`, two),
    'tensor a spans bytes 2 to 0; U8 [2] takes 2; the header is damaged or forged',
  ],
  [
    'a shape above its offsets',
    file(`{${entry('a', 'F32', '2', '0,2')}}`, two),
    'tensor a spans bytes 0 to 2; F32 [2] takes 8',
  ],
  [
    'a hole at the start',
    file(`{${entry('a', 'U8', '2', '1,3')}}`, [0, 1, 2]),

    'tensor a begins at byte 1; expected 0, where the one before it ends: there is a hole; save the file again',
  ],
  [
    'a hole in between',
    file(`{${one},${entry('b', 'U8', '1', '3,4')}}`, [1, 2, 3, 4]),
    'tensor b begins at byte 3; expected 2, where the one before it ends: there is a hole',
  ],
  [
    'an overlap',
    file(`{${one},${entry('b', 'U8', '2', '1,3')}}`, [1, 2, 3]),
    'tensor b begins at byte 1; expected 2, where the one before it ends: they overlap',
  ],
  ['two tensors on the same bytes', file(`{${one},${entry('b', 'U8', '2', '0,2')}}`, two), 'they overlap'],
  [
    'an empty tensor inside another',
    file(`{${one},${entry('b', 'U8', '0', '1,1')}}`, two),
    'tensor b begins at byte 1; expected 2',
  ],
  [
    'a body one byte short',
    file(`{${one}}`, [1]),
    'the tensors take 2 bytes and 1 follow the header; the file is cut short; copy it again',
  ],
  [
    'a body one byte too long',
    file(`{${one}}`, [1, 2, 3]),

    'the tensors take 2 bytes and 3 follow the header; the file has trailing bytes; use the original file',
  ],
  [
    'trailing bytes without tensors',
    file('{}', [0]),
    'the tensors take 0 bytes and 1 follow the header; the file has trailing bytes',
  ],
  // Digest
  [
    'a digest that is not one',
    file('{"__metadata__":{"sha256":"abc"}}'),
    'metadata sha256 is "abc"; expected 64 hexadecimal digits; the file is damaged',
  ],
  [
    'a missing digest if one is required',
    file('{}'),
    'the metadata has no sha256; expected a digest of the content; save the file again with this library',
    { requireDigest: true },
  ],
];
for (const [name, bytes, message, options] of badFiles) {
  test(`the reader refuses ${name}`, async () => {
    const text = await refusal(readSafetensors(bytes, { name: 'model.safetensors', ...options }));
    expect(text).toContain('[model.safetensors] ');
    expect(text).toContain(message);
  });
}

const edits: [name: string, edit: (text: string) => string][] = [
  ['a flipped bit in the weights', (text) => `${text.slice(0, -1)}A`],
  [
    'two tensors that swap names',
    (text) => text.replace('a.w', 'c.w').replace('b.w', 'a.w').replace('c.w', 'b.w'),
  ],
  ['another shape of the same size', (text) => text.replace('[2,1]', '[1,2]')],
  ['other metadata', (text) => text.replace('"latent":"2"', '"latent":"3"')],
  [
    'another digest',
    (text) => text.replace(/("sha256":")(.)/, (_, key, first) => key + (first === '0' ? '1' : '0')),
  ],
];
for (const [name, edit] of edits) {
  test(`the digest gives away ${name}`, async () => {
    const bytes = await writeSafetensors(
      new Map([
        ['a.w', { shape: [2, 1], values: new Float32Array([1, 2]) }],
        ['b.w', { shape: [2, 1], values: new Float32Array([3, 4]) }],
      ]),
      { latent: '2' },
    );
    const text = Buffer.from(bytes).toString('latin1');
    const edited = edit(text);
    expect(edited).not.toBe(text);
    expect(edited).toHaveLength(text.length);
    expect(await refusal(readSafetensors(Buffer.from(edited, 'latin1')))).toMatch(
      /the content has SHA-256 [0-9a-f]{64} and the file says [0-9a-f]{64}; it changed after it was saved; restore a copy/,
    );
  });
}
