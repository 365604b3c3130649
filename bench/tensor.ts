/**
 * Tensors and the numbers in them, the same bits for every peer. They come from an integer hash and from correctly
 * rounded operations only (no sin, no log), so that a page, Node and a child process agree without a data file, and
 * so that the losses in losses.json stay valid.
 */

/** A dense row-major tensor. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** The 32-bit finaliser of MurmurHash3 over (stream, index): a uniform number in [0, 1) with 24 bits. */
export function uniform(stream: number, index: number): number {
  let h = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(stream + 1, 0x7feb352d);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 8) / 0x1000000;
}

/** Twelve uniforms less six: mean 0, variance 1, close to normal, and exact in float64. */
export function nearlyNormal(stream: number, index: number): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += uniform(stream, index * 12 + i);
  return sum;
}

export function fill(shape: readonly number[], value: (index: number) => number): Tensor {
  const elementCount = shape.reduce((product, size) => product * size, 1);
  return { shape, values: Float32Array.from({ length: elementCount }, (_, index) => value(index)) };
}

/** Soft-edged discs on a 28 x 28 field: centre, radius and brightness differ by row, as digits do. */
export function discs(rows: number): Tensor {
  const side = 28;
  return fill([rows, side * side], (index) => {
    const row = Math.floor(index / (side * side));
    const pixel = index % (side * side);
    const of = (property: number): number => uniform(1, row * 4 + property);
    const dx = (pixel % side) - (9 + 10 * of(0));
    const dy = Math.floor(pixel / side) - (9 + 10 * of(1));
    const inside = 3 + 5 * of(2) - Math.sqrt(dx * dx + dy * dy);
    return Math.min(Math.max(inside, 0), 1) * (0.5 + 0.5 * of(3));
  });
}

/** Uniform within `bound` of zero, as PyTorch draws initial weights. */
export function symmetric(shape: readonly number[], stream: number, bound: number): Tensor {
  return fill(shape, (index) => (2 * uniform(stream, index) - 1) * bound);
}

/** The tensor with its axes in another order: axis i of the result is axis `order[i]` of `tensor`. */
export function permute({ shape, values }: Tensor, order: readonly number[]): Tensor {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const target = order.map((axis) => shape[axis]!);
  return fill(target, (index) => {
    let rest = index;
    let offset = 0;
    for (let axis = order.length - 1; axis >= 0; axis--) {
      offset += (rest % target[axis]!) * strides[order[axis]!]!;
      rest = Math.floor(rest / target[axis]!);
    }
    return values[offset]!;
  });
}

/** The same values under another shape. */
export function reshaped({ values }: Tensor, shape: readonly number[]): Tensor {
  return { shape, values };
}

/** A matrix f32[out, in] as f32[in, out], for libraries that are fastest so; a vector stays as it is. */
export function inputMajor(tensor: Tensor): Tensor {
  return tensor.shape.length === 2 ? permute(tensor, [1, 0]) : tensor;
}

/**
 * Rows of the batch that step i trains on: f32[batchSize, columns], a copy that the caller may keep. The tensor's rows
 * are gone through again and again.
 */
export function batchOf(tensor: Tensor, i: number, batchSize: number): Float32Array<ArrayBuffer> {
  const [rows = 1, columns = 1] = tensor.shape;
  const elementCount = batchSize * columns;
  const start = (i % Math.floor(rows / batchSize)) * elementCount;
  return tensor.values.slice(start, start + elementCount);
}
