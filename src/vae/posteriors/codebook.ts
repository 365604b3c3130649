/**
 * The codewords of a vector-quantised posterior: a weight that learns from a loss, or moving averages of what the encoder
 * makes of them. Van den Oord, Vinyals and Kavukcuoglu 2017, section 3.2 and appendix A.1.
 */
import type { Tensor } from '../../gpu/graph.js';
import { divide, multiply } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { matmul } from '../../gpu/ops/matmul.js';
import type { MovingAverage } from '../../gpu/ops/moving-average.js';
import { sum } from '../../gpu/ops/sum.js';
import { affine, unary } from '../../gpu/ops/unary.js';
import type { WeightFactory } from '../weights.js';
import type { VectorQuantizedSpec } from './posterior-spec.js';

/** Laplace smoothing of the counts, so that a codeword which nothing chooses has a value. */
export const SMOOTHING = 1e-5;

export interface Codebook {
  /** f32[C, D] */
  readonly codewords: Tensor;
  /**
   * What moves the codewords where no gradient does.
   * @param chosen one-hot f32[R, C], zeros for a row that does not count
   * @param counts its column sums, f32[C]
   * @param rows what was quantised, f32[R, D]
   */
  follow?(chosen: Tensor, counts: Tensor, rows: Tensor): readonly MovingAverage[];
}

export function buildCodebook(spec: VectorQuantizedSpec, weights: WeightFactory): Codebook {
  const { codes, dimension } = spec;
  if (spec.codebook === 'ema') return movingCodebook(spec, weights);
  return { codewords: weights.rows('posterior.codebook', codes, [dimension], -1 / codes, 1 / codes) };
}

/**
 * N_i and m_i, moving averages of how many rows a batch has for codeword i and of their sum. e_i = m_i / n_i with
 * n_i = (N_i + epsilon) N / (N + C epsilon) and N the sum of all N_i.
 */
function movingCodebook({ codes, dimension, decay }: VectorQuantizedSpec, weights: WeightFactory): Codebook {
  const counts = weights.average('posterior.codebook_counts', [codes], 1, 1);
  const sums = weights.average('posterior.codebook_sums', [codes, dimension], -1 / codes, 1 / codes);
  const whole = affine(unary('reciprocal', sum(counts)), codes * SMOOTHING, 1); // (N + C epsilon) / N
  const scale = divide(whole, affine(counts, 1, SMOOTHING));
  return {
    codewords: multiply(sums, reshape(scale, [codes, 1])),
    follow: (chosen, fresh, rows) => [
      { average: counts, fresh, decay },
      { average: sums, fresh: matmul(chosen, rows, 'TN'), decay },
    ],
  };
}
