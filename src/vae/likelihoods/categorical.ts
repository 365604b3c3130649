/** One of C classes an element, from C logits: log p = l_x - log sum exp l. Data are the classes' numbers. */
import { multiply, subtract } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { logSumExp } from '../../gpu/ops/log-sum-exp.js';
import { lowest, oneHot } from '../../gpu/ops/nearest.js';
import { sum } from '../../gpu/ops/sum.js';
import { negate } from '../../gpu/ops/unary.js';
import { aligned, rowsOf, type Likelihood } from './elements.js';

export function categorical(classes: number): Likelihood {
  return {
    logDensity(output, x) {
      const { parameters } = aligned(output, x, classes);
      const [batch, width] = x.shape as [number, number];
      const chosen = multiply(parameters, reshape(oneHot(x, classes), [1, batch, width, classes]));
      return rowsOf(subtract(sum(chosen, [3], true), logSumExp(parameters, [3], true)));
    },
    /** The most likely class: classes have no mean. */
    mean(output) {
      const [rows, width] = output.shape as [number, number];
      const logits = reshape(output, [(rows * width) / classes, classes]);
      return reshape(lowest(negate(logits)), [rows, width / classes]);
    },
  };
}
