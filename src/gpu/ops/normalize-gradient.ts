/**
 * The gradient of a normalization by x, gamma and beta: one dispatch for x (shaders/normalize_gradient.wgsl), one or
 * two for gamma and beta together (shaders/normalize_parameters.wgsl). Its own gradient goes through the composition.
 */
import { dispatch, elementGrid, type Dispatch, type DispatchContext } from '../dispatch.js';
import { streamingCost, type OpDefinition, type Step, type Tensor } from '../graph.js';
import { ceilDivide, elementCount } from '../shape.js';
import { constant, reshape } from './constant.js';
import { normalizeComposition } from './normalize.js';
import {
  groupLanes,
  groupParameters,
  groupView,
  rowOverrides,
  type NormalizeAttributes,
} from './normalize-shape.js';
import { pieceLength, sum } from './sum.js';

/** inputs [x, gamma, yGradient, statistics], outputs [xGradient, gammaGradient f32[C], betaGradient f32[C]]. */
export const normalizeGradientOp: OpDefinition<NormalizeAttributes> = {
  name: 'normalizeGradient',
  shapes: ([x, gamma]) => [[...x!], [...gamma!], [...gamma!]],
  cost: (step) => streamingCost(step, 16),
  forward(step, context) {
    return [xDispatch(step, context), ...parameterDispatches(step, context)];
  },
  backward(node, cotangents, tools) {
    const [x, gamma, yGradient] = node.inputs as [Tensor, Tensor, Tensor, Tensor];
    // y is linear in beta, so that its value is of no consequence
    const y = normalizeComposition(x, gamma, constant(gamma.shape, 0), node.attributes);
    const [xGradient, gammaGradient] = tools.vectorJacobian([y], [yGradient], [x, gamma]);
    const rows = reshape(yGradient, [elementCount(x.shape) / gamma.shape[0]!, gamma.shape[0]!]);
    const outputs = [xGradient!, gammaGradient!, sum(rows, [0])];
    return tools.vectorJacobian(outputs, cotangents, [x, gamma, yGradient]);
  },
};

function xDispatch(step: Step<NormalizeAttributes>, { adapterClass }: DispatchContext): Dispatch {
  const [x, gamma, y_gradient, statistics] = step.inputs as [Tensor, Tensor, Tensor, Tensor];
  const [x_gradient] = step.outputs as [Tensor, Tensor, Tensor];
  const view = groupView(x.shape, step.attributes);
  const { overrides, workgroups } = groupLanes(view, adapterClass);
  return dispatch('normalize_gradient', {
    bindings: { x, gamma, y_gradient, statistics, x_gradient },
    overrides: { ...overrides, ...rowOverrides(x.shape, step.attributes) },
    parameters: groupParameters(x.shape, step.attributes, view),
    workgroups,
    cost: step.op.cost(step),
  });
}

/** The gradients by gamma and beta: all rows at once, or pieces of them and then the pieces. */
function parameterDispatches(step: Step<NormalizeAttributes>, context: DispatchContext): Dispatch[] {
  const [x, , yGradient, statistics] = step.inputs as [Tensor, Tensor, Tensor, Tensor];
  const [, gammaGradient, betaGradient] = step.outputs as [Tensor, Tensor, Tensor];
  const { positions, groups, width } = groupView(x.shape, step.attributes);
  const channels = groups * width;
  const rows = elementCount(x.shape) / channels;
  const piece = pieceLength(rows);
  const pieces = ceilDivide(rows, piece);
  const pass = (
    from: Pair,
    to: Pair,
    [count, length]: readonly [number, number],
    COMBINE: boolean,
  ): Dispatch => {
    const written = ceilDivide(count, length) * channels;
    return dispatch('normalize_parameters', {
      bindings: {
        x: from[0],
        y_gradient: from[1],
        statistics: COMBINE ? 'unused' : statistics,
        gamma_gradient: to[0],
        beta_gradient: to[1],
      },
      overrides: { COMBINE },
      parameters: { rows: count, piece: length, positions, groups, width },
      workgroups: elementGrid(written),
      cost: { flops: 5 * count * channels, bytesRead: 8 * count * channels, bytesWritten: 8 * written },
    });
  };
  const gradients: Pair = [gammaGradient, betaGradient];
  if (pieces === 1) return [pass([x, yGradient], gradients, [rows, rows], false)];
  const partials: Pair = [context.temporary([pieces, channels]), context.temporary([pieces, channels])];
  return [
    pass([x, yGradient], partials, [rows, piece], false),
    pass(partials, gradients, [pieces, pieces], true),
  ];
}

/** What concerns gamma and what concerns beta. */
type Pair = readonly [Tensor, Tensor];
