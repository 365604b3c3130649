/** Weights of convolutions between PyTorch's layout and ours, which are of two types so that none passes for the other. */
import { ShapeError, SpecError } from '../../gpu/errors.js';
import { describeShape, elementCount, type Shape } from '../../gpu/shape.js';
import { channelLayout, convLayout, forEachElement, type FileLayout } from '../file-layout.js';

export type FourSizes = readonly [number, number, number, number];

/** A tensor of PyTorch's, row-major, as readSafetensors gives and writeSafetensors takes it. */
export interface TorchTensor<S extends Shape = Shape> {
  readonly shape: S;
  readonly values: Float32Array;
}

/** A convolution's weight as our kernels take it: f32[KH, KW, C, O]. */
export interface ConvWeight {
  readonly axes: 'KH, KW, C, O';
  readonly shape: FourSizes;
  readonly values: Float32Array;
}

/** The four sizes of a weight of PyTorch's. @throws ShapeError when it has other axes, or another number of values */
export function weightSizes({ shape, values }: TorchTensor, where: string, axes: string): FourSizes {
  if (shape.length !== 4 || elementCount(shape) !== values.length)
    throw new ShapeError(
      where,
      `the weight is ${describeShape(shape)} with ${values.length} values; expected f32[${axes}]; pass the tensor as PyTorch stores it`,
    );
  return shape as FourSizes;
}

/** Throws SpecError unless the channels divide among factor x factor pixels. */
function checkFactor(channels: number, factor: number, where: string): void {
  if (!(Number.isInteger(factor) && factor >= 1 && channels % (factor * factor) === 0))
    throw new SpecError(
      where,
      `the factor is ${factor}; ${channels} channels divide among factor x factor pixels for integers only; pass the PixelShuffle's`,
    );
}

function toOurs(stored: Float32Array, layout: FileLayout): Float32Array {
  const values = new Float32Array(stored.length);
  forEachElement(layout, (from, to) => (values[to] = stored[from]!));
  return values;
}

function toStored(values: Float32Array, layout: FileLayout): Float32Array {
  const stored = new Float32Array(values.length);
  forEachElement(layout, (to, from) => (stored[to] = values[from]!));
  return stored;
}

/**
 * A Conv2d's weight f32[O, C, KH, KW] as ours, f32[KH, KW, C, O].
 * @param factor of the PixelShuffle behind it, whose channels are in the order (o, ry, rx); ours are in (ry, rx, o)
 * @throws ShapeError, SpecError
 */
export function convWeightFromTorch(weight: TorchTensor, factor = 1): ConvWeight {
  const where = 'convWeightFromTorch';
  const [O, C, KH, KW] = weightSizes(weight, where, 'output channels, channels, height, width');
  checkFactor(O, factor, where);
  const shape = [KH, KW, C, O] as const;
  return { axes: 'KH, KW, C, O', shape, values: toOurs(weight.values, convLayout('', shape, factor)) };
}

/** The inverse of convWeightFromTorch: ours f32[KH, KW, C, O] as a Conv2d's f32[O, C, KH, KW]. @throws SpecError */
export function convWeightToTorch({ shape, values }: ConvWeight, factor = 1): TorchTensor<FourSizes> {
  const [KH, KW, C, O] = shape;
  checkFactor(O, factor, 'convWeightToTorch');
  return { shape: [O, C, KH, KW], values: toStored(values, convLayout('', shape, factor)) };
}

/** A Conv2d's bias f32[O] as ours; see convWeightFromTorch. @throws SpecError */
export function convBiasFromTorch(bias: Float32Array, factor = 1): Float32Array {
  checkFactor(bias.length, factor, 'convBiasFromTorch');
  return toOurs(bias, channelLayout('', bias.length, factor));
}

/** The inverse of convBiasFromTorch. @throws SpecError */
export function convBiasToTorch(bias: Float32Array, factor = 1): Float32Array {
  checkFactor(bias.length, factor, 'convBiasToTorch');
  return toStored(bias, channelLayout('', bias.length, factor));
}
