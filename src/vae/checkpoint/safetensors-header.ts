/**
 * What a safetensors header says (huggingface/safetensors, "Format"), which names and shapes it may use, and
 * the one canonical spelling of it that the digest is taken over.
 */
import { CheckpointError } from '../../gpu/errors.js';
import { HeaderScanner, quote } from './header-scanner.js';

/** Element types that are read; F16 and BF16 widen to f32. */
export type StoredDtype = 'F32' | 'F16' | 'BF16' | 'I64' | 'U8';

/** Bytes an element takes in the file. */
export const dtypeByteLength: Readonly<Record<StoredDtype, number>> = {
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U8: 1,
};

/** One tensor as the header states it; offsets count from the end of the header. */
export interface TensorEntry {
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** What a header holds, in the file's order. */
export interface Header {
  readonly tensors: Map<string, TensorEntry>;
  readonly metadata: Map<string, string>;
}

/** Most tensors in a file: the SD autoencoder has 248; more only slows the checks down. */
export const maxTensorCount = 4096;
/** Highest rank; a 3-D convolution's weight has 5. */
export const maxRank = 8;

/** Ample for 4096 tensors; parsing 100 MB of JSON, the format's own cap, takes seconds and 0.6 GB. */
export const defaultMaxHeaderByteLength = 1024 * 1024;
/** The file opens with the header's length as a u64; headers are padded to a multiple of the same 8. */
export const lengthByteLength = 8;

const metadataKey = '__metadata__';
/** Metadata key of the digest; it is left out of what the digest is taken over. */
export const digestKey = 'sha256';

const tensorName = /^[A-Za-z0-9_.-]{1,128}$/;

/**
 * Refuses a tensor name outside `[A-Za-z0-9_.-]{1,128}`, and `__proto__`, which a plain object keyed by
 * tensor name would take for its prototype.
 *
 * @throws CheckpointError
 */
export function checkTensorName(name: string, where: string): void {
  if (name === '__proto__' || name === metadataKey || !tensorName.test(name)) {
    throw new CheckpointError(
      where,
      `tensor name ${quote(name)} is not allowed; expected 1 to 128 of A-Z a-z 0-9 _ . -; rename the tensor`,
    );
  }
}

/**
 * Number of elements of a shape. Each partial product must be exact: 2^27 * 2^27 is not.
 *
 * @throws CheckpointError if a size is not a whole number of at least 0 or the product is not exact
 */
export function shapeElementCount(shape: readonly number[], tensor: string, where: string): number {
  if (shape.length > maxRank) {
    throw new CheckpointError(
      where,
      `tensor ${tensor} has rank ${shape.length}; at most ${maxRank} is read; reshape it`,
    );
  }
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(size) || size < 0 || !Number.isSafeInteger(count)) {
      throw new CheckpointError(
        where,
        `tensor ${tensor} has shape [${shape.join(', ')}]; its element count must be a whole number below 2^53; ` +
          'the header is damaged or forged',
      );
    }
  }
  return count;
}

/**
 * The one spelling of a header that the digest is taken over: no spaces, metadata first and without the
 * digest, keys and names in order of their UTF-16 code units.
 */
export function canonicalHeader({ tensors, metadata }: Header): string {
  return spellHeader(tensors, new Map([...metadata].filter(([key]) => key !== digestKey)));
}

/** Spells a header with all its metadata, in the order of {@link canonicalHeader}. */
export function spellHeader(
  tensors: ReadonlyMap<string, TensorEntry>,
  metadata: ReadonlyMap<string, string>,
): string {
  const pairs = sortedEntries(metadata).map(
    ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`,
  );
  const entries = sortedEntries(tensors).map(
    ([name, { dtype, shape, begin, end }]) =>
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${begin},${end}]}`,
  );
  return `{${[`"${metadataKey}":{${pairs.join(',')}}`, ...entries].join(',')}}`;
}

/** Entries by key, in order of UTF-16 code units, the same in every locale. */
export function sortedEntries<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * Reads header text. Whether the tensors fit each other and the file is for the caller to check.
 *
 * @throws CheckpointError with the position and what was expected there
 */
export function parseHeader(text: string, where: string): Header {
  const scanner = new HeaderScanner(text, where);
  const tensors = new Map<string, TensorEntry>();
  let metadata = new Map<string, string>();
  scanner.object('tensor', (name) => {
    if (name === metadataKey) {
      metadata = parseMetadata(scanner);
      return;
    }
    checkTensorName(name, where);
    if (tensors.size === maxTensorCount) {
      throw new CheckpointError(where, `there are more than ${maxTensorCount} tensors; split the file`);
    }
    tensors.set(name, parseEntry(scanner, name, where));
  });
  scanner.end();
  return { tensors, metadata };
}

function parseMetadata(scanner: HeaderScanner): Map<string, string> {
  const metadata = new Map<string, string>();
  scanner.object('metadata', (key) => metadata.set(key, scanner.string('a metadata value in quotes')));
  return metadata;
}

function parseEntry(scanner: HeaderScanner, name: string, where: string): TensorEntry {
  let dtype: StoredDtype | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  scanner.object('field', (field) => {
    if (field === 'dtype') dtype = checkDtype(scanner.string('a dtype in quotes'), name, where);
    else if (field === 'shape') shape = scanner.integers();
    else if (field === 'data_offsets') offsets = scanner.integers();
    else {
      throw new CheckpointError(
        where,
        `tensor ${name} has a field ${quote(field)}; expected dtype, shape and data_offsets only; remove it`,
      );
    }
  });
  if (dtype === undefined || shape === undefined || offsets?.length !== 2) {
    throw new CheckpointError(
      where,
      `tensor ${name} is incomplete; expected a dtype, a shape and two data_offsets; save the file again`,
    );
  }
  return { dtype, shape, begin: offsets[0]!, end: offsets[1]! };
}

function isStoredDtype(dtype: string): dtype is StoredDtype {
  return Object.hasOwn(dtypeByteLength, dtype);
}

function checkDtype(dtype: string, name: string, where: string): StoredDtype {
  if (isStoredDtype(dtype)) return dtype;
  throw new CheckpointError(
    where,
    `tensor ${name} has dtype ${quote(dtype)}; ${Object.keys(dtypeByteLength).join(', ')} are read; ` +
      'convert the tensor to F32',
  );
}
