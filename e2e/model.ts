/**
 * A model on the GPU with the parameters of the float64 reference, and its weights back. Both ways go through a
 * checkpoint, so that every comparison also proves the file's names and layouts, which are PyTorch's.
 */
import type { Device } from '../src/gpu/device.js';
import { readSafetensors, writeSafetensors } from '../src/vae/checkpoint/safetensors.js';
import type { VaeSpec } from '../src/vae/spec.js';
import { Vae } from '../src/vae/vae.js';
import { fromValues, randomUniform, type F64 } from './reference/tensor.js';
import { parameterShapes, type DenseVaeSpec, type Parameters } from './reference/vae.js';

/** The bytes of a model file as another program would write it. */
export function modelFile(spec: VaeSpec, parameters: Parameters): Promise<Uint8Array> {
  const tensors = [...parameters].map(
    ([name, { shape, values }]) => [name, { shape, values: Float32Array.from(values) }] as const,
  );
  return writeSafetensors(new Map(tensors), { format: 'webgpu-vae 1', spec: JSON.stringify(spec) });
}

/** A model with these parameters, rounded to float32. */
export async function loadModel(spec: VaeSpec, parameters: Parameters, device: Device): Promise<Vae> {
  return Vae.load(await modelFile(spec, parameters), { device });
}

/** The weights by PyTorch name, in PyTorch's layouts. */
export async function readParameters(vae: Vae): Promise<Parameters> {
  const { tensors } = await readSafetensors(await vae.save());
  return new Map(
    [...tensors].map(([name, { shape, values }]) => [name, fromValues(shape, values as Float32Array)]),
  );
}

/** Weights in +-bound, exact in float32; a learned log-scale lies there too. */
export function randomParameters(spec: DenseVaeSpec, seed: number, bound = 0.4): Parameters {
  const entries = [...parameterShapes(spec)];
  return new Map(
    entries.map(([name, shape], index) => [name, randomUniform(shape, 1000 * seed + index, -bound, bound)]),
  );
}

/** The numbers of a tensor as a GPU takes them. */
export function float32(x: F64): Float32Array {
  return Float32Array.from(x.values);
}

/** The largest `|actual - expected|`, in units of the largest `|expected|`: 1e-5 means five digits of the tensor's scale. */
export function scaledError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [worst, scale] = [0, Number.MIN_VALUE];
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (!(error <= worst)) worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return worst / scale;
}
