/**
 * The loss of a batch from the rows' terms, and the rows' weights (shaders/row_weights.wgsl, objective.wgsl).
 * The weights carry the sign, the mean over valid rows and samples, and beta, so that they are at once the
 * cotangents of the terms and the backward pass of the loss needs no dispatch.
 */
import { dispatch, elementGrid, rowLanes } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { apply, streamingCost, type OpDefinition, type Tensor } from '../graph.js';
import { describeShape, sameShape } from '../shape.js';
import { multiply } from './binary.js';

interface RowWeightsAttributes {
  readonly batch: number;
  readonly samples: number;
}

/** outputs [reconstructionWeights, klWeights], both f32[S*B]: -w and beta * w. */
export const rowWeightsOp: OpDefinition<RowWeightsAttributes> = {
  name: 'rowWeights',
  shapes: (_, { batch, samples }) => [[batch * samples], [batch * samples]],
  cost: (step) => streamingCost(step, 2),
  forward(step) {
    const { batch, samples } = step.attributes;
    const [reconstructionWeights, klWeights] = step.outputs as [Tensor, Tensor];
    return [
      dispatch('row_weights', {
        bindings: { reconstruction_weights: reconstructionWeights, kl_weights: klWeights },
        parameters: { rows: batch * samples, batch, samples },
        workgroups: elementGrid(batch * samples),
        cost: this.cost(step),
      }),
    ];
  },
  backward: { none: 'the weights of rows depend on no tensor' },
};

/** inputs [reconstruction, kl, reconstructionWeights, klWeights], outputs [loss f32[1], terms f32[3]]. */
export const objectiveOp: OpDefinition<null> = {
  name: 'objective',
  shapes(inputs) {
    const [first] = inputs;
    if (
      !first ||
      inputs.length !== 4 ||
      inputs.some((shape) => shape.length !== 1 || !sameShape(shape, first))
    )
      throw new ShapeError(
        'objective',
        `terms and weights are ${inputs.map(describeShape).join(', ')}; expected four f32[R]`,
      );
    return [[1], [3]];
  },
  cost: (step) => ({ ...streamingCost(step, 0), flops: 6 * step.inputs[0]!.shape[0]! }),
  forward(step, { adapterClass }) {
    const [reconstruction, kl, reconstructionWeights, klWeights] = step.inputs as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const [loss, terms] = step.outputs as [Tensor, Tensor];
    return [
      dispatch('objective', {
        bindings: {
          reconstruction,
          kl,
          reconstruction_weights: reconstructionWeights,
          kl_weights: klWeights,
          loss,
          terms,
        },
        overrides: { WORKGROUP: rowLanes(reconstruction.shape[0]!, adapterClass) },
        parameters: { rows: reconstruction.shape[0]! },
        workgroups: [1, 1, 1],
        cost: this.cost(step),
      }),
    ];
  },
  backward(node, [lossGradient, termsGradient]) {
    if (termsGradient)
      throw new ShapeError('objective', 'its terms are for reports; differentiate the loss instead');
    if (!lossGradient) return [];
    const [reconstruction, kl, reconstructionWeights, klWeights] = node.inputs as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    return [
      multiply(reconstructionWeights, lossGradient),
      multiply(klWeights, lossGradient),
      multiply(reconstruction, lossGradient),
      multiply(kl, lossGradient),
    ];
  },
};

/** -w and beta * w of every row, f32[S*B] each; w = 1 / (valid rows * S), 0 for padding rows. */
export function rowWeights(batch: number, samples: number): { reconstruction: Tensor; kl: Tensor } {
  const [reconstruction, kl] = apply(rowWeightsOp, [], { batch, samples }) as [Tensor, Tensor];
  return { reconstruction, kl };
}

/**
 * loss = <weights.reconstruction, reconstruction> + <weights.kl, kl>, f32[1]; terms f32[3] = elbo,
 * reconstruction, kl in nats per datum, elbo = reconstruction - beta * kl.
 */
export function objective(
  reconstruction: Tensor,
  kl: Tensor,
  weights: { reconstruction: Tensor; kl: Tensor },
): { loss: Tensor; terms: Tensor } {
  const inputs = [reconstruction, kl, weights.reconstruction, weights.kl];
  const [loss, terms] = apply(objectiveOp, inputs, null) as [Tensor, Tensor];
  return { loss, terms };
}
