/** A specification as the modules of its two networks, and what a datum looks like in PyTorch and ONNX: [D], or [C, H, W]. */
import { elementCount, type Shape } from '../../gpu/shape.js';
import { outputsPerElement } from '../likelihoods/likelihood-spec.js';
import type { CompleteSpec } from '../spec.js';
import { network, torchShape, type Module } from './network.js';

export interface ModelNetworks {
  readonly encoder: readonly Module[];
  /** With the Linear behind layers that end in a vector. */
  readonly decoder: readonly Module[];
  /** [D], or [C, H, W]. */
  readonly datum: Shape;
  /** Numbers of the decoder for one element of a datum. */
  readonly outputsPerElement: number;
  /** True where the encoder's first layer takes images; others take data flat. */
  readonly takesImages: boolean;
  /** Numbers of the encoder for one datum. */
  readonly features: number;
  /** Columns of the condition, 0 without one. */
  readonly conditionWidth: number;
}

/** The networks of a specification that a model can be built of. @throws SpecError for what cannot be exported */
export function modelNetworks(spec: CompleteSpec): ModelNetworks {
  const width = elementCount(spec.input);
  const datum = spec.input.length === 3 ? spec.input : [width];
  const conditionWidth = spec.condition?.classes ?? 0;
  const takesImages = datum.length === 3 && spec.encoder[0]?.type !== 'dense';
  const encoder = network(spec.encoder, encoderExtent(datum, takesImages, conditionWidth), 'spec.encoder');
  const decoder = network(spec.decoder, { shape: [spec.latent + conditionWidth] }, 'spec.decoder');
  const perElement = outputsPerElement(spec.likelihood);
  const units = width * perElement;
  const inputs = elementCount(decoder.shape);
  const output: Module = { type: 'linear', inputs, units, shape: [units] };
  return {
    encoder: encoder.modules,
    decoder: decoder.shape.length === 1 ? [...decoder.modules, output] : decoder.modules,
    datum: torchShape(datum),
    outputsPerElement: perElement,
    takesImages,
    features: elementCount(encoder.shape),
    conditionWidth,
  };
}

/** As `Model` has it: the condition comes as further channels of an image, or further columns of a vector. */
function encoderExtent(
  datum: Shape,
  takesImages: boolean,
  conditionWidth: number,
): { shape: Shape; flattened?: Shape } {
  const [H, W, C] = datum as [number, number, number];
  if (takesImages) return { shape: [H, W, C + conditionWidth] };
  const shape = [elementCount(datum) + conditionWidth];
  return conditionWidth === 0 ? { shape, flattened: datum } : { shape };
}
