/**
 * Damaged copies of a file, from a seed: bits, bytes and digits changed, ranges cut out, doubled, moved or filled, the end
 * cut off or drawn out. What fuzzers do first (AFL's havoc stage), and what disks, networks and editors do.
 */
import { integers } from './random-integers.js';

/** Changes a copy; `random(n)` is a whole number in [0, n). */
type Mutation = (bytes: number[], random: (limit: number) => number) => void;

const range = (
  bytes: readonly number[],
  random: (limit: number) => number,
): [first: number, length: number] => {
  const first = random(bytes.length + 1);
  return [first, random(Math.min(64, bytes.length - first) + 1)];
};

/** Values that break arithmetic: zeros, all ones, signs, and small numbers, in 1, 4 or 8 bytes. */
const awkward = [0x00, 0xff, 0x7f, 0x80, 0x01, 0x40];

const mutations: readonly Mutation[] = [
  (bytes, random) => {
    const at = random(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
  },
  (bytes, random) => void (bytes[random(bytes.length)] = random(256)),
  (bytes, random) => {
    const [first, size] = [random(bytes.length), [1, 2, 4, 8][random(4)]!];
    const value = awkward[random(awkward.length)]!;
    for (let i = first; i < Math.min(bytes.length, first + size); i++) bytes[i] = value;
  },
  (bytes, random) => {
    const digits = [...bytes.keys()].filter((i) => bytes[i]! >= 0x30 && bytes[i]! <= 0x39);
    if (digits.length > 0) bytes[digits[random(digits.length)]!] = 0x30 + random(10);
  },
  (bytes, random) => void bytes.splice(...range(bytes, random)),
  (bytes, random) => {
    const [first, length] = range(bytes, random);
    bytes.splice(random(bytes.length + 1), 0, ...bytes.slice(first, first + length));
  },
  (bytes, random) => void bytes.splice(random(bytes.length + 1)),
  (bytes, random) => void bytes.push(...Array.from({ length: random(32) }, () => random(256))),
  (bytes, random) => {
    const [first, length] = range(bytes, random);
    const moved = bytes.splice(first, length);
    bytes.splice(random(bytes.length + 1), 0, ...moved);
  },
];

/** The `index`-th damaged copy: one to four mutations. */
export function mutated(original: Uint8Array, seed: number, index: number): Uint8Array<ArrayBuffer> {
  const words = integers(64, seed * 1_000_003 + index, 2 ** 24);
  let used = 0;
  const random = (limit: number): number => (limit <= 0 ? 0 : words[used++ % words.length]! % limit);
  const bytes = [...original];
  const count = 1 + random(4);
  for (let i = 0; i < count; i++) mutations[random(mutations.length)]!(bytes, random);
  return Uint8Array.from(bytes);
}
