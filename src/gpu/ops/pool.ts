/**
 * Pooling over windows of images (shaders/pool.wgsl), as torch.nn.AvgPool2d and MaxPool2d. One op covers all of it:
 * sums and averages are linear, and max pooling of x takes u = x where x is largest, which is linear in u. So the
 * gradient is the transposed map, the gradient of that the map itself, and nothing flows by the places of maxima.
 */
import { dispatch, elementGrid } from '../dispatch.js';
import { ShapeError, SpecError } from '../errors.js';
import { applyOne, streamingCost, type OpDefinition, type Tensor } from '../graph.js';
import {
  bothAxes,
  checkCount,
  describeShape,
  elementCount,
  imageSizes,
  sameShape,
  type Pair,
} from '../shape.js';

/** One axis of the image. */
type Axis = readonly [size: number, kernel: number, stride: number, padding: number];

export interface PoolAttributes {
  readonly function: 'sum' | 'average' | 'max';
  /** From windows to the pixels that they hold. */
  readonly transposed: boolean;
  readonly rows: Axis;
  readonly columns: Axis;
}

/** One number stands for both axes. */
export interface PoolOptions {
  readonly kernel: number | Pair;
  /** As the kernel unless given: windows that touch and do not overlap. */
  readonly stride?: number | Pair;
  /** Pixels on each side that count as 0 for sums and averages and never as a maximum; at most half the kernel. */
  readonly padding?: number | Pair;
}

/** inputs [u] or, for max, [u, x]: u f32[B, H, W, C] -> f32[B, H', W', C], or the other way when transposed. */
export const poolOp: OpDefinition<PoolAttributes> = {
  name: 'pool',
  shapes([u, x], { function: name, transposed, rows, columns }) {
    const where = `${name}Pool`;
    const [B, , , C] = imageSizes(u, where);
    const pixels = [B, rows[0], columns[0], C];
    const windows = [B, windowCount(rows, where), windowCount(columns, where), C];
    for (const [shape, expected] of [[u!, transposed ? windows : pixels] as const, [x, pixels] as const])
      if (shape && !sameShape(shape, expected))
        throw new ShapeError(where, `input is ${describeShape(shape)}; expected ${describeShape(expected)}`);
    return [transposed ? pixels : windows];
  },
  cost(step) {
    const { function: name, transposed, rows, columns } = step.attributes;
    const kernel = rows[1] * columns[1];
    const pairs = elementCount((transposed ? step.inputs : step.outputs)[0]!.shape) * kernel;
    const inputs = [...new Set(step.inputs)];
    // transposed, the maximum is looked for again for every pixel of a window
    return {
      ...streamingCost({ ...step, inputs }, 0),
      flops: name === 'max' && transposed ? kernel * pairs : pairs,
    };
  },
  forward(step) {
    const { function: name, transposed, rows, columns } = step.attributes;
    const [u, x] = step.inputs as [Tensor, Tensor | undefined];
    const [y] = step.outputs as [Tensor];
    const count = elementCount(y.shape);
    const [, window_rows, window_columns, channels] = (transposed ? u : y).shape as [
      number,
      number,
      number,
      number,
    ];
    return [
      dispatch('pool', {
        bindings: { u, x: x ?? 'unused', y },
        overrides: { PICK: name === 'max', TRANSPOSED: transposed },
        parameters: {
          count,
          channels,
          window_rows,
          window_columns,
          rows,
          columns,
          scale: name === 'average' ? 1 / (rows[1] * columns[1]) : 1,
        },
        workgroups: elementGrid(count),
        cost: this.cost(step),
      }),
    ];
  },
  backward({ inputs: [, ...x], attributes }, [cotangent]) {
    const transposed = !attributes.transposed;
    return [cotangent && applyOne(poolOp, [cotangent, ...x], { ...attributes, transposed })];
  },
};

/** Windows along an axis; the last columns that fill no window are left out. @throws ShapeError, SpecError */
export function windowCount([size, kernel, stride, padding]: Axis, where: string): number {
  checkCount(kernel, 'the kernel size', where);
  checkCount(stride, 'stride', where);
  checkCount(padding, 'padding', where, 0);
  if (2 * padding > kernel)
    throw new SpecError(
      where,
      `padding is ${padding} for a kernel of ${kernel}; at most half the kernel, or a window would be empty`,
    );
  if (kernel > size + 2 * padding)
    throw new ShapeError(
      where,
      `the kernel of ${kernel} is larger than the image (${size}) and its padding (${padding} on each side); make it smaller`,
    );
  return Math.floor((size + 2 * padding - kernel) / stride) + 1;
}

/** The rows and the columns of an image under options, unchecked. */
export function poolAxes(
  sizes: readonly [height: number, width: number],
  { kernel, stride = kernel, padding = 0 }: PoolOptions,
): [rows: Axis, columns: Axis] {
  const [kernels, strides, paddings] = [bothAxes(kernel), bothAxes(stride), bothAxes(padding)];
  const axis = (index: 0 | 1): Axis => [sizes[index], kernels[index], strides[index], paddings[index]];
  return [axis(0), axis(1)];
}

function pool(name: PoolAttributes['function'], x: Tensor, options: PoolOptions): Tensor {
  const [, height, width] = imageSizes(x.shape, `${name}Pool`);
  const [rows, columns] = poolAxes([height, width], options);
  const attributes = { function: name, transposed: false, rows, columns };
  return applyOne(poolOp, name === 'max' ? [x, x] : [x], attributes);
}

/**
 * Pools every channel of x f32[B, H, W, C] over windows: f32[B, H', W', C] with
 * H' = floor((H + 2 padding - kernel) / stride) + 1 and W' alike. The average counts padding as zeros (PyTorch's
 * count_include_pad); the gradient of a maximum goes to the first of equal pixels in row-major order.
 * @throws SpecError for a padding beyond half the kernel, ShapeError for a kernel beyond the image
 */
export const averagePool = (x: Tensor, options: PoolOptions): Tensor => pool('average', x, options);
/** The sum over every window; see averagePool. */
export const sumPool = (x: Tensor, options: PoolOptions): Tensor => pool('sum', x, options);
/** The largest of every window; see averagePool. */
export const maxPool = (x: Tensor, options: PoolOptions): Tensor => pool('max', x, options);
