/**
 * A mixture of M logistics over 256 levels, each level with the mass of its bin (Salimans et al. 2017, "PixelCNN++",
 * section 2.1; here every channel by itself). With a and b the ends of a bin in units of a component's scale, its mass is
 * sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), whose logarithm needs no case for tiny masses:
 * a - b is the bin's width over the scale, whatever the level. The first bin begins, the last one ends at infinity.
 */
import type { Tensor } from '../../gpu/graph.js';
import { add, multiply, subtract } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { logSumExp } from '../../gpu/ops/log-sum-exp.js';
import { softmax } from '../../gpu/ops/softmax.js';
import { sum } from '../../gpu/ops/sum.js';
import { activate, affine, clamp, exp, log, negate, unary } from '../../gpu/ops/unary.js';
import { aligned, parametersOf, part, rowsOf, type Likelihood } from './elements.js';

/** Half a bin, with the levels spread over [-1, 1] as in the paper. */
const HALF_BIN = 1 / 255;

/** The paper's lower bound of a log scale, a quarter of a bin; the upper one keeps exp(-s) from 0. */
const LOG_SCALE_RANGE = [-7, 20] as const;

interface Components {
  /** Logits of the weights; one component has none. */
  readonly logits: Tensor | undefined;
  readonly mean: Tensor;
  readonly logScale: Tensor;
}

/** f32[..., P] -> f32[..., M] each: logits, means, log scales. */
function componentsOf(parameters: Tensor, count: number): Components {
  const first = count === 1 ? 0 : count;
  return {
    logits: count === 1 ? undefined : part(parameters, 0, count),
    mean: part(parameters, first, count),
    logScale: clamp(part(parameters, first + count, count), ...LOG_SCALE_RANGE),
  };
}

export function discretizedLogisticMixture(count: number): Likelihood {
  const perElement = count === 1 ? 2 : 3 * count;
  return {
    logDensity(output, x) {
      const { parameters, data } = aligned(output, x, perElement);
      const components = componentsOf(parameters, count);
      const masses = logMasses(components, data);
      const { logits } = components;
      if (!logits) return rowsOf(masses);
      const weighted = add(masses, subtract(logits, logSumExp(logits, [3], true)));
      return rowsOf(logSumExp(weighted, [3], true));
    },
    mean(output) {
      const { logits, mean } = componentsOf(parametersOf(output, perElement), count);
      const mixed = logits ? sum(multiply(softmax(logits), mean), [2]) : mean;
      const image = reshape(mixed, [output.shape[0]!, output.shape[1]! / perElement]);
      return clamp(affine(image, 0.5, 0.5), 0, 1);
    },
  };
}

/** log of the mass of the data's bins under every component, f32[S, B, D, M]. */
function logMasses({ mean, logScale }: Components, data: Tensor): Tensor {
  const inverse = exp(negate(logScale));
  const centred = subtract(affine(data, 2, -1), mean);
  const above = activate(negate(multiply(inverse, affine(centred, 1, HALF_BIN))), 'softplus');
  const below = activate(multiply(inverse, affine(centred, 1, -HALF_BIN)), 'softplus');
  const share = log(negate(unary('expm1', affine(inverse, -2 * HALF_BIN, 0))));
  // 1 except in the last bin, and except in the first
  const hasAbove = unary('inside', data, -1, 1 - HALF_BIN / 2);
  const hasBelow = unary('inside', data, HALF_BIN / 2, 2);
  const ends = add(multiply(above, hasAbove), multiply(below, hasBelow));
  return subtract(multiply(share, multiply(hasAbove, hasBelow)), ends);
}
