/**
 * Reverse-mode differentiation of a graph. The gradient is a graph of the same ops, so it can be planned,
 * fused and differentiated again (gradient penalties and Fisher objectives need second derivatives).
 */
import { ShapeError } from './errors.js';
import { reachableNodes, scoped, type BackwardTools, type Tensor } from './graph.js';
import { add } from './ops/binary.js';
import { constant } from './ops/constant.js';
import { describeShape, elementCount, sameShape } from './shape.js';

/**
 * d loss / d target for every target, each with its target's shape; zeros where the loss does not depend on it.
 * @throws ShapeError when `loss` is not a scalar `f32[1]`, or when an op on the way has no gradient.
 */
export function gradient(loss: Tensor, targets: readonly Tensor[]): Tensor[] {
  if (elementCount(loss.shape) !== 1)
    throw new ShapeError(
      'gradient',
      `loss is ${describeShape(loss.shape)}; pass a scalar f32[1] (sum it first)`,
    );
  const results = walk([loss], [constant(loss.shape, 1)], targets, false);
  return results.map((result, index) => result ?? constant(targets[index]!.shape, 0));
}

/** Cotangents of `inputs` given cotangents of `outputs`; `undefined` where none arrives. */
export const vectorJacobian: BackwardTools['vectorJacobian'] = (outputs, cotangents, inputs) =>
  walk(outputs, cotangents, inputs, true);

/** `cut`: nothing flows through an input to what it depends on (a backward rule looks at one op alone). */
function walk(
  outputs: readonly Tensor[],
  cotangents: readonly (Tensor | undefined)[],
  inputs: readonly Tensor[],
  cut: boolean,
): (Tensor | undefined)[] {
  const received = new Map<Tensor, Tensor>();
  const leaves = new Set(inputs);
  const deliver = (tensor: Tensor, cotangent: Tensor | undefined): void => {
    if (!cotangent) return;
    if (!sameShape(tensor.shape, cotangent.shape))
      throw new ShapeError(
        'gradient',
        `cotangent ${describeShape(cotangent.shape)} does not match ${String(tensor)}; a backward rule is wrong`,
      );
    const earlier = received.get(tensor);
    received.set(tensor, earlier ? add(earlier, cotangent) : cotangent);
  };
  outputs.forEach((tensor, index) => deliver(tensor, cotangents[index]));

  const needed = dependents(outputs, leaves);
  for (const node of reachableNodes(outputs).toReversed()) {
    if (!needed.has(node.id) || (cut && node.outputs.some((tensor) => leaves.has(tensor)))) continue;
    // A leaf without inputs (a weight) ends the walk by itself.
    if (node.inputs.length === 0) continue;
    const incoming = node.outputs.map((tensor) => received.get(tensor));
    if (incoming.every((cotangent) => cotangent === undefined)) continue;
    const { backward } = node.op;
    if (typeof backward !== 'function') throw new ShapeError(node.label, `has no gradient: ${backward.none}`);
    const results = scoped(`gradient ${node.label}`, () => backward(node, incoming, { vectorJacobian }));
    node.inputs.forEach((input, index) => {
      if (needed.has(input.node.id)) deliver(input, results[index]);
    });
  }
  return inputs.map((input) => received.get(input));
}

/** Ids of the nodes through which a leaf influences an output; only those need a backward pass. */
function dependents(outputs: readonly Tensor[], leaves: ReadonlySet<Tensor>): Set<number> {
  const needed = new Set<number>();
  for (const node of reachableNodes(outputs)) {
    const isLeaf = node.outputs.some((tensor) => leaves.has(tensor));
    if (isLeaf || node.inputs.some((input) => needed.has(input.node.id))) needed.add(node.id);
  }
  return needed;
}
