/**
 * The decoder's output as a distribution over data. Bernoulli takes the output as logits; grey values in
 * [0, 1] make it a loss rather than a likelihood. Gaussian and Laplace take it as the mean, with a scale that
 * is fixed, one learned number, or one a pixel; the learned ones are logarithms, so that they stay positive.
 */
import type { Tensor } from '../../gpu/graph.js';
import { constant } from '../../gpu/ops/constant.js';
import { likelihood } from '../../gpu/ops/likelihood.js';
import { activate } from '../../gpu/ops/unary.js';
import type { Shape } from '../../gpu/shape.js';
import type { LikelihoodSpec } from '../spec.js';
import type { WeightFactory } from '../weights.js';

export interface Likelihood {
  /** log p(x | z): f32[R] nats a row from the decoder's output f32[R, D] and data f32[B, D]. */
  logDensity(output: Tensor, x: Tensor): Tensor;
  /** The mean of p(x | z): f32[R, D]. */
  mean(output: Tensor): Tensor;
}

/** Builds the likelihood; a learned scale becomes the weight `likelihood.log_variance` (`likelihood.log_scale` for laplace). */
export function buildLikelihood(spec: LikelihoodSpec, weights: WeightFactory, datum: Shape): Likelihood {
  if (spec.type === 'bernoulli')
    return {
      logDensity: (output, x) => likelihood('bernoulli', output, x),
      mean: (output) => activate(output, 'sigmoid'),
    };
  const logScale = scaleTensor(spec, weights, datum);
  return {
    logDensity: (output, x) => likelihood(spec.type, output, x, logScale),
    mean: (output) => output,
  };
}

function scaleTensor(
  spec: Exclude<LikelihoodSpec, { type: 'bernoulli' }>,
  weights: WeightFactory,
  datum: Shape,
): Tensor {
  const name = spec.type === 'gaussian' ? 'likelihood.log_variance' : 'likelihood.log_scale';
  if (spec.scale === 'learned') return weights.filled(name, [1], 0);
  if (spec.scale === 'per-pixel') return weights.filled(name, datum, 0);
  const power = spec.type === 'gaussian' ? 2 : 1;
  return constant([1], power * Math.log(spec.scale));
}
