/**
 * Eigenvalues and eigenvectors of a symmetric matrix in float64: Householder reflections to a tridiagonal matrix, then
 * the implicit QL iteration with Wilkinson's shift. Vectors are kept as rows, because a rotation then touches two
 * pieces of memory that lie in one piece each: 784 x 784 takes seconds, not minutes.
 * Source: Golub and Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3; Parlett, The Symmetric Eigenvalue Problem,
 * section 8.
 */
import { NumericError } from '../../gpu/errors.js';
import { addScaled, dot, identity, matrix, rowOf, type Matrix } from './matrix.js';

export interface Eigen {
  /** Eigenvalues, the largest first: `f64[count]`. */
  readonly values: Float64Array;
  /** Orthonormal eigenvectors as rows: `f64[count, N]`. */
  readonly vectors: Matrix;
}

/** QL needs about 1.7 iterations an eigenvalue; this many never happened to anyone on finite numbers. */
const MOST_ITERATIONS = 60;

/**
 * The `count` largest eigenvalues of a symmetric matrix `f64[N, N]`, and their eigenvectors.
 *
 * @throws NumericError when a value is not finite
 */
export function symmetricEigen(a: Matrix, count: number = a.rows): Eigen {
  const where = a.values.findIndex((value) => !Number.isFinite(value));
  if (where >= 0)
    throw new NumericError(
      'symmetricEigen',
      `element ${where} is ${a.values[where]}; every value must be finite`,
    );
  const { diagonal, below, reflectors } = tridiagonalize(a);
  const rotated = identity(a.rows);
  diagonalize(diagonal, below, rotated);
  const order = Array.from(diagonal.keys()).toSorted((i, j) => diagonal[j]! - diagonal[i]!);
  const vectors = matrix(count, a.rows);
  order.slice(0, count).forEach((from, to) => {
    const vector = rowOf(vectors, to);
    vector.set(rowOf(rotated, from));
    for (const { first, v, scale } of reflectors.toReversed()) {
      const tail = vector.subarray(first);
      addScaled(tail, -scale * dot(v, tail), v);
    }
  });
  return { values: Float64Array.from(order.slice(0, count), (i) => diagonal[i]!), vectors };
}

/** `I - scale v v'` on the elements from `first` on. */
interface Reflector {
  readonly first: number;
  readonly v: Float64Array;
  readonly scale: number;
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** `below[i]` couples i and i + 1; the last is 0. */
  readonly below: Float64Array;
  /** In the order in which they were applied. */
  readonly reflectors: Reflector[];
}

/** `H ... H a H ... H` with reflections H that clear one row after the other. */
function tridiagonalize(a: Matrix): Tridiagonal {
  const N = a.rows;
  const work = matrix(N, N, a.values.slice());
  const below = new Float64Array(N);
  const reflectors: Reflector[] = [];
  for (let k = 0; k + 1 < N; k++) {
    const row = rowOf(work, k).subarray(k + 1);
    const reflector = reflectorOf(row, k + 1);
    below[k] = reflector ? reflector.onto : row[0]!;
    if (!reflector) continue;
    reflectors.push(reflector);
    applyBothSides(work, reflector);
  }
  return { diagonal: Float64Array.from({ length: N }, (_, i) => work.values[i * N + i]!), below, reflectors };
}

/** The reflection that turns `row` into `onto` times the first axis; undefined where it lies there already. */
function reflectorOf(row: Float64Array, first: number): (Reflector & { readonly onto: number }) | undefined {
  const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest === 0 || row.subarray(1).every((value) => value === 0)) return undefined;
  const v = row.map((value) => value / largest); // squares of tiny numbers would vanish
  const length = Math.sqrt(dot(v, v));
  const sign = v[0]! < 0 ? 1 : -1; // away from v[0], so that nothing cancels
  v[0]! -= sign * length;
  return { first, v, scale: 2 / dot(v, v), onto: sign * length * largest };
}

/** The trailing block becomes `H block H = block - v w' - w v'`. */
function applyBothSides(work: Matrix, { first, v, scale }: Reflector): void {
  const size = v.length;
  const w = new Float64Array(size);
  for (let i = 0; i < size; i++) w[i] = scale * dot(rowOf(work, first + i).subarray(first), v);
  addScaled(w, (-scale * dot(w, v)) / 2, v);
  for (let i = 0; i < size; i++) {
    const row = rowOf(work, first + i).subarray(first);
    const [vi, wi] = [v[i]!, w[i]!];
    for (let j = 0; j < size; j++) row[j]! -= vi * w[j]! + wi * v[j]!;
  }
}

/** Rotates the tridiagonal matrix until `below` is 0; `vectors` `f64[N, N]` takes the rotations as rows. */
function diagonalize(diagonal: Float64Array, below: Float64Array, vectors: Matrix): void {
  const N = diagonal.length;
  for (let first = 0; first < N; first++) {
    for (let iteration = 0; ; iteration++) {
      const last = endOfBlock(diagonal, below, first);
      if (last === first) break;
      if (iteration === MOST_ITERATIONS)
        throw new NumericError(
          'symmetricEigen',
          `eigenvalue ${first} of ${N} did not converge in ${MOST_ITERATIONS} iterations`,
        );
      sweep(diagonal, below, vectors, first, last);
    }
  }
}

/** The last row of the block that `first` is coupled to. */
function endOfBlock(diagonal: Float64Array, below: Float64Array, first: number): number {
  let last = first;
  while (last + 1 < diagonal.length) {
    const size = Math.abs(diagonal[last]!) + Math.abs(diagonal[last + 1]!);
    if (Math.abs(below[last]!) <= Number.EPSILON * size || below[last] === 0) break;
    last++;
  }
  return last;
}

/** One QL sweep over a block, from its end to its beginning. */
function sweep(d: Float64Array, e: Float64Array, vectors: Matrix, first: number, last: number): void {
  const half = (d[first + 1]! - d[first]!) / (2 * e[first]!);
  const root = Math.hypot(half, 1);
  let g = d[last]! - d[first]! + e[first]! / (half + (half < 0 ? -root : root));
  let [s, c, shift] = [1, 1, 0];
  for (let i = last - 1; i >= first; i--) {
    const f = s * e[i]!;
    const b = c * e[i]!;
    const length = Math.hypot(f, g);
    e[i + 1] = length;
    if (length === 0) {
      d[i + 1]! -= shift; // the block falls apart here
      e[last] = 0;
      return;
    }
    s = f / length;
    c = g / length;
    g = d[i + 1]! - shift;
    const r = (d[i]! - g) * s + 2 * c * b;
    shift = s * r;
    d[i + 1] = g + shift;
    g = c * r - b;
    rotate(rowOf(vectors, i), rowOf(vectors, i + 1), c, s);
  }
  d[first]! -= shift;
  e[first] = g;
  e[last] = 0;
}

function rotate(x: Float64Array, y: Float64Array, c: number, s: number): void {
  for (let j = 0; j < x.length; j++) {
    const [a, b] = [x[j]!, y[j]!];
    x[j] = c * a - s * b;
    y[j] = s * a + c * b;
  }
}
