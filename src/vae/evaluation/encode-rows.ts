/** A data set through the encoder and back, in pieces that fit in memory. */
import { floatRows, type Dataset } from '../data/dataset.js';
import type { Matrix } from '../metrics/matrix.js';
import type { Vae } from '../vae.js';

/** Rows that are floats at the same time. */
const PIECE_ROWS = 1024;

/** The posteriors of a data set. */
export interface Encoded {
  /** `f32[N, K]` */
  readonly mean: Matrix;
  /** `f32[N, K]`; `f32[N, 1]` if isotropic; undefined for a family without one. */
  readonly logVariance: Matrix | undefined;
}

/** What a conditional model is told of these rows; nothing for a model without a condition. */
export function conditionOf(
  { spec }: Vae,
  { labels }: Dataset,
  first: number,
  last: number,
): { labels?: Uint8Array } {
  return spec.condition && labels ? { labels: labels.subarray(first, last) } : {};
}

/** The posterior of every row. @throws as `vae.encode` */
export async function encodeRows(vae: Vae, data: Dataset): Promise<Encoded> {
  const { latent } = vae.spec;
  const { logVarianceWidth } = vae.model.posterior;
  const mean = new Float32Array(data.rows * latent);
  const logVariance = new Float32Array(data.rows * logVarianceWidth);
  for (let first = 0; first < data.rows; first += PIECE_ROWS) {
    const last = Math.min(data.rows, first + PIECE_ROWS);
    const piece = await vae.encode(floatRows(data, first, last), conditionOf(vae, data, first, last));
    mean.set(piece.mean, first * latent);
    logVariance.set(piece.logVariance, first * logVarianceWidth);
  }
  return {
    mean: { columns: latent, values: mean },
    logVariance: logVarianceWidth > 0 ? { columns: logVarianceWidth, values: logVariance } : undefined,
  };
}
