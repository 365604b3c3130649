/** Tensors one behind the other along an axis, four in a dispatch (shaders/concat.wgsl); the gradient slices. */
import { dispatch, elementGrid } from '../dispatch.js';
import { ShapeError } from '../errors.js';
import { applyOne, streamingCost, type OpDefinition, type Tensor } from '../graph.js';
import { ceilDivide, describeShape, elementCount, type Shape } from '../shape.js';
import { slice } from './window.js';

/** Tensors a dispatch takes: five of the eight storage buffers that WebGPU promises a kernel. */
const MOST = 4;

export const concatOp: OpDefinition<{ readonly axis: number }> = {
  name: 'concat',
  shapes(inputs, { axis }) {
    const [first] = inputs as [Shape];
    const fits = (shape: Shape): boolean =>
      shape.length === first.length && shape.every((size, i) => i === axis || size === first[i]);
    if (!(axis in first) || !inputs.every(fits))
      throw new ShapeError(
        'concat',
        `tensors are ${inputs.map(describeShape).join(', ')}; expected the same sizes but along axis ${axis}`,
      );
    const length = inputs.reduce((total, shape) => total + shape[axis]!, 0);
    return [first.map((size, i) => (i === axis ? length : size))];
  },
  cost: (step) => streamingCost(step, 0),
  forward(step) {
    const { axis } = step.attributes;
    const [a, b, c, d] = step.inputs as [Tensor, Tensor, Tensor?, Tensor?];
    const [y] = step.outputs as [Tensor];
    const inner = elementCount(y.shape.slice(axis + 1));
    const part = (tensor: Tensor | undefined): number => (tensor ? tensor.shape[axis]! * inner : 0);
    const [end_a, end_b] = [part(a), part(a) + part(b)];
    const count = elementCount(y.shape);
    return [
      dispatch('concat', {
        bindings: { a, b, c: c ?? 'unused', d: d ?? 'unused', y },
        parameters: { count, row: part(y), end_a, end_b, end_c: end_b + part(c) },
        workgroups: elementGrid(count),
        cost: this.cost(step),
      }),
    ];
  },
  backward({ inputs, attributes: { axis } }, [cotangent]) {
    if (!cotangent) return [];
    let start = 0;
    return inputs.map(({ shape }) => {
      const length = shape[axis]!;
      start += length;
      return slice(cotangent, axis, start - length, length);
    });
  },
};

/** `tensors` joined along `axis`, in their order. @throws ShapeError for none, or when other sizes differ */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const [first, ...more] = tensors;
  if (!first) throw new ShapeError('concat', 'got no tensors; pass one or more');
  if (more.length === 0) return first;
  if (tensors.length <= MOST) return applyOne(concatOp, tensors, { axis });
  const groups = Array.from({ length: ceilDivide(tensors.length, MOST) }, (_, i) =>
    concat(tensors.slice(i * MOST, (i + 1) * MOST), axis),
  );
  return concat(groups, axis);
}
