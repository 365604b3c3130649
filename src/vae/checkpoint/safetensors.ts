/**
 * Reads safetensors (huggingface/safetensors, "Format"): u64 header length, JSON header, tensor bytes, all
 * little-endian. Nothing in the header is believed before it is checked against the file's length. Typed
 * arrays here assume a little-endian host, as WebGPU does.
 */
import { CheckpointError } from '../../gpu/errors.js';
import { concatenate, encode } from './concatenate.js';
import { narrowDigest, sha256 } from './digest.js';
import {
  canonicalHeader,
  defaultMaxHeaderByteLength,
  digestKey,
  dtypeByteLength,
  lengthByteLength,
  parseHeader,
  shapeElementCount,
  type Header,
  type TensorEntry,
} from './safetensors-header.js';
import { checkFinite, decodeValues, type StoredTensor } from './stored-tensor.js';

export type { StoredTensor } from './stored-tensor.js';
export { writeSafetensors, type TensorToWrite } from './safetensors-writer.js';

const openingBrace = 0x7b;
const defaultName = 'safetensors';

/** How strictly a file is read. */
export interface ReadOptions {
  /** What error messages open with; default `'safetensors'`. */
  readonly name?: string;
  /** Largest header that is parsed, in bytes; default 1 MiB. */
  readonly maxHeaderByteLength?: number;
  /** Accept NaN and infinite values; default false. */
  readonly allowNonFinite?: boolean;
  /** Refuse a file without a digest instead of loading it with `verified: false`; default false. */
  readonly requireDigest?: boolean;
}

/** A file's content. */
export interface SafetensorsFile {
  /** Tensors by name, in the order of their bytes; each owns its values. */
  readonly tensors: Map<string, StoredTensor>;
  /** Free-form text by key, without a digest that holds. */
  readonly metadata: Map<string, string>;
  /** True if the file carries a SHA-256 and it matches; false if it carries none. */
  readonly verified: boolean;
}

/**
 * Reads a safetensors file and refuses everything that is not exactly one: lengths, names, sizes and
 * offsets are checked before they are used, and the digest before a value is looked at.
 *
 * @param bytes the whole file; may change once the call has returned its promise
 * @returns tensors that share no memory with `bytes`; F16 and BF16 widened to f32
 * @throws CheckpointError naming what came, what was expected, and what to do
 */
export async function readSafetensors(
  bytes: Uint8Array,
  options: ReadOptions = {},
): Promise<SafetensorsFile> {
  const where = options.name ?? defaultName;
  const { header, ordered, body, verified } = await verifySafetensors(bytes, options);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of ordered) {
    const tensor = decodeValues(entry, body.slice(entry.begin, entry.end));
    if (options.allowNonFinite !== true) checkFinite(tensor.values, name, where);
    tensors.set(name, tensor);
  }
  if (verified) header.metadata.delete(digestKey);
  return { tensors, metadata: header.metadata, verified };
}

/** A file whose header, layout and digest hold; its values have not been looked at. */
export interface VerifiedFile {
  readonly header: Header;
  /** Tensors in the order of their bytes. */
  readonly ordered: readonly [string, TensorEntry][];
  /** The bytes behind the header, which nobody else can change. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly verified: boolean;
}

/** All of {@link readSafetensors}'s checks but those of values. @throws CheckpointError as there */
export async function verifySafetensors(bytes: Uint8Array, options: ReadOptions = {}): Promise<VerifiedFile> {
  const where = options.name ?? defaultName;
  const headerEnd = checkHeaderLength(
    bytes,
    options.maxHeaderByteLength ?? defaultMaxHeaderByteLength,
    where,
  );
  const header = parseHeader(decodeUtf8(bytes.subarray(lengthByteLength, headerEnd), where), where);
  const ordered = checkLayout(header, bytes.length - headerEnd, where);
  const digest = narrowDigest(header.metadata.get(digestKey), where, options.requireDigest ?? false);
  // One copy serves as the digest's input and as what the values are read from, so that bytes that change
  // while the digest is taken cannot slip past it.
  const canonical = encode(canonicalHeader(header));
  const checked = concatenate(canonical, bytes.subarray(headerEnd));
  if (digest !== undefined) await checkDigest(checked, digest, where);
  return { header, ordered, body: checked.subarray(canonical.length), verified: digest !== undefined };
}

/** Where the header ends. The length is compared as BigInt: as a number 2^64 - 1 would round, in 32 bits 2^32 is 0. */
function checkHeaderLength(bytes: Uint8Array, maxByteLength: number, where: string): number {
  if (bytes.length < lengthByteLength) {
    throw new CheckpointError(
      where,
      `the file has ${bytes.length} bytes; a safetensors file has at least ${lengthByteLength + 2}; it is cut short`,
    );
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, lengthByteLength).getBigUint64(0, true);
  const rest = bytes.length - lengthByteLength;
  if (length > BigInt(rest)) {
    throw new CheckpointError(
      where,
      `the header claims ${length} bytes and ${rest} follow; the file is cut short or not safetensors`,
    );
  }
  if (length > BigInt(maxByteLength)) {
    throw new CheckpointError(
      where,
      `the header has ${length} bytes; at most ${maxByteLength} are parsed; ` +
        'raise maxHeaderByteLength if you trust the file',
    );
  }
  // Also refuses a byte order mark, which would otherwise be stripped unseen.
  if (bytes[lengthByteLength] !== openingBrace || length === 0n) {
    throw new CheckpointError(where, "the header does not begin with '{'; the file is not safetensors");
  }
  return lengthByteLength + Number(length);
}

function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    // A copy, because a decoder does not take shared memory.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes));
  } catch (cause) {
    throw new CheckpointError(where, 'the header is not valid UTF-8; the file is damaged', { cause });
  }
}

/** Entries by offset, after checking that they cover the body from end to end, each byte once. */
function checkLayout(header: Header, bodyByteLength: number, where: string): [string, TensorEntry][] {
  // Empty tensors share their begin with the next one, so the end decides.
  const ordered = [...header.tensors].toSorted(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let reached = 0;
  for (const [name, { dtype, shape, begin, end }] of ordered) {
    const byteLength = shapeElementCount(shape, name, where) * dtypeByteLength[dtype];
    if (end < begin || end - begin !== byteLength) {
      throw new CheckpointError(
        where,
        `tensor ${name} spans bytes ${begin} to ${end}; ${dtype} [${shape.join(', ')}] takes ${byteLength}; ` +
          'the header is damaged or forged',
      );
    }
    if (begin !== reached) {
      throw new CheckpointError(
        where,
        `tensor ${name} begins at byte ${begin}; expected ${reached}, where the one before it ends: ` +
          `${begin < reached ? 'they overlap' : 'there is a hole'}; save the file again`,
      );
    }
    reached = end;
  }
  if (reached !== bodyByteLength) {
    throw new CheckpointError(
      where,
      `the tensors take ${reached} bytes and ${bodyByteLength} follow the header; ` +
        (reached > bodyByteLength
          ? 'the file is cut short; copy it again'
          : 'the file has trailing bytes; use the original file'),
    );
  }
  return ordered;
}

async function checkDigest(checked: Uint8Array<ArrayBuffer>, stated: string, where: string): Promise<void> {
  const actual = await sha256(checked, where);
  if (actual === stated) return;
  throw new CheckpointError(
    where,
    `the content has SHA-256 ${actual} and the file says ${stated}; it changed after it was saved; restore a copy`,
  );
}
