/**
 * The Fisher autoencoder: the Fisher divergence of q(x) q(z | x) from p(x, z), up to a constant of the data; it needs no
 * normalised densities. Elkhalil et al. 2021, "Fisher auto-encoders", section 3. For a Gaussian likelihood of fixed
 * scale sigma: grad_x log p(x | z) = (mean - x) / sigma^2, and the Laplacian is -D / sigma^2.
 */
import { SpecError } from '../../gpu/errors.js';
import { vectorJacobian } from '../../gpu/gradient.js';
import type { Tensor } from '../../gpu/graph.js';
import { add, subtract } from '../../gpu/ops/binary.js';
import { constant, stopGradient } from '../../gpu/ops/constant.js';
import { affine } from '../../gpu/ops/unary.js';
import type { CompleteSpec } from '../spec.js';
import type { Posterior } from '../posteriors/posterior.js';
import { repeatRows, squaredRows } from '../rows.js';
import type { Objective, ObjectiveContext, ObjectiveSite } from './objective.js';

/** @throws SpecError for a likelihood other than a Gaussian of fixed scale, or a posterior without log q(z | x) */
export function fisher({ spec, posterior }: ObjectiveSite): Objective {
  const scale = fixedScale(spec, posterior);
  return {
    beta: 1,
    usesBound: false,
    penalty(context) {
      const { mean } = context;
      const terms = {
        latentScore: mean(halfSquares(latentScore(context))),
        dataScore: mean(dataScore(context, scale)),
        stability: mean(halfSquares(encoderScore(context))),
      };
      return { loss: add(add(terms.latentScore, terms.dataScore), terms.stability), terms };
    },
  };
}

function fixedScale({ likelihood, posterior: { type } }: CompleteSpec, posterior: Posterior): number {
  if (!posterior.logDensity)
    throw new SpecError(
      'spec.objective',
      `fisher needs log q(z | x) at any z, which a ${type} posterior does not have; use a diagonal one`,
    );
  if (likelihood.type === 'gaussian' && typeof likelihood.scale === 'number') return likelihood.scale;
  throw new SpecError(
    'spec.objective',
    `fisher needs a gaussian likelihood of fixed scale, spec.likelihood is ${JSON.stringify(likelihood)}; use { type: 'gaussian', scale: 1 }`,
  );
}

/** 1/2 |x_r|^2 of every row, f32[R]. */
const halfSquares = (x: Tensor): Tensor => affine(squaredRows(x), 0.5, 0);

/** grad_z log q(z | x) - grad_z log p(x, z), f32[S*B, K]. */
function latentScore({ model, bound, condition }: ObjectiveContext): Tensor {
  const { z, moments, reconstruction } = bound;
  const prior = model.prior.logDensity(z, condition);
  const gap = subtract(model.posterior.logDensity!(z, moments), add(reconstruction, prior));
  return pull(gap, z);
}

/** 1/2 |grad_x log p(x | z)|^2 + the Laplacian, f32[S*B]. */
function dataScore({ x, bound, samples, model }: ObjectiveContext, scale: number): Tensor {
  const difference = subtract(repeatRows(x, samples), bound.output);
  const score = affine(difference, scale ** -2, 0);
  return affine(halfSquares(score), 1, -model.width / scale ** 2);
}

/** grad_x log q(z | x) at a z that is held, f32[S*B, D]: every sample has a copy of its datum, whose gradient is its own. */
function encoderScore({ model, bound, samples, condition, x }: ObjectiveContext): Tensor {
  const { z } = bound;
  if (samples === 1) return pull(model.posterior.logDensity!(z, bound.moments), x, z);
  const copies = stopGradient(repeatRows(x, samples));
  const conditions = condition && repeatRows(condition, samples);
  const moments = model.encode(copies, conditions, { batch: x.shape[0]! });
  return pull(model.posterior.logDensity!(z, moments), copies, z);
}

/** Gradient of the sum of `rows` by `x`, while `held` counts as no function of it. */
function pull(rows: Tensor, x: Tensor, ...held: readonly Tensor[]): Tensor {
  const [byX] = vectorJacobian([rows], [constant(rows.shape, 1)], [x, ...held]);
  return byX!;
}
