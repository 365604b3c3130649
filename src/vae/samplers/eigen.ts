/** Eigenvalues and eigenvectors of a small symmetric matrix, in float64 on the CPU. */

/** Convergence is quadratic, so that this many sweeps are never needed. */
const SWEEPS = 30;
/** Off-diagonal mass, as a share of all, below which rotations change no digit. */
const NEGLIGIBLE = 1e-30;

export interface Eigen {
  /** `[D]`, in no order. */
  readonly values: Float64Array;
  /** `f64[D, D]`, row i is the unit vector of value i. */
  readonly vectors: Float64Array;
}

/**
 * Cyclic Jacobi rotations. Golub and Van Loan, Matrix Computations, section 8.5.
 * @param matrix `f64[D, D]`, symmetric
 */
export function symmetricEigen(matrix: Float64Array, size: number): Eigen {
  const a = matrix.slice();
  const vectors = new Float64Array(size * size);
  for (let i = 0; i < size; i++) vectors[i * size + i] = 1;
  for (let sweep = 0; sweep < SWEEPS && !isDiagonal(a, size); sweep++)
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotatePair(a, vectors, size, p, q);
  return { values: Float64Array.from({ length: size }, (_, i) => a[i * size + i]!), vectors };
}

function isDiagonal(a: Float64Array, size: number): boolean {
  let [all, off] = [0, 0];
  a.forEach((value, i) => {
    all += value * value;
    if (i % (size + 1) !== 0) off += value * value;
  });
  return off <= NEGLIGIBLE * all;
}

/** One rotation that makes a[p, q] zero, on rows and columns of a and on rows of the vectors. */
function rotatePair(a: Float64Array, vectors: Float64Array, size: number, p: number, q: number): void {
  const offDiagonal = a[p * size + q]!;
  if (offDiagonal === 0) return;
  const theta = (a[q * size + q]! - a[p * size + p]!) / (2 * offDiagonal);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const cosine = 1 / Math.hypot(t, 1);
  const sine = t * cosine;
  for (let i = 0; i < size; i++) rotate(a, i * size + p, i * size + q, cosine, sine);
  for (let i = 0; i < size; i++) rotate(a, p * size + i, q * size + i, cosine, sine);
  for (let i = 0; i < size; i++) rotate(vectors, p * size + i, q * size + i, cosine, sine);
}

function rotate(values: Float64Array, i: number, j: number, cosine: number, sine: number): void {
  const [x, y] = [values[i]!, values[j]!];
  values[i] = cosine * x - sine * y;
  values[j] = sine * x + cosine * y;
}
