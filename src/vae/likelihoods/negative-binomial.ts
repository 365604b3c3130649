/**
 * Counts with a mean mu from the decoder and a dispersion theta learned for every element (Lopez et al. 2018, "scVI",
 * with theirs by gene; here without a library size). With l = log mu and t = log theta,
 * log p = lgamma(x + theta) - lgamma(theta) - lgamma(x + 1) - theta softplus(l - t) - x softplus(t - l);
 * the variance is mu + mu^2 / theta.
 */
import type { Tensor } from '../../gpu/graph.js';
import { add, multiply, subtract } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { activate, affine, clamp, exp, log, logGamma } from '../../gpu/ops/unary.js';
import { elementCount, type Shape } from '../../gpu/shape.js';
import type { WeightFactory } from '../weights.js';
import { aligned, rowsOf, type Likelihood } from './elements.js';

/** Beyond, counts are Poisson, or the digits of lgamma(x + theta) - lgamma(theta) run out in float32. */
const LOG_DISPERSION_RANGE = [-8, 8] as const;

/** Where exp makes neither 0 nor infinity, and where softplus makes a logarithm that is finite. */
const RANGES = { exp: [-20, 20], softplus: [-60, 1e9] } as const;

export function negativeBinomial(link: 'exp' | 'softplus', weights: WeightFactory, datum: Shape): Likelihood {
  const dispersion = weights.filled('likelihood.log_dispersion', datum, 0);
  const mean = (output: Tensor): Tensor => {
    const bounded = clamp(output, RANGES[link][0], RANGES[link][1]);
    return link === 'exp' ? exp(bounded) : activate(bounded, 'softplus');
  };
  return {
    logDensity(output, x) {
      const { parameters, data } = aligned(output, x, 1);
      const logMean = link === 'exp' ? clamp(parameters, ...RANGES.exp) : log(mean(parameters));
      const shape = [1, 1, elementCount(datum), 1];
      return rowsOf(logMass(data, logMean, clamp(reshape(dispersion, shape), ...LOG_DISPERSION_RANGE)));
    },
    mean,
  };
}

function logMass(x: Tensor, logMean: Tensor, logDispersion: Tensor): Tensor {
  const dispersion = exp(logDispersion);
  const ways = subtract(
    subtract(logGamma(add(x, dispersion)), logGamma(dispersion)),
    logGamma(affine(x, 1, 1)),
  );
  const stay = multiply(dispersion, activate(subtract(logMean, logDispersion), 'softplus'));
  const go = multiply(x, activate(subtract(logDispersion, logMean), 'softplus'));
  return subtract(subtract(ways, stay), go);
}
