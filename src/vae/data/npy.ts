/**
 * NumPy's file of one array (NEP 1, format versions 1 to 3): magic, version, the length of a header, the header as a Python
 * dict, then the numbers. A header is read by its grammar, never evaluated, and nothing is allocated before its shape has
 * been held to the length of the file.
 */
import { DataError } from '../../gpu/errors.js';

/** An array of rows. Bytes stay bytes; floats of either size become f32. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array | Float32Array;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
/** NumPy pads headers to this, so that the numbers behind it are aligned. */
const ALIGNMENT = 64;
/** NumPy's own limit for headers that are read without trust. */
const MAX_HEADER = 10_000;

const byteSizes: Readonly<Record<string, 1 | 4 | 8>> = {
  '|u1': 1,
  '<u1': 1,
  '<f4': 4,
  '>f4': 4,
  '<f8': 8,
  '>f8': 8,
};

/** Whether a file begins as NumPy's do. */
export function isNpy(bytes: Uint8Array): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

/**
 * Reads unsigned bytes, float32 or float64 in C order; float64 is rounded to f32.
 *
 * @param name what messages open with, usually the file's name
 * @returns `u8[shape]` as a view of `bytes`, or `f32[shape]` as a copy
 * @throws DataError for another type or order, a header that is none, a length that does not fit, or a number that f32
 *   cannot hold
 */
export function readNpy(bytes: Uint8Array, name: string): NpyArray {
  const { type, shape, offset } = readHeader(bytes, name);
  const size = byteSizes[type]!;
  const count = shape.reduce((product, length) => product * length, 1);
  const expected = offset + size * count;
  if (!Number.isSafeInteger(expected) || expected !== bytes.length)
    throw new DataError(
      name,
      `holds ${bytes.length} bytes; its header says ${type} of [${shape.join(', ')}], ${expected} bytes; copy the file again`,
    );
  if (size === 1) return { shape, values: new Uint8Array(bytes.buffer, bytes.byteOffset + offset, count) };
  return { shape, values: readFloats(bytes.subarray(offset), size, type.startsWith('<'), name) };
}

function readFloats(bytes: Uint8Array, size: 4 | 8, isLittle: boolean, name: string): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(bytes.byteLength / size);
  for (let i = 0; i < values.length; i++) {
    const value = size === 4 ? view.getFloat32(4 * i, isLittle) : view.getFloat64(8 * i, isLittle);
    values[i] = value;
    if (!Number.isFinite(values[i]))
      throw new DataError(
        name,
        `element ${i} is ${value}; expected finite numbers within the range of float32; repair the step that made it`,
      );
  }
  return values;
}

function readHeader(bytes: Uint8Array, name: string): { type: string; shape: number[]; offset: number } {
  const damaged = (what: string): DataError =>
    new DataError(
      name,
      `${what}; expected a file of numpy.save of uint8, float32 or float64 in C order; save it again: ` +
        "numpy.save(path, numpy.ascontiguousarray(x, dtype='float32'))",
    );
  if (!isNpy(bytes) || bytes.length < 12) throw damaged('is no .npy file');
  const [major = 0, minor = 0] = bytes.subarray(6, 8);
  if (major < 1 || major > 3 || minor !== 0) throw damaged(`is of format ${major}.${minor}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = major === 1 ? 10 : 12;
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER || first + length > bytes.length) throw damaged(`has a header of ${length} bytes`);
  const text = new TextDecoder('latin1').decode(bytes.subarray(first, first + length));
  const fields = readDict(text);
  const type = /^'([^']{1,8})'$/.exec(fields?.get('descr') ?? '')?.[1];
  const sizes = /^\(((?:\d{1,10}, ?)*(?:\d{1,10})?,?)\)$/.exec(fields?.get('shape') ?? '')?.[1];
  if (!fields || type === undefined || sizes === undefined) throw damaged('has a header that is none');
  if (fields.get('fortran_order') !== 'False') throw damaged('is in Fortran order');
  if (!Object.hasOwn(byteSizes, type)) throw damaged(`holds ${type}`);
  const shape = (sizes.match(/\d+/g) ?? []).map(Number);
  return { type, shape, offset: first + length };
}

/** The three fields of NumPy's header by name; undefined for any other text. */
function readDict(text: string): Map<string, string> | undefined {
  const field = String.raw`'(descr|fortran_order|shape)': ?('[^']*'|True|False|\([\d, ]*\))`;
  const match = new RegExp(`^\\{${field}, ?${field}, ?${field},? ?\\} *\\n?$`).exec(text);
  if (!match) return undefined;
  const fields = new Map([1, 3, 5].map((i) => [match[i]!, match[i + 1]!]));
  return fields.size === 3 ? fields : undefined;
}

/** The file of `f32[shape]` that numpy.load reads, format 1.0. @throws DataError when the shape is not that of the values */
export function writeNpy(shape: readonly number[], values: Float32Array): Uint8Array<ArrayBuffer> {
  const count = shape.reduce((product, length) => product * length, 1);
  if (count !== values.length)
    throw new DataError(
      'writeNpy',
      `there are ${values.length} values; [${shape.join(', ')}] needs ${count}`,
    );
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': (${tuple}), }`;
  const length = Math.ceil((10 + dict.length + 1) / ALIGNMENT) * ALIGNMENT - 10;
  const bytes = new Uint8Array(10 + length + 4 * count);
  bytes.set([...magic, 1, 0, length & 0xff, length >> 8]);
  bytes.set(new TextEncoder().encode(`${dict.padEnd(length - 1)}\n`), 10);
  const view = new DataView(bytes.buffer, 10 + length);
  values.forEach((value, i) => view.setFloat32(4 * i, value, true));
  return bytes;
}
