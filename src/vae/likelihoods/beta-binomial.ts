/**
 * 256 levels as the successes of n = 255 trials whose probability is Beta(alpha, beta) (Townsend et al. 2019, "BB-ANS"):
 * log p(k) = log C(n, k) + log B(k + alpha, n - k + beta) - log B(alpha, beta). The decoder gives the
 * logarithms of alpha and beta.
 */
import type { Tensor } from '../../gpu/graph.js';
import { add, subtract } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { activate, affine, clamp, exp, logGamma } from '../../gpu/ops/unary.js';
import { aligned, parametersOf, part, rowsOf, type Likelihood } from './elements.js';

/** Levels less one. */
export const TRIALS = 255;

/** At alpha = beta = exp(6) the levels are nearly binomial; further out lgamma loses the digits that matter. */
export const LOG_RANGE = [-6, 6] as const;

function logarithms(parameters: Tensor): [alpha: Tensor, beta: Tensor] {
  const bounded = clamp(parameters, ...LOG_RANGE);
  return [part(bounded, 0), part(bounded, 1)];
}

/** log B(a, b). */
function logBeta(a: Tensor, b: Tensor): Tensor {
  return subtract(add(logGamma(a), logGamma(b)), logGamma(add(a, b)));
}

/** log C(n, k) = -log(n + 1) - log B(k + 1, n - k + 1). */
function logChoices(successes: Tensor, failures: Tensor): Tensor {
  return affine(logBeta(affine(successes, 1, 1), affine(failures, 1, 1)), -1, -Math.log(TRIALS + 1));
}

export const betaBinomial: Likelihood = {
  logDensity(output, x) {
    const { parameters, data } = aligned(output, x, 2);
    const [alpha, beta] = logarithms(parameters).map(exp) as [Tensor, Tensor];
    const [successes, failures] = [affine(data, TRIALS, 0), affine(data, -TRIALS, TRIALS)];
    const drawn = subtract(logBeta(add(successes, alpha), add(failures, beta)), logBeta(alpha, beta));
    return rowsOf(add(drawn, logChoices(successes, failures)));
  },
  mean(output) {
    const [alpha, beta] = logarithms(parametersOf(output, 2));
    const mean = activate(subtract(alpha, beta), 'sigmoid');
    return reshape(mean, [output.shape[0]!, output.shape[1]! / 2]);
  },
};
