/**
 * A kernel case: a graph of public ops, the numbers that go in, what the float64 reference says comes out, and how
 * far from it the device may be. A case is a name until it runs, so that listing hundreds of them costs nothing, and
 * it holds nothing of Node's or the browser's, so that both run the same table.
 */
import {
  gradient,
  input,
  type makePlan,
  multiply,
  sum,
  type ParameterSet,
  type PlanRequest,
  type StepValues,
  type Tensor,
} from 'webgpu-vae/gpu';
import { randomNormal, type F64 } from '../reference/tensor.js';

/**
 * Kernels of GPUs use workgroup memory, those of software adapters registers, and subgroups where there are any;
 * all of them run anywhere, the last if the device has subgroups.
 */
export type AdapterClass = Parameters<typeof makePlan>[1];
/** The classes that differ in kernels which reduce a row. */
export const rowClasses: readonly AdapterClass[] = ['software', 'gpu'];
/** The classes that differ in matmul kernels. */
export const matmulClasses: readonly AdapterClass[] = ['software', 'software-subgroups', 'gpu'];

/** One row of the table. */
export interface KernelCase {
  readonly name: string;
  /** Whose kernels are planned. */
  readonly adapterClass: AdapterClass;
  /** The kernel of every product, where it is not the rule's. */
  readonly tuning?: Parameters<typeof makePlan>[2];
  /** The case holds a device to more than WGSL promises: to what was measured on software adapters. */
  readonly softwareOnly?: boolean;
  /** Fills in everything else; called when the case runs. */
  build(graph: CaseGraph): void;
}

/** What is compared after a run: an output of the plan, or a caller's buffer. */
export interface Check {
  readonly name: string;
  readonly shape: readonly number[];
  readonly expected: Float64Array;
  /** Absolute error allowed, one an element. */
  readonly allowed: Float64Array;
  readonly source: 'output' | 'resource';
  readonly words: 'f32' | 'u32';
}

/** A graph under test, as a case builds it. */
export class CaseGraph {
  readonly inputs = new Map<string, F64>();
  readonly outputs: Record<string, Tensor> = {};
  readonly checks: Check[] = [];
  /** Buffers that live outside the plan, by resource name, with their contents before the first step. */
  readonly resources = new Map<string, Float32Array | Uint32Array>();
  /** One run of the plan each, in order. */
  steps: StepValues[] = [{}];
  parameters: ParameterSet | undefined;
  state: ParameterSet | undefined;
  gradients: readonly Tensor[] | undefined;
  update: PlanRequest['update'];
  averages: PlanRequest['averages'];
  /** Labels of the planned dispatches, where the case is about which they are. */
  labels: readonly string[] | undefined;
  /** Ops that the planner must have fused into others: no dispatch may be left that is labelled with one alone. */
  absent: readonly string[] = [];

  /** An input tensor that holds `value`, whose numbers must be exact in float32. */
  input(name: string, value: F64): Tensor {
    if (!value.values.every((number) => Object.is(Math.fround(number), number)))
      throw new Error(`[case] input '${name}' holds numbers that are not exact in float32; round them first`);
    this.inputs.set(name, value);
    return input(name, value.shape);
  }

  /** Asks for `tensor` and compares it. */
  expect(name: string, tensor: Tensor, expected: F64, allowed: Float64Array): void {
    if (tensor.shape.join() !== expected.shape.join())
      throw new Error(
        `[case] '${name}' is ${String(tensor)}; the reference gives f64[${expected.shape.join(', ')}]`,
      );
    this.outputs[name] = tensor;
    this.#check(name, expected, allowed, 'output', 'f32');
  }

  /** Compares a resource's numbers after the last step. */
  expectResource(name: string, expected: F64, allowed: Float64Array): void {
    this.#check(name, expected, allowed, 'resource', 'f32');
  }

  /** Compares a resource's words after the last step, exactly. */
  expectWords(name: string, words: readonly number[]): void {
    const expected = { shape: [words.length], values: Float64Array.from(words) };
    this.#check(name, expected, new Float64Array(words.length), 'resource', 'u32');
  }

  #check(
    name: string,
    { shape, values }: F64,
    allowed: Float64Array,
    source: Check['source'],
    words: Check['words'],
  ): void {
    if (allowed.length !== values.length)
      throw new Error(`[case] '${name}' has ${values.length} numbers and ${allowed.length} tolerances`);
    this.checks.push({ name, shape, expected: values, allowed, source, words });
  }

  /**
   * The gradients of `<cotangent, y>` for a random cotangent: a plain sum would not notice a permuted gradient.
   * @returns the cotangent, for the reference's backward, and the gradients in the order of `targets`
   */
  pullBack(y: Tensor, targets: readonly Tensor[], name = 'cotangent', seed = 77): [F64, ...Tensor[]] {
    const cotangent = randomNormal(y.shape, seed);
    const loss = sum(multiply(y, this.input(name, cotangent)));
    return [cotangent, ...gradient(loss, targets)];
  }
}

/** The case with the register kernels; for ops whose kernels are the same on every adapter. */
export function kernelCase(name: string, build: KernelCase['build']): KernelCase {
  return { name, adapterClass: 'software', build };
}

/** `[33, 1]` */
export function describe(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}
