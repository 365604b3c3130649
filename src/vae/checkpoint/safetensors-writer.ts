/**
 * Writes safetensors (huggingface/safetensors, "Format") with a SHA-256 in the metadata: the format has no
 * checksum, and about a third of random damage would load as other weights. Readers that do not know the
 * digest see one more line of metadata.
 */
import { CheckpointError } from '../../gpu/errors.js';
import { concatenate, encode } from './concatenate.js';
import { sha256 } from './digest.js';
import {
  canonicalHeader,
  checkTensorName,
  defaultMaxHeaderByteLength,
  digestKey,
  lengthByteLength,
  maxTensorCount,
  shapeElementCount,
  sortedEntries,
  spellHeader,
  type TensorEntry,
} from './safetensors-header.js';
import { checkFinite } from './stored-tensor.js';

/** A tensor to write: `f32[...shape]`, row-major. */
export interface TensorToWrite {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * Writes F32 tensors and metadata. The same content gives the same bytes: names and keys are sorted, the
 * header is padded to 8 bytes with spaces.
 *
 * @param tensors values `f32[...shape]` by name
 * @param metadata text by key; `sha256` is taken by the digest
 * @throws CheckpointError for a name, shape, count or value that the reader would refuse
 */
export async function writeSafetensors(
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const where = 'writeSafetensors';
  const text = checkMetadata(metadata, where);
  const { entries, parts } = packTensors(tensors, where);
  const canonical = encode(canonicalHeader({ tensors: entries, metadata: text }));
  // The file takes its body from this copy too: training may write to the arrays while the digest is taken.
  const checked = concatenate(canonical, ...parts);
  text.set(digestKey, await sha256(checked, where));
  const header = encode(spellHeader(entries, text));
  const padding = -header.length & (lengthByteLength - 1);
  if (header.length + padding > defaultMaxHeaderByteLength) {
    throw new CheckpointError(
      where,
      `the header takes ${header.length} bytes; at most ${defaultMaxHeaderByteLength} are read back; shorten the metadata`,
    );
  }
  const length = new Uint8Array(lengthByteLength);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length + padding), true);
  return concatenate(length, header, encode(' '.repeat(padding)), checked.subarray(canonical.length));
}

function checkMetadata(metadata: Readonly<Record<string, string>>, where: string): Map<string, string> {
  const text = new Map(Object.entries(metadata));
  if (text.has(digestKey)) {
    throw new CheckpointError(where, `metadata key ${digestKey} is taken by the digest; choose another key`);
  }
  for (const [key, value] of text) {
    if (typeof value === 'string') continue;
    throw new CheckpointError(
      where,
      `metadata ${key} is ${typeof value}; expected a string; spell it with JSON.stringify`,
    );
  }
  return text;
}

function packTensors(tensors: ReadonlyMap<string, TensorToWrite>, where: string) {
  if (tensors.size > maxTensorCount) {
    throw new CheckpointError(
      where,
      `there are ${tensors.size} tensors; at most ${maxTensorCount} are read back; split the file`,
    );
  }
  const entries = new Map<string, TensorEntry>();
  const parts: Uint8Array[] = [];
  let begin = 0;
  for (const [name, { shape, values }] of sortedEntries(tensors)) {
    checkTensorName(name, where);
    const elementCount = shapeElementCount(shape, name, where);
    if (!(values instanceof Float32Array) || values.length !== elementCount) {
      throw new CheckpointError(
        where,
        `tensor ${name} has ${values.length} values; f32[${shape.join(', ')}] takes ${elementCount} in a Float32Array`,
      );
    }
    checkFinite(values, name, where);
    const end = begin + values.byteLength;
    entries.set(name, { dtype: 'F32', shape: [...shape], begin, end });
    parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    begin = end;
  }
  return { entries, parts };
}
