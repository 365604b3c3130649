/** Slices and zero padding of one axis (shaders/window.wgsl); each is the other's gradient. */
import { dispatch, elementGrid } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { applyOne, streamingCost, type OpDefinition, type Tensor } from '../graph.js';
import { describeShape, elementCount } from '../shape.js';

interface WindowAttributes {
  readonly axis: number;
  /** Index in x of the window's first element; negative: zeros come first. */
  readonly start: number;
  readonly length: number;
}

export const windowOp: OpDefinition<WindowAttributes> = {
  name: 'window',
  shapes([x], { axis, start, length }) {
    if (!x || axis < 0 || axis >= x.length)
      throw new ShapeError('window', `axis ${axis} of ${describeShape(x ?? [])} does not exist`);
    if (!Number.isInteger(start) || !Number.isInteger(length) || length < 1)
      throw new ShapeError('window', `start ${start} and length ${length} must be integers, length >= 1`);
    return [x.map((size, index) => (index === axis ? length : size))];
  },
  cost: (step) => streamingCost(step, 0),
  forward(step) {
    const { axis, start, length } = step.attributes;
    const [x] = step.inputs as [Tensor];
    const [y] = step.outputs as [Tensor];
    const count = elementCount(y.shape);
    return [
      dispatch('window', {
        bindings: { x, y },
        parameters: {
          count,
          length: x.shape[axis]!,
          window: length,
          inner: elementCount(x.shape.slice(axis + 1)),
          start,
        },
        workgroups: elementGrid(count),
        cost: this.cost(step),
      }),
    ];
  },
  backward(node, [cotangent]) {
    const { axis, start } = node.attributes;
    const length = node.inputs[0]!.shape[axis]!;
    return [cotangent && applyOne(windowOp, [cotangent], { axis, start: -start, length })];
  },
};

/** `length` elements of `axis` from `start`. @throws ShapeError when the slice leaves the tensor. */
export function slice(x: Tensor, axis: number, start: number, length: number): Tensor {
  if (start < 0 || start + length > (x.shape[axis] ?? 0))
    throw new ShapeError(
      'slice',
      `[${start}, ${start + length}) of axis ${axis} leaves ${describeShape(x.shape)}`,
    );
  return applyOne(windowOp, [x], { axis, start, length });
}

/** `before` and `after` zeros around `axis`. */
export function pad(x: Tensor, axis: number, before: number, after: number): Tensor {
  return applyOne(windowOp, [x], { axis, start: -before, length: (x.shape[axis] ?? 0) + before + after });
}
