/** Runs a model's prior alone on the GPU, its weights given by name: for tests that hold it to formulas. */
import { input, type Tensor } from 'webgpu-vae/gpu';
import { Model } from '../src/vae/model.js';
import { completeSpec, type VaeSpec } from '../src/vae/spec.js';
import { evaluate } from './evaluate.js';
import { nodeDevice } from './node-device.js';
import type { F64 } from './reference/tensor.js';

/** Sums of at most 20 terms of order 1 to 10, exponentials and logarithms of them. */
export const TOLERANCE = 3e-6;

/** A model and its flat weights, some of them given by name. */
export interface Built {
  readonly model: Model;
  readonly flat: Float32Array;
}

export function build(spec: VaeSpec, values: Readonly<Record<string, ArrayLike<number>>> = {}): Built {
  const model = new Model(completeSpec(spec));
  const flat = model.weights.initialValues(4);
  for (const [name, numbers] of Object.entries(values)) {
    const entry = model.weights.set.entries.find((other) => other.name === name);
    if (!entry) throw new Error(`[priors] the model has no weight ${name}`);
    flat.set(Array.from(numbers), entry.offset);
  }
  return { model, flat };
}

export const weightsOf = ({ model, flat }: Built, name: string): number[] => {
  const { offset, shape } = model.weights.set.entries.find((other) => other.name === name)!;
  return Array.from(flat.subarray(offset, offset + shape.reduce((product, size) => product * size, 1)));
};

/** A function of rows on the GPU. */
export async function run(
  { model, flat }: Built,
  rows: F64,
  f: (x: Tensor) => Tensor,
  seed = 0,
): Promise<Float32Array> {
  const request = { label: 'prior', outputs: { y: f(input('x', rows.shape)) }, inputs: { x: rows } };
  const { outputs } = await evaluate(await nodeDevice(), {
    ...request,
    parameters: model.weights.set,
    weights: flat,
    step: { seed: [seed, 5] },
  });
  return outputs['y']!;
}

export const densities = (built: Built, z: F64, seed = 0): Promise<Float32Array> =>
  run(built, z, (x) => built.model.prior.logDensity(x), seed);

export const rowOf = ({ shape, values }: F64, row: number): number[] =>
  Array.from(values.subarray(row * shape[1]!, (row + 1) * shape[1]!));
