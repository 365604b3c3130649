/**
 * Factor analysis by EM as in the textbook, row by row in float64: every row's posterior mean and second moment, then the
 * best W and Psi for them. The likelihood is that of the D x D covariance itself, without Woodbury's identity.
 * Source: Rubin and Thayer, "EM algorithms for ML factor analysis" (1982); Bishop, Pattern Recognition and Machine
 * Learning (2006), section 12.2.4, equations 12.64 to 12.70.
 */
import { matmul } from './matmul.js';
import { symmetricEigen } from './ppca.js';
import { size, zeros, type F64 } from './tensor.js';

/** `x = W z + noise`, z ~ N(0, I), noise ~ N(0, diag(psi)); data are centred. */
export interface FactorModel {
  /** `f64[D, K]` */
  W: F64;
  /** `f64[D]` */
  psi: F64;
}

/** `f64[N, N]` -> its inverse, of a symmetric positive definite matrix. */
export function inverse(matrix: F64): F64 {
  const { values, vectors } = symmetricEigen(matrix);
  const scaled = { ...vectors, values: vectors.values.map((u, i) => u / values[i % values.length]!) };
  return matmul(scaled, vectors, { transposeB: true });
}

/** p(z given x): `means` `f64[N, K]` and the covariance G `f64[K, K]` that all rows share. */
export function posterior({ W, psi }: FactorModel, x: F64): { means: F64; G: F64 } {
  const K = size(W, 1);
  const scaled = { ...W, values: W.values.map((w, i) => w / psi.values[Math.floor(i / K)]!) };
  const precision = matmul(W, scaled, { transposeA: true });
  for (let k = 0; k < K; k++) precision.values[k * K + k]! += 1;
  const G = inverse(precision);
  return { means: matmul(matmul(x, scaled), G, { transposeB: true }), G };
}

/** One E and one M step: x `f64[N, D]`; no element of psi goes below `floor`. */
export function emStep(model: FactorModel, x: F64, floor: number): FactorModel {
  const [N, D, K] = [size(x, 0), size(x, 1), size(model.W, 1)];
  const { means, G } = posterior(model, x);
  const secondMoments = matmul(means, means, { transposeA: true }); // sum E[z] E[z]'
  secondMoments.values.forEach((value, i) => (secondMoments.values[i] = value + N * G.values[i]!));
  const cross = matmul(x, means, { transposeA: true }); // sum x E[z]'
  const W = matmul(cross, inverse(secondMoments));
  const psi = zeros([D]);
  for (let j = 0; j < D; j++) {
    let sum = 0;
    for (let n = 0; n < N; n++) sum += x.values[n * D + j]! ** 2;
    for (let k = 0; k < K; k++) sum -= W.values[j * K + k]! * cross.values[j * K + k]!;
    psi.values[j] = Math.max(floor, sum / N);
  }
  return { W, psi };
}

/** `log p(x) = -1/2 (D log 2 pi + log|C| + x' C^-1 x)` in nats a row, `C = W W' + diag(psi)`: x `f64[N, D]` -> `f64[N]`. */
export function logMarginal({ W, psi }: FactorModel, x: F64): F64 {
  const [N, D] = [size(x, 0), size(x, 1)];
  const C = matmul(W, W, { transposeB: true });
  for (let j = 0; j < D; j++) C.values[j * D + j]! += psi.values[j]!;
  const { values, vectors } = symmetricEigen(C);
  const logDeterminant = values.reduce((sum, value) => sum + Math.log(value), 0);
  const projected = matmul(x, vectors);
  const result = zeros([N]);
  for (let n = 0; n < N; n++) {
    const distance = values.reduce((sum, value, j) => sum + projected.values[n * D + j]! ** 2 / value, 0);
    result.values[n] = -(D * Math.log(2 * Math.PI) + logDeterminant + distance) / 2;
  }
  return result;
}

/** Mean over rows. */
export function meanLogMarginal(model: FactorModel, x: F64): number {
  const rows = logMarginal(model, x).values;
  return rows.reduce((sum, value) => sum + value, 0) / rows.length;
}
