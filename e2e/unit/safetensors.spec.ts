/**
 * Plan: the safetensors reader and writer; the files that the reader refuses are in safetensors-refusals.spec.ts.
 * | axis    | control                 | cases                                                              |
 * | file    | written by Python       | our writer gives the same bytes; an independent reader agrees      |
 * | dtype   | F32                     | F16, BF16 (subnormal, edge, infinite), I64, U8, an unknown one     |
 * | values  | finite                  | NaN and infinities, refused or opted in                            |
 * | layout  | contiguous, in order    | out of order, empty tensors, no tensors, names that objects have   |
 * | digest  | right                   | missing; no crypto.subtle; values that change meanwhile            |
 * | writer  | golden                  | names, shapes, counts and values that the reader would refuse      |
 * | random  | -                       | 3,000 seeded mutants: refused or identical                         |
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from '@playwright/test';
import { CheckpointError } from '../../src/gpu/errors.js';
import {
  readSafetensors,
  writeSafetensors,
  type StoredTensor,
  type TensorToWrite,
} from '../../src/vae/checkpoint/safetensors.js';
import { refused } from '../refused.js';
import { entry, file } from '../safetensors-file.js';

/**
 * Written by Python (json.dumps with sorted keys, ensure_ascii=False, no spaces; struct; hashlib; numpy), so
 * that layout and digest are held by something that is not this code.
 */
const golden = Buffer.from(
  'mAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCIsInNoYTI1NiI6IjU1YmFjMzU5ZWUxMjhiZmMzYjg1ZWM0Y2E1OTk0' +
    'ZTA5ZjM5M2U0NGY1MWE5YWZhNmVjZDA2NzAwNzJkZmNiZTAiLCJzcGVjIjoie1wibGF0ZW50XCI6MixcIm5vdGVcIjpcIsOpXG7igKhc' +
    'In0ifSwiZGVjb2Rlci5iaWFzIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbMCw4XX0sImRlY29kZXIu' +
    'd2VpZ2h0Ijp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlsyLDNdLCJkYXRhX29mZnNldHMiOls4LDMyXX0sInN0ZXAiOnsiZHR5cGUiOiJG' +
    'MzIiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzMyLDM2XX0sInVudXNlZCI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMCwzXSwi' +
    'ZGF0YV9vZmZzZXRzIjpbMzYsMzZdfX0gICAAAAA/AAAAwAAAgD8AAABAAABAQAAAgEAAAKBAAADIQAAA4EA=',
  'base64',
);
const goldenTensors = new Map<string, TensorToWrite>([
  // Not in order of name: the writer sorts.
  ['step', { shape: [], values: new Float32Array([7]) }],
  ['decoder.weight', { shape: [2, 3], values: new Float32Array([1, 2, 3, 4, 5, 6.25]) }],
  ['unused', { shape: [0, 3], values: new Float32Array(0) }],
  ['decoder.bias', { shape: [2], values: new Float32Array([0.5, -2]) }],
]);
const goldenMetadata = { spec: '{"latent":2,"note":"é\n\u2028"}', format: 'pt' };

function bytesOf(values: Float32Array | Uint16Array | BigInt64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

const refusal = async (promise: Promise<unknown>): Promise<string> =>
  String(await refused(() => promise, CheckpointError));

test('the writer gives the bytes that Python gives, twice', async () => {
  const bytes = await writeSafetensors(goldenTensors, goldenMetadata);
  expect(Buffer.from(bytes).toString('base64')).toBe(golden.toString('base64'));
  const reversed = new Map([...goldenTensors].toReversed());
  expect(await writeSafetensors(reversed, goldenMetadata)).toEqual(bytes);
});

test("the reader gives back what Python wrote, whatever the bytes' alignment", async () => {
  for (const offset of [0, 1, 4]) {
    const holder = Buffer.concat([Buffer.alloc(offset), golden]);
    const read = await readSafetensors(holder.subarray(offset));
    expect(read.verified).toBe(true);
    expect(Object.fromEntries(read.metadata)).toEqual(goldenMetadata);
    expect([...read.tensors.keys()]).toEqual(['decoder.bias', 'decoder.weight', 'step', 'unused']);
    for (const [name, tensor] of goldenTensors) {
      expect(read.tensors.get(name)).toEqual({ dtype: 'F32', ...tensor });
    }
  }
});

test('a plain struct and JSON reader agrees with a written file', async () => {
  const values = Float32Array.from({ length: 12 }, (_, i) => Math.fround(Math.sin(i)));
  const bytes = await writeSafetensors(new Map([['a.weight', { shape: [3, 4], values }]]), { k: 'v' });
  const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  expect(headerLength % 8).toBe(0);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)));
  expect(header['a.weight']).toEqual({ dtype: 'F32', shape: [3, 4], data_offsets: [0, 48] });
  const body = bytes.subarray(8 + headerLength);
  expect(body).toEqual(bytesOf(values));
  const stated = header['__metadata__'].sha256;
  delete header['__metadata__'].sha256;
  const digest = createHash('sha256').update(JSON.stringify(header)).update(body).digest('hex');
  expect(stated).toBe(digest);
});

test('what is read can be written again, and no memory is shared', async () => {
  const source = new Uint8Array(golden);
  const { tensors, metadata } = await readSafetensors(source);
  source.fill(0);
  const again = new Map<string, TensorToWrite>();
  for (const [name, { shape, values }] of tensors) {
    if (values instanceof Float32Array) again.set(name, { shape, values });
  }
  expect(Buffer.from(await writeSafetensors(again, Object.fromEntries(metadata)))).toEqual(golden);
});

test('values that change while the digest is taken do not reach the file', async () => {
  const values = new Float32Array([1, 2]);
  const writing = writeSafetensors(new Map([['a', { shape: [2], values }]]), {});
  values.fill(9);
  const bytes = await writing;
  const reading = readSafetensors(bytes);
  bytes.fill(0);
  const { tensors, verified } = await reading;
  expect(verified).toBe(true);
  expect(tensors.get('a')?.values).toEqual(new Float32Array([1, 2]));
});

const dtypes: { name: string; body: Uint8Array; shape: string; stored: StoredTensor }[] = [
  {
    name: 'F16',
    // 1, -2, smallest and largest subnormal, smallest normal, largest finite, -0
    body: bytesOf(new Uint16Array([0x3c00, 0xc000, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x8000])),
    shape: '7',
    stored: {
      dtype: 'F16',
      shape: [7],
      values: new Float32Array([1, -2, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 65504, -0]),
    },
  },
  {
    name: 'BF16',
    // 1, -2, pi cut to 8 bits, largest finite
    body: bytesOf(new Uint16Array([0x3f80, 0xc000, 0x4049, 0x7f7f])),
    shape: '2,2',
    stored: {
      dtype: 'BF16',
      shape: [2, 2],
      values: new Float32Array([1, -2, 3.140625, (2 - 2 ** -7) * 2 ** 127]),
    },
  },
  {
    name: 'I64',
    body: bytesOf(new BigInt64Array([-1n, 2n ** 62n])),
    shape: '2',
    stored: { dtype: 'I64', shape: [2], values: new BigInt64Array([-1n, 2n ** 62n]) },
  },
  {
    name: 'U8',
    body: new Uint8Array([0, 255, 7]),
    shape: '3,1',
    stored: { dtype: 'U8', shape: [3, 1], values: new Uint8Array([0, 255, 7]) },
  },
];
for (const { name, body, shape, stored } of dtypes) {
  test(`a foreign file of ${name} is read, unverified`, async () => {
    const bytes = file(`{${entry('x', name, shape, `0,${body.length}`)}}  `, body);
    const read = await readSafetensors(bytes);
    expect(read.verified).toBe(false);
    expect(read.metadata.size).toBe(0);
    expect(read.tensors.get('x')).toEqual(stored);
  });
}

const nonFinite: [name: string, dtype: string, body: Uint8Array, message: string][] = [
  [
    'NaN',
    'F32',
    bytesOf(new Float32Array([1, NaN])),
    'tensor x holds NaN at element 1; every value must be finite; use a checkpoint from before',
  ],
  ['infinite F16', 'F16', bytesOf(new Uint16Array([0xfc00])), 'tensor x holds -Infinity at element 0'],
  ['NaN in F16', 'F16', bytesOf(new Uint16Array([0x7e00])), 'tensor x holds NaN at element 0'],
  ['infinite BF16', 'BF16', bytesOf(new Uint16Array([0, 0x7f80])), 'tensor x holds Infinity at element 1'],
];
for (const [name, dtype, body, message] of nonFinite) {
  test(`${name} is refused unless opted in`, async () => {
    const size = body.length / (dtype === 'F32' ? 4 : 2);
    const bytes = file(`{${entry('x', dtype, String(size), `0,${body.length}`)}}`, body);
    expect(await refusal(readSafetensors(bytes))).toContain(message);
    const { tensors } = await readSafetensors(bytes, { allowNonFinite: true });
    expect(tensors.get('x')?.values).toHaveLength(size);
  });
}

const layouts: [name: string, header: string, bodyLength: number][] = [
  ['no tensors', '{}', 0],
  ['white space between tokens', ` {\n "a" : ${entry('a', 'U8', ' 2 ', ' 0 , 2 ').slice(4)}\t} `.trim(), 2],
  ['tensors out of order', `{${entry('b', 'U8', '2', '3,5')},${entry('a', 'U8', '3', '0,3')}}`, 5],
  [
    'empty tensors at the start, in between and at the end',
    `{${entry('c', 'U8', '2', '0,2')},${entry('a', 'F32', '0', '0,0')},${entry('b', 'U8', '5,0', '2,2')},${entry('d', 'U8', '1', '2,3')},${entry('e', 'I64', '0', '3,3')}}`,
    3,
  ],
  [
    'names that objects inherit',
    `{${entry('constructor', 'U8', '1', '0,1')},${entry('toString', 'U8', '1', '1,2')}}`,
    2,
  ],
];
for (const [name, header, bodyLength] of layouts) {
  test(`the reader accepts ${name}`, async () => {
    const body = Uint8Array.from({ length: bodyLength }, (_, i) => i + 1);
    const { tensors } = await readSafetensors(file(header, body));
    const entries: Record<string, { data_offsets: [number, number] }> = JSON.parse(header);
    expect([...tensors.keys()].toSorted()).toEqual(Object.keys(entries).toSorted());
    for (const [
      key,
      {
        data_offsets: [begin, end],
      },
    ] of Object.entries(entries)) {
      const { values } = tensors.get(key)!;
      if (values instanceof Uint8Array) expect(values).toEqual(body.slice(begin, end));
      else expect(values).toHaveLength(0);
    }
  });
}

test('a metadata key __proto__ is data', async () => {
  const { metadata } = await readSafetensors(file('{"__metadata__":{"__proto__":"x","constructor":"y"}}'));
  expect([...metadata]).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
  expect(({} as Record<string, unknown>)['x']).toBeUndefined();
});

const f = (...values: number[]) => new Float32Array(values);
const badContent: {
  name: string;
  tensors: [string, TensorToWrite][];
  metadata?: Record<string, string>;
  message: string;
}[] = [
  {
    name: 'a bad name',
    tensors: [['a b', { shape: [1], values: f(1) }]],
    message: 'tensor name "a b" is not allowed',
  },
  {
    name: 'the name __metadata__',
    tensors: [['__metadata__', { shape: [1], values: f(1) }]],
    message: 'tensor name "__metadata__" is not allowed',
  },
  {
    name: 'a shape that does not fit',
    tensors: [['a', { shape: [2, 2], values: f(1) }]],
    message: 'tensor a has 1 values; f32[2, 2] takes 4 in a Float32Array',
  },
  {
    name: 'a fractional size',
    tensors: [['a', { shape: [0.5], values: f(1) }]],
    message: 'tensor a has shape [0.5]; its element count must be',
  },
  {
    name: 'rank 9',
    tensors: [['a', { shape: [1, 1, 1, 1, 1, 1, 1, 1, 1], values: f(1) }]],
    message: 'tensor a has rank 9',
  },
  {
    name: 'NaN',
    tensors: [['a', { shape: [2], values: f(1, NaN) }]],
    message: 'tensor a holds NaN at element 1',
  },
  {
    name: 'doubles',
    tensors: [['a', { shape: [1], values: JSON.parse('[1]') }]],
    message: 'f32[1] takes 1 in a Float32Array',
  },
  {
    name: 'its own metadata key',
    tensors: [],
    metadata: { sha256: 'x' },
    message: 'metadata key sha256 is taken by the digest; choose another key',
  },
  {
    name: 'metadata that is no text',
    tensors: [],
    metadata: JSON.parse('{"k":1}'),
    message: 'metadata k is number; expected a string; spell it with JSON.stringify',
  },
  {
    name: 'a header above 1 MiB',
    tensors: [],
    metadata: { k: 'x'.repeat(1024 * 1024) },
    message: 'are read back; shorten the metadata',
  },
  {
    name: '4,097 tensors',
    tensors: Array.from({ length: 4097 }, (_, i) => [`t${i}`, { shape: [0], values: f() }]),
    message: 'there are 4097 tensors; at most 4096 are read back; split the file',
  },
];
for (const { name, tensors, metadata = {}, message } of badContent) {
  test(`the writer refuses ${name}`, async () => {
    const text = await refusal(writeSafetensors(new Map(tensors), metadata));
    expect(text).toContain('[writeSafetensors] ');
    expect(text).toContain(message);
  });
}

test('a page without crypto.subtle is told what it needs', async () => {
  const original = Object.getOwnPropertyDescriptor(globalThis, 'crypto')!;
  Object.defineProperty(globalThis, 'crypto', { value: {}, configurable: true });
  try {
    expect(await refusal(readSafetensors(golden))).toContain(
      'crypto.subtle is missing, so no digest can be taken; serve the page over https or from http://localhost',
    );
    expect((await readSafetensors(file('{}'))).verified).toBe(false);
  } finally {
    Object.defineProperty(globalThis, 'crypto', original);
  }
});

/** mulberry32: a failing mutant can be made again from its number. */
function randomSource(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** One or two edits: a bit, a byte, a JSON character, a removed, repeated or moved range, a cut. */
function mutate(source: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes = Array.from(source);
  for (let edits = 1 + random(2); edits > 0; edits--) {
    // Half the edits hit the header's opening or the numbers, where structure is.
    const at = random(random(2) === 0 ? 40 : bytes.length) % Math.max(bytes.length, 1);
    const span = 1 + random(12);
    const kinds: (() => number[])[] = [
      () => bytes.with(at, bytes[at]! ^ (1 << random(8))),
      () => bytes.with(at, random(256)),
      () => bytes.with(at, '{}[]",:0123456789 e-.\\'.charCodeAt(random(23)) & 0xff),
      () => bytes.toSpliced(at, span),
      () => bytes.toSpliced(at, 0, ...bytes.slice(at, at + span)),
      () => [...bytes.toSpliced(at, span), ...bytes.slice(at, at + span)],
      () => bytes.slice(0, at),
    ];
    if (bytes.length > 0) bytes = kinds[random(kinds.length)]!();
  }
  return Uint8Array.from(bytes);
}

test('3,000 mutants are refused by name or read as the original', async () => {
  const original = await readSafetensors(golden);
  const random = randomSource(20261121);
  const counts = { refused: 0, identical: 0, unverified: 0 };
  // Collected, since an expect a mutant would take longer than the mutant.
  const wrong: string[] = [];
  for (let i = 0; i < 3000; i++) {
    const mutant = mutate(golden, random);
    try {
      const read = await readSafetensors(mutant);
      // Unverified: the edit hit the digest's own key; who needs the digest asks for it (see refusals).
      counts[read.verified ? 'identical' : 'unverified']++;
      if (read.verified && !isDeepStrictEqual(read, original)) wrong.push(`mutant ${i} has other content`);
    } catch (error) {
      counts.refused++;
      if (!(error instanceof CheckpointError)) wrong.push(`mutant ${i}: ${String(error)}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(counts.refused).toBeGreaterThan(2500);
  expect(counts.identical).toBeGreaterThan(0);
  expect(counts.unverified).toBeLessThan(30);
});
