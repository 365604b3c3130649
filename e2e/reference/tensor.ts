/**
 * Tensors of the float64 reference: a shape and row-major values, nothing else. The reference imports
 * nothing that it is used to check (only the error classes), so one fault cannot hide on both sides.
 */
import { ShapeError } from '../../src/gpu/errors.js';

/** A float64 tensor, row-major (the last axis is contiguous); a scalar is `f64[1]`. */
export interface F64 {
  shape: number[];
  values: Float64Array;
}

/** Number of elements of a shape: the product of its sizes. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** A tensor of zeros. */
export function zeros(shape: readonly number[]): F64 {
  return { shape: [...shape], values: new Float64Array(elementCount(shape)) };
}

/** A tensor filled with one value. */
export function full(shape: readonly number[], value: number): F64 {
  const result = zeros(shape);
  result.values.fill(value);
  return result;
}

/**
 * A tensor with a copy of `values` (a plain array, a Float32Array read back from a GPU, ...).
 * @throws ShapeError when the number of values is not the element count of the shape.
 */
export function fromValues(shape: readonly number[], values: ArrayLike<number>): F64 {
  if (values.length !== elementCount(shape))
    throw new ShapeError(
      'reference fromValues',
      `${values.length} values came for f64[${shape.join(', ')}]; expected ${elementCount(shape)}; pass one value an element`,
    );
  return { shape: [...shape], values: Float64Array.from(values) };
}

/** `f(value)` for every element. */
export function map(x: F64, f: (value: number, index: number) => number): F64 {
  return { shape: [...x.shape], values: x.values.map(f) };
}

/**
 * Inner product of two tensors of the same element count: `sum_i a_i b_i`.
 * With a random cotangent it makes a scalar of any output, which is what gradients are checked on.
 * @throws ShapeError when the element counts differ.
 */
export function dot(a: F64, b: F64): number {
  if (a.values.length !== b.values.length)
    throw new ShapeError(
      'reference dot',
      `f64[${a.shape.join(', ')}] and f64[${b.shape.join(', ')}] came; expected equal element counts`,
    );
  let sum = 0;
  for (let i = 0; i < a.values.length; i++) sum += a.values[i]! * b.values[i]!;
  return sum;
}

/** The size of one axis. @throws ShapeError when the tensor has no such axis. */
export function size(x: F64, axis: number): number {
  const length = x.shape[axis];
  if (length === undefined)
    throw new ShapeError('reference', `f64[${x.shape.join(', ')}] came; expected an axis ${axis}`);
  return length;
}

/** Coordinates of the element at a flat index: `index = ((c0 * n1 + c1) * n2 + c2) ...`. */
export function coordinatesOf(index: number, shape: readonly number[]): number[] {
  const coordinates = Array.from(shape, () => 0);
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    coordinates[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return coordinates;
}

/**
 * Flat index in `shape` of the element that numpy broadcasting puts at `coordinates`: axes are aligned at the
 * last one and an axis of size 1 repeats. With coordinates of `shape` itself this inverts `coordinatesOf`.
 */
export function offsetOf(coordinates: readonly number[], shape: readonly number[]): number {
  const lead = coordinates.length - shape.length;
  return shape.reduce(
    (offset, length, axis) => offset * length + (length === 1 ? 0 : coordinates[lead + axis]!),
    0,
  );
}

/** Every value rounded to float32, so that a GPU can be given exactly the same numbers. */
export function roundToFloat32(x: F64): F64 {
  return map(x, Math.fround);
}

/** Seeded random numbers for test data (a Weyl sequence through a 32-bit mixer); no part of any contract. */
export class TestRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** The next unsigned 32-bit word. */
  word(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0; // 2^32 / golden ratio: an odd step visits every state
    let v = this.#state;
    v = Math.imul(v ^ (v >>> 16), 0x21f0aaad);
    v = Math.imul(v ^ (v >>> 15), 0x735a2d97);
    return (v ^ (v >>> 15)) >>> 0;
  }

  /** Uniform in [0, 1), 53 random bits. */
  uniform(): number {
    return ((this.word() >>> 5) * 2 ** 26 + (this.word() >>> 6)) * 2 ** -53;
  }

  /** Standard normal, by Box and Muller. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }
}

/** Uniform test data in [low, high), rounded to float32 (see `roundToFloat32`). */
export function randomUniform(shape: readonly number[], seed: number, low = -1, high = 1): F64 {
  const random = new TestRandom(seed);
  return map(zeros(shape), () => Math.fround(low + (high - low) * random.uniform()));
}

/** Normal test data of mean 0 and the given standard deviation, rounded to float32. */
export function randomNormal(shape: readonly number[], seed: number, scale = 1): F64 {
  const random = new TestRandom(seed);
  return map(zeros(shape), () => Math.fround(scale * random.normal()));
}
