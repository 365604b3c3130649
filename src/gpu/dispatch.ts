/**
 * What an op hands to the planner: one kernel with its operands, overrides, parameters and grid. The types
 * come from the reflected shaders, so a missing binding or a misspelt override does not compile.
 */
import type { Cost, Tensor } from './graph.js';
import type { Kernel, KernelParts, OwnKernel } from './kernel-declaration.js';
import { kernels } from './kernels.generated.js';
import { ceilDivide, type Shape } from './shape.js';
import type { Tuning } from './tuning.js';

export type KernelName = keyof typeof kernels;
type Description<K extends KernelName> = (typeof kernels)[K];

/** The storage bindings of a kernel; `parameters` and `step` are bound by the planner. */
export type StorageName<K extends KernelName> = Exclude<
  Description<K>['bindings'][number],
  { type: 'uniform' }
>['name'];

type Scalar<T extends string> = T extends `vec4${string}`
  ? readonly [number, number, number, number]
  : number;
type Field<K extends KernelName> = Description<K>['parameters']['fields'][number];

/** The values of a kernel's uniform `Parameters`. */
export type ParameterValues<K extends KernelName> = {
  readonly [F in Field<K> as F['name']]: Scalar<F['type']>;
};

/** The overrides of a kernel; those left out keep the default in the shader. */
export type OverrideValues<K extends KernelName> = {
  readonly [N in keyof Description<K>['overrides']]?: Description<K>['overrides'][N] extends 'bool'
    ? boolean
    : number;
};

/** A buffer that lives outside the plan's tensors: the weights, the data set. Bound by name. */
export interface Resource {
  readonly resource: string;
}

/** `'unused'` binds a placeholder where the overrides switch a binding off. */
export type Operand = Tensor | Resource | 'unused';

/** Workgroups along x, y and z. */
export type Workgroups = readonly [number, number, number];

/** One dispatch, as plans keep it. */
export interface Dispatch {
  readonly kernel: Kernel;
  readonly bindings: Readonly<Record<string, Operand>>;
  readonly overrides: Readonly<Record<string, number | boolean>>;
  readonly parameters: Readonly<Record<string, number | readonly number[]>>;
  readonly workgroups: Workgroups;
  readonly cost: Cost;
}

/** What an op may ask while it chooses its dispatches. */
export interface DispatchContext {
  readonly adapterClass: AdapterClass;
  /** Measured choices of product kernels, where there are any. */
  readonly tuning?: Tuning | undefined;
  /** False where ops may read the plan's state and not move it. */
  readonly movesState: boolean;
  /** A scratch tensor that lives only inside this op. */
  temporary(shape: Shape): Tensor;
}

/**
 * What kernels are chosen by. Software adapters (SwiftShader, llvmpipe) run barriers slowly and registers well;
 * GPUs the other way round.
 */
export type AdapterClass = 'gpu' | 'software' | 'software-subgroups';

export function isSoftware(adapterClass: AdapterClass): boolean {
  return adapterClass !== 'gpu';
}

/** Where a dispatch runs and what it costs. */
interface Extent {
  /** Workgroups along x, y and z. */
  readonly workgroups: Workgroups;
  readonly cost: Cost;
}

/**
 * One run of a kernel: of ours by its name, checked against its reflected types, or of one made by `defineKernel`, checked
 * against its declaration.
 */
export function dispatch<K extends KernelName>(
  kernel: K,
  parts: {
    readonly bindings: { readonly [N in StorageName<K>]: Operand };
    readonly overrides?: OverrideValues<K>;
    readonly parameters: ParameterValues<K>;
  } & Extent,
): Dispatch;
export function dispatch<D>(kernel: OwnKernel<D>, parts: KernelParts<D, Operand> & Extent): Dispatch;
export function dispatch(kernel: KernelName | Kernel, parts: Extent): Dispatch {
  const {
    bindings = {},
    overrides = {},
    parameters = {},
    workgroups,
    cost,
  } = parts as Partial<Dispatch> & Extent;
  return {
    kernel: typeof kernel === 'string' ? kernels[kernel] : kernel,
    bindings,
    overrides,
    parameters,
    workgroups,
    cost,
  };
}

/** WebGPU's default limit on workgroups along one axis. */
export const MAX_WORKGROUPS = 65_535;

/** Invocations of the elementwise and row kernels' workgroups. */
export const WORKGROUP = 64;

/**
 * Lanes of a kernel that reduces a row with a tree in workgroup memory. Software adapters switch fibers at
 * barriers, so there a row gets one SIMD group; on GPUs as many lanes as the row can use.
 */
export function rowLanes(width: number, adapterClass: AdapterClass): number {
  if (isSoftware(adapterClass)) return 4;
  return Math.min(64, Math.max(4, 2 ** Math.ceil(Math.log2(width))));
}

/** Grid of one workgroup per row, folded into two axes where one is too short. */
export function rowGrid(rows: number): Workgroups {
  const x = Math.min(rows, MAX_WORKGROUPS);
  return [x, ceilDivide(rows, x), 1];
}

/** Grid of one invocation per element. */
export function elementGrid(elements: number): Workgroups {
  return rowGrid(ceilDivide(elements, WORKGROUP));
}
