/**
 * A model as a safetensors file under PyTorch's names and layouts, so that `load_state_dict` of the matching
 * nn.Module takes it: Linear weights are f32[out, in], and the moments are the two Linears `mean` and
 * `log_variance`. The specification is in the metadata.
 */
import { CheckpointError } from '../../gpu/errors.js';
import { elementCount, sameShape } from '../../gpu/shape.js';
import { forEachElement, type FileLayout } from '../file-layout.js';
import type { Model } from '../model.js';
import { completeSpec, type CompleteSpec } from '../spec.js';
import { noDigest } from './digest.js';
import { digestKey } from './safetensors-header.js';
import { readSafetensors, writeSafetensors, type SafetensorsFile, type StoredTensor } from './safetensors.js';

interface FileTensor {
  readonly shape: number[];
  readonly values: Float32Array;
}

const FORMAT = 'webgpu-vae 1';
/** What the names of an optimizer's tensors begin with in a training's file. */
export const MOMENTS_PREFIX = 'optimizer.';

/** A model's numbers: the flat weights as `model.weights.set` lays them out, the flat state as `.state` does. */
export interface ModelValues {
  readonly weights: Float32Array;
  readonly state: Float32Array;
}

/** Tensors of a file, each with the flat numbers of ours that hold it and where it begins there. */
export type FlatTensors = readonly {
  readonly layout: FileLayout;
  readonly offset: number;
  readonly flat: Float32Array;
}[];

/** The file of a model. */
export function writeModelFile(model: Model, values: ModelValues): Promise<Uint8Array> {
  return writeModelTensors(model, modelTensors(model, values), {});
}

/** The same with tensors and metadata of a caller's own. A training that goes on meanwhile is held up for a tensor at most. */
export async function writeModelTensors(
  model: Model,
  all: FlatTensors,
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
  const tensors = new Map<string, FileTensor>();
  for (const { layout, flat, offset } of all) {
    const stored = new Float32Array(elementCount(layout.sizes));
    forEachElement(layout, (i, ours) => (stored[i] = flat[offset + ours]!));
    tensors.set(layout.name, { shape: [...layout.shape], values: stored });
    await pause();
  }
  return writeSafetensors(tensors, { format: FORMAT, spec: JSON.stringify(model.spec), ...metadata });
}

/** Lets other work of the thread go first; a timer would take a second in a tab in the background. */
function pause(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise<void>((resume) => {
    port1.addEventListener('message', () => resume());
    port1.start();
    port2.postMessage(undefined);
  }).finally(() => port1.close());
}

/** The specification in a file. @throws CheckpointError when the file is not one of ours */
export async function readModelSpec(bytes: Uint8Array): Promise<CompleteSpec> {
  return specOf(await readSafetensors(bytes));
}

/**
 * The specification in a file's metadata.
 * @throws CheckpointError when the file is not one of ours, or has lost its digest: such a file is damaged, and what else
 *   is wrong with it cannot be seen
 */
export function specOf({ metadata, verified }: SafetensorsFile): CompleteSpec {
  const text = metadata.get('spec');
  if (metadata.get('format') !== FORMAT || text === undefined)
    throw new CheckpointError(
      'checkpoint',
      `format is ${metadata.get('format') ?? 'absent'}; expected '${FORMAT}'; save it with Vae.save()`,
    );
  if (!verified && metadata.get(digestKey) !== noDigest)
    throw new CheckpointError(
      'checkpoint',
      `its metadata have no ${digestKey}; expected the digest that every file of ours has; restore a copy, or, where another program wrote the file, have it state '${digestKey}': '${noDigest}'`,
    );
  try {
    return completeSpec(JSON.parse(text));
  } catch (cause) {
    throw new CheckpointError('checkpoint', `its specification cannot be built: ${String(cause)}`, { cause });
  }
}

/** The model's numbers in a file. @throws CheckpointError when a tensor is missing, unknown, or of another shape */
export async function readModelValues(model: Model, bytes: Uint8Array): Promise<ModelValues> {
  const { tensors, metadata } = await readSafetensors(bytes);
  const values = {
    weights: new Float32Array(model.weights.set.length),
    state: new Float32Array(model.weights.state.length),
  };
  // A training's file holds the model's, and moments that only the training needs.
  if (metadata.has('training'))
    for (const name of tensors.keys()) if (name.startsWith(MOMENTS_PREFIX)) tensors.delete(name);
  readModelTensors(tensors, modelTensors(model, values));
  return values;
}

/** Fills the flat numbers from a file's tensors. @throws CheckpointError when one is missing, unknown, or of another shape */
export function readModelTensors(tensors: ReadonlyMap<string, StoredTensor>, all: FlatTensors): void {
  const expected = new Set<string>();
  for (const { layout, flat, offset } of all) {
    const { name, shape } = layout;
    expected.add(name);
    const stored = tensors.get(name);
    if (!stored) throw new CheckpointError('checkpoint', `has no tensor ${name}; the specification needs it`);
    // PyTorch counts batches in an I64, ours are an F32; neither is found in the other's place by accident
    const isCount = shape.length === 0;
    if (!sameShape(stored.shape, shape) || !(stored.values instanceof Float32Array || isCount))
      throw new CheckpointError(
        'checkpoint',
        `${name} is [${stored.shape.join(', ')}]; the specification needs f32[${shape.join(', ')}]`,
      );
    forEachElement(layout, (i, ours) => (flat[offset + ours] = Number(stored.values[i])));
  }
  const extra = [...tensors.keys()].find((name) => !expected.has(name));
  if (extra !== undefined)
    throw new CheckpointError('checkpoint', `has the tensor ${extra}, which the specification does not know`);
}

/** Every tensor of a model's file, and the flat numbers of ours that it holds. */
export function modelTensors({ weights: factory }: Model, { weights, state }: ModelValues): FlatTensors {
  return [
    ...factory.fileTensors().map((tensor) => ({ ...tensor, flat: weights })),
    ...factory.stateTensors().map((tensor) => ({ ...tensor, flat: state })),
  ];
}
