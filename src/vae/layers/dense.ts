/** A dense layer: y = activation(x W + b). Stored as W f32[in, out]; PyTorch's Linear keeps f32[out, in]. */
import { scoped, type Tensor } from '../../gpu/graph.js';
import { add } from '../../gpu/ops/binary.js';
import { matmul } from '../../gpu/ops/matmul.js';
import type { Activation } from '../../gpu/ops/activation.js';
import { activate } from '../../gpu/ops/unary.js';
import type { WeightFactory } from '../weights.js';

/** f32[N, in] -> f32[N, units]; the layer's weights are `name.weight` and `name.bias`. */
export interface DenseLayer {
  (x: Tensor): Tensor;
}

/** Makes the layer's weights now and applies them whenever it is called. */
export function dense(
  weights: WeightFactory,
  name: string,
  inputs: number,
  units: number,
  activation: Activation = 'identity',
): DenseLayer {
  const weight = weights.linear(`${name}.weight`, inputs, units);
  const bias = weights.bias(`${name}.bias`, inputs, units);
  return (x) => scoped(name, () => activate(add(matmul(x, weight), bias), activation));
}
