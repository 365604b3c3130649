/** A second network that tells two samples apart; trained, its logit is the log ratio of their densities. */
import { scoped, type Tensor } from '../../gpu/graph.js';
import { add } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { affine, negate, unary } from '../../gpu/ops/unary.js';
import { elementCount } from '../../gpu/shape.js';
import { affineMap } from '../layers/dense.js';
import { stack } from '../layers/stack.js';
import type { DiscriminatorFields } from './objective-spec.js';
import type { Adversary, ObjectiveContext, ObjectiveSite } from './objective.js';

export interface Discriminator {
  /** f32[R, ...] -> f32[R, F], what the last of the layers makes. */
  features(x: Tensor): Tensor;
  /** f32[R, F] -> f32[R]: the logit that a row is of the first kind. */
  logit(features: Tensor): Tensor;
}

/** Its weights are `objective.N`, the layers, and `objective.logit`, the Linear behind them. */
export function discriminator(
  { layers }: DiscriminatorFields,
  shape: readonly number[],
  { weights }: ObjectiveSite,
): Discriminator {
  const network = stack(layers, { shape }, { weights, prefix: 'objective', where: 'spec.objective.layers' });
  const width = elementCount(network.shape);
  const head = weights.linear('objective.logit', network.flattened ?? network.shape, [1]);
  return {
    features(x) {
      const [rows] = x.shape as [number];
      return scoped('objective', () => reshape(network.apply(reshape(x, [rows, ...shape])), [rows, width]));
    },
    logit: (features) =>
      reshape(
        scoped('objective', () => affineMap(features, head)),
        [features.shape[0]!],
      ),
  };
}

/** -log of the probability that a logit gives to the first kind, f32[R]. */
export const missFirst = (logit: Tensor): Tensor => unary('softplus', negate(logit));
/** -log of the probability that it gives to the second. */
export const missSecond = (logit: Tensor): Tensor => unary('softplus', logit);

/** The adversary whose loss is the mean cross-entropy of telling two samples apart, given their logits f32[R]. */
export function adversary(
  { learningRate }: DiscriminatorFields,
  logits: (context: ObjectiveContext) => { first: Tensor; second: readonly Tensor[] },
): Adversary {
  return {
    name: 'discriminator',
    prefix: 'objective.',
    optimizer: { type: 'adam', beta1: 0.5, beta2: 0.9 }, // Kim and Mnih 2018, appendix B
    learningRate,
    loss(context) {
      const { first, second } = logits(context);
      const { mean } = context;
      const seconds = second.map((logit) => affine(mean(missSecond(logit)), 0.5 / second.length, 0));
      return seconds.reduce(add, affine(mean(missFirst(first)), 0.5, 0));
    },
  };
}
