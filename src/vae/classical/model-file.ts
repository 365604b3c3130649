/** A linear Gaussian model as a safetensors file; numbers are rounded to float32, which the format's writer takes. */
import { CheckpointError } from '../../gpu/errors.js';
import { elementCount, sameShape } from '../../gpu/shape.js';
import { readSafetensors, writeSafetensors, type StoredTensor } from '../checkpoint/safetensors.js';
import type { LinearFamily, LinearParameters } from './linear-parameters.js';
import { matrix } from '../float64/matrix.js';

const FORMAT = 'webgpu-vae linear 1';
const families: readonly LinearFamily[] = ['pca', 'ppca', 'factor-analysis'];

/** The file of a model. */
export function writeLinearFile({
  family,
  shape,
  mean,
  weight,
  noiseVariance,
}: LinearParameters): Promise<Uint8Array> {
  const D = mean.length;
  const tensors = new Map([
    ['mean', { shape: [D], values: Float32Array.from(mean) }],
    ['weight', { shape: [D, weight.columns], values: Float32Array.from(weight.values) }],
    ['noise_variance', { shape: [D], values: Float32Array.from(noiseVariance) }],
  ]);
  return writeSafetensors(tensors, { format: FORMAT, family, shape: JSON.stringify(shape) });
}

/** The numbers in a file. @throws CheckpointError when it is broken or not one of ours */
export async function readLinearFile(bytes: Uint8Array): Promise<LinearParameters> {
  const { tensors, metadata } = await readSafetensors(bytes);
  const family = families.find((name) => name === metadata.get('family'));
  const shape = shapeOf(metadata.get('shape'));
  if (metadata.get('format') !== FORMAT || !family || !shape)
    throw new CheckpointError(
      'checkpoint',
      `format is ${metadata.get('format') ?? 'absent'}; expected '${FORMAT}' with a family and a shape; save it with LinearGaussian.save()`,
    );
  const D = elementCount(shape);
  const K = tensors.get('weight')?.shape[1] ?? 0;
  return {
    family,
    shape,
    mean: valuesOf(tensors, 'mean', [D]),
    weight: matrix(D, K, valuesOf(tensors, 'weight', [D, K])),
    noiseVariance: valuesOf(tensors, 'noise_variance', [D]),
  };
}

function shapeOf(text: string | undefined): number[] | undefined {
  if (text === undefined || !/^\[\d+(,\d+)*\]$/.test(text)) return undefined;
  return JSON.parse(text) as number[];
}

function valuesOf(
  tensors: ReadonlyMap<string, StoredTensor>,
  name: string,
  shape: readonly number[],
): Float64Array {
  const stored = tensors.get(name);
  if (!stored || !sameShape(stored.shape, shape) || !(stored.values instanceof Float32Array))
    throw new CheckpointError(
      'checkpoint',
      `${name} is ${stored ? `[${stored.shape.join(', ')}]` : 'absent'}; expected f32[${shape.join(', ')}]`,
    );
  return Float64Array.from(stored.values);
}
