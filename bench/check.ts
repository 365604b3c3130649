/**
 * Holds outputs to float64, in the layouts of the tasks. Long ones are sampled with strides that share no divisor with
 * the sizes, so that every offset inside a tile, a row and an image is met.
 */
import type { ConvLayerTask, ConvWeightName, DecodeTask } from './conv-task.js';
import type { MatmulTask, Task } from './task.js';
import type { Tensor } from './tensor.js';

const ROW_STRIDE = 7;
const ELEMENT_STRIDE = 13;

/** What some elements of an output should be. */
interface Truth {
  readonly length: number;
  /** Flat index and value. */
  readonly elements: Iterable<readonly [index: number, value: number]>;
}

/**
 * Largest difference between the outputs and their float64 truth, each over its largest truth.
 * Infinity for an output that is missing, of the wrong size or with a NaN.
 */
export function outputError(task: Task, outputs: readonly ArrayLike<number>[]): number {
  const errors = truthsOf(task).map(({ length, elements }, i) => {
    const output = outputs[i];
    if (output?.length !== length) return Infinity;
    let worst = 0;
    let largest = 0;
    for (const [index, expected] of elements) {
      const difference = Math.abs(output[index]! - expected);
      if (Number.isNaN(difference)) return Infinity;
      worst = Math.max(worst, difference);
      largest = Math.max(largest, Math.abs(expected));
    }
    return worst / largest;
  });
  return Math.max(...errors);
}

function truthsOf(task: Task): Truth[] {
  switch (task.kind) {
    case 'matmul':
      return [product(task)];
    case 'conv-forward':
      return [sampled(task.cotangent.shape, (b, o, y, x) => forwardElement(task, b, o, y, x))];
    case 'conv-backward':
      return [
        sampled(task.x.shape, (b, c, y, x) => inputGradientElement(task, b, c, y, x)),
        sampled(task.weight.shape, (o, c, ky, kx) => weightGradientElement(task, o, c, ky, kx)),
      ];
    case 'decode-one': {
      const pixels = decode(task);
      return [{ length: pixels.length, elements: pixels.map((value, index) => [index, value] as const) }];
    }
    default:
      return [];
  }
}

function product({ left, right }: MatmulTask): Truth {
  const [M = 0, K = 0] = left.shape;
  const N = right.shape[1] ?? 0;
  function* elements(): Generator<readonly [number, number]> {
    for (let row = 0; row < M; row += ROW_STRIDE) {
      const truth = new Float64Array(N);
      for (let k = 0; k < K; k++) {
        const factor = left.values[row * K + k]!;
        for (let column = 0; column < N; column++) truth[column]! += factor * right.values[k * N + column]!;
      }
      for (let column = 0; column < N; column++) yield [row * N + column, truth[column]!];
    }
  }
  return { length: M * N, elements: elements() };
}

/** Every thirteenth element of a tensor with four axes. */
function sampled(
  shape: readonly number[],
  element: (a: number, b: number, c: number, d: number) => number,
): Truth {
  const [A, B, C, D] = shape as [number, number, number, number];
  const length = A * B * C * D;
  function* elements(): Generator<readonly [number, number]> {
    for (let index = 0; index < length; index += ELEMENT_STRIDE) {
      const [rest, d] = [Math.floor(index / D), index % D];
      yield [index, element(Math.floor(rest / (B * C)), Math.floor(rest / C) % B, rest % C, d)];
    }
  }
  return { length, elements: elements() };
}

/** Element `[a, b, c, d]`, zero outside the last two axes. */
function at({ shape, values }: Tensor, a: number, b: number, c: number, d: number): number {
  const [, B, C, D] = shape as [number, number, number, number];
  return c < 0 || c >= C || d < 0 || d >= D ? 0 : values[((a * B + b) * C + c) * D + d]!;
}

function forwardElement(
  { x, weight }: ConvLayerTask,
  b: number,
  o: number,
  row: number,
  column: number,
): number {
  let sum = 0;
  for (let c = 0; c < weight.shape[1]!; c++)
    for (let ky = 0; ky < 4; ky++)
      for (let kx = 0; kx < 4; kx++)
        sum += at(x, b, c, 2 * row + ky - 1, 2 * column + kx - 1) * at(weight, o, c, ky, kx);
  return sum;
}

function inputGradientElement(
  { weight, cotangent }: Pick<ConvLayerTask, 'weight' | 'cotangent'>,
  b: number,
  c: number,
  row: number,
  column: number,
): number {
  let sum = 0;
  for (let ky = (row + 1) % 2; ky < 4; ky += 2)
    for (let kx = (column + 1) % 2; kx < 4; kx += 2)
      for (let o = 0; o < weight.shape[0]!; o++)
        sum += at(cotangent, b, o, (row + 1 - ky) / 2, (column + 1 - kx) / 2) * at(weight, o, c, ky, kx);
  return sum;
}

function weightGradientElement(
  { x, cotangent }: ConvLayerTask,
  o: number,
  c: number,
  ky: number,
  kx: number,
): number {
  const [B, , rows, columns] = cotangent.shape as [number, number, number, number];
  let sum = 0;
  for (let b = 0; b < B; b++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        sum += at(x, b, c, 2 * row + ky - 1, 2 * column + kx - 1) * at(cotangent, b, o, row, column);
  return sum;
}

const relu = (value: number): number => Math.max(value, 0);

/** The pixels that a latent decodes to. */
function decode({ z, weights }: DecodeTask): number[] {
  const bias = (name: ConvWeightName, i: number): number => weights[name].values[i]!;
  const hidden = Array.from({ length: 3136 }, (_, row) => {
    const products = Array.from(
      z.values,
      (value, k) => value * weights['decoder.weight'].values[row * 16 + k]!,
    );
    return relu(products.reduce((a, b) => a + b) + bias('decoder.bias', row));
  });
  /** A transposed convolution is the input gradient of a convolution with the same weight. */
  const deconvolve = (image: number[], size: number, layer: 'deconv1' | 'deconv2'): number[] => {
    const weight = weights[`${layer}.weight`];
    const [inputs, outputs] = weight.shape as [number, number];
    const cotangent = { shape: [1, inputs, size, size], values: image as unknown as Tensor['values'] };
    const pixels = (2 * size) ** 2;
    return Array.from({ length: outputs * pixels }, (_, i) => {
      const [c, pixel] = [Math.floor(i / pixels), i % pixels];
      const [row, column] = [Math.floor(pixel / (2 * size)), pixel % (2 * size)];
      return inputGradientElement({ weight, cotangent }, 0, c, row, column) + bias(`${layer}.bias`, c);
    });
  };
  const logits = deconvolve(deconvolve(hidden, 7, 'deconv1').map(relu), 14, 'deconv2');
  return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
}
