/**
 * Softmax over the last axis and its gradient y (g - <g, y>), one dispatch each (shaders/softmax.wgsl). The Jacobian
 * is symmetric, so the gradient's own gradient by g is the same op again.
 */
import { dispatch, rowGrid, rowLanes, type Dispatch, type DispatchContext } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { applyOne, streamingCost, type OpDefinition, type Step, type Tensor } from '../graph.js';
import { describeShape, elementCount, sameShape } from '../shape.js';
import { multiply, subtract } from './binary.js';
import { sum } from './sum.js';

export const softmaxOp: OpDefinition<null> = {
  name: 'softmax',
  shapes([x]) {
    if (!x) throw new ShapeError('softmax', 'has no input; pass one tensor');
    return [[...x]];
  },
  cost: (step) => streamingCost(step, 8),
  forward: (step, context) => [softmaxDispatch(step, context)],
  backward: ({ outputs: [y] }, [cotangent]) => [
    cotangent && applyOne(softmaxGradientOp, [y!, cotangent], null),
  ],
};

/** inputs [y, yGradient] of one shape, output the gradient of softmax's input. */
export const softmaxGradientOp: OpDefinition<null> = {
  name: 'softmaxGradient',
  shapes([y, yGradient]) {
    if (!y || !yGradient || !sameShape(y, yGradient))
      throw new ShapeError(
        'softmaxGradient',
        `y is ${describeShape(y ?? [])}, yGradient ${describeShape(yGradient ?? [])}; expected one shape`,
      );
    return [[...y]];
  },
  cost: (step) => streamingCost(step, 4),
  forward: (step, context) => [softmaxDispatch(step, context)],
  backward({ inputs: [y, g] }, [v]) {
    if (!v) return [];
    // <v, y (g - <g, y>)> by y: v (g - <g, y>) - g <v, y>
    const inner = (a: Tensor): Tensor => sum(multiply(a, y!), [y!.shape.length - 1], true);
    const byY = subtract(multiply(v, subtract(g!, inner(g!))), multiply(g!, inner(v)));
    return [byY, applyOne(softmaxGradientOp, [y!, v], null)];
  },
};

function softmaxDispatch(step: Step, { adapterClass }: DispatchContext): Dispatch {
  const [x, yGradient] = step.inputs as [Tensor, Tensor | undefined];
  const width = x.shape.at(-1)!;
  const rows = elementCount(x.shape) / width;
  return dispatch('softmax', {
    bindings: { x, y_gradient: yGradient ?? 'unused', result: step.outputs[0]! },
    overrides: { WORKGROUP: rowLanes(width, adapterClass), GRADIENT: yGradient !== undefined },
    parameters: { rows, width },
    workgroups: rowGrid(rows),
    cost: step.op.cost(step),
  });
}

/** y = exp(x - max x) / sum exp(x - max x) over the last axis, of x's shape. */
export function softmax(x: Tensor): Tensor {
  return applyOne(softmaxOp, [x], null);
}
