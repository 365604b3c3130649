/** A mixture of Gaussians over latents: its density and its samples. */
import { integer } from '../../gpu/check.js';
import { ShapeError } from '../../gpu/errors.js';
import { standardNormal } from '../../gpu/threefry.js';
import { drawIndex, uniformDraws } from '../float64/draws.js';
import { logSumExp } from '../float64/log-density.js';
import { checkMatrix, type Matrix } from '../metrics/matrix.js';

/** One component; its covariance is `sum_i variances_i axes_i axes_i'`. */
export interface Component {
  readonly weight: number;
  readonly mean: Float64Array;
  /** Along the axes, `[K]`. */
  readonly variances: Float64Array;
  /** `f64[K, K]`, row i is a unit vector. */
  readonly axes: Float64Array;
}

/** Streams of the draws, away from other uses of a seed ("gm"). */
const CHOICE_STREAM = 0x676d0001;
const NOISE_STREAM = 0x676d0002;

/** A mixture of Gaussians over codes, in float64 on the CPU. */
export class GaussianMixture {
  constructor(
    readonly components: readonly Component[],
    /** Mean log-likelihood of the fitted rows after each pass, nats; it never falls. */
    readonly history: readonly number[] = [],
  ) {}

  /** log p(z) of every row in nats, `f64[N]`. @throws ShapeError for rows of another size */
  logDensity(codes: Matrix): Float64Array {
    const rows = checkMatrix(codes, 'logDensity');
    const { length } = this.components[0]!.mean;
    if (codes.columns !== length)
      throw new ShapeError(
        'logDensity',
        `rows have ${codes.columns} values; the mixture has ${length}; pass f64[N, ${length}]`,
      );
    const joint = jointLogDensities(this.components, codes, rows);
    return Float64Array.from({ length: rows }, (_, n) => logSumExp(joint.map((values) => values[n]!)));
  }

  /** Draws f32[count, K]; the same seed gives the same rows. @throws SpecError for a count below 1 */
  sample(count: number, { seed = 0 }: { readonly seed?: number } = {}): Float32Array {
    integer(count, 'sample.count', 1, 2 ** 24);
    const K = this.components[0]!.mean.length;
    const noise = standardNormal(count * K, seed, NOISE_STREAM);
    const draw = uniformDraws(seed, CHOICE_STREAM);
    const weights = this.components.map(({ weight }) => weight);
    const z = new Float32Array(count * K);
    for (let n = 0; n < count; n++) {
      const { mean, variances, axes } = this.components[drawIndex(weights, draw())]!;
      for (let k = 0; k < K; k++) {
        let value = mean[k]!;
        for (let i = 0; i < K; i++) value += Math.sqrt(variances[i]!) * noise[n * K + i]! * axes[i * K + k]!;
        z[n * K + k] = value;
      }
    }
    return z;
  }
}

/** `log weight + log N(z; mean, covariance)`, an array `f64[N]` a component. */
export function jointLogDensities(
  components: readonly Component[],
  { columns: K, values }: Matrix,
  rows: number,
): Float64Array[] {
  return components.map(({ weight, mean, variances, axes }) => {
    const logScale = variances.reduce((sum, v) => sum + Math.log(2 * Math.PI * v), 0);
    const offset = Math.log(weight) - logScale / 2;
    return Float64Array.from({ length: rows }, (_, n) => {
      let distance = 0;
      for (let i = 0; i < K; i++) {
        let along = 0;
        for (let k = 0; k < K; k++) along += axes[i * K + k]! * (values[n * K + k]! - mean[k]!);
        distance += (along * along) / variances[i]!;
      }
      return offset - distance / 2;
    });
  });
}
