/** The place in (0, 1) of standard normal noise: what makes any other distribution of it. */
import type { Tensor } from '../../gpu/graph.js';
import { affine, unary } from '../../gpu/ops/unary.js';

/** 1/2 (1 + erf(x / sqrt 2)), element by element. */
export function normalCdf(x: Tensor): Tensor {
  return affine(unary('erf', affine(x, Math.SQRT1_2, 0)), 0.5, 0.5);
}
