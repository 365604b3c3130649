/**
 * PyTorch's ConvTranspose2d as a deconvolution by reshape that equals it exactly, and back. Output pixel s*i + r of a
 * transposed convolution of stride s and padding p sums over the coarse pixels i + d and the taps r + p - s*d that lie
 * in its kernel: for each r a convolution of its own, of ceil(k / s) taps or one more, the same for every image size.
 */
import { ShapeError, SpecError } from '../../gpu/errors.js';
import { convGeometry } from '../../gpu/ops/conv.js';
import type { Pair } from '../../gpu/shape.js';
import type { DeconvSpec } from '../layer-spec.js';
import { weightSizes, type ConvWeight, type FourSizes, type TorchTensor } from './convolution.js';

/** A ConvTranspose2d's own options, with its defaults; no groups and no dilation. */
export interface TransposedOptions {
  /** The same along both axes. */
  readonly stride?: number;
  readonly padding?: number | Pair;
  readonly outputPadding?: number | Pair;
}

/** A deconvolution by reshape: the layer's geometry and its numbers, bias f32[factor * factor * channels]. */
export interface Deconvolution {
  readonly layer: DeconvSpec;
  readonly weight: ConvWeight;
  readonly bias: Float32Array;
}

/** A ConvTranspose2d's weight f32[C, O, KH, KW] and bias f32[O]. */
export interface TransposedWeights {
  readonly weight: TorchTensor<FourSizes>;
  readonly bias: Float32Array;
}

interface Axis {
  readonly taps: number;
  readonly padding: number;
  /** Taps of the convolution, zeros before and after the image, pixels of the fine image to cut off at its end. */
  readonly kernel: number;
  readonly before: number;
  readonly after: number;
  readonly crop: number;
}

interface Geometry {
  readonly stride: number;
  readonly axes: readonly [Axis, Axis];
}

const pair = (value: number | Pair): Pair => (typeof value === 'number' ? [value, value] : value);

/** @throws SpecError for options that PyTorch does not take, or that need a negative padding here */
function geometryOf(taps: Pair, options: TransposedOptions, where: string): Geometry {
  const { stride = 1 } = options;
  const [padding, outputPadding] = [pair(options.padding ?? 0), pair(options.outputPadding ?? 0)];
  const along = (axis: 0 | 1): Axis => {
    const [k, p, o] = [taps[axis], padding[axis], outputPadding[axis]];
    if (![k, p, o, stride].every(Number.isInteger) || stride < 1 || o < 0 || o >= stride || p < 0 || p >= k)
      throw new SpecError(
        where,
        `kernel ${k}, stride ${stride}, padding ${p}, output padding ${o} came; expected a padding below the kernel (more only cuts off zeros: crop the image) and an output padding below the stride`,
      );
    return axisOf(k, stride, p, o);
  };
  return { stride, axes: [along(0), along(1)] };
}

/** With p < k nothing here is negative: the last d is ceil(p / s) >= 0 and the first is <= 0. */
function axisOf(taps: number, stride: number, padding: number, outputPadding: number): Axis {
  const first = Math.ceil((padding - taps + 1) / stride);
  const last = Math.floor((stride - 1 + padding) / stride);
  // PyTorch's output is stride * (input - 1) + rest, so ours is cut from input - 1 + coarse pixels
  const rest = taps + outputPadding - 2 * padding;
  const coarse = Math.ceil(rest / stride);
  return {
    taps,
    padding,
    kernel: last - first + 1,
    before: 0 - first,
    after: last - 1 + coarse,
    crop: stride * coarse - rest,
  };
}

function layerOf(
  channels: number,
  { stride, axes: [y, x] }: Geometry,
): Required<Omit<DeconvSpec, 'activation'>> {
  return {
    type: 'deconv',
    channels,
    factor: stride,
    kernel: [y.kernel, x.kernel],
    padding: [y.before, y.after, x.before, x.after],
    crop: [y.crop, x.crop],
  };
}

/**
 * The layer that equals a ConvTranspose2d: for a specification whose weights `importTorch` takes from one.
 * @throws SpecError for options that it cannot have
 * @example
 * transposedLayer(32, 4, { stride: 2, padding: 1, activation: 'relu' }); // nn.ConvTranspose2d(..., 32, 4, 2, 1), nn.ReLU()
 */
export function transposedLayer(
  channels: number,
  kernel: number | Pair,
  { activation, ...options }: TransposedOptions & Pick<DeconvSpec, 'activation'> = {},
): DeconvSpec {
  const geometry = geometryOf(pair(kernel), options, 'transposedLayer');
  return { ...layerOf(channels, geometry), ...(activation && { activation }) };
}

/**
 * Visits every element of our weight f32[KH, KW, C, s*s*O] with its coordinates and, unless it lies outside of the
 * transposed kernel, its place in f32[C, O, KH, KW].
 */
function forEachTap(
  { stride, axes: [y, x] }: Geometry,
  C: number,
  O: number,
  visit: (ours: number, torch: number | undefined, coordinates: FourSizes) => void,
): void {
  const tap = ({ before, padding, taps }: Axis, t: number, r: number): number => {
    const k = stride * (before - t) + r + padding;
    return k >= 0 && k < taps ? k : Number.NaN;
  };
  let ours = 0;
  for (let ty = 0; ty < y.kernel; ty++)
    for (let tx = 0; tx < x.kernel; tx++)
      for (let c = 0; c < C; c++)
        for (let channel = 0; channel < stride * stride * O; channel++) {
          const place = Math.floor(channel / O);
          const ky = tap(y, ty, Math.floor(place / stride));
          const kx = tap(x, tx, place % stride);
          const torch = ((c * O + (channel % O)) * y.taps + ky) * x.taps + kx;
          visit(ours++, Number.isNaN(torch) ? undefined : torch, [ty, tx, c, channel]);
        }
}

/**
 * A ConvTranspose2d's weight f32[C, O, KH, KW] and bias f32[O] as the deconvolution by reshape that equals it.
 * @throws ShapeError for other shapes, SpecError for options that it cannot have
 */
export function deconvFromTorch(
  weight: TorchTensor,
  bias?: Float32Array,
  options: TransposedOptions = {},
): Deconvolution {
  const where = 'deconvFromTorch';
  const [C, O, KH, KW] = weightSizes(weight, where, 'channels, output channels, height, width');
  if (bias && bias.length !== O)
    throw new ShapeError(where, `the bias has ${bias.length} values; the weight has ${O} output channels`);
  const geometry = geometryOf([KH, KW], options, where);
  const layer = layerOf(O, geometry);
  const channels = geometry.stride ** 2 * O;
  const shape = [geometry.axes[0].kernel, geometry.axes[1].kernel, C, channels] as const;
  const values = new Float32Array(shape[0] * shape[1] * C * channels);
  forEachTap(geometry, C, O, (ours, torch) => {
    if (torch !== undefined) values[ours] = weight.values[torch]!;
  });
  return {
    layer,
    weight: { axes: 'KH, KW, C, O', shape, values },
    bias: Float32Array.from({ length: channels }, (_, channel) => bias?.[channel % O] ?? 0),
  };
}

/**
 * A deconvolution by reshape as the ConvTranspose2d of the kernel and options given; its stride is the factor.
 * @throws SpecError unless that ConvTranspose2d has the layer's geometry, every weight outside of its kernel is 0, and
 * the pixels of a channel share one bias
 */
export function deconvToTorch(
  { layer, weight, bias }: Deconvolution,
  kernel: number | Pair,
  options: Omit<TransposedOptions, 'stride'> = {},
): TransposedWeights {
  const where = 'deconvToTorch';
  const { channels: O, factor = 2 } = layer;
  const geometry = geometryOf(pair(kernel), { ...options, stride: factor }, where);
  checkGeometry(layer, layerOf(O, geometry), where);
  const [C, [y, x]] = [weight.shape[2], geometry.axes];
  const values = new Float32Array(C * O * y.taps * x.taps);
  forEachTap(geometry, C, O, (ours, torch, coordinates) => {
    const value = weight.values[ours]!;
    if (torch !== undefined) values[torch] = value;
    else if (value !== 0)
      throw new SpecError(
        where,
        `weight [${coordinates.join(', ')}] is ${value}; it lies outside of a ${y.taps}x${x.taps} kernel and would have to be 0; use a larger kernel, or keep Conv2d and PixelShuffle`,
      );
  });
  return { weight: { shape: [C, O, y.taps, x.taps], values }, bias: sharedBias(bias, O, where) };
}

/** The bias of the first pixel, if the others have the same. */
function sharedBias(bias: Float32Array, O: number, where: string): Float32Array {
  bias.forEach((value, channel) => {
    if (value !== bias[channel % O])
      throw new SpecError(
        where,
        `bias [${channel}] is ${value} and bias [${channel % O}] is ${bias[channel % O]}; they belong to pixels of the same channel, which have one bias in a ConvTranspose2d; keep Conv2d and PixelShuffle`,
      );
  });
  return bias.slice(0, O);
}

/** Throws SpecError unless a layer has the geometry of `expected`. */
export function checkGeometry(layer: DeconvSpec, expected: DeconvSpec, where: string): void {
  const [actual, wanted] = [describeGeometry(layer), describeGeometry(expected)];
  if (actual !== wanted)
    throw new SpecError(
      where,
      `the layer has ${actual}; that ConvTranspose2d is one of ${wanted}; choose its kernel and padding so that they agree`,
    );
}

function describeGeometry({ kernel = 3, padding = 'same', crop = [0, 0] }: DeconvSpec): string {
  // one side's padding depends on the kernel alone where the stride is 1
  const sides = convGeometry([1, 1], pair(kernel), { padding }).padding;
  return `kernel ${pair(kernel).join('x')}, padding [${String(sides)}], crop [${crop.join()}]`;
}
