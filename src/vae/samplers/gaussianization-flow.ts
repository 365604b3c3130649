/**
 * A normalising flow over latents, fitted after training without gradients: rotate, bring every axis to a standard normal
 * by its quantiles, and again. Laparra, Camps-Valls and Malo, "Iterative Gaussianization: from ICA to random rotations"
 * (2011). Every layer is a bijection with a known slope, so the flow has a density as well as samples.
 */
import { integer } from '../../gpu/check.js';
import { DataError, ShapeError } from '../../gpu/errors.js';
import { standardNormal } from '../../gpu/threefry.js';
import { standardNormalLogDensity } from '../float64/log-density.js';
import {
  addScaled,
  dot,
  identity,
  matrix,
  orthonormalize,
  rowOf,
  type Matrix as Rotation,
} from '../float64/matrix.js';
import { checkMatrix, columnOf, type Matrix } from '../metrics/matrix.js';
import { evaluate, fitMonotone, inverse, type Monotone } from './monotone.js';

/** How the flow is fitted. */
export interface GaussianizationOptions {
  /** 20. More latents need more. */
  readonly layers?: number;
  /** Quantiles an axis: 20. More need more rows. */
  readonly knots?: number;
  readonly seed?: number;
}

interface Layer {
  /** R, `f64[K, K]`, rows orthonormal; y = R x before the marginals. */
  readonly rotation: Rotation;
  /** One an axis. */
  readonly marginals: readonly Monotone[];
}

/** Streams of the draws, away from other uses of a seed ("gf"). */
const ROTATION_STREAM = 0x67660000;
const NOISE_STREAM = 0x6766ffff;

/** A flow of rotations and one-dimensional maps that makes codes Gaussian. */
export class GaussianizationFlow {
  constructor(
    readonly columns: number,
    readonly layers: readonly Layer[],
  ) {}

  /** log p(z) of every row in nats, `f64[N]`. @throws ShapeError for rows of another size */
  logDensity(codes: Matrix): Float64Array {
    const rows = checkMatrix(codes, 'logDensity');
    const { columns: K } = this;
    if (codes.columns !== K)
      throw new ShapeError(
        'logDensity',
        `rows have ${codes.columns} values; the flow has ${K}; pass f64[N, ${K}]`,
      );
    return Float64Array.from({ length: rows }, (_, n) => {
      let row = Float64Array.from(codes.values.subarray(n * K, (n + 1) * K));
      let logSlopes = 0;
      for (const layer of this.layers) {
        const result = forward(layer, row);
        row = result.row;
        logSlopes += result.logSlopes;
      }
      return logSlopes + standardNormalLogDensity(row);
    });
  }

  /** Draws f32[count, K]; the same seed gives the same rows. @throws SpecError for a count below 1 */
  sample(count: number, { seed = 0 }: { readonly seed?: number } = {}): Float32Array {
    integer(count, 'sample.count', 1, 2 ** 24);
    const { columns: K } = this;
    const noise = standardNormal(count * K, seed, NOISE_STREAM);
    const z = new Float32Array(count * K);
    const reversed = this.layers.toReversed();
    for (let n = 0; n < count; n++) {
      let row = Float64Array.from(noise.subarray(n * K, (n + 1) * K));
      for (const layer of reversed) row = backward(layer, row);
      z.set(row, n * K);
    }
    return z;
  }
}

/**
 * Fits the flow to codes, usually the posterior's means (f32[N, K]) over the training data.
 * @throws DataError for fewer rows than knots, SpecError for an option out of range
 */
export function fitGaussianization(codes: Matrix, options: GaussianizationOptions = {}): GaussianizationFlow {
  const { layers: count = 20, knots = 20, seed = 0 } = options;
  const rows = checkMatrix(codes, 'gaussianization');
  const { columns: K } = codes;
  integer(count, 'gaussianization.layers', 1, 1000);
  integer(knots, 'gaussianization.knots', 2, 1e4);
  if (rows < knots)
    throw new DataError(
      'gaussianization',
      `${rows} rows came; ${knots} knots need at least as many; pass more rows or fewer knots`,
    );
  const values = Float64Array.from(codes.values);
  const layers: Layer[] = [];
  for (let index = 0; index < count; index++) {
    const layer = fitLayer(
      { columns: K, values },
      index === 0 ? identity(K) : rotation(K, seed, index),
      knots,
    );
    for (let n = 0; n < rows; n++) {
      const at = n * K;
      values.set(forward(layer, values.slice(at, at + K)).row, at);
    }
    layers.push(layer);
  }
  return new GaussianizationFlow(K, layers);
}

function fitLayer({ columns: K, values }: Matrix, turn: Rotation, knots: number): Layer {
  const rows = values.length / K;
  const turned = new Float64Array(rows * K);
  for (let n = 0; n < rows; n++)
    turned.set(rotate(turn, Float64Array.from(values.subarray(n * K, (n + 1) * K))), n * K);
  const marginals = Array.from({ length: K }, (_, k) =>
    fitMonotone(columnOf({ columns: K, values: turned }, k), knots),
  );
  return { rotation: turn, marginals };
}

function forward(
  { rotation: turn, marginals }: Layer,
  row: Float64Array,
): { row: Float64Array<ArrayBuffer>; logSlopes: number } {
  let logSlopes = 0;
  const result = rotate(turn, row);
  for (const [k, marginal] of marginals.entries()) {
    const { y, logSlope } = evaluate(marginal, result[k]!);
    result[k] = y;
    logSlopes += logSlope;
  }
  return { row: result, logSlopes };
}

function backward({ rotation: turn, marginals }: Layer, row: Float64Array): Float64Array<ArrayBuffer> {
  const result = new Float64Array(row.length); // R' x
  for (const [k, value] of row.entries())
    addScaled(result, evaluate(inverse(marginals[k]!), value).y, rowOf(turn, k));
  return result;
}

/** R x */
function rotate(turn: Rotation, row: Float64Array): Float64Array<ArrayBuffer> {
  return Float64Array.from(row, (_, i) => dot(rowOf(turn, i), row));
}

/** A random rotation, from rows of normal numbers. */
function rotation(size: number, seed: number, index: number): Rotation {
  const normals = standardNormal(size * size, seed, ROTATION_STREAM + index);
  const result = matrix(size, size, Float64Array.from(normals));
  orthonormalize(result);
  return result;
}
