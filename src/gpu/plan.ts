/**
 * A plan: the dispatches of a graph in order, and where every tensor lives. Made once per model and batch
 * size, without a GPU, so that it can be tested and printed. Buffers are reused by liveness; each slot is a
 * buffer of its own, because WebGPU forbids one buffer as read-only and writable in the same dispatch.
 */
import { ShapeError } from './errors.js';
import type { AdapterClass, Dispatch, DispatchContext, Operand } from './dispatch.js';
import { fuse, storageOf } from './fuse.js';
import { applyOne, reachableNodes, type Step, type Tensor } from './graph.js';
import {
  constantContents,
  constantOp,
  constantValue,
  inputOp,
  parameterOp,
  reshapeOp,
  temporaryOp,
  type ConstantContents,
} from './ops/constant.js';
import { averageDispatch, type MovingAverage } from './ops/moving-average.js';
import { updateDispatches, type UpdateSettings } from './ops/update.js';
import { windowOp } from './ops/window.js';
import { flatRanges, type ParameterEntry, type ParameterSet } from './parameters.js';
import { describeShape, elementCount, sameShape, type Shape } from './shape.js';
import type { Tuning } from './tuning.js';

/** What a plan is made of. */
export interface PlanRequest {
  readonly label: string;
  /** Tensors that can be read after a run, by name. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly parameters?: ParameterSet;
  /** What a run reads or moves and no gradient trains: running statistics, in the resource `state`. */
  readonly state?: ParameterSet;
  /** The weights that are trained; all of `parameters` by default. */
  readonly trained?: readonly ParameterEntry[];
  /** The gradient of every trained weight, in their order; written into the flat buffer. */
  readonly gradients?: readonly Tensor[];
  readonly update?: UpdateSettings;
  /** false: running statistics stay as they are, as in a further pass over a batch that has moved them. */
  readonly movesState?: boolean;
  /** What moves in the state, behind everything else. */
  readonly averages?: readonly MovingAverage[];
  /** false: every tensor gets its own buffer (debugging and guard checks). */
  readonly reuse?: boolean;
  /** false: one dispatch an op, no fusion. */
  readonly fusion?: boolean;
}

/** Where an operand is found when bind groups are made. */
export type Location =
  | { readonly kind: 'slot'; readonly slot: number; readonly byteLength: number }
  | { readonly kind: 'constant'; readonly index: number }
  | { readonly kind: 'input'; readonly name: string }
  | {
      readonly kind: 'resource';
      readonly name: string;
      readonly byteOffset?: number;
      readonly byteLength?: number;
    }
  | { readonly kind: 'unused' };

export interface PlannedDispatch {
  readonly label: string;
  readonly dispatch: Dispatch;
  readonly locations: Readonly<Record<string, Location>>;
}

/** Dispatches in order with the place of every tensor; needs no GPU. */
export interface Plan {
  readonly label: string;
  readonly dispatches: readonly PlannedDispatch[];
  readonly slotByteLengths: readonly number[];
  readonly inputs: ReadonlyMap<string, Shape>;
  readonly constants: readonly { readonly value: ConstantContents; readonly elementCount: number }[];
  readonly outputs: ReadonlyMap<string, { readonly shape: Shape; readonly location: Location }>;
}

/** Plans `request` for an adapter class, or a device's own tuning of it. @throws ShapeError or SpecError from the ops */
export function makePlan(request: PlanRequest, adapterClass: AdapterClass, tuning?: Tuning): Plan {
  const { averages = [], gradients = [] } = request;
  const fresh = averages.map((moving) => moving.fresh);
  const targets = [...Object.values(request.outputs), ...gradients, ...fresh];
  const wanted = new Set(targets.map(storageOf));
  const steps = runnableSteps(targets);
  const ordered = request.fusion === false ? steps : fuse(steps, wanted);
  const context: DispatchContext = {
    adapterClass,
    tuning,
    movesState: request.movesState !== false,
    temporary: (shape) => applyOne(temporaryOp, [], { shape }),
  };
  const dispatches = ordered.flatMap((step) =>
    step.op.forward(step, context).map((dispatch) => ({ label: step.label, dispatch })),
  );
  const places = new Placement(request, dispatches, targets);
  dispatches.push(...places.gradientCopies(context));
  if (request.update && request.parameters) {
    const update = updateDispatches(request.update, flatRanges(trainedEntries(request)), context);
    dispatches.push(...update.map((dispatch) => ({ label: `update ${request.update!.rule}`, dispatch })));
  }
  dispatches.push(
    ...averages.map((moving) => ({ label: 'moving average', dispatch: averageDispatch(moving) })),
  );
  return places.finish(dispatches);
}

const leafOps = new Set<unknown>([constantOp, inputOp, parameterOp, reshapeOp, temporaryOp]);

function runnableSteps(targets: readonly Tensor[]): Step[] {
  return reachableNodes(targets).filter((node) => !leafOps.has(node.op));
}

/** True for inputs and parameters, which no dispatch may write. */
function isLeaf(tensor: Tensor): boolean {
  return leafOps.has(tensor.node.op) && tensor.node.op !== (temporaryOp as unknown);
}

interface LabelledDispatch {
  readonly label: string;
  readonly dispatch: Dispatch;
}

/** Decides where tensors live: weights and gradients in their flat buffers, the rest in slots by liveness. */
class Placement {
  readonly #request: PlanRequest;
  readonly #fixed = new Map<Tensor, Location>();
  readonly #inputs = new Map<string, Shape>();
  readonly #constants: { value: ConstantContents; elementCount: number }[] = [];
  readonly #copies: { from: Tensor; to: Location }[] = [];
  readonly #kept: ReadonlySet<Tensor>;

  constructor(request: PlanRequest, dispatches: readonly LabelledDispatch[], targets: readonly Tensor[]) {
    this.#request = request;
    this.#kept = new Set(targets.map(storageOf));
    for (const [name, set] of [
      ['weights', request.parameters],
      ['state', request.state],
    ] as const) {
      for (const entry of set?.entries ?? []) this.#fixed.set(entry.tensor, flatLocation(name, entry));
    }
    this.#placeGradients(dispatches);
  }

  /** A gradient is written in place unless something else reads it, or two weights share it. */
  #placeGradients(dispatches: readonly LabelledDispatch[]): void {
    const read = new Set<Tensor>();
    const written = new Set<Tensor>();
    for (const { dispatch } of dispatches) {
      for (const [tensor, isWritten] of tensorOperands(dispatch)) (isWritten ? written : read).add(tensor);
    }
    const outputs = new Set(Object.values(this.#request.outputs).map(storageOf));
    const trained = trainedEntries(this.#request);
    this.#request.gradients?.forEach((gradient, index) => {
      const location = flatLocation('gradients', trained[index]!);
      const storage = storageOf(gradient);
      const inPlace =
        written.has(storage) && !read.has(storage) && !outputs.has(storage) && !this.#fixed.has(storage);
      if (inPlace) this.#fixed.set(storage, location);
      else if (constantValue(storage) !== 0) this.#copies.push({ from: storage, to: location });
    });
  }

  /** Dispatches that bring the remaining gradients into the flat buffer. */
  gradientCopies(context: DispatchContext): LabelledDispatch[] {
    return this.#copies.flatMap(({ from, to }) => {
      const copy = applyOne(windowOp, [from], { axis: 0, start: 0, length: from.shape[0]! });
      this.#fixed.set(copy, to);
      return copy.node.op
        .forward(copy.node, context)
        .map((dispatch) => ({ label: 'gradient copy', dispatch }));
    });
  }

  finish(dispatches: readonly LabelledDispatch[]): Plan {
    const slots = this.#assignSlots(dispatches);
    const planned = dispatches.map(({ label, dispatch }) => ({
      label,
      dispatch,
      locations: Object.fromEntries(
        Object.entries(dispatch.bindings).map(([name, operand]) => [name, this.#locate(operand)]),
      ),
    }));
    const outputs = new Map(
      Object.entries(this.#request.outputs).map(([name, tensor]) => [
        name,
        { shape: tensor.shape, location: this.#locate(tensor) },
      ]),
    );
    return {
      label: this.#request.label,
      dispatches: planned,
      slotByteLengths: slots,
      inputs: this.#inputs,
      constants: this.#constants,
      outputs,
    };
  }

  /** Greedy: a tensor takes the free slot that fits best, else the largest grows, else a new one is made. */
  #assignSlots(dispatches: readonly LabelledDispatch[]): number[] {
    const lastUse = new Map<Tensor, number>();
    dispatches.forEach(({ dispatch }, index) => {
      for (const [tensor] of tensorOperands(dispatch)) lastUse.set(tensor, index);
    });
    const slots: number[] = [];
    let free: number[] = [];
    dispatches.forEach(({ label, dispatch }, index) => {
      const operands = tensorOperands(dispatch);
      for (const [tensor, isWritten] of operands) {
        if (!isWritten || this.#fixed.has(tensor)) continue;
        if (isLeaf(tensor))
          throw new ShapeError(label, `writes to ${String(tensor)}; pass it in the plan's state`);
        const byteLength = 4 * elementCount(tensor.shape);
        const slot = chooseSlot(slots, free, byteLength);
        free = free.filter((other) => other !== slot);
        slots[slot] = Math.max(slots[slot] ?? 0, byteLength);
        this.#fixed.set(tensor, { kind: 'slot', slot, byteLength });
      }
      if (this.#request.reuse === false) return;
      for (const [tensor] of operands) {
        const location = this.#fixed.get(tensor);
        if (location?.kind !== 'slot' || this.#kept.has(tensor) || lastUse.get(tensor) !== index) continue;
        if (!free.includes(location.slot)) free.push(location.slot);
      }
    });
    return slots;
  }

  #locate(operand: Operand): Location {
    if (operand === 'unused') return { kind: 'unused' };
    if ('resource' in operand) return { kind: 'resource', name: operand.resource };
    const tensor = storageOf(operand);
    const fixed = this.#fixed.get(tensor);
    if (fixed) return fixed;
    const location = this.#locateLeaf(tensor);
    this.#fixed.set(tensor, location);
    return location;
  }

  #locateLeaf(tensor: Tensor): Location {
    const count = elementCount(tensor.shape);
    const value = constantContents(tensor);
    if (value !== undefined)
      return { kind: 'constant', index: this.#constants.push({ value, elementCount: count }) - 1 };
    const { name } = tensor.node.attributes as { name: string };
    const other = this.#inputs.get(name);
    if (other && !sameShape(other, tensor.shape))
      throw new ShapeError(
        name,
        `two inputs have this name, ${describeShape(other)} and ${describeShape(tensor.shape)}; give them different names`,
      );
    this.#inputs.set(name, tensor.shape);
    return { kind: 'input', name };
  }
}

function trainedEntries({ trained, parameters }: PlanRequest): readonly ParameterEntry[] {
  return trained ?? parameters?.entries ?? [];
}

/** An entry's place in the flat buffer `name`. */
function flatLocation(name: string, { offset, shape }: ParameterEntry): Location {
  return { kind: 'resource', name, byteOffset: 4 * offset, byteLength: 4 * elementCount(shape) };
}

function chooseSlot(slots: readonly number[], free: readonly number[], byteLength: number): number {
  const bySize = free.toSorted((a, b) => slots[a]! - slots[b]!);
  return bySize.find((slot) => slots[slot]! >= byteLength) ?? bySize.at(-1) ?? slots.length;
}

/** The tensors a dispatch touches (views resolved) and whether it writes them. */
function tensorOperands(dispatch: Dispatch): [tensor: Tensor, isWritten: boolean][] {
  return dispatch.kernel.bindings.flatMap(({ name, type }): [Tensor, boolean][] => {
    const operand = dispatch.bindings[name];
    if (operand === undefined || operand === 'unused' || 'resource' in operand) return [];
    return [[storageOf(operand), type === 'storage']];
  });
}
