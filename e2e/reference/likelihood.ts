/**
 * log p(x|z) of a row for the decoder's prediction, and its gradients. Dimensions: B data, R = S*B rows of prediction,
 * D values a datum; row r of the prediction is scored against row r mod B of x.
 */
import { ShapeError } from '../../src/gpu/errors.js';
import { sigmoid, softplus } from './activation.js';
import { size, zeros, type F64 } from './tensor.js';

export type LikelihoodFamily = 'bernoulli' | 'gaussian' | 'laplace';

/**
 * Log-density in nats a row: prediction `f64[R, D]` (Bernoulli logits l, else the mean mu), x `f64[B, D]` -> `f64[R]`.
 * - bernoulli: `sum_j (x l - softplus(l))`; no logScale;
 * - gaussian: `-1/2 sum_j ((x - mu)^2 exp(-v) + v + log 2 pi)`, logScale v = log-variance;
 * - laplace: `-sum_j (|x - mu| exp(-v) + v + log 2)`, logScale v = log of the scale b.
 *
 * The logScale is `f64[1]` (one for all), `f64[D]` (one a column) or `f64[R, D]`; it is not clamped here.
 * @throws ShapeError when rows or columns do not match, or a logScale is missing, of another shape, or not wanted.
 */
export function logLikelihood(family: LikelihoodFamily, prediction: F64, x: F64, logScale?: F64): F64 {
  const D = checkShapes(family, prediction, x, logScale);
  const rows = zeros([size(prediction, 0)]);
  prediction.values.forEach((value, i) => {
    const term = scalarTerm(family, value, x.values[i % x.values.length]!, logScaleAt(logScale, i));
    rows.values[Math.floor(i / D)]! += term.value;
  });
  return rows;
}

/**
 * Vector-Jacobian product for rowGradient `f64[R]`: predictionGradient `f64[R, D]`, and logScaleGradient of the
 * logScale's shape (absent for Bernoulli), summed over the elements that share a logScale.
 * At x = mu the Laplace density has a kink; its gradient there is 0.
 */
export function logLikelihoodBackward(
  family: LikelihoodFamily,
  prediction: F64,
  x: F64,
  logScale: F64 | undefined,
  rowGradient: F64,
): { predictionGradient: F64; logScaleGradient?: F64 } {
  const D = checkShapes(family, prediction, x, logScale);
  const predictionGradient = zeros(prediction.shape);
  const logScaleGradient = logScale && zeros(logScale.shape);
  prediction.values.forEach((value, i) => {
    const cotangent = rowGradient.values[Math.floor(i / D)]!;
    const term = scalarTerm(family, value, x.values[i % x.values.length]!, logScaleAt(logScale, i));
    predictionGradient.values[i] = cotangent * term.byPrediction;
    if (logScaleGradient)
      logScaleGradient.values[i % logScaleGradient.values.length]! += cotangent * term.byLogScale;
  });
  return logScaleGradient ? { predictionGradient, logScaleGradient } : { predictionGradient };
}

/**
 * Vector-Jacobian product by the data: `f64[B, D]`, summed over the samples of a datum. Bernoulli's is the logit; the
 * others' is their prediction's with the other sign.
 */
export function logLikelihoodDataGradient(
  family: LikelihoodFamily,
  prediction: F64,
  x: F64,
  logScale: F64 | undefined,
  rowGradient: F64,
): F64 {
  const D = checkShapes(family, prediction, x, logScale);
  const xGradient = zeros(x.shape);
  prediction.values.forEach((value, i) => {
    const at = i % x.values.length;
    const { byPrediction } = scalarTerm(family, value, x.values[at]!, logScaleAt(logScale, i));
    const slope = family === 'bernoulli' ? value : -byPrediction;
    xGradient.values[at]! += rowGradient.values[Math.floor(i / D)]! * slope;
  });
  return xGradient;
}

interface Term {
  value: number;
  byPrediction: number;
  byLogScale: number;
}

/** One element's log-density with its partial derivatives. */
function scalarTerm(family: LikelihoodFamily, prediction: number, x: number, v: number): Term {
  if (family === 'bernoulli')
    return {
      value: x * prediction - softplus(prediction),
      byPrediction: x - sigmoid(prediction),
      byLogScale: 0,
    };
  const residual = x - prediction;
  const inverse = Math.exp(-v);
  if (family === 'gaussian') {
    const scaled = residual ** 2 * inverse;
    return {
      value: -(scaled + v + Math.log(2 * Math.PI)) / 2,
      byPrediction: residual * inverse,
      byLogScale: (scaled - 1) / 2,
    };
  }
  const scaled = Math.abs(residual) * inverse;
  return {
    value: -(scaled + v + Math.LN2),
    byPrediction: Math.sign(residual) * inverse,
    byLogScale: scaled - 1,
  };
}

/** The logScale of element `i` of `[R, D]`; `i mod length` serves `[1]`, `[D]` and `[R, D]` alike. */
function logScaleAt(logScale: F64 | undefined, i: number): number {
  return logScale ? logScale.values[i % logScale.values.length]! : 0;
}

function checkShapes(family: LikelihoodFamily, prediction: F64, x: F64, logScale: F64 | undefined): number {
  const [R, D] = [size(prediction, 0), size(prediction, 1)];
  if (size(x, 1) !== D || R % size(x, 0) !== 0)
    throw new ShapeError(
      'reference likelihood',
      `prediction f64[${prediction.shape.join(', ')}] and x f64[${x.shape.join(', ')}] came; expected equal columns and ` +
        'prediction rows that are a multiple of the rows of x',
    );
  const fits = logScale ? [1, D, R * D].includes(logScale.values.length) : false;
  if (family === 'bernoulli' ? logScale : !fits)
    throw new ShapeError(
      'reference likelihood',
      `${family} came with a logScale of ${logScale?.values.length ?? 'no'} values; expected none for bernoulli, else ` +
        `1, ${D} or ${R * D}`,
    );
  return D;
}
