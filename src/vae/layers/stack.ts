/** Builds lists of layers: shapes are inferred from layer to layer, names counted as PyTorch's Sequential does. */
import { SpecError, VaeError } from '../../gpu/errors.js';
import { scoped, type Tensor } from '../../gpu/graph.js';
import { add } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { conv2d } from '../../gpu/ops/conv.js';
import { dropout } from '../../gpu/ops/dropout.js';
import { averagePool, maxPool, poolAxes, windowCount } from '../../gpu/ops/pool.js';
import { activate } from '../../gpu/ops/unary.js';
import { upsample } from '../../gpu/ops/upsample.js';
import { elementCount, sameShape, type Shape } from '../../gpu/shape.js';
import { ownCode } from '../own-spec.js';
import type { LayerSpec, NormSpec, PoolSpec, ResidualSpec } from '../layer-spec.js';
import { attention } from './attention.js';
import { conv, deconv } from './conv.js';
import { dense } from './dense.js';
import { activationPlaces, imageOf, nameAt, pointwise, type Extent, type Layer, type Site } from './layer.js';
import { batchNorm, groupNorm, layerNorm, type TrainingBatch } from './norm.js';

/** Layers one after another. */
export interface Stack extends Extent {
  apply(x: Tensor, training?: TrainingBatch): Tensor;
  /** The place after the last layer. */
  readonly places: number;
}

/** Where a list of layers stands, as Site. */
export type StackSite = Pick<Site, 'weights' | 'prefix' | 'where' | 'own'>;

/**
 * Builds `specs` for data of `extent`, their weights named `prefix.place`.
 * @throws SpecError naming the layer that does not fit what comes before it
 */
export function stack(
  specs: readonly LayerSpec[],
  extent: Extent,
  { weights, prefix, where, own }: StackSite,
): Stack {
  const built: Layer[] = [];
  let at = extent;
  let place = 0;
  specs.forEach((spec, index) => {
    const becomes = imageAfter(specs.slice(index + 1));
    const path = `${where}[${index}]`;
    const site: Site = {
      weights,
      prefix,
      place,
      where: path,
      type: spec.type,
      ...(becomes && { becomes }),
      ...(own && { own }),
    };
    const layer = buildNamed(spec, at, site);
    built.push(layer);
    at = layer;
    place += layer.places;
  });
  return {
    ...at,
    places: place,
    apply: (x, training) => built.reduce((value, layer) => layer.apply(value, training), x),
  };
}

/** Layers that do not care for the order of a vector's elements. */
const orderless = ['activation', 'dropout', 'batchNorm', 'layerNorm'];

/** The image that a reshape makes of a vector, behind nothing but orderless layers. */
export function imageAfter(rest: readonly LayerSpec[]): Shape | undefined {
  const next = rest.find(({ type }) => !orderless.includes(type));
  return next?.type === 'reshape' && next.shape.length === 3 ? next.shape : undefined;
}

/** What an op finds wrong is told at the layer's place; a layer has told it so itself. */
function buildNamed(spec: LayerSpec, extent: Extent, site: Site): Layer {
  try {
    return build(spec, extent, site);
  } catch (cause) {
    if (!(cause instanceof VaeError) || cause.where.startsWith(site.where)) throw cause;
    const text = cause.message.slice(cause.where.length + 3); // without `[where] `
    throw new SpecError(site.where, `${site.type}: ${text}`, { cause });
  }
}

function build(spec: LayerSpec, extent: Extent, site: Site): Layer {
  switch (spec.type) {
    case 'dense':
      return dense(spec, extent, site);
    case 'conv':
      return conv(spec, extent, site);
    case 'deconv':
      return deconv(spec, extent, site);
    case 'activation':
      return pointwise(extent, 1, (x) => activate(x, spec.activation));
    case 'groupNorm':
    case 'layerNorm':
    case 'batchNorm':
      return norm(spec, extent, site);
    case 'averagePool':
    case 'maxPool':
      return pool(spec, extent, site);
    case 'upsample': {
      const [H, W, C] = imageOf(extent, site);
      const shape = [H * spec.factor, W * spec.factor, C];
      return { shape, places: 1, apply: (x) => scoped(nameAt(site), () => upsample(x, spec.factor)) };
    }
    case 'dropout': {
      const tag = dropoutTag(site);
      return pointwise(extent, 1, (x, training) =>
        training ? scoped(nameAt(site), () => dropout(x, spec.rate, tag)) : x,
      );
    }
    case 'attention':
      return attention(extent, site);
    case 'residual':
      return residual(spec, extent, site);
    case 'flatten': {
      const flattened = imageOf(extent, site);
      const size = elementCount(flattened);
      return { shape: [size], flattened, places: 1, apply: (x) => reshape(x, [x.shape[0]!, size]) };
    }
    case 'reshape':
      return reshaped(spec.shape, extent, site);
    case 'own':
      return ownCode(spec, site.own, `${site.where}.name`, 'layers')(extent, site, spec.options);
  }
}

function reshaped(shape: Shape, extent: Extent, { where }: Site): Layer {
  if (elementCount(shape) !== elementCount(extent.shape))
    throw new SpecError(
      where,
      `reshape gets [${extent.shape.join(', ')}], ${elementCount(extent.shape)} numbers; expected ${elementCount(shape)} for [${shape.join(', ')}]; change its shape or the layer before it`,
    );
  const from = extent.flattened ?? extent.shape;
  return {
    shape,
    ...(shape.length === 1 && from.length === 3 && { flattened: from }),
    places: 1,
    apply: (x) => reshape(x, [x.shape[0]!, ...shape]),
  };
}

function norm(spec: NormSpec, extent: Extent, site: Site): Layer {
  const { type, groups = 1, momentum, epsilon, activation } = spec;
  const { weights } = site;
  const name = nameAt(site);
  const channels = extent.shape.at(-1)!;
  const scaled = extent.flattened ?? [channels];
  if (type === 'groupNorm' && channels % groups !== 0)
    throw new SpecError(
      site.where,
      `groupNorm gets ${channels} channels; expected a multiple of its ${groups} groups; choose groups that divide ${channels}`,
    );
  const apply =
    type === 'groupNorm'
      ? groupNorm(weights, name, scaled, groups, epsilon)
      : type === 'layerNorm'
        ? layerNorm(weights, name, scaled, epsilon)
        : batchNorm(weights, name, scaled, {
            ...(momentum !== undefined && { momentum }),
            ...(epsilon !== undefined && { epsilon }),
          });
  return pointwise(extent, 1 + activationPlaces(activation), (x, training) =>
    activate(apply(x, training), activation ?? 'identity'),
  );
}

function pool({ type, ...options }: PoolSpec, extent: Extent, site: Site): Layer {
  const [H, W, C] = imageOf(extent, site);
  const op = type === 'maxPool' ? maxPool : averagePool;
  return {
    shape: [...poolAxes([H, W], options).map((axis) => windowCount(axis, type)), C],
    places: 1,
    apply: (x) => scoped(nameAt(site), () => op(x, options)),
  };
}

/** activation(x + layers(x)), x through a 1x1 convolution where the channels differ. */
function residual(spec: ResidualSpec, extent: Extent, site: Site): Layer {
  const [H, W, C] = imageOf(extent, site);
  const name = nameAt(site);
  const inner = stack(spec.layers, extent, {
    weights: site.weights,
    prefix: `${name}.layers`,
    where: `${site.where}.layers`,
    ...(site.own && { own: site.own }),
  });
  const channels = inner.shape[2];
  if (inner.shape.length !== 3 || inner.shape[0] !== H || inner.shape[1] !== W)
    throw new SpecError(
      site.where,
      `residual: its layers make [${inner.shape.join(', ')}] of [${H}, ${W}, ${C}]; expected the same height and width; use stride 1 and padding 'same' in them`,
    );
  const isSame = sameShape(inner.shape, extent.shape);
  const shortcut = isSame ? undefined : site.weights.conv(`${name}.shortcut`, [1, 1, C, channels!]);
  const apply = (x: Tensor, training?: TrainingBatch): Tensor => {
    const straight = shortcut ? add(conv2d(x, shortcut.weight), shortcut.bias) : x;
    return activate(add(straight, inner.apply(x, training)), spec.activation ?? 'identity');
  };
  return {
    shape: inner.shape,
    places: 1 + activationPlaces(spec.activation),
    apply: (x, training) => scoped(name, () => apply(x, training)),
  };
}

/** Two dropouts of a model draw different noise: the tag is a hash of the layer's name (FNV-1a). */
function dropoutTag(site: Site): number {
  let hash = 0x811c9dc5;
  for (const character of nameAt(site)) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return hash >>> 0 || 1;
}
