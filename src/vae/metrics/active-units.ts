/** Which latents carry anything. Burda, Grosse and Salakhutdinov 2015, section 5.2: `Var_x(E_q[z_u | x]) > 0.01`. */
import { checkMatrix, columnVariances, type Matrix } from './matrix.js';

/** Their threshold; results hardly depend on it, since variances are either near 0 or near 1. */
export const ACTIVE_VARIANCE = 0.01;

/** Which latents are used. */
export interface ActiveUnits {
  readonly count: number;
  /** `Var_x(E_q[z_u | x])` of every latent, `[K]`. */
  readonly variances: readonly number[];
  /** `[K]` */
  readonly isActive: readonly boolean[];
}

/**
 * Latents whose mean moves with the data: Var_x E[z_k given x] above 0.01 (Burda et al. 2015, section 5.2).
 *
 * @param means `f32[N, K]` or `f64[N, K]`, the posterior's means over a data set
 */
export function activeUnits(means: Matrix): ActiveUnits {
  checkMatrix(means, 'activeUnits');
  const variances = columnVariances(means);
  const isActive = variances.map((value) => value > ACTIVE_VARIANCE);
  return { count: isActive.filter(Boolean).length, variances, isActive };
}
