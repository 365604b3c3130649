/**
 * Layers as the modules of a PyTorch Sequential, with the shapes that they have there: [D], or [C, H, W]. What files name
 * their tensors after (src/vae/layers counts the same places); model.py and the ONNX graphs are both written from it.
 */
import { SpecError } from '../../gpu/errors.js';
import type { Activation } from '../../gpu/ops/activation.js';
import { convGeometry, outputSize } from '../../gpu/ops/conv.js';
import { poolAxes, windowCount } from '../../gpu/ops/pool.js';
import { bothAxes, elementCount, sameShape, type Pair, type Shape } from '../../gpu/shape.js';
import type { OwnPart } from '../own-spec.js';
import { imageAfter } from '../layers/stack.js';
import type { ConvSpec, DeconvSpec, LayerSpec, NormSpec, PoolSpec, ReshapeSpec } from '../layer-spec.js';

/** What a module is; `channels` are those that come out of it, `inputs` those that go in. */
export type ModuleKind =
  | { readonly type: 'flatten' | 'attention' | 'unflatten' }
  | { readonly type: 'linear'; readonly inputs: number; readonly units: number }
  | {
      readonly type: 'conv';
      readonly inputs: number;
      readonly channels: number;
      readonly kernel: Pair;
      readonly stride: Pair;
      readonly padding: Pair;
      /** The deconvolution whose first module this is. */
      readonly deconv?: DeconvSpec;
    }
  /** Zeros around an image; negative numbers cut off. */
  | { readonly type: 'pad'; readonly sides: Sides }
  | { readonly type: 'pixelShuffle' | 'upsample'; readonly factor: number }
  | { readonly type: 'activation'; readonly activation: Activation }
  | { readonly type: 'groupNorm'; readonly groups: number; readonly epsilon: number }
  | { readonly type: 'layerNorm'; readonly epsilon: number }
  | { readonly type: 'batchNorm'; readonly epsilon: number; readonly momentum: number }
  | {
      readonly type: 'averagePool' | 'maxPool';
      readonly kernel: Pair;
      readonly stride: Pair;
      readonly padding: Pair;
    }
  | { readonly type: 'dropout'; readonly rate: number }
  /** x + modules(x), x through a 1x1 convolution of `inputs` channels where that is given. */
  | { readonly type: 'residual'; readonly modules: readonly Module[]; readonly inputs?: number }
  /** Numbers in our order of (row, column, channel), `from` one image (or a vector) `to` another. */
  | { readonly type: 'reorder'; readonly from: Shape; readonly to: Shape };

export type Module = ModuleKind & {
  /** Of a datum behind the module: [D] or [C, H, W]. */
  readonly shape: Shape;
};

/** [top, bottom, left, right] */
type Sides = readonly [number, number, number, number];

/** A datum between layers, channels last as in specifications. */
interface Extent {
  readonly shape: Shape;
  /** The image whose numbers a vector holds; PyTorch has them as (channel, row, column). */
  readonly flattened?: Shape;
}

/** A list of layers, behind which a datum is `shape`, channels last. */
export interface Network extends Extent {
  readonly modules: readonly Module[];
}

/** [H, W, C] as PyTorch has it, [C, H, W]; a vector stays. */
export function torchShape(shape: Shape): Shape {
  const [H, W, C] = shape;
  return shape.length === 3 ? [C!, H!, W!] : shape;
}

/** The modules of layers whose shapes fit, as those of a built model do. @throws SpecError for what cannot be exported */
export function network(specs: readonly LayerSpec[], extent: Extent, where: string): Network {
  const modules: Module[] = [];
  let at = extent;
  specs.forEach((spec, index) => {
    const becomes = imageAfter(specs.slice(index + 1));
    const made = layer(spec, at, { where: `${where}[${index}]`, ...(becomes && { becomes }) });
    modules.push(...made.modules);
    at = made;
    const activation = 'activation' in spec && spec.type !== 'activation' ? spec.activation : undefined;
    if (activation && activation !== 'identity')
      modules.push({ type: 'activation', activation, shape: torchShape(at.shape) });
  });
  return { ...at, modules };
}

interface Site {
  readonly where: string;
  /** The image that a dense layer's units become. */
  readonly becomes?: Shape;
}

function layer(spec: LayerSpec, extent: Extent, site: Site): Network {
  const shape = torchShape(extent.shape);
  const same = (kind: ModuleKind): Network => ({ ...extent, modules: [{ ...kind, shape }] });
  switch (spec.type) {
    case 'dense':
      return dense(spec.units, extent, site);
    case 'conv':
      return conv(spec, spec.channels, extent.shape);
    case 'deconv':
      return deconv(spec, extent.shape);
    case 'activation':
      return same({ type: 'activation', activation: spec.activation });
    case 'groupNorm':
    case 'layerNorm':
    case 'batchNorm':
      return same(norm(spec, extent, site));
    case 'averagePool':
    case 'maxPool':
      return pool(spec, extent.shape);
    case 'upsample': {
      const [H, W, C] = extent.shape as ImageShape;
      return image([{ type: 'upsample', factor: spec.factor }], [H * spec.factor, W * spec.factor, C]);
    }
    case 'dropout':
      return same({ type: 'dropout', rate: spec.rate });
    case 'attention':
      return same({ type: 'attention' });
    case 'residual': {
      const inner = network(spec.layers, extent, `${site.where}.layers`);
      const inputs = sameShape(inner.shape, extent.shape) ? {} : { inputs: extent.shape[2]! };
      return image([{ type: 'residual', modules: inner.modules, ...inputs }], inner.shape);
    }
    case 'flatten':
      return flatten(extent.shape);
    case 'reshape':
      return reshape(spec, extent);
    case 'own':
      throw ownLayer(spec, site.where);
  }
}

/** Looks for layers of their author's own before anything is built of them. @throws SpecError naming the first */
export function checkOwnLayers(specs: readonly LayerSpec[], where: string): void {
  specs.forEach((spec, index) => {
    const at = `${where}[${index}]`;
    if (spec.type === 'own') throw ownLayer(spec, at);
    if (spec.type === 'residual') checkOwnLayers(spec.layers, `${at}.layers`);
  });
}

function ownLayer({ name }: OwnPart, where: string): SpecError {
  return new SpecError(
    where,
    `is the layer '${name}' of its author, whose code neither PyTorch nor ONNX has; build the model of the package's layers to export it, or read its weights from vae.save() with the package safetensors`,
  );
}

type ImageShape = [H: number, W: number, C: number];

function image(kinds: readonly ModuleKind[], shape: Shape): Network {
  return { shape, modules: kinds.map((kind) => ({ ...kind, shape: torchShape(shape) })) };
}

function flatten(from: Shape): Network {
  const size = elementCount(from);
  return { shape: [size], flattened: from, modules: [{ type: 'flatten', shape: [size] }] };
}

function dense(units: number, extent: Extent, { becomes }: Site): Network {
  const inputs = elementCount(extent.shape);
  const before = extent.shape.length === 3 ? flatten(extent.shape).modules : [];
  const flattened = becomes && elementCount(becomes) === units ? { flattened: becomes } : {};
  return {
    shape: [units],
    ...flattened,
    modules: [...before, { type: 'linear', inputs, units, shape: [units] }],
  };
}

/** A Conv2d, behind a ZeroPad2d where its padding is not symmetric. */
function conv(spec: ConvSpec | DeconvSpec, channels: number, shape: Shape): Network {
  const [H, W, C] = shape as ImageShape;
  const { kernel = 3, padding = 'same' } = spec;
  const stride = spec.type === 'conv' ? (spec.stride ?? 1) : 1;
  const geometry = convGeometry([H, W], bothAxes(kernel), { stride, padding });
  const [top, bottom, left, right] = geometry.padding;
  const isSymmetric = top === bottom && left === right;
  const output = [...outputSize(geometry), channels];
  const kind: ModuleKind = {
    type: 'conv',
    inputs: C,
    channels,
    kernel: geometry.kernel,
    stride: geometry.stride,
    padding: isSymmetric ? [top, left] : [0, 0],
    ...(spec.type === 'deconv' && { deconv: spec }),
  };
  const padded = [H + top + bottom, W + left + right, C];
  const before = isSymmetric
    ? []
    : image([{ type: 'pad', sides: [top, bottom, left, right] }], padded).modules;
  return { shape: output, modules: [...before, ...image([kind], output).modules] };
}

function deconv(spec: DeconvSpec, shape: Shape): Network {
  const { channels, factor = 2, crop = [0, 0] } = spec;
  const coarse = conv(spec, factor * factor * channels, shape);
  const [H, W] = coarse.shape as ImageShape;
  const fine = [factor * H, factor * W, channels];
  const cut = [fine[0]! - crop[0], fine[1]! - crop[1], channels];
  const isCut = crop.some((pixels) => pixels > 0);
  return {
    shape: cut,
    modules: [
      ...coarse.modules,
      ...image([{ type: 'pixelShuffle', factor }], fine).modules,
      ...(isCut ? image([{ type: 'pad', sides: [0, -crop[0], 0, -crop[1]] }], cut).modules : []),
    ],
  };
}

function norm(spec: NormSpec, { shape, flattened }: Extent, { where }: Site): ModuleKind {
  const { type, groups = 1, epsilon = 1e-5, momentum = 0.1 } = spec;
  if (type === 'groupNorm' && groups > 1 && flattened && shape.length === 1)
    throw new SpecError(
      where,
      `is a groupNorm of ${groups} groups over a flattened image, whose groups hold other numbers in PyTorch's order; put it before the flatten to export the model`,
    );
  if (type === 'groupNorm') return { type, groups, epsilon };
  return type === 'layerNorm' ? { type, epsilon } : { type, epsilon, momentum };
}

function pool({ type, ...options }: PoolSpec, shape: Shape): Network {
  const [H, W, C] = shape as ImageShape;
  const [rows, columns] = poolAxes([H, W], options);
  const kind: ModuleKind = {
    type,
    kernel: [rows[1], columns[1]],
    stride: [rows[2], columns[2]],
    padding: [rows[3], columns[3]],
  };
  return image([kind], [windowCount(rows, type), windowCount(columns, type), C]);
}

/** True for images whose numbers lie in the same order channels first and channels last. */
const isPlain = ([height = 1, width = 1, channels]: Shape): boolean => height * width === 1 || channels === 1;

/** An Unflatten where PyTorch's order is the same, otherwise what ours means by it. */
function reshape({ shape: to }: ReshapeSpec, extent: Extent): Network {
  if (to.length === 1)
    return extent.shape.length === 3 ? flatten(extent.shape) : { ...extent, modules: flatten(to).modules };
  const from = extent.flattened ?? extent.shape;
  const isUnflatten =
    extent.shape.length === 1 &&
    (from.length === 3 ? sameShape(from, to) || (isPlain(from) && isPlain(to)) : isPlain(to));
  const kind: ModuleKind = isUnflatten ? { type: 'unflatten' } : { type: 'reorder', from, to };
  return image([kind], to);
}
