/**
 * A model as a safetensors file under PyTorch's names and layouts, so that `load_state_dict` of the matching
 * nn.Module takes it: Linear weights are f32[out, in], and the moments are the two Linears `mean` and
 * `log_variance`. The specification is in the metadata.
 */
import { CheckpointError } from '../../gpu/errors.js';
import { elementCount, sameShape, type Shape } from '../../gpu/shape.js';
import { forEachElement, type FileLayout } from '../file-layout.js';
import type { Model } from '../model.js';
import { completeSpec, type CompleteSpec } from '../spec.js';
import { noDigest } from './digest.js';
import { digestKey } from './safetensors-header.js';
import {
  readSafetensors,
  writeSafetensors,
  type SafetensorsFile,
  type StoredTensor,
  type TensorToWrite,
} from './safetensors.js';

const FORMAT = 'webgpu-vae 1';
/** What the names of an optimizer's tensors begin with in a training's file. */
export const MOMENTS_PREFIX = 'optimizer.';

/** Whether a tensor of a training's file is an optimizer's. */
export const isMoment = (name: string): boolean => name.startsWith(MOMENTS_PREFIX);

/** A model's numbers: the flat weights as `model.weights.set` lays them out, the flat state as `.state` does. */
export interface ModelValues {
  readonly weights: Float32Array;
  readonly state: Float32Array;
}

/** A model's file, read and verified: `Vae.load` takes it in the place of bytes, and reads nothing again. */
export interface ModelFile {
  /** Of the model in it. */
  readonly spec: CompleteSpec;
  /** The model's tensors by name. Whether they are those of the specification is found when it is built. */
  readonly tensors: ReadonlyMap<string, FileTensor>;
}

/** A tensor as a file has it, row-major. */
export interface FileTensor {
  readonly shape: Shape;
  readonly values: StoredTensor['values'];
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
  const tensors = new Map<string, TensorToWrite>();
  for (const [name, tensor] of fileTensors(all)) {
    tensors.set(name, tensor);
    await pause();
  }
  return writeSafetensors(tensors, { format: FORMAT, spec: JSON.stringify(model.spec), ...metadata });
}

/** Tensors as a file has them, each made when it is asked for. */
export function* fileTensors(all: FlatTensors): Generator<[name: string, tensor: TensorToWrite]> {
  for (const { layout, flat, offset } of all) {
    const values = new Float32Array(elementCount(layout.sizes));
    forEachElement(layout, (i, ours) => (values[i] = flat[offset + ours]!));
    yield [layout.name, { shape: [...layout.shape], values }];
  }
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

/**
 * Reads and verifies a model's file, or the model in a training's. No GPU is needed, so what the model is can be known first.
 * @throws CheckpointError for a file that is broken, damaged, or not one of ours
 * @example
 * const file = await readModelFile(bytes);
 * console.log(file.spec.input);
 * const vae = await Vae.load(file);
 */
export async function readModelFile(bytes: Uint8Array): Promise<ModelFile> {
  return modelFileOf(await readSafetensors(checkedBytes(bytes)));
}

/** The model in a file. @throws CheckpointError when it is not one of ours */
export function modelFileOf(file: SafetensorsFile): ModelFile {
  // A training's file holds the model's, and moments that only the training needs.
  const isTraining = file.metadata.has('training');
  const ofModel = [...file.tensors].filter(([name]) => !(isTraining && isMoment(name)));
  return { spec: specOf(file), tensors: new Map(ofModel) };
}

/** What was read before as it is; bytes are read now. @throws CheckpointError as {@link readModelFile}, and for neither */
export async function openModelFile(source: Uint8Array | ModelFile): Promise<ModelFile> {
  return isRead(source) ? source : readModelFile(source);
}

/** Whether a file was read before. */
export function isRead<T extends object>(source: Uint8Array | T): source is T {
  return typeof source === 'object' && (source as object | null) !== null && 'spec' in source;
}

function checkedBytes(bytes: Uint8Array): Uint8Array {
  if (ArrayBuffer.isView(bytes)) return bytes;
  throw new CheckpointError(
    'checkpoint',
    `is ${Object.prototype.toString.call(bytes)}; expected the bytes of a file as a Uint8Array, or what readModelFile() made of them`,
  );
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

/** The model's numbers in tensors of a file. @throws CheckpointError when one is missing, unknown, or of another shape */
export function modelValues(model: Model, tensors: ReadonlyMap<string, FileTensor>): ModelValues {
  const values = {
    weights: new Float32Array(model.weights.set.length),
    state: new Float32Array(model.weights.state.length),
  };
  readModelTensors(tensors, modelTensors(model, values));
  return values;
}

/** Fills the flat numbers from a file's tensors. @throws CheckpointError when one is missing, unknown, or of another shape */
export function readModelTensors(tensors: ReadonlyMap<string, FileTensor>, all: FlatTensors): void {
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
