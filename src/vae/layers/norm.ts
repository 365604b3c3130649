/**
 * Normalization layers over channels-last tensors. Their scale starts at 1 and their shift at 0, as in PyTorch. The
 * `shape` of what they scale is [C], or the image that a vector holds, whose order is another in files.
 */
import { scoped, type Tensor } from '../../gpu/graph.js';
import {
  batchNorm as batchNormOp,
  groupNorm as groupNormOp,
  layerNorm as layerNormOp,
} from '../../gpu/ops/normalize.js';
import type { Shape } from '../../gpu/shape.js';
import type { WeightFactory } from '../weights.js';

/** f32[B, ..., C] -> the same shape; the layer's weights are `name.weight` and `name.bias`, f32[C]. */
export interface NormLayer {
  (x: Tensor): Tensor;
}

/** A batch in training: its rows, of which x may hold several samples each (sample-major). */
export interface TrainingBatch {
  readonly batch: number;
}

/** As NormLayer; with the batch's own statistics in training, with the running ones otherwise. */
export interface BatchNormLayer {
  (x: Tensor, training?: TrainingBatch): Tensor;
}

function affineWeights(weights: WeightFactory, name: string, shape: Shape): [gamma: Tensor, beta: Tensor] {
  return [weights.filled(`${name}.weight`, shape, 1), weights.filled(`${name}.bias`, shape, 0)];
}

/** torch.nn.GroupNorm(groups, channels). Makes the layer's weights now and applies them whenever it is called. */
export function groupNorm(
  weights: WeightFactory,
  name: string,
  shape: Shape,
  groups: number,
  epsilon?: number,
): NormLayer {
  const [gamma, beta] = affineWeights(weights, name, shape);
  const options = { groups, ...(epsilon !== undefined && { epsilon }) };
  return (x) => scoped(name, () => groupNormOp(x, gamma, beta, options));
}

/** torch.nn.LayerNorm(channels): over the last axis, every position on its own. */
export function layerNorm(weights: WeightFactory, name: string, shape: Shape, epsilon?: number): NormLayer {
  const [gamma, beta] = affineWeights(weights, name, shape);
  const options = epsilon === undefined ? {} : { epsilon };
  return (x) => scoped(name, () => layerNormOp(x, gamma, beta, options));
}

/**
 * torch.nn.BatchNorm2d(channels). Its state is `name.running`, in files `name.running_mean`, `name.running_var` and
 * `name.num_batches_tracked`.
 */
export function batchNorm(
  weights: WeightFactory,
  name: string,
  shape: Shape,
  settings: { readonly momentum?: number; readonly epsilon?: number } = {},
): BatchNormLayer {
  const [gamma, beta] = affineWeights(weights, name, shape);
  const running = weights.running(`${name}.running`, shape);
  return (x, training) => {
    const options = { ...settings, training: training !== undefined, ...training };
    return scoped(name, () => batchNormOp(x, gamma, beta, running, options));
  };
}
