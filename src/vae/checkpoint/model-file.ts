/**
 * A model as a safetensors file under PyTorch's names and layouts, so that `load_state_dict` of the matching
 * nn.Module takes it: Linear weights are f32[out, in], and the moments are the two Linears `mean` and
 * `log_variance`. The specification is in the metadata.
 */
import { CheckpointError } from '../../gpu/errors.js';
import { sameShape } from '../../gpu/shape.js';
import type { Model } from '../model.js';
import { completeSpec, type CompleteSpec } from '../spec.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';

interface FileTensor {
  readonly shape: number[];
  readonly values: Float32Array;
}

const FORMAT = 'webgpu-vae 1';

/** A model's numbers: the flat weights as `model.weights.set` lays them out, the flat state as `.state` does. */
export interface ModelValues {
  readonly weights: Float32Array;
  readonly state: Float32Array;
}

/** The file of a model. */
export async function writeModelFile(model: Model, values: ModelValues): Promise<Uint8Array> {
  const tensors = new Map<string, FileTensor>();
  for (const { part, flat, offset } of allParts(model, values)) {
    const { rows, columns, first, stride } = part;
    const stored = new Float32Array(rows * columns);
    for (let i = 0; i < rows; i++)
      for (let o = 0; o < columns; o++) stored[o * rows + i] = flat[offset + i * stride + first + o]!;
    tensors.set(part.name, { shape: part.shape, values: stored });
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

/** The numbers in a file. @throws CheckpointError when a tensor is missing, unknown, or of another shape */
export async function readModelValues(model: Model, bytes: Uint8Array): Promise<ModelValues> {
  const { tensors } = await readSafetensors(bytes);
  const values = {
    weights: new Float32Array(model.weights.set.length),
    state: new Float32Array(model.weights.state.length),
  };
  const expected = new Set<string>();
  for (const { part, flat, offset } of allParts(model, values)) {
    expected.add(part.name);
    const stored = tensors.get(part.name);
    if (!stored)
      throw new CheckpointError('checkpoint', `has no tensor ${part.name}; the specification needs it`);
    // PyTorch counts batches in an I64, ours are an F32; neither is found in the other's place by accident
    const isCount = part.shape.length === 0;
    if (!sameShape(stored.shape, part.shape) || !(stored.values instanceof Float32Array || isCount))
      throw new CheckpointError(
        'checkpoint',
        `${part.name} is [${stored.shape.join(', ')}]; the specification needs f32[${part.shape.join(', ')}]`,
      );
    const { rows, columns, first, stride } = part;
    for (let i = 0; i < rows; i++)
      for (let o = 0; o < columns; o++)
        flat[offset + i * stride + first + o] = Number(stored.values[o * rows + i]);
  }
  const extra = [...tensors.keys()].find((name) => !expected.has(name));
  if (extra !== undefined)
    throw new CheckpointError('checkpoint', `has the tensor ${extra}, which the specification does not know`);
  return values;
}

/** Every tensor of the file, and where its numbers are: behind `offset` of `flat`. */
function allParts(
  model: Model,
  { weights, state }: ModelValues,
): { part: FilePart; flat: Float32Array; offset: number }[] {
  return [
    ...model.weights.set.entries.flatMap(({ name, shape, offset }) =>
      fileParts(model, name, shape).map((part) => ({ part, flat: weights, offset })),
    ),
    ...model.weights.state.entries.flatMap(({ name, shape, offset }) =>
      runningParts(name, (shape[0]! - 1) / 2).map((part) => ({ part, flat: state, offset })),
    ),
  ];
}

/** BatchNorm's state f32[2C + 1] under PyTorch's names. */
function runningParts(name: string, channels: number): FilePart[] {
  const part = (suffix: string, shape: number[], first: number, columns: number): FilePart => {
    return { name: name.replace(/running$/, suffix), shape, rows: 1, columns, first, stride: 0 };
  };
  return [
    part('running_mean', [channels], 0, channels),
    part('running_var', [channels], channels, channels),
    part('num_batches_tracked', [], 2 * channels, 1),
  ];
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
