/** The command info: what is in a safetensors file, without a GPU. */
import { createHash } from 'node:crypto';
import { elementCount } from '../../gpu/shape.js';
import { specOf } from '../../vae/checkpoint/model-file.js';
import { readSafetensors, type SafetensorsFile } from '../../vae/checkpoint/safetensors.js';
import type { CompleteSpec } from '../../vae/spec.js';
import { naming, readCheckpoint } from './checkpoint.js';
import { formatCount, formatQuantity, formatTable } from './format.js';
import { describeModel } from './session.js';

export interface InfoSettings {
  readonly json: boolean;
}

interface Info {
  readonly path: string;
  readonly byteLength: number;
  /** SHA-256 of the whole file, as sha256sum prints it. */
  readonly sha256: string;
  readonly elementCount: number;
  /** Undefined for a file that is not one of ours, such as a state_dict. */
  readonly spec?: CompleteSpec;
  readonly tensors: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
  }[];
}

/**
 * Prints the specification, the tensors and the digest of a model, or the tensors of another safetensors file.
 *
 * @param path of the file, or of a folder that holds model.safetensors
 * @throws CheckpointError for a file that cannot be read or is damaged
 */
export async function infoCommand(path: string, { json }: InfoSettings): Promise<number> {
  const file = await readCheckpoint(path);
  const info = await naming(file.path, () => describe(file.path, file.bytes));
  process.stdout.write(json ? `${JSON.stringify(info)}\n` : `${text(info)}\n`);
  return 0;
}

async function describe(path: string, bytes: Uint8Array): Promise<Info> {
  const file = await readSafetensors(bytes);
  const tensors = tensorsOf(file);
  return {
    path,
    byteLength: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    elementCount: tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    ...(file.metadata.has('spec') && { spec: specOf(file) }),
    tensors,
  };
}

function tensorsOf({ tensors }: SafetensorsFile): Info['tensors'][number][] {
  return [...tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
}

function text({ path, byteLength, sha256, elementCount: count, spec, tensors }: Info): string {
  const rows = tensors.map(({ name, dtype, shape }) => [
    name,
    `${dtype.toLowerCase()}[${shape.join(', ')}]`,
    formatCount(elementCount(shape)),
  ]);
  const model = spec ? [describeModel(spec), JSON.stringify(spec)] : ['no model of webgpu-vae: tensors only'];
  return [
    `${path}: ${formatQuantity(byteLength, 'B')}, ${formatCount(count)} numbers in ${tensors.length} tensors`,
    `sha256 ${sha256}`,
    ...model,
    ...(rows.length > 0 ? [formatTable(rows, new Set([2]))] : []),
  ].join('\n');
}
