/**
 * p(x | z) of a byte as slots of the coder, from what the decoder network says of it: one bit under a Bernoulli, or 256
 * levels under a beta-binomial. Only + - * / make the slots of the network's numbers.
 */
import { DataError } from '../../gpu/errors.js';
import { LOG_RANGE, TRIALS } from '../likelihoods/beta-binomial.js';
import { exactExp, exactSigmoid } from './exact-math.js';
import { frequencyTotal, type RansStack } from './rans.js';
import { popValue, pushValue, quantize, type SymbolTable } from './table.js';

export interface PixelCode {
  /** True when only the bytes 0 and 255 can be coded. */
  readonly isBinary: boolean;
  /** Pushes a byte under the decoder's numbers of it. */
  push(stack: RansStack, parameters: Float32Array, byte: number): void;
  /** Pops what `push` pushed under the same numbers. */
  pop(stack: RansStack, parameters: Float32Array): number;
}

/** A logit: zero owns the slots below the split, 255 those from there on, at least one each. */
export const bernoulliPixels: PixelCode = {
  isBinary: true,
  push(stack, [logit], byte) {
    const split = splitOf(logit!);
    if (byte > 0) stack.push(split, frequencyTotal - split);
    else stack.push(0, split);
  },
  pop(stack, [logit]) {
    const split = splitOf(logit!);
    const isOne = stack.slot >= split;
    if (isOne) stack.drop(split, frequencyTotal - split);
    else stack.drop(0, split);
    return isOne ? 255 : 0;
  },
};

function splitOf(logit: number): number {
  return 1 + Math.floor(exactSigmoid(-logit) * (frequencyTotal - 2) + 0.5);
}

/** The logarithms of alpha and beta. */
export const betaBinomialPixels: PixelCode = {
  isBinary: false,
  push: (stack, parameters, byte) => pushValue(stack, betaBinomialTable(parameters), byte),
  pop(stack, parameters) {
    const byte = popValue(stack, betaBinomialTable(parameters));
    if (byte >= 0 && byte <= TRIALS) return byte;
    throw new DataError(
      'bits-back',
      `a level is ${byte}; expected 0 to ${TRIALS}; the file is damaged, or the networks give other bits here`,
    );
  },
};

/**
 * All levels from the ratio of neighbours, p(k + 1) / p(k) = (n - k) (k + alpha) / ((k + 1) (n - k - 1 + beta)): no
 * gamma function. Within the likelihood's range no product passes 1e300.
 */
function betaBinomialTable(parameters: Float32Array): SymbolTable {
  const [alpha, beta] = Array.from(parameters, (value) =>
    exactExp(Math.min(LOG_RANGE[1], Math.max(LOG_RANGE[0], value))),
  ) as [number, number];
  const weights = new Float64Array(TRIALS + 1).fill(1);
  let sum = 1;
  for (let k = 0; k < TRIALS; k++) {
    const ratio = ((TRIALS - k) * (k + alpha)) / ((k + 1) * (TRIALS - k - 1 + beta));
    weights[k + 1] = weights[k]! * ratio;
    sum += weights[k + 1]!;
  }
  return quantize(
    0,
    weights.map((weight) => weight / sum),
  );
}
