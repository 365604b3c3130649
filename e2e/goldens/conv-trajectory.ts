/**
 * The inputs of the golden convolutional training runs, built by the same formulas as conv_trajectory.py, and what
 * PyTorch got: two VAEs of 14x14 images, 50 Adam steps at learning rate 3e-3, batch 16. All inputs are exact in
 * float32, so a GPU run starts from the same numbers. Tensors have PyTorch's names and layouts; images are NHWC.
 */
import { readFileSync } from 'node:fs';
import { DataError } from '../../src/gpu/errors.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import { normalNoise, uniformNoise } from '../reference/noise.js';
import type { Estimator } from '../reference/reparameterize.js';
import { elementCount, fromValues, full, map, roundToFloat32, type F64 } from '../reference/tensor.js';
import type { Seed } from '../reference/threefry.js';

const FORMAT = 1;
export const STEPS = 50;
export const BATCH = 16;
export const LEARNING_RATE = 3e-3;
const SIDE = 14;
const NOISE_SEED: Seed = { low: 2015, high: 0 };
const WEIGHT_SEED: Seed = { low: 2015, high: 1 };

/** One golden run; losses are in nats per datum, each taken before its step's update. */
export interface ConvRun {
  name: string;
  spec: VaeSpec;
  estimator: Estimator;
  /** In PyTorch's order, which numbers the noise streams of the initial weights. */
  parameterShapes: Record<string, number[]>;
  inputs: { imageHash: number; weightHash: number };
  losses: number[];
  finalWeights: Record<string, { sum: number; sumOfSquares: number }>;
  /** Running statistics after the last step. */
  finalState: Record<string, number[]>;
}

/** The runs of conv-trajectory.json. @throws DataError when the file has another format version */
export function loadConvRuns(): ConvRun[] {
  const file = new URL('./conv-trajectory.json', import.meta.url);
  const golden: { format: number; runs: ConvRun[] } = JSON.parse(readFileSync(file, 'utf8'));
  if (golden.format !== FORMAT)
    throw new DataError(
      'conv-trajectory.json',
      `format ${golden.format} came; expected ${FORMAT}; run e2e/goldens/conv_trajectory.py again`,
    );
  return golden.runs;
}

/** The images of a step, `u8[16, 14, 14, channels]`: a bright cone on black, its place differing, in integers. */
export function convBytes(step: number, channels: number): Uint8Array {
  return Uint8Array.from({ length: BATCH * SIDE * SIDE * channels }, (_, i) => {
    const channel = i % channels;
    const pixel = Math.floor(i / channels);
    const column = pixel % SIDE;
    const row = Math.floor(pixel / SIDE) % SIDE;
    const image = step * BATCH + Math.floor(pixel / (SIDE * SIDE)) + 3 * channel;
    const away = 28 * Math.abs(row - 3 - ((5 * image) % 9)) + 18 * Math.abs(column - 3 - ((7 * image) % 8));
    return Math.max(255 - away, 0);
  });
}

/** The images of a step as `byte / 255` rounded to float32, `f64[16, 196 channels]`. */
export function convRows(step: number, channels: number): F64 {
  const bytes = convBytes(step, channels);
  const x = fromValues([BATCH, bytes.length / BATCH], bytes);
  return roundToFloat32(map(x, (byte) => byte / 255));
}

/** The noise of a step by the noise contract, rounded to float32, `f64[16, latent]`. */
export function convNoise(step: number, latent: number): F64 {
  return roundToFloat32(normalNoise([BATCH, latent], NOISE_SEED, step));
}

/** Uniform in +-1/sqrt(fan in), scales of norms in 1 +- 1/2, tensor p from noise stream p, rounded to float32. */
export function convWeights({ parameterShapes }: ConvRun): Map<string, F64> {
  let bound = 0;
  const weights = Object.entries(parameterShapes).map(([name, shape], stream) => {
    const isWeight = name.endsWith('weight'); // its bias comes next and has the same bound
    if (isWeight) bound = shape.length > 1 ? 1 / Math.sqrt(elementCount(shape.slice(1))) : 0.5;
    const [scale, center] = [bound, isWeight && shape.length === 1 ? 1 : 0];
    const noise = uniformNoise(shape, WEIGHT_SEED, stream);
    return [name, roundToFloat32(map(noise, (u) => center + (2 * u - 1) * scale))] as const;
  });
  return new Map(weights);
}

/** What PyTorch's BatchNorm starts with: mean 0, variance 1, no batch. */
export function convState({ finalState }: ConvRun): Map<string, F64> {
  const start = Object.entries(finalState).map(([name, values]) => {
    const shape = name.endsWith('num_batches_tracked') ? [] : [values.length];
    return [name, full(shape, name.endsWith('running_var') ? 1 : 0)] as const;
  });
  return new Map(start);
}
