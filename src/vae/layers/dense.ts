/** A dense layer: y = activation(x W + b). Stored as W f32[in, out]; PyTorch's Linear keeps f32[out, in]. */
import { scoped, type Tensor } from '../../gpu/graph.js';
import { add } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { matmul } from '../../gpu/ops/matmul.js';
import { activate } from '../../gpu/ops/unary.js';
import { elementCount } from '../../gpu/shape.js';
import type { DenseSpec } from '../layer-spec.js';
import { activationPlaces, nameAt, type Extent, type Layer, type Site } from './layer.js';

/** x W + b of f32[B, ...] images or vectors, flattened: f32[B, units]. */
export function affineMap(x: Tensor, { weight, bias }: { weight: Tensor; bias: Tensor }): Tensor {
  const [inputs] = weight.shape;
  return add(matmul(x.shape.length === 2 ? x : reshape(x, [x.shape[0]!, inputs!]), weight), bias);
}

/** [D] -> [units]; an image is flattened first, by a module of its own in PyTorch's Sequential. */
export function dense({ units, activation }: DenseSpec, extent: Extent, site: Site): Layer {
  const { becomes } = site;
  const image = becomes && elementCount(becomes) === units ? becomes : undefined;
  const outputs = image ?? [units];
  const flattens = extent.shape.length === 3 ? 1 : 0;
  const name = nameAt(site, flattens);
  const parameters = site.weights.linear(name, extent.flattened ?? extent.shape, outputs);
  return {
    shape: [units],
    ...(image && { flattened: image }),
    places: flattens + 1 + activationPlaces(activation),
    apply: (x) => scoped(name, () => activate(affineMap(x, parameters), activation ?? 'identity')),
  };
}
