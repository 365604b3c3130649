/**
 * A learned density for each latent dimension alone: a mixture of three logistics, and the mass that it gives to the
 * unit bin around z. At whole z these are the probabilities that an entropy coder works with; at any other z, the density
 * of the mixture with uniform noise added, which is what z = m + U(-1/2, 1/2) has in training (Balle, Minnen, Singh,
 * Hwang and Johnston 2018, "Variational image compression with a scale hyperprior", section 3 and appendix 6.1, whose
 * univariate density this mixture takes the place of: three logistics learn as well here and have a closed form).
 */
import type { Tensor } from '../../gpu/graph.js';
import { add, divide, multiply, subtract } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { logSumExp } from '../../gpu/ops/log-sum-exp.js';
import { affine, clamp, exp, log, negate, unary } from '../../gpu/ops/unary.js';
import { concat } from '../../gpu/ops/concat.js';
import { slice } from '../../gpu/ops/window.js';
import { sumRows } from '../rows.js';
import type { WeightFactory } from '../weights.js';
import { normalCdf } from './normal-cdf.js';
import type { Prior } from './prior.js';

/** One logistic of every dimension; each f32[K]. */
interface Component {
  readonly mean: Tensor;
  readonly logScale: Tensor;
  readonly logit: Tensor;
}

/** Where the logistics start, in bins; equal ones would stay equal. */
const startMeans = [-2, 0, 2] as const;
export const componentCount = startMeans.length;
/** Log-scales are clamped to this where they are exponentiated: from a hundredth of a bin to 1,000 bins. */
export const logScaleRange = [-4.6, 6.9] as const;
/** Uniforms of samples are kept this far from 0 and 1, where f32 has no logit. */
export const sampleMargin = 1e-6;
/** Temperature at which the largest of three Gumbel values takes all. */
export const sharpness = 1e4;

/** Names of a component's weights; the tables of the entropy coder find them by these. */
export function weightNames(component: number): { mean: string; logScale: string; logit: string } {
  const prefix = `prior.${component}`;
  return { mean: `${prefix}.mean`, logScale: `${prefix}.log_scale`, logit: `${prefix}.logit` };
}

/** Weights: `prior.0.mean`, `prior.0.log_scale`, `prior.0.logit`, ... f32[K] each. */
export function factorized({ latent, weights }: { latent: number; weights: WeightFactory }): Prior {
  const components = startMeans.map((start, index): Component => {
    const names = weightNames(index);
    return {
      mean: weights.filled(names.mean, [latent], start),
      logScale: weights.filled(names.logScale, [latent], 0),
      logit: weights.filled(names.logit, [latent], 0),
    };
  });
  return {
    isStandardNormal: false,
    logDensity: (z) => logMass(z, components),
    noiseWidth: (componentCount + 1) * latent,
    draw: (noise) => sample(noise, components, latent),
  };
}

/** log prod_k (F_k(z_k + 1/2) - F_k(z_k - 1/2)) in nats, f32[R], of z f32[R, K]. */
function logMass(z: Tensor, components: readonly Component[]): Tensor {
  const [rows, latent] = z.shape as [number, number];
  const masses = components.map((component) =>
    reshape(add(componentLogMass(z, component), component.logit), [1, rows, latent]),
  );
  const mixed = reshape(logSumExp(concat(masses, 0), [0]), [rows, latent]);
  return sumRows(subtract(mixed, logNormalizer(components)));
}

/**
 * log(sigmoid(a) - sigmoid(b)) with a, b = (z -+ 1/2 - mean) / scale, as -softplus(-a) - softplus(b) + log(1 - e^(b - a)):
 * equal, and finite in f32 however far z is from the mean.
 */
function componentLogMass(z: Tensor, component: Component): Tensor {
  const inverse = inverseScale(component);
  const centred = subtract(z, component.mean);
  const upper = multiply(affine(centred, 1, 0.5), inverse);
  const lower = multiply(affine(centred, 1, -0.5), inverse);
  const sides = add(unary('softplus', negate(upper)), unary('softplus', lower));
  return subtract(log(negate(unary('expm1', negate(inverse)))), sides);
}

function inverseScale({ logScale }: Component): Tensor {
  return exp(negate(clamp(logScale, ...logScaleRange)));
}

/** log sum exp of the logits of each dimension, f32[K]. */
function logNormalizer(components: readonly Component[]): Tensor {
  const latent = components[0]!.logit.shape[0]!;
  const logits = components.map(({ logit }) => reshape(logit, [1, latent]));
  return reshape(logSumExp(concat(logits, 0), [0]), [latent]);
}

/**
 * Samples of the mixture f32[R, K], not rounded, from normal noise f32[R, 4K]: a Gumbel value a component chooses one
 * (its softmax at a temperature of 1e-4 is 0 or 1), the rest makes the logistic.
 */
function sample(noise: Tensor, components: readonly Component[], latent: number): Tensor {
  const uniform = (part: number): Tensor => {
    const u = normalCdf(slice(noise, 1, part * latent, latent));
    return clamp(u, sampleMargin, 1 - sampleMargin);
  };
  const scores = components.map(({ logit }, index) =>
    affine(subtract(logit, log(negate(log(uniform(index))))), sharpness, 0),
  );
  const u = uniform(componentCount);
  const logistic = subtract(log(u), log(affine(u, -1, 1)));
  const [rows] = noise.shape as [number];
  const stacked = concat(
    scores.map((score) => reshape(score, [1, rows, latent])),
    0,
  );
  const greatest = reshape(logSumExp(stacked, [0]), [rows, latent]);
  return components
    .map((component, index) => {
      const value = add(divide(logistic, inverseScale(component)), component.mean);
      return multiply(exp(subtract(scores[index]!, greatest)), value);
    })
    .reduce((left, right) => add(left, right));
}
