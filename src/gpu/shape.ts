/** Shape arithmetic shared by the ops. Shapes are row-major; the last axis is contiguous. */
import { ShapeError, SpecError } from './errors.js';

/** Sizes of a tensor's axes, row-major. */
export type Shape = readonly number[];

/** Two numbers along the height and the width. */
export type Pair = readonly [height: number, width: number];

/** One number stands for both axes. */
export function bothAxes(value: number | Pair): Pair {
  return typeof value === 'number' ? [value, value] : value;
}

/** Number of elements; a scalar `[]` is not used, scalars are `[1]`. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** `f32[8, 28, 28, 1]`, as error messages and plans print it. */
export function describeShape(shape: Shape): string {
  return `f32[${shape.join(', ')}]`;
}

/** Whether two shapes have the same sizes. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Throws ShapeError unless every size is a positive integer and the element count is addressable. */
export function checkShape(shape: Shape, where: string): void {
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 1)
      throw new ShapeError(where, `shape is [${shape.join(', ')}]; every size must be an integer >= 1`);
  }
  if (shape.length < 1 || shape.length > 4)
    throw new ShapeError(where, `shape is [${shape.join(', ')}]; tensors have 1 to 4 axes`);
  if (elementCount(shape) > 2 ** 30)
    throw new ShapeError(where, `${describeShape(shape)} has more than 2^30 elements; split the batch`);
}

/** Sizes of an image tensor f32[B, H, W, C]. @throws ShapeError when the shape has another number of axes */
export function imageSizes(
  shape: Shape | undefined,
  where: string,
): readonly [batch: number, height: number, width: number, channels: number] {
  if (shape?.length !== 4)
    throw new ShapeError(
      where,
      `input is ${describeShape(shape ?? [])}; expected images f32[B, H, W, C]; reshape() it`,
    );
  return shape as readonly [number, number, number, number];
}

/** Throws SpecError unless `value`, called `name` in the message, is an integer of at least `least`. */
export function checkCount(value: number, name: string, where: string, least = 1): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw new SpecError(where, `${name} is ${value}; expected an integer >= ${least}`);
}

/** The numpy broadcast of two shapes: aligned at the last axis, sizes equal or 1. */
export function broadcastShapes(a: Shape, b: Shape, where: string): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const sizeA = a[axis - rank + a.length] ?? 1;
    const sizeB = b[axis - rank + b.length] ?? 1;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1)
      throw new ShapeError(
        where,
        `${describeShape(a)} and ${describeShape(b)} do not broadcast; sizes must be equal or 1, aligned at the last axis`,
      );
    return sizeA === 1 ? sizeB : sizeA;
  });
}

/** Element strides of `shape` seen as the broadcast `target` (rank 4, 0 on repeated axes). */
export function broadcastStrides(shape: Shape, target: Shape): [number, number, number, number] {
  const strides: [number, number, number, number] = [0, 0, 0, 0];
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1;
    strides[4 - shape.length + axis] =
      size === 1 && target[target.length - shape.length + axis] !== 1 ? 0 : stride;
    stride *= size;
  }
  return strides;
}

/** The shape padded with leading ones to rank 4. */
export function rank4(shape: Shape): [number, number, number, number] {
  const padded = [1, 1, 1, 1, ...shape].slice(-4);
  return padded as [number, number, number, number];
}

export function ceilDivide(a: number, b: number): number {
  return Math.ceil(a / b);
}

export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
