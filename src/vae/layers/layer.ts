/** What every layer is once it is built: a function of tensors with a known shape, and its places in a Sequential. */
import { SpecError } from '../../gpu/errors.js';
import type { Tensor } from '../../gpu/graph.js';
import type { Activation } from '../../gpu/ops/activation.js';
import type { Shape } from '../../gpu/shape.js';
import type { OwnLayer } from '../extensions.js';
import type { WeightFactory } from '../weights.js';
import type { TrainingBatch } from './norm.js';

/** The shape of a datum between layers: [D], or [H, W, C]. */
export interface Extent {
  readonly shape: Shape;
  /** The image whose numbers a vector holds; files keep them in another order. */
  readonly flattened?: Shape;
}

export interface Layer extends Extent {
  /** How many modules it is in PyTorch's Sequential, which counts activations and paddings. */
  readonly places: number;
  /** f32[B, ...] -> f32[B, ...shape]; `training` is given in training only. */
  apply(x: Tensor, training?: TrainingBatch): Tensor;
}

/** Where a layer stands: its weights are `prefix.place.weight`. */
export interface Site {
  readonly weights: WeightFactory;
  readonly prefix: string;
  readonly place: number;
  /** The layer's path in the specification and its type, for messages. */
  readonly where: string;
  readonly type: string;
  /** The image that the layer's units become, if a reshape follows. */
  readonly becomes?: Shape;
  /** Layers of the caller's by name. */
  readonly own?: Readonly<Record<string, OwnLayer>>;
}

/** The name of a site's weights, `offset` modules after its first. */
export function nameAt({ prefix, place }: Site, offset = 0): string {
  return `${prefix}.${place + offset}`;
}

/** @throws SpecError unless the extent is an image */
export function imageOf(
  { shape }: Extent,
  { where, type }: Site,
): [height: number, width: number, channels: number] {
  if (shape.length !== 3)
    throw new SpecError(
      where,
      `${type} gets a vector [${shape.join(', ')}]; expected an image [height, width, channels]; put a reshape before it`,
    );
  return shape as [number, number, number];
}

/** Modules of an activation: none for the identity. */
export function activationPlaces(activation: Activation = 'identity'): number {
  return activation === 'identity' ? 0 : 1;
}

/** A layer without weights that keeps the extent. */
export function pointwise(extent: Extent, places: number, apply: Layer['apply']): Layer {
  return { ...extent, places, apply };
}
