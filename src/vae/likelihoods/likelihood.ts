/**
 * The decoder's output as a distribution over data. Bernoulli takes the output as logits; grey values in
 * [0, 1] make it a loss rather than a likelihood. Gaussian and Laplace take it as the mean, with a scale that
 * is fixed, one learned number, one a pixel (logarithms, so that they stay positive), or the decoder's. The others
 * are a file each, composed of ops.
 */
import type { Tensor } from '../../gpu/graph.js';
import { constant, reshape } from '../../gpu/ops/constant.js';
import { likelihood } from '../../gpu/ops/likelihood.js';
import { activate, clamp } from '../../gpu/ops/unary.js';
import type { Shape } from '../../gpu/shape.js';
import type { WeightFactory } from '../weights.js';
import { betaBinomial } from './beta-binomial.js';
import { categorical } from './categorical.js';
import { discretizedLogisticMixture } from './discretized-logistic-mixture.js';
import { parametersOf, part, type Likelihood } from './elements.js';
import type { LikelihoodSpec, ScaleSpec } from './likelihood-spec.js';
import { negativeBinomial } from './negative-binomial.js';

export type { Likelihood };

/**
 * Builds the likelihood for data of shape `datum`. What it learns itself becomes weights: `likelihood.log_variance`
 * of a gaussian, `likelihood.log_scale` of laplace, `likelihood.log_dispersion` of the negative binomial.
 */
export function buildLikelihood(spec: LikelihoodSpec, weights: WeightFactory, datum: Shape): Likelihood {
  switch (spec.type) {
    case 'bernoulli':
      return {
        logDensity: (output, x) => likelihood('bernoulli', output, x),
        mean: (output) => activate(output, 'sigmoid'),
      };
    case 'gaussian':
      return spec.scale === 'decoder' ? gaussianOfDecoder : withScale('gaussian', spec.scale, weights, datum);
    case 'laplace':
      return withScale('laplace', spec.scale, weights, datum);
    case 'discretized-logistic-mixture':
      return discretizedLogisticMixture(spec.components);
    case 'categorical':
      return categorical(spec.classes);
    case 'negative-binomial':
      return negativeBinomial(spec.mean, weights, datum);
    case 'beta-binomial':
      return betaBinomial;
  }
}

function withScale(
  type: 'gaussian' | 'laplace',
  scale: ScaleSpec,
  weights: WeightFactory,
  datum: Shape,
): Likelihood {
  const logScale = scaleTensor(type, scale, weights, datum);
  return {
    logDensity: (output, x) => likelihood(type, output, x, logScale),
    mean: (output) => output,
  };
}

function scaleTensor(
  type: 'gaussian' | 'laplace',
  scale: ScaleSpec,
  weights: WeightFactory,
  datum: Shape,
): Tensor {
  const name = type === 'gaussian' ? 'likelihood.log_variance' : 'likelihood.log_scale';
  if (scale === 'learned') return weights.filled(name, [1], 0);
  if (scale === 'per-pixel') return weights.filled(name, datum, 0);
  const power = type === 'gaussian' ? 2 : 1;
  return constant([1], power * Math.log(scale));
}

/** Sigma from 1/1100 of a unit: a density of data that repeat has no bound, so the scale needs one. */
const LOG_VARIANCE_RANGE = [-14, 14] as const;

/** Mean and log-variance of every element from the decoder (Kingma and Welling 2013, appendix C.2). */
const gaussianOfDecoder: Likelihood = {
  logDensity(output, x) {
    const [rows, width] = [output.shape[0]!, x.shape[1]!];
    const parameters = parametersOf(output, 2);
    const logVariance = clamp(part(parameters, 1), ...LOG_VARIANCE_RANGE);
    const mean = reshape(part(parameters, 0), [rows, width]);
    return likelihood('gaussian', mean, x, reshape(logVariance, [rows, width]));
  },
  mean: (output) => reshape(part(parametersOf(output, 2), 0), [output.shape[0]!, output.shape[1]! / 2]),
};
