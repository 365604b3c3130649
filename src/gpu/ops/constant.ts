/** Tensors that no kernel computes: inputs, parameters and constants, and the reshaped view of a tensor. */
import { apply, applyOne, type OpDefinition, type Tensor } from '../graph.js';
import { ShapeError } from '../errors.js';
import { describeShape, elementCount, type Shape } from '../shape.js';

const free = { flops: 0, bytesRead: 0, bytesWritten: 0 };
const leafReason = 'it is a leaf of the graph';

/** A tensor whose values the caller writes before a step. */
export const inputOp: OpDefinition<{ readonly name: string; readonly shape: Shape }> = {
  name: 'input',
  shapes: (_, { shape }) => [[...shape]],
  cost: () => free,
  forward: () => [],
  backward: { none: leafReason },
};

/** A tensor that lives in the flat weight buffer and that optimizers update. */
export const parameterOp: OpDefinition<{ readonly name: string; readonly shape: Shape }> = {
  name: 'parameter',
  shapes: (_, { shape }) => [[...shape]],
  cost: () => free,
  forward: () => [],
  backward: { none: leafReason },
};

/** What a constant holds: one value everywhere, or one an element. */
export type ConstantContents = number | Float32Array;

/** A tensor of known values, written once when the plan is made. */
export const constantOp: OpDefinition<{ readonly value: ConstantContents; readonly shape: Shape }> = {
  name: 'constant',
  shapes: (_, { shape }) => [[...shape]],
  cost: () => free,
  forward: () => [],
  backward: { none: leafReason },
};

/** Scratch inside one op; made by the planner only. */
export const temporaryOp: OpDefinition<{ readonly shape: Shape }> = {
  name: 'temporary',
  shapes: (_, { shape }) => [[...shape]],
  cost: () => free,
  forward: () => [],
  backward: { none: 'it is scratch memory of the planner' },
};

/** The same elements under another shape, or cut off from the gradient; an alias, no copy and no dispatch. */
export const reshapeOp: OpDefinition<{ readonly shape: Shape; readonly isCut?: boolean }> = {
  name: 'reshape',
  shapes([source], { shape }) {
    if (!source || elementCount(source) !== elementCount(shape))
      throw new ShapeError(
        'reshape',
        `input is ${describeShape(source ?? [])}; ${describeShape(shape)} needs ${elementCount(shape)} elements`,
      );
    return [[...shape]];
  },
  cost: () => free,
  forward: () => [],
  backward: ({ inputs: [source], attributes: { isCut } }, [cotangent]) => [
    cotangent && !isCut ? reshape(cotangent, source!.shape) : undefined,
  ],
};

/** A named tensor `f32[...shape]` that the caller writes before every step. */
export function input(name: string, shape: Shape): Tensor {
  return applyOne(inputOp, [], { name, shape });
}

/** A named weight; use ParameterSet to lay weights out in one buffer. */
export function parameter(name: string, shape: Shape): Tensor {
  return applyOne(parameterOp, [], { name, shape });
}

/** `value` in every element of `shape`. */
export function constant(shape: Shape, value: number): Tensor {
  return applyOne(constantOp, [], { shape, value });
}

/** These values, row after row: a mask. @throws ShapeError unless there is one an element */
export function table(shape: Shape, values: Float32Array): Tensor {
  if (values.length !== elementCount(shape))
    throw new ShapeError(
      'table',
      `got ${values.length} values; ${describeShape(shape)} needs ${elementCount(shape)}`,
    );
  return applyOne(constantOp, [], { shape, value: values });
}

/** The contents of a constant tensor, `undefined` for any other. */
export function constantContents(tensor: Tensor): ConstantContents | undefined {
  if (tensor.node.op !== (constantOp as OpDefinition<unknown>)) return undefined;
  return (tensor.node.attributes as { value: ConstantContents }).value;
}

/** The value of a constant tensor that has one value everywhere, `undefined` for any other. */
export function constantValue(tensor: Tensor): number | undefined {
  const contents = constantContents(tensor);
  return typeof contents === 'number' ? contents : undefined;
}

/** The elements of `tensor` under another shape. @throws ShapeError when the element counts differ. */
export function reshape(tensor: Tensor, shape: Shape): Tensor {
  const value = constantValue(tensor);
  if (value !== undefined) return constant(shape, value);
  return apply(reshapeOp, [tensor], { shape })[0]!;
}

/** The values of `tensor` as if they depended on nothing: no gradient flows through. */
export function stopGradient(tensor: Tensor): Tensor {
  if (constantValue(tensor) !== undefined) return tensor;
  return apply(reshapeOp, [tensor], { shape: tensor.shape, isCut: true })[0]!;
}
