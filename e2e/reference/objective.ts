/**
 * The negative evidence lower bound of a batch, with the weights that make a short last batch and several
 * samples a datum average correctly. Rows are those of `reparameterize`: B data, S samples, R = S*B.
 */
import { zeros, type F64 } from './tensor.js';

/** `rowCount` of the B data count (default all): a last, smaller batch is padded and masked, not re-planned. */
export interface ObjectiveOptions {
  batch: number;
  rowCount?: number;
  beta?: number;
}

/** Nats per datum; `elbo = reconstruction - beta * kl`. */
export interface Terms {
  elbo: number;
  reconstruction: number;
  kl: number;
}

/** `w_r = 1/(rowCount S)` where `r mod B < rowCount`, else 0: `f64[R]`. */
export function rowWeights(rows: number, { batch, rowCount = batch }: ObjectiveOptions): F64 {
  const weights = zeros([rows]);
  const samples = rows / batch;
  for (let r = 0; r < rows; r++) weights.values[r] = r % batch < rowCount ? 1 / (rowCount * samples) : 0;
  return weights;
}

/** `loss = sum_r w_r (beta kl_r - reconstruction_r)` and its terms, from kl and reconstruction `f64[R]`. */
export function objective(
  kl: F64,
  reconstruction: F64,
  options: ObjectiveOptions,
): { loss: number; terms: Terms } {
  const { beta = 1 } = options;
  const weights = rowWeights(kl.values.length, options);
  const terms: Terms = { elbo: 0, reconstruction: 0, kl: 0 };
  weights.values.forEach((weight, r) => {
    if (weight === 0) return; // padded rows may hold anything, even NaN
    terms.reconstruction += weight * reconstruction.values[r]!;
    terms.kl += weight * kl.values[r]!;
  });
  terms.elbo = terms.reconstruction - beta * terms.kl;
  return { loss: -terms.elbo, terms };
}

/** Gradients of the loss: `klGradient = beta w`, `reconstructionGradient = -w`, both `f64[R]`. */
export function objectiveBackward(
  rows: number,
  options: ObjectiveOptions,
): { klGradient: F64; reconstructionGradient: F64 } {
  const { beta = 1 } = options;
  const weights = rowWeights(rows, options);
  return {
    klGradient: { shape: [rows], values: weights.values.map((w) => beta * w) },
    reconstructionGradient: { shape: [rows], values: weights.values.map((w) => -w) },
  };
}
