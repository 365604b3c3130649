/**
 * The inputs of the golden training runs, built by the same formulas as trajectory.py, and the losses PyTorch got.
 * A dense VAE 784-32-8-32-784, 50 Adam steps at learning rate 1e-3, batch 32, for three likelihoods and both
 * estimators. All inputs are exact in float32, so a GPU run starts from the same numbers.
 */
import { readFileSync } from 'node:fs';
import { DataError } from '../../src/gpu/errors.js';
import { normalNoise, uniformNoise } from '../reference/noise.js';
import type { Estimator } from '../reference/reparameterize.js';
import { fromValues, map, roundToFloat32, type F64 } from '../reference/tensor.js';
import type { Seed } from '../reference/threefry.js';
import { parameterShapes, type DenseVaeSpec, type Parameters } from '../reference/vae.js';

const FORMAT = 1;
export const STEPS = 50;
export const BATCH = 32;
export const LATENT = 8;
export const LEARNING_RATE = 1e-3;
const SIDE = 28;
const HIDDEN = 32;
/** sigma of the Gaussian runs and b of the Laplace runs. */
const SCALE = 0.5;
/** The noise of step t is `normalNoise([32, 8], NOISE_SEED, t)`, rounded to float32. */
export const NOISE_SEED: Seed = { low: 2013, high: 0 };
const WEIGHT_SEED: Seed = { low: 2013, high: 1 };

/** One golden run; losses are in nats per datum, each taken before its step's update. */
export interface GoldenRun {
  likelihood: 'bernoulli' | 'gaussian' | 'laplace';
  estimator: Estimator;
  losses: number[];
  finalWeights: Record<string, { sum: number; sumOfSquares: number }>;
}

/** The file trajectory.json. */
export interface GoldenTrajectory {
  format: number;
  torch: string;
  parameterNames: string[];
  inputs: { imageHash: number; weightHash: number; noiseSum: number; noiseSumOfSquares: number };
  runs: GoldenRun[];
}

/** Reads trajectory.json. @throws DataError when the file has another format version. */
export function loadTrajectory(): GoldenTrajectory {
  const file = new URL('./trajectory.json', import.meta.url);
  const golden: GoldenTrajectory = JSON.parse(readFileSync(file, 'utf8'));
  if (golden.format !== FORMAT)
    throw new DataError(
      'trajectory.json',
      `format ${golden.format} came; expected ${FORMAT}; run e2e/goldens/trajectory.py again`,
    );
  return golden;
}

/** The specification of a run's model. */
export function trajectorySpec(likelihood: GoldenRun['likelihood']): DenseVaeSpec {
  return {
    input: [SIDE, SIDE, 1],
    latent: LATENT,
    encoder: [{ type: 'dense', units: HIDDEN, activation: 'relu' }],
    decoder: [{ type: 'dense', units: HIDDEN, activation: 'relu' }],
    likelihood: likelihood === 'bernoulli' ? { type: 'bernoulli' } : { type: likelihood, scale: SCALE },
  };
}

/** The images of a step, `u8[32, 784]`: a bright cone on black, its place differing from image to image, in integers. */
export function trajectoryBytes(step: number): Uint8Array {
  const bytes = new Uint8Array(BATCH * SIDE * SIDE);
  for (let b = 0; b < BATCH; b++) {
    const image = step * BATCH + b;
    for (let row = 0; row < SIDE; row++)
      for (let column = 0; column < SIDE; column++) {
        const away =
          14 * Math.abs(row - 6 - ((5 * image) % 17)) + 9 * Math.abs(column - 6 - ((7 * image) % 16));
        bytes[(b * SIDE + row) * SIDE + column] = Math.max(255 - away, 0);
      }
  }
  return bytes;
}

/** The images of a step as `byte / 255` rounded to float32, `f64[32, 784]`. */
export function trajectoryRows(step: number): F64 {
  const x = fromValues([BATCH, SIDE * SIDE], trajectoryBytes(step));
  return roundToFloat32(map(x, (byte) => byte / 255));
}

/** The noise of a step by the noise contract, rounded to float32, `f64[32, 8]`. */
export function trajectoryNoise(step: number): F64 {
  return roundToFloat32(normalNoise([BATCH, LATENT], NOISE_SEED, step));
}

/** Initial weights: tensor p in order is uniform in +-1/sqrt(inputs) from noise stream p, rounded to float32. */
export function initialParameters(): Parameters {
  const parameters: Parameters = new Map();
  let bound = 0;
  [...parameterShapes(trajectorySpec('bernoulli'))].forEach(([name, shape], stream) => {
    if (name.endsWith('weight')) bound = 1 / Math.sqrt(shape[1]!); // its bias comes next and has the same bound
    const scale = bound;
    parameters.set(
      name,
      roundToFloat32(map(uniformNoise(shape, WEIGHT_SEED, stream), (u) => (2 * u - 1) * scale)),
    );
  });
  return parameters;
}

/** 32-bit FNV-1a of bytes, to prove that both sides built the same inputs. */
export function fnv1a(bytes: Uint8Array): number {
  return bytes.reduce((state, byte) => Math.imul(state ^ byte, 0x01000193) >>> 0, 0x811c9dc5);
}
