/**
 * GroupNorm, LayerNorm and BatchNorm of channels-last tensors, one dispatch each (shaders/normalize.wgsl), as
 * torch.nn defines them: y = (x - mean) / sqrt(variance + epsilon) * gamma + beta with the biased variance.
 * Wu and He 2018; Ba, Kiros and Hinton 2016; Ioffe and Szegedy 2015.
 */
import { dispatch } from '../dispatch.js';
import { ShapeError, SpecError } from '../errors.js';
import { apply, streamingCost, type OpDefinition, type Tensor } from '../graph.js';
import { describeShape, elementCount, sameShape, type Shape } from '../shape.js';
import { activationCodes } from './activation.js';
import { add, broadcastTo, divide, multiply, subtract } from './binary.js';
import { reshape } from './constant.js';
import { normalizeGradientOp } from './normalize-gradient.js';
import {
  groupLanes,
  groupParameters,
  groupView,
  rowOverrides,
  type BatchStatistics,
  type NormalizeAttributes,
} from './normalize-shape.js';
import { rowWeights } from './objective.js';
import { sum } from './sum.js';
import { affine, square, unary } from './unary.js';
import { slice } from './window.js';

/**
 * inputs [x f32[B, ..., C], gamma f32[C], beta f32[C], running? f32[2C + 1]], outputs [y of x's shape,
 * statistics f32[groups in all, 4]]. In training BatchNorm also writes `running`, which must be state of the plan,
 * unless the plan moves none.
 */
export const normalizeOp: OpDefinition<NormalizeAttributes> = {
  name: 'normalize',
  shapes([x, gamma, beta, running], attributes) {
    if (!x || !gamma || !beta) throw new ShapeError('normalize', 'needs x, gamma and beta');
    const { outer, groups } = groupView(x, attributes);
    const { kind, epsilon, statistics } = attributes;
    const channels = x.at(-1)!;
    checkShapeIs(kind, 'gamma', gamma, [channels]);
    checkShapeIs(kind, 'beta', beta, [channels]);
    if (running) checkShapeIs(kind, 'running', running, [2 * channels + 1]);
    if (!(epsilon > 0 && epsilon < 1))
      throw new SpecError(kind, `epsilon is ${epsilon}; expected a number in (0, 1)`);
    if (statistics) checkStatistics(x, statistics);
    return [[...x], [outer * groups, 4]];
  },
  cost: (step) => streamingCost(step, 8),
  forward(step, { adapterClass, movesState }) {
    const { attributes } = step;
    const [x, gamma, beta, running] = step.inputs as [Tensor, Tensor, Tensor, Tensor | undefined];
    const [y, statistics] = step.outputs as [Tensor, Tensor];
    const view = groupView(x.shape, attributes);
    const { overrides, workgroups } = groupLanes(view, adapterClass);
    const { training = false } = attributes.statistics ?? {};
    const moves = training && movesState && running !== undefined;
    return [
      dispatch('normalize', {
        bindings: {
          x,
          gamma,
          beta,
          running: (!training && running) || 'unused',
          y,
          statistics,
          updated: moves ? running : 'unused',
        },
        overrides: {
          ...overrides,
          ACTIVATION: activationCodes[attributes.activation ?? 'identity'],
          ...rowOverrides(x.shape, attributes),
          UPDATE: moves,
          RUNNING: !training && running !== undefined,
        },
        parameters: groupParameters(x.shape, attributes, view),
        workgroups,
        cost: this.cost(step),
      }),
    ];
  },
  backward(node, [yGradient, statisticsGradient], tools) {
    if (statisticsGradient)
      throw new ShapeError(node.attributes.kind, 'its statistics have no gradient; differentiate y');
    if (!yGradient) return [];
    const [x, gamma, beta, running] = node.inputs as [Tensor, Tensor, Tensor, Tensor | undefined];
    if (node.attributes.statistics?.training !== false)
      return apply(normalizeGradientOp, [x, gamma, yGradient, node.outputs[1]!], node.attributes);
    const y = normalizeComposition(x, gamma, beta, node.attributes, running);
    return tools.vectorJacobian([y], [yGradient], [x, gamma, beta]);
  },
};

function checkShapeIs(kind: string, name: string, shape: Shape, expected: Shape): void {
  if (!sameShape(shape, expected))
    throw new ShapeError(kind, `${name} is ${describeShape(shape)}; expected ${describeShape(expected)}`);
}

function checkStatistics(x: Shape, { training, momentum, batch }: BatchStatistics): void {
  if (!(momentum >= 0 && momentum <= 1))
    throw new SpecError('batchNorm', `momentum is ${momentum}; expected a number in [0, 1]`);
  if (!Number.isInteger(batch) || batch < 1 || x[0]! % batch !== 0)
    throw new SpecError(
      'batchNorm',
      `batch is ${batch}; input is ${describeShape(x)}; pass a divisor of its rows`,
    );
  if (training && elementCount(x) === x.at(-1))
    throw new ShapeError(
      'batchNorm',
      `input is ${describeShape(x)}, one value a channel, whose variance is 0; train with 2 rows or more`,
    );
}

/** The same from primitive ops: the slow truth that tests compare with, and the way to higher derivatives. */
export function normalizeComposition(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  attributes: NormalizeAttributes,
  running?: Tensor,
): Tensor {
  const { outer, positions, groups, width } = groupView(x.shape, attributes);
  const values = reshape(x, [outer, positions, groups, width]);
  const channelwise = (tensor: Tensor): Tensor => reshape(tensor, [1, 1, groups, width]);
  const isRunning = running !== undefined && !attributes.statistics?.training;
  const average = averageOver(x.shape, attributes);
  const mean = isRunning ? channelwise(slice(running, 0, 0, groups)) : average(values);
  const deviation = subtract(values, mean);
  const variance = isRunning ? channelwise(slice(running, 0, groups, groups)) : average(square(deviation));
  const normal = divide(deviation, unary('sqrt', affine(variance, 1, attributes.epsilon)));
  return reshape(add(multiply(normal, channelwise(gamma)), channelwise(beta)), x.shape);
}

/** The mean over positions and width of [outer, positions, groups, width], kept as axes of size 1. */
function averageOver(x: Shape, attributes: NormalizeAttributes): (values: Tensor) => Tensor {
  const { positions, width } = groupView(x, attributes);
  const { training, batch = 0 } = attributes.statistics ?? {};
  if (!training) return (values) => affine(total(values), 1 / (positions * width), 0);
  const [rows] = x as [number];
  const { reconstruction } = rowWeights(batch, rows / batch);
  const weights = reshape(affine(reconstruction, -rows / positions, 0), [rows, 1]);
  const spread = reshape(broadcastTo(weights, [rows, positions / rows]), [1, positions, 1, 1]);
  return (values) => total(multiply(values, spread));
}

function total(values: Tensor): Tensor {
  return sum(sum(values, [3], true), [1], true);
}

export interface NormOptions {
  /** Added to the variance; 1e-5 as in PyTorch. */
  readonly epsilon?: number;
}

/**
 * torch.nn.GroupNorm: each group of neighbouring channels of a datum by its own mean and variance.
 * @param x f32[B, ..., C] of 2 to 4 axes
 * @param gamma f32[C]
 * @param beta f32[C]
 * @returns x's shape. @throws ShapeError, SpecError when `groups` does not divide C
 */
export function groupNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  { groups, epsilon = 1e-5 }: NormOptions & { readonly groups: number },
): Tensor {
  return apply(normalizeOp, [x, gamma, beta], { kind: 'groupNorm', groups, epsilon })[0]!;
}

/** torch.nn.LayerNorm over the last axis: x f32[B, ..., C], gamma and beta f32[C]. @throws ShapeError, SpecError */
export function layerNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  { epsilon = 1e-5 }: NormOptions = {},
): Tensor {
  return apply(normalizeOp, [x, gamma, beta], { kind: 'layerNorm', groups: 1, epsilon })[0]!;
}

/** How a batch is normalized; defaults are PyTorch's. */
export interface BatchNormOptions extends NormOptions {
  /** true: the batch's own statistics, which move the running ones; false: the running ones. */
  readonly training: boolean;
  /** Share of a new batch in the running statistics; 0.1 as in PyTorch. */
  readonly momentum?: number;
  /** Rows of a batch where x has several samples of each, sample-major; x's rows by default. */
  readonly batch?: number;
}

/**
 * torch.nn.BatchNorm: each channel by its mean and variance over rows and positions. Rows of a batch from the step
 * block's row_count on are padding and do not count. The running variance is the unbiased one.
 * @param running f32[2C + 1]: running mean, running variance, batches seen; state of the plan in training
 * @returns x's shape. @throws ShapeError, SpecError
 */
export function batchNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  running: Tensor,
  { training, epsilon = 1e-5, momentum = 0.1, batch = x.shape[0]! }: BatchNormOptions,
): Tensor {
  const statistics = { training, momentum, batch };
  const attributes = { kind: 'batchNorm', groups: 1, epsilon, statistics } as const;
  return apply(normalizeOp, [x, gamma, beta, running], attributes)[0]!;
}
