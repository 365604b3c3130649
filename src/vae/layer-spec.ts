/** Layers as plain data: what each may state, its defaults, and the check of what comes from a file. */
import { SpecError } from '../gpu/errors.js';
import { checkActivation, type Activation } from '../gpu/ops/activation.js';
import type { Padding } from '../gpu/ops/conv.js';
import type { Pair } from '../gpu/shape.js';
import { integer, numberIn, record, show } from '../gpu/check.js';
import { ownName, ownOptions, type OwnPart } from './own-spec.js';

/** y = activation(x W + b), `units` wide; an image is flattened first. */
export interface DenseSpec {
  readonly type: 'dense';
  readonly units: number;
  readonly activation?: Activation;
}

/** A convolution to `channels`; one number stands for both axes. */
export interface ConvSpec {
  readonly type: 'conv';
  readonly channels: number;
  readonly kernel: number | Pair;
  readonly stride?: number | Pair;
  /** Zeros around the image: on every side, [top, bottom, left, right], or `same` (outputs of ceil(size / stride)). */
  readonly padding?: 'same' | number | Padding;
  readonly activation?: Activation;
}

/**
 * A deconvolution by reshape: a stride-1 convolution to factor^2 times the channels, which are divided among the
 * factor x factor pixels of an image as many times larger, less `crop` rows at the bottom and columns at the right.
 */
export interface DeconvSpec {
  readonly type: 'deconv';
  readonly channels: number;
  readonly factor?: number;
  readonly kernel?: number | Pair;
  readonly padding?: 'same' | number | Padding;
  readonly crop?: Pair;
  readonly activation?: Activation;
}

/** An activation alone, element by element. */
export interface ActivationSpec {
  readonly type: 'activation';
  readonly activation: Activation;
}

/** A normalization over channels (groupNorm, layerNorm) or over the batch, and an activation behind it. */
export interface NormSpec {
  readonly type: 'groupNorm' | 'layerNorm' | 'batchNorm';
  /** groupNorm only. */
  readonly groups?: number;
  /** batchNorm only: the share of a batch in the running statistics. */
  readonly momentum?: number;
  readonly epsilon?: number;
  readonly activation?: Activation;
}

/** The mean or the largest value of each window; the stride is the kernel's by default. */
export interface PoolSpec {
  readonly type: 'averagePool' | 'maxPool';
  readonly kernel: number | Pair;
  readonly stride?: number | Pair;
  readonly padding?: number | Pair;
}

/** Every pixel `factor` x `factor` times. */
export interface UpsampleSpec {
  readonly type: 'upsample';
  readonly factor: number;
}

/** Zeros with probability `rate` in training, the rest scaled by 1 / (1 - rate); the identity otherwise. */
export interface DropoutSpec {
  readonly type: 'dropout';
  readonly rate: number;
}

/** Single-head attention over pixels with a residual sum. */
export interface AttentionSpec {
  readonly type: 'attention';
}

/** activation(x + layers(x)); a 1x1 convolution brings x to the channels of layers(x) where they differ. */
export interface ResidualSpec {
  readonly type: 'residual';
  readonly layers: readonly LayerSpec[];
  readonly activation?: Activation;
}

/** An image [H, W, C] as a vector of its numbers. */
export interface FlattenSpec {
  readonly type: 'flatten';
}

/**
 * The same numbers as an image [H, W, C] or a vector [D], in our order of (row, column, channel). PyTorch's Flatten and
 * Unflatten mean the same where a dense layer makes the image's vector, or takes it.
 */
export interface ReshapeSpec {
  readonly type: 'reshape';
  readonly shape: readonly number[];
}

/** A layer as plain data; README.md lists the fields and their defaults. */
export type LayerSpec =
  | DenseSpec
  | ConvSpec
  | DeconvSpec
  | ActivationSpec
  | NormSpec
  | PoolSpec
  | UpsampleSpec
  | DropoutSpec
  | AttentionSpec
  | ResidualSpec
  | FlattenSpec
  | ReshapeSpec
  | OwnPart;

/** Checks a field's value, which is `undefined` where the field is absent; gives the value to keep. */
type Field = (value: unknown, where: string) => unknown;

const MAX_LAYERS = 256;
/** Residuals within residuals, far below what the call stack allows. */
const MAX_DEPTH = 8;
const MAX_CHANNELS = 2 ** 16;

const count =
  (limit: number): Field =>
  (value, where) =>
    integer(value, where, 1, limit);

const optional =
  (field: Field, fallback?: unknown): Field =>
  (value, where) =>
    value === undefined ? fallback : field(value, where);

const pairOf =
  (least: number, limit: number): Field =>
  (value, where) => {
    if (!Array.isArray(value)) return integer(value, where, least, limit);
    if (value.length !== 2)
      throw new SpecError(where, `is ${show(value)}; expected one number or [height, width]`);
    return value.map((item, axis) => integer(item, `${where}[${axis}]`, least, limit));
  };

const padding: Field = (value, where) => {
  if (value === 'same') return value;
  if (Array.isArray(value) && value.length === 4)
    return value.map((item, side) => integer(item, `${where}[${side}]`, 0, 64));
  if (typeof value === 'number') return integer(value, where, 0, 64);
  throw new SpecError(where, `is ${show(value)}; expected 'same', a number, or [top, bottom, left, right]`);
};

const activation: Field = (value, where) => {
  checkActivation(typeof value === 'string' ? value : show(value), where);
  return value;
};

const sizes: Field = (value, where) => {
  if (Array.isArray(value) && (value.length === 1 || value.length === 3))
    return value.map((size, axis) => integer(size, `${where}[${axis}]`, 1, 2 ** 20));
  throw new SpecError(where, `is ${show(value)}; expected [height, width, channels] or [size]`);
};

const crop: Field = (value, where) => {
  if (Array.isArray(value) && value.length === 2)
    return value.map((size, axis) => integer(size, `${where}[${axis}]`, 0, 64));
  throw new SpecError(where, `is ${show(value)}; expected [rows, columns]`);
};

const kernel = pairOf(1, 64);
const stride = pairOf(1, 16);
const epsilon = optional((value, where) => numberIn(value, where, 0, 1), 1e-5);
const noActivation = optional(activation, 'identity');
const pool = { kernel, stride: optional(stride), padding: optional(pairOf(0, 32), 0) };

/** The fields of every type of layer. */
const fields: Record<LayerSpec['type'], Readonly<Record<string, Field>>> = {
  dense: { units: count(MAX_CHANNELS), activation: noActivation },
  conv: {
    channels: count(MAX_CHANNELS),
    kernel,
    stride: optional(stride, 1),
    padding: optional(padding, 'same'),
    activation: noActivation,
  },
  deconv: {
    channels: count(MAX_CHANNELS),
    factor: optional(count(16), 2),
    kernel: optional(kernel, 3),
    padding: optional(padding, 'same'),
    crop: optional(crop, [0, 0]),
    activation: noActivation,
  },
  activation: { activation },
  groupNorm: { groups: count(MAX_CHANNELS), epsilon, activation: noActivation },
  layerNorm: { epsilon, activation: noActivation },
  batchNorm: {
    momentum: optional((value, where) => numberIn(value, where, 0, 1), 0.1),
    epsilon,
    activation: noActivation,
  },
  averagePool: pool,
  maxPool: pool,
  upsample: { factor: count(16) },
  dropout: { rate: (value, where) => numberIn(value, where, 0, 1) },
  attention: {},
  residual: { layers, activation: noActivation },
  flatten: {},
  reshape: { shape: sizes },
  own: { name: ownName, options: optional(ownOptions) },
};

/** A list of layers with every default filled in. @throws SpecError naming the layer and the field */
export function layers(value: unknown, where: string): LayerSpec[] {
  if (where.split('.layers').length > MAX_DEPTH)
    throw new SpecError(
      where,
      `is a residual in ${MAX_DEPTH - 1} others; expected fewer; put layers beside each other`,
    );
  if (!Array.isArray(value) || value.length > MAX_LAYERS)
    throw new SpecError(where, `is ${show(value)}; expected a list of at most ${MAX_LAYERS} layers`);
  return value.map((layer, index) => layerSpec(layer, `${where}[${index}]`));
}

function layerSpec(value: unknown, where: string): LayerSpec {
  if (typeof value !== 'object' || value === null)
    throw new SpecError(where, `is ${show(value)}; expected a layer, such as {"type": "flatten"}`);
  const { type } = value as { type?: unknown };
  if (typeof type !== 'string' || !Object.hasOwn(fields, type))
    throw new SpecError(
      `${where}.type`,
      `is ${show(type)}; expected one of ${Object.keys(fields).join(', ')}`,
    );
  const known = fields[type as LayerSpec['type']];
  const layer = record(value, where, ['type', ...Object.keys(known)]);
  const complete: Record<string, unknown> = { type };
  for (const [name, check] of Object.entries(known)) {
    const checked = check(layer[name], `${where}.${name}`);
    if (checked !== undefined) complete[name] = checked;
  }
  return complete as unknown as LayerSpec;
}
