/**
 * z = mean + exp(logVariance / 2) * noise and the KL term of every row, one dispatch; the gradient is another.
 * Rows of z are sample-major: row r belongs to datum r mod B. Estimator B is the analytic KL, estimator A
 * log q(z|x) - log p(z) of the sample. Kingma and Welling 2013, sections 2.3-2.4 and appendix B.
 */
import { dispatch, rowGrid, rowLanes, type DispatchContext } from '../dispatch.js';
import { ShapeError, SpecError } from '../errors.js';
import {
  apply,
  applyOne,
  totalElements,
  type Cost,
  type OpDefinition,
  type Step,
  type Tensor,
} from '../graph.js';
import { describeShape, sameShape, type Shape } from '../shape.js';
import { add, broadcastTo, multiply, subtract } from './binary.js';
import { constant, reshape } from './constant.js';
import { noise as noiseTensor } from './noise.js';
import { sum } from './sum.js';
import { affine, clamp, exp, square, unary } from './unary.js';
import { slice } from './window.js';

/** `diagonal`: moments are [mean, logVariance], 2K columns; `isotropic`: one logVariance a row, K + 1 columns. */
export type PosteriorFamily = 'diagonal' | 'isotropic';
/** A: log q - log p at the sample; B: the KL in closed form (Kingma and Welling 2013, section 2.3). */
export type Estimator = 'A' | 'B';

export interface ReparameterizeAttributes {
  readonly latent: number;
  readonly samples: number;
  readonly posterior: PosteriorFamily;
  readonly estimator: Estimator;
  /** Separates noise tensors of one step. */
  readonly tag: number;
}

/** Range of the log-variance where it is exponentiated; the same numbers stand in lib/posterior.wgsl. */
export const LOG_VARIANCE_RANGE = [-30, 20] as const;

/** A log-variance within the range that the kernels clamp it to. */
export const clampLogVariance = (s: Tensor): Tensor => clamp(s, ...LOG_VARIANCE_RANGE);

/** inputs [moments f32[B, W], noise? f32[S*B, K]], outputs [z f32[S*B, K], kl f32[S*B]]. */
export const reparameterizeOp: OpDefinition<ReparameterizeAttributes> = {
  name: 'reparameterize',
  shapes([moments, noise], attributes) {
    const rows = checkMoments(moments, attributes);
    checkShapeIs(noise, [rows, attributes.latent], 'noise');
    return [[rows, attributes.latent], [rows]];
  },
  cost: (step) => posteriorCost(step, 90),
  forward(step, context) {
    const [moments, noise] = step.inputs as [Tensor, Tensor | undefined];
    const [z, kl] = step.outputs as [Tensor, Tensor];
    return [
      dispatch('reparameterize', {
        bindings: { moments, noise: noise ?? 'unused', z, kl },
        ...posteriorSettings(step.attributes, moments, noise, context),
        workgroups: rowGrid(z.shape[0]!),
        cost: this.cost(step),
      }),
    ];
  },
  backward(node, cotangents, tools) {
    const [moments, noise] = node.inputs as [Tensor, Tensor | undefined];
    const [zGradient, klGradient] = node.outputs.map((y, i) => cotangents[i] ?? constant(y.shape, 0));
    const inputs = [moments, zGradient!, klGradient!];
    if (!noise) return [applyOne(reparameterizeGradientOp, inputs, node.attributes)];
    // supplied noise is seldom differentiated: by the composition, of which nothing runs unless it is asked for
    const outputs = reparameterizeComposition(moments, noise, node.attributes);
    const [, noiseGradient] = tools.vectorJacobian(outputs, cotangents, node.inputs);
    return [applyOne(reparameterizeGradientOp, [...inputs, noise], node.attributes), noiseGradient];
  },
};

/** inputs [moments, zGradient, klGradient, noise?], output momentsGradient f32[B, W]. */
export const reparameterizeGradientOp: OpDefinition<ReparameterizeAttributes> = {
  name: 'reparameterizeGradient',
  shapes([moments, zGradient, klGradient, noise], attributes) {
    const rows = checkMoments(moments, attributes);
    checkShapeIs(zGradient, [rows, attributes.latent], 'zGradient');
    checkShapeIs(klGradient, [rows], 'klGradient');
    checkShapeIs(noise, [rows, attributes.latent], 'noise');
    return [[...moments!]];
  },
  cost: (step) => posteriorCost(step, 95),
  forward(step, context) {
    const [moments, zGradient, klGradient, noise] = step.inputs as [
      Tensor,
      Tensor,
      Tensor,
      Tensor | undefined,
    ];
    const [momentsGradient] = step.outputs as [Tensor];
    return [
      dispatch('reparameterize_gradient', {
        bindings: {
          moments,
          noise: noise ?? 'unused',
          z_gradient: zGradient,
          kl_gradient: klGradient,
          moments_gradient: momentsGradient,
        },
        ...posteriorSettings(step.attributes, moments, noise, context),
        workgroups: rowGrid(moments.shape[0]!),
        cost: this.cost(step),
      }),
    ];
  },
  backward: (node, cotangents, tools) => {
    const [moments, zGradient, klGradient, noise] = node.inputs as [
      Tensor,
      Tensor,
      Tensor,
      Tensor | undefined,
    ];
    const outputs = reparameterizeComposition(moments, noise, node.attributes);
    const [momentsGradient] = tools.vectorJacobian(outputs, [zGradient, klGradient], [moments]);
    return momentsGradient ? tools.vectorJacobian([momentsGradient], cotangents, node.inputs) : [];
  },
};

/** Validates the moments' shape and returns the rows of z. */
function checkMoments(
  moments: Shape | undefined,
  { latent, samples, posterior }: ReparameterizeAttributes,
): number {
  if (!Number.isInteger(latent) || latent < 1)
    throw new SpecError('reparameterize', `latent is ${latent}; expected an integer >= 1`);
  if (!Number.isInteger(samples) || samples < 1)
    throw new SpecError('reparameterize', `samples is ${samples}; expected an integer >= 1`);
  const width = posterior === 'isotropic' ? latent + 1 : 2 * latent;
  if (moments?.length !== 2 || moments[1] !== width)
    throw new ShapeError(
      'reparameterize',
      `moments are ${describeShape(moments ?? [])}; a ${posterior} posterior of latent ${latent} needs f32[B, ${width}]`,
    );
  return samples * moments[0]!;
}

function checkShapeIs(shape: Shape | undefined, expected: Shape, name: string): void {
  if (shape && !sameShape(shape, expected))
    throw new ShapeError(
      'reparameterize',
      `${name} is ${describeShape(shape)}; expected ${describeShape(expected)}`,
    );
}

function posteriorCost(step: Step, flopsPerElement: number): Cost {
  const read = totalElements(step.inputs);
  const written = totalElements(step.outputs);
  return { flops: flopsPerElement * written, bytesRead: 4 * read, bytesWritten: 4 * written };
}

/** Overrides and parameters that both kernels share. */
function posteriorSettings(
  { latent, samples, posterior, estimator, tag }: ReparameterizeAttributes,
  moments: Tensor,
  noise: Tensor | undefined,
  { adapterClass }: DispatchContext,
): {
  overrides: { WORKGROUP: number; SUPPLIED_NOISE: boolean; ISOTROPIC: boolean; SAMPLED_KL: boolean };
  parameters: { rows: number; batch: number; latent: number; samples: number; noise_tag: number };
} {
  const batch = moments.shape[0]!;
  return {
    overrides: {
      WORKGROUP: rowLanes(latent, adapterClass),
      SUPPLIED_NOISE: noise !== undefined,
      ISOTROPIC: posterior === 'isotropic',
      SAMPLED_KL: estimator === 'A',
    },
    parameters: { rows: samples * batch, batch, latent, samples, noise_tag: tag },
  };
}

/** The same from primitive ops: the slow truth that tests compare with, and the way to higher derivatives. */
export function reparameterizeComposition(
  moments: Tensor,
  supplied: Tensor | undefined,
  { latent, samples, posterior, estimator, tag }: ReparameterizeAttributes,
): [z: Tensor, kl: Tensor] {
  const batch = moments.shape[0]!;
  const cube = [samples, batch, latent];
  const spread = (tensor: Tensor): Tensor => broadcastTo(reshape(tensor, [1, batch, tensor.shape[1]!]), cube);
  const columns = posterior === 'isotropic' ? 1 : latent;
  const mean = spread(slice(moments, 1, 0, latent));
  const s = spread(clampLogVariance(slice(moments, 1, latent, columns)));
  const epsilon = reshape(supplied ?? noiseTensor([samples * batch, latent], tag), cube);
  const z = add(mean, multiply(exp(affine(s, 0.5, 0)), epsilon));
  const element =
    estimator === 'A'
      ? subtract(subtract(square(z), square(epsilon)), s)
      : add(subtract(unary('expm1', s), s), square(mean));
  const kl = affine(sum(element, [2]), 0.5, 0);
  return [reshape(z, [samples * batch, latent]), reshape(kl, [samples * batch])];
}

/**
 * @param moments f32[B, 2K] (diagonal: mean, logVariance) or f32[B, K + 1] (isotropic)
 * @param noise f32[S*B, K] instead of the kernel's own
 * @returns z f32[S*B, K] and kl f32[S*B] in nats, sample-major. @throws ShapeError, SpecError
 */
export function reparameterize(
  moments: Tensor,
  attributes: ReparameterizeAttributes,
  noise?: Tensor,
): { z: Tensor; kl: Tensor } {
  const [z, kl] = apply(reparameterizeOp, noise ? [moments, noise] : [moments], attributes) as [
    Tensor,
    Tensor,
  ];
  return { z, kl };
}
