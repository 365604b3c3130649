/**
 * Symbolic tensors. An op function (`matmul(a, b)`) validates shapes and returns tensors that remember
 * the node that makes them; nothing runs until a plan is compiled from the tensors that are wanted.
 * Node ids grow as nodes are made, so ascending id is a topological order.
 */
import type { Dispatch, DispatchContext } from './dispatch.js';
import { ShapeError } from './errors.js';
import { checkShape, describeShape, elementCount, type Shape } from './shape.js';

/** What an op costs when it runs once. */
export interface Cost {
  readonly flops: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** A node as the planner sees it: after fusion the attributes, inputs and outputs may have grown. */
export interface Step<A = unknown> {
  readonly op: OpDefinition<A>;
  readonly attributes: A;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly label: string;
}

/** Given by the gradient walk to a backward rule. */
export interface BackwardTools {
  /** Vector-Jacobian product of a sub-graph with respect to `inputs`, which count as leaves. */
  vectorJacobian(
    outputs: readonly Tensor[],
    cotangents: readonly (Tensor | undefined)[],
    inputs: readonly Tensor[],
  ): (Tensor | undefined)[];
}

/** The cotangents of an op's inputs, `undefined` where none flows. Declared as a method for the same reason. */
export type BackwardRule<A> = {
  /** `node` ran forward; the cotangents are of its outputs. */
  rule(
    node: Node<A>,
    cotangents: readonly (Tensor | undefined)[],
    tools: BackwardTools,
  ): readonly (Tensor | undefined)[];
}['rule'];

/** An op that cannot be differentiated says why; asking for its gradient throws with this reason. */
export interface NoBackward {
  readonly none: string;
}

/**
 * One op, whole: shape rule (all validation), cost, forward and backward, in that order.
 * Methods use method syntax on purpose, so that `OpDefinition<A>` can be held as `OpDefinition<unknown>`.
 */
export interface OpDefinition<A> {
  readonly name: string;
  /** Output shapes; throws ShapeError or SpecError on anything that does not fit. */
  shapes(inputs: readonly Shape[], attributes: A): Shape[];
  /** What the step costs when it runs once; reports and plans print it. */
  cost(step: Step<A>): Cost;
  /** The dispatches that compute the step. An empty list means the outputs are written by no kernel. */
  forward(step: Step<A>, context: DispatchContext): Dispatch[];
  /** The cotangents of the inputs as a graph, or why there are none. */
  backward: BackwardRule<A> | NoBackward;
}

/** An application of an op: what it takes and what it gives. */
export interface Node<A = unknown> {
  readonly id: number;
  readonly op: OpDefinition<A>;
  readonly attributes: A;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly label: string;
}

/** A symbolic f32 tensor. */
export class Tensor {
  constructor(
    readonly shape: Shape,
    readonly node: Node,
    readonly outputIndex: number,
  ) {}

  /** `f32[32, 20] of reparameterize` */
  toString(): string {
    return `${describeShape(this.shape)} of ${this.node.label}`;
  }
}

let nextNodeId = 1;
let labelScope: string[] = [];

/** Runs `build` with `name` in front of the labels of all nodes it makes (`encoder.0/matmul`). */
export function scoped<T>(name: string, build: () => T): T {
  labelScope = [...labelScope, name];
  try {
    return build();
  } finally {
    labelScope = labelScope.slice(0, -1);
  }
}

/** Adds a node and returns its output tensors. */
export function apply<A>(op: OpDefinition<A>, inputs: readonly Tensor[], attributes: NoInfer<A>): Tensor[] {
  const shapes = op.shapes(
    inputs.map((tensor) => tensor.shape),
    attributes,
  );
  const outputs: Tensor[] = [];
  const label = [...labelScope, op.name].join('/');
  const node: Node<A> = { id: nextNodeId++, op, attributes, inputs, outputs, label };
  shapes.forEach((shape, index) => {
    checkShape(shape, label);
    outputs.push(new Tensor(shape, node, index));
  });
  return outputs;
}

/** The single output of an op that has one. */
export function applyOne<A>(op: OpDefinition<A>, inputs: readonly Tensor[], attributes: NoInfer<A>): Tensor {
  const [output, ...more] = apply(op, inputs, attributes);
  if (!output || more.length > 0)
    throw new ShapeError(op.name, `has ${more.length + 1} outputs; expected one`);
  return output;
}

/** All nodes that `outputs` depend on, in topological order. */
export function reachableNodes(outputs: readonly Tensor[]): Node[] {
  const seen = new Map<number, Node>();
  const pending = outputs.map((tensor) => tensor.node);
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (seen.has(node.id)) continue;
    seen.set(node.id, node);
    for (const input of node.inputs) pending.push(input.node);
  }
  return [...seen.values()].toSorted((a, b) => a.id - b.id);
}

/** Elements of several tensors together. */
export function totalElements(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, tensor) => sum + elementCount(tensor.shape), 0);
}

/** The cost of an op that touches each element of its tensors once. */
export function streamingCost(step: Step, flopsPerOutput: number): Cost {
  const written = totalElements(step.outputs);
  return {
    flops: flopsPerOutput * written,
    bytesRead: 4 * totalElements(step.inputs),
    bytesWritten: 4 * written,
  };
}
