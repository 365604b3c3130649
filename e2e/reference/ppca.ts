/**
 * Probabilistic PCA in closed form: the one model here whose log p(x) and exact posterior are known, so a bound,
 * its terms and a trained linear VAE can be checked against numbers no implementation choice can tune.
 * Source: Tipping and Bishop, "Probabilistic principal component analysis" (1999), sections 3.1 to 3.3.
 */
import { matmul } from './matmul.js';
import { size, zeros, type F64 } from './tensor.js';

/** The data: `x_ij = sin(0.1 i j) + 0.5 cos(0.3 i + j)`, i = 1..200, j = 1..8, each column centred; `f64[200, 8]`. */
export function ppcaData(): F64 {
  const [N, D] = [200, 8];
  const x = zeros([N, D]);
  for (let i = 1; i <= N; i++)
    for (let j = 1; j <= D; j++)
      x.values[(i - 1) * D + j - 1] = Math.sin(0.1 * i * j) + 0.5 * Math.cos(0.3 * i + j);
  for (let j = 0; j < D; j++) {
    let mean = 0;
    for (let i = 0; i < N; i++) mean += x.values[i * D + j]! / N;
    for (let i = 0; i < N; i++) x.values[i * D + j]! -= mean;
  }
  return x;
}

/** `C = X'X / N` of centred rows `f64[N, D]` -> `f64[D, D]` (maximum likelihood, so 1/N). */
export function covariance(x: F64): F64 {
  const N = size(x, 0);
  const products = matmul(x, x, { transposeA: true });
  return { shape: products.shape, values: products.values.map((value) => value / N) };
}

/**
 * Eigenvalues, largest first, and eigenvectors as columns of `vectors` `f64[D, D]` of a symmetric matrix,
 * by cyclic Jacobi rotations. Source: Golub and Van Loan, Matrix Computations, section 8.5.
 */
export function symmetricEigen(matrix: F64): { values: number[]; vectors: F64 } {
  const D = size(matrix, 0);
  const a = matrix.values.slice();
  const v = zeros([D, D]);
  for (let i = 0; i < D; i++) v.values[i * D + i] = 1;
  const SWEEPS = 30; // convergence is quadratic; eight columns need about six
  for (let sweep = 0; sweep < SWEEPS; sweep++)
    for (let p = 0; p < D; p++) for (let q = p + 1; q < D; q++) rotatePair(a, v.values, D, p, q);
  const order = Array.from({ length: D }, (_, i) => i).toSorted((i, j) => a[j * D + j]! - a[i * D + i]!);
  const vectors = zeros([D, D]);
  for (let row = 0; row < D; row++)
    order.forEach((from, to) => (vectors.values[row * D + to] = v.values[row * D + from]!));
  return { values: order.map((i) => a[i * D + i]!), vectors };
}

/** One Jacobi rotation that makes `a[p, q]` zero, applied to `a` from both sides and to `v` from the right. */
function rotatePair(a: Float64Array, v: Float64Array, D: number, p: number, q: number): void {
  const offDiagonal = a[p * D + q]!;
  if (offDiagonal === 0) return;
  const theta = (a[q * D + q]! - a[p * D + p]!) / (2 * offDiagonal);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (let i = 0; i < D; i++) rotate(a, i * D + p, i * D + q, c, s);
  for (let i = 0; i < D; i++) rotate(a, p * D + i, q * D + i, c, s);
  for (let i = 0; i < D; i++) rotate(v, i * D + p, i * D + q, c, s);
}

function rotate(values: Float64Array, i: number, j: number, c: number, s: number): void {
  const [x, y] = [values[i]!, values[j]!];
  values[i] = c * x - s * y;
  values[j] = s * x + c * y;
}

/** A linear Gaussian model `x = W z + noise`, z ~ N(0, I), noise variance `sigma2` (data are centred). */
export interface LinearModel {
  /** `f64[D, K]` */
  W: F64;
  sigma2: number;
}

/**
 * The maximum-likelihood model of K components: `W = U (L - sigma2 I)^(1/2)` with the K largest eigenvalues L and
 * eigenvectors U of the covariance, `sigma2` = mean of the other eigenvalues.
 */
export function fitPpca(x: F64, K: number): LinearModel {
  const { values, vectors } = symmetricEigen(covariance(x));
  const D = values.length;
  const sigma2 = values.slice(K).reduce((sum, value) => sum + value, 0) / (D - K);
  const W = zeros([D, K]);
  for (let i = 0; i < D; i++)
    for (let k = 0; k < K; k++)
      W.values[i * K + k] = vectors.values[i * D + k]! * Math.sqrt(values[k]! - sigma2);
  return { W, sigma2 };
}

/** The same model with the first two columns of W turned by `angle` radians: log p(x) stays, the posterior tilts. */
export function rotateModel({ W, sigma2 }: LinearModel, angle: number): LinearModel {
  const turned = { shape: [...W.shape], values: W.values.slice() };
  const K = size(W, 1);
  for (let i = 0; i < size(W, 0); i++)
    rotate(turned.values, i * K, i * K + 1, Math.cos(angle), Math.sin(angle));
  return { W: turned, sigma2 };
}

/**
 * Exact posterior p(z|x): with `M = W'W + sigma2 I`, mean `M^-1 W'x` and covariance `sigma2 M^-1`.
 * `encoder` `f64[K, D]` = `M^-1 W'` (so mean = x encoder'), `covariance` `f64[K, K]`, `precision` `f64[K, K]` = M/sigma2.
 * The covariance is diagonal when W's columns are orthogonal, as `fitPpca` makes them.
 */
export function exactPosterior({ W, sigma2 }: LinearModel): {
  encoder: F64;
  covariance: F64;
  precision: F64;
} {
  const K = size(W, 1);
  const M = matmul(W, W, { transposeA: true });
  for (let k = 0; k < K; k++) M.values[k * K + k]! += sigma2;
  const { values, vectors } = symmetricEigen(M);
  const scaled = { shape: [K, K], values: vectors.values.map((u, i) => u / values[i % K]!) };
  const inverse = matmul(scaled, vectors, { transposeB: true });
  return {
    encoder: matmul(inverse, W, { transposeB: true }),
    covariance: { shape: [K, K], values: inverse.values.map((value) => sigma2 * value) },
    precision: { shape: [K, K], values: M.values.map((value) => value / sigma2) },
  };
}

/**
 * `log p(x) = -1/2 (D log 2 pi + log|C| + x' C^-1 x)` in nats a row, with `C = W W' + sigma2 I`: x `f64[N, D]` -> `f64[N]`.
 */
export function logMarginal({ W, sigma2 }: LinearModel, x: F64): F64 {
  const [N, D] = [size(x, 0), size(x, 1)];
  const C = matmul(W, W, { transposeB: true });
  for (let j = 0; j < D; j++) C.values[j * D + j]! += sigma2;
  const { values, vectors } = symmetricEigen(C);
  const logDeterminant = values.reduce((sum, value) => sum + Math.log(value), 0);
  const projected = matmul(x, vectors); // x' C^-1 x is a sum over C's eigenvectors
  const result = zeros([N]);
  for (let n = 0; n < N; n++) {
    const distance = values.reduce((sum, value, j) => sum + projected.values[n * D + j]! ** 2 / value, 0);
    result.values[n] = -(D * Math.log(2 * Math.PI) + logDeterminant + distance) / 2;
  }
  return result;
}

/**
 * Means over the rows, in nats, of the terms of the bound for a Gaussian encoder of mean `x encoder'` and fixed
 * diagonal covariance `variances`, all expectations in closed form:
 * `reconstruction = -1/2 (D log(2 pi sigma2) + (|x - W m|^2 + tr(W'W diag(variances))) / sigma2)`,
 * `kl = 1/2 sum_k (variance + m^2 - 1 - log variance)`.
 */
export function linearElbo(
  { W, sigma2 }: LinearModel,
  x: F64,
  encoder: F64,
  variances: readonly number[],
): { elbo: number; reconstruction: number; kl: number } {
  const [N, D, K] = [size(x, 0), size(x, 1), size(W, 1)];
  const mean = matmul(x, encoder, { transposeB: true });
  const back = matmul(mean, W, { transposeB: true });
  const residual = sumOfSquares(x.values.map((value, i) => value - back.values[i]!)) / N;
  const spread = W.values.reduce((sum, w, i) => sum + w * w * variances[i % K]!, 0);
  const reconstruction = -(D * Math.log(2 * Math.PI * sigma2) + (residual + spread) / sigma2) / 2;
  const kl = (variances.reduce((sum, v) => sum + v - 1 - Math.log(v), 0) + sumOfSquares(mean.values) / N) / 2;
  return { elbo: reconstruction - kl, reconstruction, kl };
}

function sumOfSquares(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

/** The best diagonal covariance of a Gaussian encoder with the exact mean: `1 / precision_kk`. */
export function bestDiagonalVariances(model: LinearModel): number[] {
  const { precision } = exactPosterior(model);
  const K = size(precision, 0);
  return Array.from({ length: K }, (_, k) => 1 / precision.values[k * K + k]!);
}
