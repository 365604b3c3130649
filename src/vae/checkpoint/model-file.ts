/**
 * A model as a safetensors file under PyTorch's names and layouts, so that `load_state_dict` of the matching
 * nn.Module takes it: Linear weights are f32[out, in], and the moments are the two Linears `mean` and
 * `log_variance`. The specification is in the metadata.
 */
import { CheckpointError } from '../../gpu/errors.js';
import { elementCount, sameShape } from '../../gpu/shape.js';
import type { Model } from '../model.js';
import { completeSpec, type CompleteSpec } from '../spec.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';

interface FileTensor {
  readonly shape: number[];
  readonly values: Float32Array;
}

const FORMAT = 'webgpu-vae 1';

/** The file of a model whose flat weights are `flat`. */
export async function writeModelFile(model: Model, flat: Float32Array): Promise<Uint8Array> {
  const tensors = new Map<string, FileTensor>();
  for (const { name, shape, offset } of model.weights.set.entries) {
    const values = flat.subarray(offset, offset + elementCount(shape));
    for (const part of fileParts(model, name, shape)) {
      const { rows, columns, first, stride } = part;
      const stored = new Float32Array(rows * columns);
      for (let i = 0; i < rows; i++)
        for (let o = 0; o < columns; o++) stored[o * rows + i] = values[i * stride + first + o]!;
      tensors.set(part.name, { shape: part.shape, values: stored });
    }
  }
  return writeSafetensors(tensors, { format: FORMAT, spec: JSON.stringify(model.spec) });
}

/** The specification in a file. @throws CheckpointError when the file is not one of ours */
export async function readModelSpec(bytes: Uint8Array): Promise<CompleteSpec> {
  const { metadata } = await readSafetensors(bytes);
  const text = metadata.get('spec');
  if (metadata.get('format') !== FORMAT || text === undefined)
    throw new CheckpointError(
      'checkpoint',
      `format is ${metadata.get('format') ?? 'absent'}; expected '${FORMAT}'; save it with Vae.save()`,
    );
  try {
    return completeSpec(JSON.parse(text));
  } catch (cause) {
    throw new CheckpointError('checkpoint', `its specification cannot be built: ${String(cause)}`, { cause });
  }
}

/** The flat weights in a file. @throws CheckpointError when a tensor is missing, unknown, or of another shape */
export async function readModelWeights(model: Model, bytes: Uint8Array): Promise<Float32Array> {
  const { tensors } = await readSafetensors(bytes);
  const flat = new Float32Array(model.weights.set.length);
  const expected = new Set<string>();
  for (const { name, shape, offset } of model.weights.set.entries) {
    for (const part of fileParts(model, name, shape)) {
      expected.add(part.name);
      const stored = tensors.get(part.name);
      if (!stored)
        throw new CheckpointError('checkpoint', `has no tensor ${part.name}; the specification needs it`);
      if (!sameShape(stored.shape, part.shape) || !(stored.values instanceof Float32Array))
        throw new CheckpointError(
          'checkpoint',
          `${part.name} is [${stored.shape.join(', ')}]; the specification needs f32[${part.shape.join(', ')}]`,
        );
      const { rows, columns, first, stride } = part;
      for (let i = 0; i < rows; i++)
        for (let o = 0; o < columns; o++)
          flat[offset + i * stride + first + o] = stored.values[o * rows + i]!;
    }
  }
  const extra = [...tensors.keys()].find((name) => !expected.has(name));
  if (extra !== undefined)
    throw new CheckpointError('checkpoint', `has the tensor ${extra}, which the specification does not know`);
  return flat;
}

/** Columns [first, first + columns) of our f32[rows, stride], stored as f32[columns, rows] (f32[columns] for a vector). */
interface FilePart {
  readonly name: string;
  readonly shape: number[];
  readonly rows: number;
  readonly columns: number;
  readonly first: number;
  readonly stride: number;
}

function fileParts(model: Model, name: string, shape: readonly number[]): FilePart[] {
  const rows = shape.length === 2 ? shape[0]! : 1;
  const stride = shape.at(-1)!;
  const part = (partName: string, first: number, columns: number): FilePart => ({
    name: partName,
    shape: shape.length === 2 ? [columns, rows] : [columns],
    rows,
    columns,
    first,
    stride,
  });
  const moments = /^moments\.(weight|bias)$/.exec(name)?.[1];
  if (moments === undefined) return [part(name, 0, stride)];
  const { latent } = model.spec;
  return [part(`mean.${moments}`, 0, latent), part(`log_variance.${moments}`, latent, stride - latent)];
}
