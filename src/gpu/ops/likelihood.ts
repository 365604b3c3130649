/**
 * log p(x | z) of every row for Bernoulli (from logits), Gaussian and Laplace, in nats. Value and gradient are
 * two ops of one kernel (shaders/likelihood.wgsl); the planner runs them as one dispatch where it can.
 */
import { dispatch, rowGrid, rowLanes, type Dispatch, type DispatchContext } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import {
  apply,
  applyOne,
  totalElements,
  type BackwardTools,
  type Cost,
  type Node,
  type OpDefinition,
  type Step,
  type Tensor,
} from '../graph.js';
import { describeShape, elementCount, sameShape, type Shape } from '../shape.js';
import { add, broadcastTo, multiply, subtract } from './binary.js';
import { constant, reshape } from './constant.js';
import { sum, sumTo } from './sum.js';
import { affine, exp, negate, square, unary } from './unary.js';

/** Bernoulli takes logits; Gaussian's logScale is the log-variance, Laplace's the log of b. */
export type LikelihoodFamily = 'bernoulli' | 'gaussian' | 'laplace';

export interface LikelihoodAttributes {
  readonly family: LikelihoodFamily;
  /** Whether the gradient by logScale is wanted. */
  readonly scaleGradient: boolean;
  /** Set by the planner's fusion only: value and gradient in one dispatch. */
  readonly fused?: boolean;
}

const familyCodes = { bernoulli: 0, gaussian: 1, laplace: 2 } as const;

/** inputs [prediction f32[R, D], x f32[B, D], logScale], output f32[R]. */
export const likelihoodOp: OpDefinition<LikelihoodAttributes> = {
  name: 'likelihood',
  shapes([prediction, x, logScale], { family }) {
    checkRows(prediction, x, logScale, family);
    return [[prediction![0]!]];
  },
  cost: (step) => likelihoodCost(step),
  forward(step, context) {
    const [value, predictionGradient, scaleGradient] = step.outputs;
    return [likelihoodDispatch(step, context, value, predictionGradient, scaleGradient)];
  },
  backward(node, [g], tools) {
    if (!g) return [undefined, undefined, undefined];
    const outputs = apply(likelihoodGradientOp, [...node.inputs, g], node.attributes);
    const logScale = node.inputs[2]!;
    return [outputs[0], dataGradient(node, g, tools), outputs[1] && sumTo(outputs[1], logScale.shape)];
  },
};

/** By the composition: data are seldom differentiated (Fisher objectives do), and nothing runs unless it is asked for. */
function dataGradient(
  { inputs, attributes }: Node<LikelihoodAttributes>,
  cotangent: Tensor,
  tools: BackwardTools,
): Tensor | undefined {
  const [prediction, x, logScale] = inputs as [Tensor, Tensor, Tensor];
  const spread = broadcastTo(logScale, prediction.shape);
  const value = likelihoodComposition(prediction, x, spread, attributes.family);
  return tools.vectorJacobian([value], [cotangent], inputs)[1];
}

/** inputs [prediction, x, logScale, cotangent f32[R]], outputs [predictionGradient, scaleGradient?] f32[R, D]. */
export const likelihoodGradientOp: OpDefinition<LikelihoodAttributes> = {
  name: 'likelihoodGradient',
  shapes([prediction, x, logScale, cotangent], { family, scaleGradient }) {
    checkRows(prediction, x, logScale, family);
    if (!cotangent || !sameShape(cotangent, [prediction![0]!]))
      throw new ShapeError(
        'likelihoodGradient',
        `cotangent is ${describeShape(cotangent ?? [])}; expected one a row`,
      );
    return scaleGradient ? [[...prediction!], [...prediction!]] : [[...prediction!]];
  },
  cost: (step) => likelihoodCost(step),
  forward(step, context) {
    return [likelihoodDispatch(step, context, undefined, step.outputs[0], step.outputs[1])];
  },
  backward(node, cotangents, tools) {
    const [prediction, x, logScale, cotangent] = node.inputs as [Tensor, Tensor, Tensor, Tensor];
    const spread = broadcastTo(logScale, prediction.shape);
    const value = likelihoodComposition(prediction, x, spread, node.attributes.family);
    const leaves = node.attributes.scaleGradient ? [prediction, spread] : [prediction];
    const gradients = tools.vectorJacobian([value], [cotangent], leaves);
    const live = gradients.flatMap((tensor, index) =>
      tensor ? [{ tensor, cotangent: cotangents[index] }] : [],
    );
    return tools.vectorJacobian(
      live.map((entry) => entry.tensor),
      live.map((entry) => entry.cotangent),
      [prediction, x, logScale, cotangent],
    );
  },
};

function checkRows(
  prediction: Shape | undefined,
  x: Shape | undefined,
  logScale: Shape | undefined,
  family: string,
): void {
  if (prediction?.length !== 2 || x?.length !== 2 || prediction[1] !== x[1] || prediction[0]! % x[0]! !== 0)
    throw new ShapeError(
      'likelihood',
      `prediction is ${describeShape(prediction ?? [])} and x is ${describeShape(x ?? [])}; expected f32[S*B, D] and f32[B, D]`,
    );
  if (!logScale || !isScale(logScale, prediction))
    throw new ShapeError(
      'likelihood',
      `the ${family} log scale is ${describeShape(logScale ?? [])}; expected f32[1], f32[D] or f32[S*B, D] with D = ${prediction[1]}`,
    );
}

function isScale(logScale: Shape, prediction: Shape): boolean {
  return (
    elementCount(logScale) === 1 || sameShape(logScale, [prediction[1]!]) || sameShape(logScale, prediction)
  );
}

function likelihoodCost(step: Step): Cost {
  const read = totalElements(step.inputs);
  const written = totalElements(step.outputs);
  return { flops: 25 * elementCount(step.inputs[0]!.shape), bytesRead: 4 * read, bytesWritten: 4 * written };
}

function likelihoodDispatch(
  step: Step<LikelihoodAttributes>,
  { adapterClass }: DispatchContext,
  value: Tensor | undefined,
  predictionGradient: Tensor | undefined,
  scaleGradient: Tensor | undefined,
): Dispatch {
  const [prediction, x, logScale, cotangent] = step.inputs as [Tensor, Tensor, Tensor, Tensor | undefined];
  const [rows, width] = prediction.shape as [number, number];
  const scalar = elementCount(logScale.shape) === 1;
  return dispatch('likelihood', {
    bindings: {
      prediction,
      data: x,
      log_scale: logScale,
      cotangent: cotangent ?? 'unused',
      value: value ?? 'unused',
      prediction_gradient: predictionGradient ?? 'unused',
      scale_gradient: scaleGradient ?? 'unused',
    },
    overrides: {
      WORKGROUP: rowLanes(width, adapterClass),
      FAMILY: familyCodes[step.attributes.family],
      WITH_VALUE: value !== undefined,
      WITH_GRADIENT: predictionGradient !== undefined,
      WITH_SCALE_GRADIENT: scaleGradient !== undefined,
    },
    parameters: {
      rows,
      batch: x.shape[0]!,
      width,
      scale_row_stride: !scalar && logScale.shape.length === 2 ? width : 0,
      scale_column_stride: scalar ? 0 : 1,
    },
    workgroups: rowGrid(rows),
    cost: likelihoodCost(step),
  });
}

/** The same from primitive ops; `logScale` has the prediction's shape. */
export function likelihoodComposition(
  prediction: Tensor,
  x: Tensor,
  logScale: Tensor,
  family: LikelihoodFamily,
): Tensor {
  const [rows, width] = prediction.shape as [number, number];
  const batch = x.shape[0]!;
  const cube = [rows / batch, batch, width];
  const data = reshape(broadcastTo(reshape(x, [1, batch, width]), cube), [rows, width]);
  return sum(elementLogDensity(prediction, data, logScale, family), [1]);
}

function elementLogDensity(p: Tensor, x: Tensor, s: Tensor, family: LikelihoodFamily): Tensor {
  if (family === 'bernoulli') return subtract(multiply(x, p), unary('softplus', p));
  const difference = subtract(x, p);
  if (family === 'gaussian')
    return affine(
      add(multiply(square(difference), exp(negate(s))), affine(s, 1, Math.log(2 * Math.PI))),
      -0.5,
      0,
    );
  return negate(add(multiply(unary('abs', difference), exp(negate(s))), affine(s, 1, Math.LN2)));
}

/**
 * log p(x | z), f32[R] in nats a row; row r of `prediction` meets row r mod B of `x`.
 * @param logScale log-variance (gaussian) or log b (laplace): f32[1], f32[D] or f32[R, D]; absent for bernoulli
 * @throws ShapeError when the shapes do not fit
 */
export function likelihood(
  family: LikelihoodFamily,
  prediction: Tensor,
  x: Tensor,
  logScale?: Tensor,
): Tensor {
  const scale = logScale ?? constant([1], 0);
  const scaleGradient = logScale !== undefined && logScale.node.op.name !== 'constant';
  return applyOne(likelihoodOp, [prediction, x, scale], { family, scaleGradient });
}
