/**
 * Turns a tensor's bytes into numbers. Half formats widen on the CPU: JavaScript has no f16 array on every
 * runtime, and every f16 and bf16 value is exact in f32.
 */
import { CheckpointError } from '../../gpu/errors.js';
import type { TensorEntry } from './safetensors-header.js';

/** A tensor read from a file, row-major; `dtype` is the file's, values of F16 and BF16 are widened. */
export type StoredTensor = { readonly shape: number[] } & (
  | { readonly dtype: 'F32' | 'F16' | 'BF16'; readonly values: Float32Array }
  | { readonly dtype: 'I64'; readonly values: BigInt64Array }
  | { readonly dtype: 'U8'; readonly values: Uint8Array }
);

/**
 * Views or widens a tensor's own bytes.
 *
 * @param bytes exactly the tensor's bytes, at the start of their own buffer, which the result may keep
 */
export function decodeValues(entry: TensorEntry, bytes: Uint8Array<ArrayBuffer>): StoredTensor {
  const shape = [...entry.shape];
  const { dtype } = entry;
  switch (dtype) {
    case 'F32':
      return { shape, dtype, values: new Float32Array(bytes.buffer) };
    case 'F16':
      return { shape, dtype, values: Float32Array.from(new Uint16Array(bytes.buffer), widenF16) };
    case 'BF16':
      return { shape, dtype, values: widenBF16(new Uint16Array(bytes.buffer)) };
    case 'I64':
      return { shape, dtype, values: new BigInt64Array(bytes.buffer) };
    case 'U8':
      return { shape, dtype, values: bytes };
    default:
      return dtype satisfies never;
  }
}

/**
 * Refuses NaN and infinite values; whole numbers always pass.
 *
 * @throws CheckpointError naming the tensor and the first such element
 */
export function checkFinite(values: StoredTensor['values'], name: string, where: string): void {
  if (!(values instanceof Float32Array)) return;
  // A loop: findIndex() takes five times as long, while a training waits.
  let index = 0;
  while (index < values.length && Number.isFinite(values[index])) index++;
  if (index === values.length) return;
  throw new CheckpointError(
    where,
    `tensor ${name} holds ${values[index]} at element ${index}; every value must be finite; ` +
      'use a checkpoint from before the training diverged, or read with allowNonFinite: true',
  );
}

/** IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
function widenF16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** bfloat16 is the upper half of an f32. */
function widenBF16(halves: Uint16Array): Float32Array {
  const words = Uint32Array.from(halves, (bits) => bits << 16);
  return new Float32Array(words.buffer);
}
