/** Collects the nodes of a graph; every op gives the name of what it makes. */
import { elementCount, type Shape } from '../../../gpu/shape.js';
import type { TensorToWrite } from '../../checkpoint/safetensors.js';
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from './proto.js';

export type Attributes = Readonly<Record<string, OnnxAttribute>>;

/** The open size of every tensor that goes in or comes out. */
const BATCH = 'batch';

export class GraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #tensors = new Map<string, OnnxTensor>();
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];

  /** @param weights tensors of a model's file, under PyTorch's names and in its layouts */
  constructor(
    readonly name: string,
    readonly weights: ReadonlyMap<string, TensorToWrite>,
  ) {}

  /** f32[batch, ...shape] */
  input(name: string, shape: Shape): string {
    this.#inputs.push({ name, shape: [BATCH, ...shape] });
    return name;
  }

  /** f32[batch, ...shape] */
  output(name: string, value: string, shape: Shape): void {
    this.#nodes.push({ type: 'Identity', inputs: [value], output: name, attributes: {} });
    this.#outputs.push({ name, shape: [BATCH, ...shape] });
  }

  op(type: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const output = `${type}_${this.#nodes.length}`;
    this.#nodes.push({ type, inputs, output, attributes });
    return output;
  }

  /** A tensor of the file by name, seen with another shape of as many elements if one is given. */
  weight(name: string, shape?: Shape): string {
    const tensor = this.weights.get(name)!;
    const key = shape ? `${name} [${shape.join()}]` : name;
    this.#tensors.set(key, shape ? { ...tensor, shape } : tensor);
    return key;
  }

  floats(values: readonly number[], shape: Shape = []): string {
    return this.#constant({ shape, values: Float32Array.from(values) });
  }

  integers(values: readonly number[]): string {
    return this.#constant({ shape: [values.length], values: BigInt64Array.from(values, BigInt) });
  }

  #constant(tensor: OnnxTensor): string {
    const name = `constant_${this.#tensors.size}`;
    this.#tensors.set(name, tensor);
    return name;
  }

  /** `scale` x + `shift` */
  affine(x: string, scale: number, shift: number): string {
    const scaled = scale === 1 ? x : this.op('Mul', [x, this.floats([scale])]);
    return shift === 0 ? scaled : this.op('Add', [scaled, this.floats([shift])]);
  }

  clip(x: string, low: number, high: number): string {
    return this.op('Clip', [x, this.floats([low]), this.floats([high])]);
  }

  /** [batch, ...] as [batch, ...shape]. */
  reshape(x: string, shape: Shape): string {
    return this.op('Reshape', [x, this.integers([0, ...shape])]);
  }

  /** `count` of an axis from the `first`. */
  slice(x: string, axis: number, first: number, count: number): string {
    return this.op('Slice', [x, ...[first, first + count, axis].map((value) => this.integers([value]))]);
  }

  /** The sum over an axis, which goes away. */
  sum(x: string, axis: number): string {
    return this.op('ReduceSum', [x, this.integers([axis])], { keepdims: 0 });
  }

  /** x f32[batch, inputs] -> f32[batch, outputs] by the Linear of that name. */
  linear(x: string, name: string): string {
    return this.op('Gemm', [x, this.weight(`${name}.weight`), this.weight(`${name}.bias`)], { transB: 1 });
  }

  /** m + exp(s / 2) noise, with s in the range that ours exponentiates. */
  reparameterize(mean: string, logVariance: string, noise: string): string {
    const deviation = this.op('Exp', [this.affine(this.clip(logVariance, -30, 20), 0.5, 0)]);
    return this.op('Add', [mean, this.op('Mul', [deviation, noise])]);
  }

  build(): OnnxGraph {
    const { name } = this;
    const [nodes, tensors] = [this.#nodes, this.#tensors];
    return { name, nodes, tensors, inputs: this.#inputs, outputs: this.#outputs };
  }
}

/** Numbers of a tensor of the file. */
export function valuesOf(weights: ReadonlyMap<string, TensorToWrite>, name: string): number[] {
  const { shape, values } = weights.get(name)!;
  return Array.from({ length: elementCount(shape) }, (_, i) => Number(values[i]));
}
