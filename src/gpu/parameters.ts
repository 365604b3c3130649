/**
 * The weights of a model in one flat buffer, every tensor at a 256-byte boundary (the alignment of storage
 * bindings), so that an optimizer updates all of them in one dispatch. The gap after a tensor stays zero.
 */
import { SpecError } from './errors.js';
import type { Tensor } from './graph.js';
import { parameter } from './ops/constant.js';
import { alignUp, elementCount, type Shape } from './shape.js';

/** Elements between storage binding offsets. */
const ALIGNMENT = 64;

export interface ParameterEntry {
  readonly name: string;
  readonly shape: Shape;
  readonly tensor: Tensor;
  /** First element in the flat buffer. */
  readonly offset: number;
}

/** Neighbours in the flat buffer, in elements; both are multiples of the alignment. */
export interface FlatRange {
  readonly first: number;
  readonly length: number;
}

/** The ranges of the flat buffer that hold `entries`, gaps included; neighbours are joined. */
export function flatRanges(entries: readonly ParameterEntry[]): FlatRange[] {
  const ranges: { first: number; length: number }[] = [];
  for (const { offset, shape } of entries.toSorted((a, b) => a.offset - b.offset)) {
    const length = alignUp(elementCount(shape), ALIGNMENT);
    const last = ranges.at(-1);
    if (last && last.first + last.length === offset) last.length += length;
    else ranges.push({ first: offset, length });
  }
  return ranges;
}

/** Weights by name in one flat buffer. */
export class ParameterSet {
  readonly #entries = new Map<string, ParameterEntry>();
  #length = 0;

  /** Adds a weight and returns its tensor. @throws SpecError when the name is taken */
  add(name: string, shape: Shape): Tensor {
    if (this.#entries.has(name)) throw new SpecError(name, 'two weights have this name; names must differ');
    const tensor = parameter(name, shape);
    this.#entries.set(name, { name, shape, tensor, offset: this.#length });
    this.#length = alignUp(this.#length + elementCount(shape), ALIGNMENT);
    return tensor;
  }

  /** All weights, in the order in which they were added. */
  get entries(): readonly ParameterEntry[] {
    return [...this.#entries.values()];
  }

  /** Elements of the flat buffers, gaps included. */
  get length(): number {
    return this.#length;
  }

  /** Trainable numbers, gaps excluded. */
  get count(): number {
    return this.entries.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  }

  /** The weight that owns a flat element index, for reports of a refused update. */
  owner(index: number): ParameterEntry | undefined {
    return this.entries.findLast((entry) => entry.offset <= index);
  }
}
