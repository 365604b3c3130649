/**
 * How our weights lie in files, which hold PyTorch's layouts: a Linear weight transposed, a Conv2d weight as
 * f32[O, C, KH, KW], and every axis that is a flattened image in the order (channel, row, column), not ours of
 * (row, column, channel). A layout names, for every element of a file's tensor in order, its place in ours.
 */
import { elementCount, type Shape } from '../gpu/shape.js';

export interface FileLayout {
  /** Added to the weight's name: `''`, or the part of it that this tensor holds. */
  readonly name: string;
  readonly shape: Shape;
  /** The file's tensor seen with more axes: their sizes, and how far apart their elements are in ours. */
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  /** Where its first element is in ours. */
  readonly first: number;
}

/** The layout of a tensor of ours, `view`ed with more axes, whose file has those axes in `order`. */
export function permuted(name: string, shape: Shape, view: Shape, order: readonly number[]): FileLayout {
  const strides = view.map((_, axis) => elementCount(view.slice(axis + 1)));
  return {
    name,
    shape,
    sizes: order.map((axis) => view[axis]!),
    strides: order.map((axis) => strides[axis]!),
    first: 0,
  };
}

/** The same elements in the same order. */
export function unchanged(name: string, shape: Shape): FileLayout {
  return permuted(name, shape, [elementCount(shape)], [0]);
}

/** An axis in our files' order: an image's is (channel, row, column) there. */
function axisOrder(shape: Shape, first: number): number[] {
  return shape.length === 3 ? [first + 2, first, first + 1] : [first];
}

/** A Linear weight between flattened images or vectors: ours f32[inputs, outputs], a file's f32[outputs, inputs]. */
export function linearLayout(name: string, inputs: Shape, outputs: Shape): FileLayout {
  return permuted(
    name,
    [elementCount(outputs), elementCount(inputs)],
    [...inputs, ...outputs],
    [...axisOrder(outputs, inputs.length), ...axisOrder(inputs, 0)],
  );
}

/** A Linear's bias, one number an element of a flattened image or vector. */
export function vectorLayout(name: string, outputs: Shape): FileLayout {
  return permuted(name, [elementCount(outputs)], outputs, axisOrder(outputs, 0));
}

/** Several flattened images or vectors, a row each. */
export function rowsLayout(name: string, count: number, shape: Shape): FileLayout {
  return permuted(name, [count, elementCount(shape)], [count, ...shape], [0, ...axisOrder(shape, 1)]);
}

/**
 * A convolution's weight f32[KH, KW, C, O], whose channels may be divided among r x r pixels: ours are in the order
 * (ry, rx, o), those of PyTorch's PixelShuffle in the order (o, ry, rx).
 */
export function convLayout(name: string, shape: Shape, r: number): FileLayout {
  const [KH, KW, C, O] = shape as [number, number, number, number];
  return permuted(name, [O, C, KH, KW], [KH, KW, C, r, r, O / (r * r)], [5, 3, 4, 2, 0, 1]);
}

/** A convolution's bias f32[O]. */
export function channelLayout(name: string, channels: number, r: number): FileLayout {
  return permuted(name, [channels], [r, r, channels / (r * r)], [2, 0, 1]);
}

/** `count` of the last axis of a layout whose file has that axis first: the mean's part of the moments. */
export function partOf(layout: FileLayout, name: string, first: number, count: number): FileLayout {
  return {
    name,
    shape: [count, ...layout.shape.slice(1)],
    sizes: [count, ...layout.sizes.slice(1)],
    strides: layout.strides,
    first,
  };
}

/** Visits every element of the file's tensor in order with its place in ours. */
export function forEachElement(
  { sizes, strides, first }: FileLayout,
  visit: (stored: number, ours: number) => void,
): void {
  const position = sizes.map(() => 0);
  const count = elementCount(sizes);
  let ours = first;
  for (let stored = 0; stored < count; stored++) {
    visit(stored, ours);
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      ours += strides[axis]!;
      if (++position[axis]! < sizes[axis]!) break;
      ours -= strides[axis]! * sizes[axis]!;
      position[axis] = 0;
    }
  }
}
