/**
 * Plan: noise from the counter generator against the noise contract, element by element, which no wrong word of
 * Threefry could pass: standard normal within rounding, uniform exactly.
 * - sizes: one (half a pair), odd, around 64 (control: 65);
 * - seeds of 53 bits and of 0, streams up to the largest word, tags that separate noise tensors of one step.
 */
import { noise, uniformNoise } from 'webgpu-vae/gpu';
import { normalNoise, uniformNoise as uniformReference } from '../reference/noise.js';
import { everywhere, tolerances } from '../tolerance.js';
import { describe, kernelCase, type KernelCase } from './case.js';

interface NoiseRow {
  readonly shape: readonly number[];
  readonly seed: readonly [low: number, high: number];
  readonly stream: number;
  readonly tag: number;
}

const control: NoiseRow = { shape: [65], seed: [42, 0], stream: 0, tag: 0 };

const rows: readonly NoiseRow[] = [
  control,
  { ...control, shape: [1] },
  { ...control, shape: [2] },
  { ...control, shape: [31] },
  { ...control, shape: [64] },
  { ...control, shape: [3, 5, 7] },
  { ...control, shape: [100, 99] },
  { ...control, seed: [0, 0] },
  { ...control, seed: [0xffffffff, 0x1fffff] },
  { ...control, stream: 1 },
  { ...control, stream: 0xffffffff },
  { ...control, tag: 1 },
  { ...control, tag: 0xdeadbeef, stream: 7 },
];

function noiseCase({ shape, seed, stream, tag }: NoiseRow): KernelCase {
  return kernelCase(
    `noise f32${describe(shape)} seed ${seed.join(':')} stream ${stream} tag ${tag}`,
    (graph) => {
      const expected = normalNoise(shape, { low: seed[0], high: (seed[1] ^ tag) >>> 0 }, stream);
      graph.steps = [{ seed, stream }];
      graph.expect('y', noise(shape, tag), expected, everywhere(expected, tolerances.noise(1)));
    },
  );
}

function uniformCase({ shape, seed, stream, tag }: NoiseRow): KernelCase {
  return kernelCase(
    `uniform noise f32${describe(shape)} seed ${seed.join(':')} stream ${stream} tag ${tag}`,
    (graph) => {
      const expected = uniformReference(shape, { low: seed[0], high: (seed[1] ^ tag) >>> 0 }, stream);
      graph.steps = [{ seed, stream }];
      graph.expect('y', uniformNoise(shape, tag), expected, everywhere(expected, tolerances.exact()));
    },
  );
}

/** The stream is a number of the step block: the same plan draws other noise in the next step. */
const nextStep = kernelCase('noise of the second of two steps', (graph) => {
  const expected = normalNoise([33], { low: 5, high: 0 }, 12);
  graph.steps = [11, 12].map((stream) => ({ seed: [5, 0], stream }));
  graph.expect('y', noise([33]), expected, everywhere(expected, tolerances.noise(1)));
});

export const noiseCases: readonly KernelCase[] = [...rows.map(noiseCase), ...rows.map(uniformCase), nextStep];
