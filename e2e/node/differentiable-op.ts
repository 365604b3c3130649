/** What the tests of gradients and of second derivatives need to know of an op. */
import type { ParameterSet, Tensor } from 'webgpu-vae/gpu';
import type { F64 } from '../reference/tensor.js';

/** An op with the float64 backward of the same function. */
export interface Row {
  readonly name: string;
  /** The first `differentiated` are what the first gradient is taken by. */
  readonly inputs: Readonly<Record<string, F64>>;
  /** By default all of them. */
  readonly differentiated?: readonly string[];
  /** What the op writes besides its outputs. */
  readonly state?: ParameterSet;
  /** Inputs that are data: they are not varied. */
  readonly fixed?: readonly string[];
  build(tensors: Readonly<Record<string, Tensor>>): readonly Tensor[];
  /** Gradients of the differentiated inputs for one cotangent an output. */
  backward(values: Readonly<Record<string, F64>>, cotangents: readonly F64[]): readonly F64[];
}
