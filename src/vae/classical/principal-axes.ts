/**
 * The directions of largest variance: eigenvectors of the covariance, or, of fewer rows than columns, of the rows'
 * products with each other, which has the same eigenvalues but zeros.
 * Source: Murakami and Kumar, "Efficient calculation of primary images from a set of images" (1982), for the latter.
 */
import { SpecError } from '../../gpu/errors.js';
import { input } from '../../gpu/ops/constant.js';
import { matmul } from '../../gpu/ops/matmul.js';
import { MOST_COVARIANCE_COLUMNS, type DataMoments } from './data-moments.js';
import { matrix, orthonormalize, rowOf, type Matrix } from '../float64/matrix.js';
import { symmetricEigen } from '../float64/symmetric-eigen.js';

export interface PrincipalAxes {
  /** Variances along the axes, the largest first: `f64[K]`. */
  readonly variances: Float64Array;
  /** Orthonormal axes as rows, `f64[K, D]`; zeros where the variance is 0. The largest element of each is positive. */
  readonly axes: Matrix;
}

/** One unit in the last place of 1 in float32, in which the products are made. */
const ULP = 2 ** -23;

/** @throws SpecError when the data have too many columns and too many rows for an eigen-decomposition here */
export async function principalAxes(moments: DataMoments, latent: number): Promise<PrincipalAxes> {
  const { rows, width, resident } = moments;
  const isShort = rows <= width && rows <= resident.batchSize;
  if (!isShort && !moments.holdsCovariance)
    throw new SpecError(
      'principalAxes',
      `data of ${rows} rows and ${width} columns came; a closed form takes ${MOST_COVARIANCE_COLUMNS} columns, or as many ` +
        `rows as a batch (${resident.batchSize}) and no more than columns; use fitPpca with method: 'em', smaller data, or a larger batchSize`,
    );
  const found = isShort ? await axesOfRows(moments, latent) : await axesOfCovariance(moments, latent);
  // what is left of a variance of 0 after float32 products, times the terms that made it
  const zero = Math.max(found.variances[0]!, 0) * ULP * Math.sqrt(Math.min(rows, width));
  found.variances.forEach((value, k) => {
    const axis = rowOf(found.axes, k);
    if (value > zero) pointUp(axis);
    else {
      found.variances[k] = 0;
      axis.fill(0);
    }
  });
  return found;
}

async function axesOfCovariance(moments: DataMoments, latent: number): Promise<PrincipalAxes> {
  const { values, vectors } = symmetricEigen(await moments.covariance(), latent);
  return { variances: values, axes: vectors };
}

/** `u_k = X' v_k / |X' v_k|` for the eigenvectors v_k of `X X' / N`, all rows in one batch. */
async function axesOfRows(moments: DataMoments, latent: number): Promise<PrincipalAxes> {
  const { rows: N, width: D, resident } = moments;
  const products = await resident.sum({ name: 'rows', build: (x) => matmul(x, x, 'NT') });
  const symmetric = products.map(
    (value, i) => (value + products[(i % N) * N + Math.floor(i / N)]!) / (2 * N),
  );
  const K = Math.min(latent, N);
  const { values, vectors } = symmetricEigen(matrix(N, N, symmetric), K);
  const back = await resident.sum({
    name: `axes ${K}`,
    build: (x) => matmul(input('vectors', [K, N]), x),
    inputs: { vectors: Float32Array.from(vectors.values) },
  });
  const axes = matrix(latent, D);
  axes.values.set(back);
  orthonormalize(axes); // orthogonal already but for rounding
  const variances = new Float64Array(latent);
  variances.set(values);
  return { variances, axes };
}

/** An axis has no sign of its own; this one makes results comparable. */
function pointUp(axis: Float64Array): void {
  const largest = axis.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  if (largest < 0) axis.forEach((value, j) => (axis[j] = -value));
}
