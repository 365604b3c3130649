/**
 * Single-head attention over the points of an image, y = softmax(q k' / sqrt(C)) v, streamed so that no tensor of
 * P x P scores exists (shaders/attention.wgsl, attention_gradient.wgsl). The gradient makes the scores again, for
 * queries in one dispatch and for keys and values in another. Vaswani et al. 2017, section 3.2.1.
 */
import { dispatch, rowGrid, rowLanes, type Dispatch, type DispatchContext } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { apply, streamingCost, type Cost, type OpDefinition, type Step, type Tensor } from '../graph.js';
import { ceilDivide, describeShape, sameShape, type Shape } from '../shape.js';
import { multiply } from './binary.js';
import { reshape } from './constant.js';
import { softmax } from './softmax.js';
import { sum } from './sum.js';
import { affine } from './unary.js';

type Sizes = readonly [images: number, points: number, channels: number];
type Three = readonly [Tensor, Tensor, Tensor];

/** inputs [q, k, v], outputs [y f32[B, P, C], logSum f32[B, P]]: log sum exp of every point's scores. */
export const attentionOp: OpDefinition<null> = {
  name: 'attention',
  shapes(inputs) {
    const [q] = inputs;
    if (q?.length !== 3 || inputs.some((shape) => !sameShape(shape, q)))
      throw new ShapeError(
        'attention',
        `q, k and v are ${inputs.map(describeShape).join(', ')}; expected one shape f32[B, P, C]; reshape() images to B x H*W x C`,
      );
    return [[...q], q.slice(0, 2)];
  },
  cost: (step) => attentionCost(step, 4),
  forward(step, context) {
    const [q, k, v] = step.inputs as [Tensor, Tensor, Tensor];
    const [y, logSum] = step.outputs as [Tensor, Tensor];
    return [
      dispatch('attention', {
        bindings: { q, k, v, y, log_sum: logSum },
        ...attentionSettings(q.shape, context),
        cost: this.cost(step),
      }),
    ];
  },
  // logSum is for the gradient alone: it is not handed out, so no cotangent of it arrives.
  backward({ inputs, outputs }, [cotangent]) {
    const [y, logSum] = outputs as [Tensor, Tensor];
    if (!cotangent) return [];
    const delta = sum(multiply(cotangent, y), [2]);
    return apply(attentionGradientOp, [...inputs, cotangent, logSum, delta], null);
  },
};

/** inputs [q, k, v, yGradient, logSum, delta f32[B, P] = sum of yGradient * y], outputs the gradients of q, k, v. */
export const attentionGradientOp: OpDefinition<null> = {
  name: 'attentionGradient',
  shapes: ([q, k, v]) => [[...q!], [...k!], [...v!]],
  cost: (step) => attentionCost(step, 14),
  forward(step, context) {
    const [q, k, v, g, logSum, delta] = step.inputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
    const [qGradient, kGradient, vGradient] = step.outputs as [Tensor, Tensor, Tensor];
    const half = (
      [own_a, own_b, other_a, other_b]: readonly [Tensor, Tensor, Tensor, Tensor],
      gradient_a: Tensor,
      gradient_b: Tensor | 'unused',
      flops: number,
    ): Dispatch =>
      dispatch('attention_gradient', {
        bindings: { own_a, own_b, other_a, other_b, log_sum: logSum, delta, gradient_a, gradient_b },
        ...attentionSettings(q.shape, context, gradient_b !== 'unused'),
        cost: attentionCost(step, flops),
      });
    return [half([q, g, k, v], qGradient, 'unused', 6), half([k, v, q, g], kGradient, vGradient, 8)];
  },
  backward({ inputs }, cotangents, tools) {
    // Views, so that the four are different leaves even where one tensor is passed as several of them.
    const [q, k, v, g] = inputs.slice(0, 4).map((tensor) => reshape(tensor, tensor.shape)) as [
      ...Three,
      Tensor,
    ];
    const gradients = tools.vectorJacobian([attentionComposition(q, k, v)], [g], [q, k, v]);
    // logSum and delta are functions of these four, and the composition contains them.
    return tools.vectorJacobian(gradients as Tensor[], cotangents, [q, k, v, g]);
  },
};

/** `flopsPerPair`: of every pair of points and every channel. */
function attentionCost(step: Step, flopsPerPair: number): Cost {
  const [images, points, channels] = step.inputs[0]!.shape as Sizes;
  return { ...streamingCost(step, 0), flops: flopsPerPair * images * points * points * channels };
}

function attentionSettings(shape: Shape, { adapterClass }: DispatchContext, keys = false) {
  const [images, points, channels] = shape as Sizes;
  const tiles = ceilDivide(points, 4);
  return {
    overrides: { WORKGROUP: rowLanes(tiles, adapterClass), ...(keys && { KEYS: true }) },
    parameters: { images, points, channels, scale: 1 / Math.sqrt(channels) },
    workgroups: rowGrid(images * tiles),
  };
}

/**
 * The same from primitive ops, with the scores as a tensor: the slow truth that tests compare with, and the way to
 * higher derivatives. Batched products are written as multiply and sum (B*P*P*C elements), matmul having rank 2.
 */
export function attentionComposition(q: Tensor, k: Tensor, v: Tensor): Tensor {
  const [B, P, C] = q.shape as Sizes;
  const others = (tensor: Tensor): Tensor => reshape(tensor, [B, 1, P, C]);
  const scores = sum(multiply(reshape(q, [B, P, 1, C]), others(k)), [3]);
  const weights = softmax(affine(scores, 1 / Math.sqrt(C), 0));
  return sum(multiply(reshape(weights, [B, P, P, 1]), others(v)), [2]);
}

/**
 * softmax(q k' / sqrt(C)) v of every image: q, k, v f32[B, P, C] -> f32[B, P, C].
 * @throws ShapeError when the three differ in shape or have other than 3 axes
 */
export function attention(q: Tensor, k: Tensor, v: Tensor): Tensor {
  return apply(attentionOp, [q, k, v], null)[0]!;
}
