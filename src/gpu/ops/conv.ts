/**
 * Convolution over images, channels last, and its two gradients as three forms of one op: each is linear in both of
 * its operands, and the gradients of each form are the other two. They run as matrix products whose unfolded
 * operand exists only as index arithmetic (shaders/lib/conv_*.wgsl). The planner may let a form read or write y with
 * its channels divided among pixels (a deconvolution by reshape), and read x smaller by nearest-neighbour upsampling.
 */
import { dispatch } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { applyOne, totalElements, type OpDefinition, type Step, type Tensor } from '../graph.js';
import { bothAxes, ceilDivide, describeShape, imageSizes, type Shape, type Pair } from '../shape.js';
import { productDispatches, type Epilogue, type ProductShape } from './product.js';

export type Padding = readonly [top: number, bottom: number, left: number, right: number];

/** What the shapes of a convolution's tensors leave open. */
export interface ConvGeometry {
  /** Height and width of x. */
  readonly input: Pair;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Padding;
}

export interface ConvFusion extends Epilogue {
  /** y is kept as f32[B, OH*r, OW*r, O/(r*r)]. */
  readonly shuffle?: number;
  /** x is kept as f32[B, H/u, W/u, C]. */
  readonly upsample?: number;
}

export interface ConvAttributes {
  /** `output`: y from (x, w); `input`: x's gradient from (y's, w); `weight`: w's gradient from (x, y's). */
  readonly form: 'output' | 'input' | 'weight';
  readonly geometry: ConvGeometry;
  readonly fused?: ConvFusion;
}

export const convOp: OpDefinition<ConvAttributes> = {
  name: 'conv',
  shapes([a, b], { form, geometry }) {
    if (form === 'weight') {
      const [B, H, W, C] = imageSizes(a, 'conv');
      const O = b?.[3] ?? 1;
      checkSize('x', [B, H, W, C], [B, ...geometry.input, C]);
      checkSize("y's gradient", b, [B, ...outputSize(geometry), O]);
      return [[...geometry.kernel, C, O]];
    }
    const [B, , , channels] = imageSizes(a, 'conv');
    const [C, O] = weightChannels(b, geometry.kernel);
    const input = [B, ...geometry.input, C];
    const output = [B, ...outputSize(geometry), O];
    if (form === 'output') {
      checkChannels(a!, b!, channels, C);
      checkSize('x', a, input);
      return [output];
    }
    checkSize("y's gradient", a, output);
    return [input];
  },
  cost(step) {
    const { batch, channels, outHeight, outWidth, outChannels } = sizesOf(step);
    const { kernel } = step.attributes.geometry;
    return {
      flops: 2 * batch * outHeight * outWidth * outChannels * kernel[0] * kernel[1] * channels,
      bytesRead: 4 * totalElements(step.inputs),
      bytesWritten: 4 * totalElements(step.outputs),
    };
  },
  forward(step, context) {
    const { form, fused: { shuffle = 1, upsample = 1 } = {} } = step.attributes;
    const sizes = sizesOf(step);
    const product = productOf(step, sizes);
    const { rows, columns, inner } = product;
    return productDispatches(step, product, context, (part) => {
      const parameters = {
        rows,
        columns,
        inner,
        split_length: part.splitLength,
        splits: part.splits,
        ...kernelParameters(step.attributes.geometry, sizes, shuffle, upsample),
        product_length: totalElements(step.outputs.slice(0, 1)),
      };
      const overrides = { ...part.overrides, SHUFFLE: shuffle, UPSAMPLE: upsample };
      return form === 'weight'
        ? dispatch(`conv_weight_${part.skeleton}`, { ...part, overrides, parameters })
        : dispatch(`conv_${part.skeleton}`, {
            ...part,
            overrides: { ...overrides, INPUT_GRADIENT: form === 'input' },
            parameters,
          });
    });
  },
  backward(node, [g]) {
    if (!g) return [undefined, undefined];
    const [a, b] = node.inputs as [Tensor, Tensor];
    const { form, geometry } = node.attributes;
    switch (form) {
      case 'output':
        return [convInputGradient(g, b, geometry), convWeightGradient(a, g, geometry)];
      case 'input':
        return [convOutput(g, b, geometry), convWeightGradient(g, a, geometry)];
      case 'weight':
        return [convInputGradient(b, g, geometry), convOutput(a, g, geometry)];
    }
  },
};

/** Height and width of y. @throws ShapeError when the window does not fit */
export function outputSize({ input, kernel, stride, padding }: ConvGeometry): [number, number] {
  const [top, bottom, left, right] = padding;
  const padded = [input[0] + top + bottom, input[1] + left + right] as const;
  if (kernel[0] > padded[0] || kernel[1] > padded[1])
    throw new ShapeError(
      'conv',
      `the kernel is ${kernel.join('x')} and the padded image ${padded.join('x')}; use a smaller kernel or more padding`,
    );
  return [
    Math.floor((padded[0] - kernel[0]) / stride[0]) + 1,
    Math.floor((padded[1] - kernel[1]) / stride[1]) + 1,
  ];
}

function checkChannels(x: Shape, weight: Shape, channels: number, expected: number): void {
  if (channels !== expected)
    throw new ShapeError(
      'conv',
      `input is ${describeShape(x)}; the weight expects ${expected} channel${expected === 1 ? '' : 's'} (${describeShape(weight)}); make it ${describeShape(weight.with(2, channels))}`,
    );
}

function checkSize(what: string, shape: Shape | undefined, expected: Shape): void {
  if (shape?.join() !== expected.join())
    throw new ShapeError(
      'conv',
      `${what} is ${describeShape(shape ?? [])}; the geometry expects ${describeShape(expected)}; pass the convolution's own`,
    );
}

function weightChannels(weight: Shape | undefined, kernel: Pair): [channels: number, outChannels: number] {
  if (weight?.length !== 4 || weight[0] !== kernel[0] || weight[1] !== kernel[1])
    throw new ShapeError(
      'conv',
      `weight is ${describeShape(weight ?? [])}; expected f32[${kernel.join(', ')}, channels, output channels]; reshape() it`,
    );
  return [weight[2]!, weight[3]!];
}

interface ConvSizes {
  readonly batch: number;
  readonly channels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly outChannels: number;
}

/** The sizes of an unfused or fused step; y counts as it was before its channels became pixels. */
function sizesOf(step: Step<ConvAttributes>): ConvSizes {
  const { form, geometry } = step.attributes;
  const [outHeight, outWidth] = outputSize(geometry);
  const [weight, image] =
    form === 'weight' ? [step.outputs[0]!, step.inputs[0]!] : [step.inputs[1]!, step.inputs[0]!];
  const [, , channels, outChannels] = weight.shape as [number, number, number, number];
  return { batch: image.shape[0]!, channels, outHeight, outWidth, outChannels };
}

function productOf(step: Step<ConvAttributes>, sizes: ConvSizes): ProductShape {
  const { form, geometry, fused: { shuffle = 1 } = {} } = step.attributes;
  const { kernel, stride, input } = geometry;
  const { batch, channels, outHeight, outWidth, outChannels } = sizes;
  const isWholeX = channels % 4 === 0;
  const isWholeY = outChannels % (4 * shuffle * shuffle) === 0;
  const aligned = isWholeX && isWholeY;
  const pixels = batch * outHeight * outWidth;
  const taps = kernel[0] * kernel[1];
  switch (form) {
    case 'output':
      return {
        family: 'conv',
        rows: pixels,
        columns: outChannels,
        inner: taps * channels,
        aligned,
        whole: { inner: isWholeX, columns: outChannels % 4 === 0, store: isWholeY },
        splittable: shuffle === 1,
      };
    case 'weight':
      return {
        family: 'conv_weight',
        rows: taps * channels,
        columns: outChannels,
        inner: pixels,
        aligned,
        whole: { inner: isWholeX, columns: isWholeY, store: outChannels % 4 === 0 },
      };
    case 'input':
      return {
        family: 'conv',
        rows: batch * ceilDivide(input[0], stride[0]) * ceilDivide(input[1], stride[1]),
        columns: channels,
        inner: ceilDivide(kernel[0], stride[0]) * ceilDivide(kernel[1], stride[1]) * outChannels,
        phases: stride[0] * stride[1],
        aligned,
        whole: { inner: isWholeY, columns: isWholeX, store: isWholeX },
      };
  }
}

function kernelParameters(
  { input, kernel, stride, padding }: ConvGeometry,
  sizes: ConvSizes,
  shuffle: number,
  upsample: number,
) {
  return {
    batch: sizes.batch,
    height: input[0] / upsample,
    width: input[1] / upsample,
    channels: sizes.channels,
    out_height: sizes.outHeight,
    out_width: sizes.outWidth,
    out_channels: sizes.outChannels,
    cell: sizes.outChannels / (shuffle * shuffle),
    kernel_height: kernel[0],
    kernel_width: kernel[1],
    stride_y: stride[0],
    stride_x: stride[1],
    top: padding[0],
    left: padding[2],
  };
}

/** Stride and zeros of a convolution: 1 and none by default. */
export interface ConvOptions {
  /** One number for both axes, or [along the height, along the width]. */
  readonly stride?: number | Pair;
  /** Zeros around the image. `same`: outputs of ceil(size / stride), an odd zero at the bottom and the right. */
  readonly padding?: number | Padding | 'same';
}

/** The geometry of a convolution of f32[B, H, W, C] images with options. @throws ShapeError for impossible numbers */
export function convGeometry(
  input: Pair,
  kernel: Pair,
  { stride = 1, padding = 0 }: ConvOptions,
): ConvGeometry {
  const strides = bothAxes(stride);
  const geometry: ConvGeometry = {
    input,
    kernel,
    stride: strides,
    padding:
      padding === 'same'
        ? [...samePadding(input[0], kernel[0], strides[0]), ...samePadding(input[1], kernel[1], strides[1])]
        : typeof padding === 'number'
          ? [padding, padding, padding, padding]
          : padding,
  };
  if (strides.length !== 2 || !strides.every((s) => Number.isInteger(s) && s >= 1))
    throw new ShapeError('conv', `stride is ${strides.join('x')}; expected integers of at least 1`);
  const sides: readonly unknown[] = [...geometry.padding];
  if (sides.length !== 4 || !sides.every((p) => Number.isInteger(p) && Number(p) >= 0))
    throw new ShapeError(
      'conv',
      `padding is ${String(padding)}; expected 'same', or integers of at least 0: one, or [top, bottom, left, right]`,
    );
  return geometry;
}

function samePadding(size: number, kernel: number, stride: number): [before: number, after: number] {
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernel - size, 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/**
 * f32[B, H, W, C] images convolved with f32[KH, KW, C, O]: y[b, i, j, o] = sum over (u, v, c) of
 * x[b, i*stride + u - top, j*stride + v - left, c] w[u, v, c, o] (a cross-correlation, as everywhere in the field).
 * @returns f32[B, OH, OW, O]
 * @throws ShapeError when channels differ or the kernel does not fit
 */
export function conv2d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  const [, H, W] = imageSizes(x.shape, 'conv');
  const [KH = 1, KW = 1] = weight.shape;
  return convOutput(x, weight, convGeometry([H, W], [KH, KW], options));
}

function convOutput(x: Tensor, weight: Tensor, geometry: ConvGeometry): Tensor {
  return applyOne(convOp, [x, weight], { form: 'output', geometry });
}

/** The gradient by x, f32[B, H, W, C], of y's gradient f32[B, OH, OW, O]: the transposed convolution. */
export function convInputGradient(g: Tensor, weight: Tensor, geometry: ConvGeometry): Tensor {
  return applyOne(convOp, [g, weight], { form: 'input', geometry });
}

/** The gradient by the weight, f32[KH, KW, C, O], from x and y's gradient. */
export function convWeightGradient(x: Tensor, g: Tensor, geometry: ConvGeometry): Tensor {
  return applyOne(convOp, [x, g], { form: 'weight', geometry });
}
