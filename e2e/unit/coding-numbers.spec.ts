/**
 * Plan: the numbers that tables are built from (src/vae/coding/exact-math.ts, normal-bins.ts).
 * | what      | truth                                              | cases                                            |
 * | exp       | Math.exp, 4 units in the last place                | [-708, 709], both ends, beyond them               |
 * | sigmoid   | 1 / (1 + Math.exp(-x))                             | [-700, 700]; both sides add up to 1              |
 * | Phi       | erfc of Python's math module                       | -8 to 6; its quantile comes back                 |
 * | sources   | no Math.exp, Math.pow, Math.log or **              | the file's text                                  |
 * | bins      | equal mass, centred                                | medians between edges; all slots owned once      |
 * | levels    | rising factorials                                  | a beta-binomial at the ends of its range         |
 * | posterior | KL from the prior's bins = the closed form, 4 standard errors | 4,000 random moments                  |
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@playwright/test';
import { exactExp, exactSigmoid, normalCdf, normalQuantile } from '../../src/vae/coding/exact-math.js';
import {
  binBits,
  binCentre,
  binCount,
  popNormalBin,
  pushNormalBin,
} from '../../src/vae/coding/normal-bins.js';
import { betaBinomialPixels } from '../../src/vae/coding/pixel-code.js';
import { RansStack } from '../../src/vae/coding/rans.js';
import { integers, uniforms } from '../random-integers.js';

const root = resolve(import.meta.dirname, '../..');

test('exp is within 4 units in the last place', () => {
  const points = [
    ...uniforms(20_000, 1).map((u) => -708 + u * 1417),
    0,
    1,
    -1,
    1e-300,
    -708,
    709,
    0.5 * Math.LN2,
  ];
  const errors = points.map((x) => Math.abs(exactExp(x) / Math.exp(x) - 1));
  expect(Math.max(...errors)).toBeLessThan(4 * 2 ** -52);
  expect(exactExp(0)).toBe(1);
  expect(exactExp(-1e9)).toBe(0);
  expect(exactExp(-Infinity)).toBe(0);
  expect(exactExp(1e9)).toBe(exactExp(709));
});

test('the logistic function agrees with Math.exp and is symmetric', () => {
  const points = uniforms(5000, 2).map((u) => (u - 0.5) * 1400);
  const errors = points.map((x) => Math.abs(exactSigmoid(x) * (1 + Math.exp(-x)) - 1));
  expect(Math.max(...errors)).toBeLessThan(8 * 2 ** -52);
  const sums = points.map((x) => Math.abs(exactSigmoid(x) + exactSigmoid(-x) - 1));
  expect(Math.max(...sums)).toBeLessThanOrEqual(2 ** -52);
});

/** 0.5 * math.erfc(-x / math.sqrt(2)) of Python. */
const phi: [x: number, value: number][] = [
  [-8, 6.220960574271819e-16],
  [-5, 2.866515718791946e-7],
  [-3, 0.0013498980316300957],
  [-1, 0.15865525393145707],
  [-0.5, 0.3085375387259869],
  [0, 0.5],
  [0.1, 0.539827837277029],
  [1, 0.8413447460685429],
  [2.5, 0.9937903346742238],
  [4, 0.9999683287581669],
  [6, 0.9999999990134123],
];
test('Phi agrees with erfc, and its quantile comes back', () => {
  for (const [x, value] of phi) {
    expect(Math.abs(normalCdf(x) - value), `Phi(${x})`).toBeLessThan(2 ** -51);
    if (Math.abs(x) <= 4) expect(normalQuantile(value)).toBeCloseTo(x, 9);
  }
  expect([normalCdf(-9), normalCdf(9)]).toEqual([0, 1]);
  expect(normalCdf(NaN), 'ends').toBeNaN();
});

test('nothing that an engine may round as it likes is used', () => {
  const free = /Math\.(exp|expm1|log|log1p|log2|pow|tanh|erf|sin|cos|cbrt)|[^2]\s\*\*|\*\*=/;
  const code = (path: string): string =>
    readFileSync(join(root, path), 'utf8').replace(/\/\*\*[^]*?\*\/|\/\/.*/g, '');
  expect(code('src/vae/coding/exact-math.ts')).not.toMatch(free);
  expect(code('src/vae/coding/normal-bins.ts')).not.toMatch(free);
  expect('Math.exp(x)', 'the pattern finds one').toMatch(free);
});

test('bins are equally likely and their centres are medians', () => {
  expect(binCount).toBe(2 ** binBits);
  for (const bin of [0, 1, 17, 2047, 2048, 4000, 4095]) {
    expect(normalCdf(binCentre(bin)) * binCount).toBeCloseTo(bin + 0.5, 2); // the centre is an f32
    expect(binCentre(bin)).toBeCloseTo(-binCentre(binCount - 1 - bin), 6);
  }
});

test('a posterior owns every slot once, whatever its moments', () => {
  for (const [mean, scale] of [
    [0, 1],
    [2.5, 0.01],
    [-7, 0.001],
    [40, 1e-6],
    [0, 1e6],
    [1e30, 1e-30],
  ] as const) {
    for (const slot of [0, 1, 500, 1023, 1024, 30_000, 65_000, 65_534, 65_535]) {
      const words = Uint16Array.of(11, 22, slot, 33, 44);
      const stack = RansStack.fromWords(words);
      expect(stack.slot).toBe(slot);
      pushNormalBin(stack, popNormalBin(stack, mean, scale), mean, scale);
      expect(stack.toWords(), `N(${mean}, ${scale}^2) at ${slot}`).toEqual(words);
    }
  }
});

test('moments that are no numbers are refused, not coded', () => {
  for (const [mean, scale] of [
    [NaN, 1],
    [0, NaN],
  ] as const) {
    const stack = RansStack.fromWords(Uint16Array.of(1, 2, 3, 4, 5));
    expect(() => popNormalBin(stack, mean, scale), `N(${mean}, ${scale}^2)`).toThrow(/owns \[/);
  }
});

test('levels of a beta-binomial cost what its rising factorials say', () => {
  const rising = (a: number, count: number): number =>
    Array.from({ length: count }, (_, j) => Math.log(a + j)).reduce((sum, value) => sum + value, 0);
  for (const logarithms of [
    [0, 0],
    [1.5, -1],
    [-6, 6],
    [6, -6],
    [6, 6],
    [-6, -6],
    [9, -9],
  ] as const) {
    const [alpha, beta] = logarithms.map((value) => Math.exp(Math.min(6, Math.max(-6, value)))) as [
      number,
      number,
    ];
    const parameters = Float32Array.from(logarithms);
    for (const byte of [0, 1, 77, 128, 254, 255]) {
      const choices = rising(256 - byte, byte) - rising(1, byte);
      const nats = choices + rising(alpha, byte) + rising(beta, 255 - byte) - rising(alpha + beta, 255);
      const stack = new RansStack();
      betaBinomialPixels.push(stack, parameters, byte);
      // each of 257 symbols has a slot of its own, which bounds the bits of a level by 16
      const slots = 1 + Math.exp(nats) * (65536 - 257);
      const bits = stack.bitLength;
      expect(Math.abs(2 ** -bits * 65536 - slots), `${byte} under ${logarithms.join()}`).toBeLessThan(1.01);
      expect(betaBinomialPixels.pop(stack, parameters)).toBe(byte);
      expect(stack.isEmpty).toBe(true);
    }
  }
});

test('bits to a latent, less bits back, are the KL of the posterior from the prior', () => {
  const stack = RansStack.fromWords(Uint16Array.from([...integers(60_000, 4, 65536), 1, 2, 3]));
  const count = 4000;
  const moments = uniforms(2 * count, 6);
  let kl = 0;
  const before = stack.bitLength;
  for (let i = 0; i < count; i++) {
    const [mean, scale] = [3 * moments[2 * i]! - 1.5, 0.05 + 0.9 * moments[2 * i + 1]!];
    stack.pushBits(popNormalBin(stack, mean, scale), binBits);
    kl += 0.5 * (scale ** 2 + mean ** 2 - 1) - Math.log(scale);
  }
  const bits = (stack.bitLength - before) / count;
  const expected = kl / Math.LN2 / count;
  // log2 q/p of a sample deviates from its KL by at most sqrt(1/2 + mean^2) log2(e) bits, 1.2 here: four standard errors.
  expect(Math.abs(bits - expected)).toBeLessThan((4 * 1.2) / Math.sqrt(count));
});
