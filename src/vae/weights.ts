/**
 * A model's weights: their flat layout, their initial values, and how each is stored in a file. Initial values
 * follow PyTorch's Linear and Conv2d (uniform in +-1 / sqrt(fan in)), drawn from Threefry, one stream a weight.
 */
import type { Tensor } from '../gpu/graph.js';
import { ParameterSet } from '../gpu/parameters.js';
import { elementCount, type Shape } from '../gpu/shape.js';
import { symmetricUniform } from '../gpu/threefry.js';
import {
  channelLayout,
  convLayout,
  linearLayout,
  partOf,
  rowsLayout,
  unchanged,
  vectorLayout,
  type FileLayout,
} from './file-layout.js';

interface Weight {
  /** The tensors that hold it in a file: one, or two for the moments. */
  readonly layouts: readonly FileLayout[];
  /** Initial values are uniform in [fill - bound, fill + bound]. */
  readonly bound: number;
  readonly fill: number;
}

/** What training moves without a gradient: how files hold it, and how it starts. */
interface State {
  readonly layouts: readonly FileLayout[];
  readonly start: (seed: number, stream: number) => Float32Array;
}

/** First stream of the state's initial values ("st"), away from those of the weights. */
const STATE_STREAM = 0x73740000;

export class WeightFactory {
  readonly set = new ParameterSet();
  /** What training moves without a gradient: running statistics of BatchNorm, moving averages. */
  readonly state = new ParameterSet();
  readonly #weights: Weight[] = [];
  readonly #states: State[] = [];

  /** `name.weight` f32[inputs, outputs] and `name.bias` of a dense layer between vectors or flattened images. */
  linear(name: string, inputs: Shape, outputs: Shape): { weight: Tensor; bias: Tensor } {
    const bound = 1 / Math.sqrt(elementCount(inputs));
    const [rows, columns] = [elementCount(inputs), elementCount(outputs)];
    return {
      weight: this.#add(`${name}.weight`, [rows, columns], bound, [
        linearLayout(`${name}.weight`, inputs, outputs),
      ]),
      bias: this.#add(`${name}.bias`, [columns], bound, [vectorLayout(`${name}.bias`, outputs)]),
    };
  }

  /** The posterior's moments as one dense layer, whose `columns` side by side are a Linear each in files. */
  moments(inputs: Shape, columns: Readonly<Record<string, number>>): { weight: Tensor; bias: Tensor } {
    const bound = 1 / Math.sqrt(elementCount(inputs));
    let width = 0;
    const places = Object.entries(columns).map(([name, count]) => {
      width += count;
      return { name, first: width - count, count };
    });
    const parts = (suffix: string, layout: FileLayout): FileLayout[] =>
      places.map(({ name, first, count }) => partOf(layout, `${name}.${suffix}`, first, count));
    return {
      weight: this.#add('moments.weight', [elementCount(inputs), width], bound, [
        ...parts('weight', linearLayout('', inputs, [width])),
      ]),
      bias: this.#add('moments.bias', [width], bound, parts('bias', vectorLayout('', [width]))),
    };
  }

  /** `name.weight` f32[KH, KW, C, O] and `name.bias` f32[O], the O channels divided among r x r pixels. */
  conv(name: string, shape: Shape, r = 1): { weight: Tensor; bias: Tensor } {
    const bound = 1 / Math.sqrt(elementCount(shape.slice(0, 3)));
    const channels = shape[3]!;
    return {
      weight: this.#add(`${name}.weight`, shape, bound, [convLayout(`${name}.weight`, shape, r)]),
      bias: this.#add(`${name}.bias`, [channels], bound, [channelLayout(`${name}.bias`, channels, r)]),
    };
  }

  /** f32[the elements of `shape`], a vector or a flattened image, that starts at `fill`. */
  filled(name: string, shape: Shape, fill: number): Tensor {
    return this.#add(name, [elementCount(shape)], 0, [vectorLayout(name, shape)], fill);
  }

  /** f32[count, the elements of `shape`], vectors or flattened images, that start uniform in [low, high). */
  rows(name: string, count: number, shape: Shape, low: number, high: number): Tensor {
    const layout = rowsLayout(name, count, shape);
    return this.#add(name, [count, elementCount(shape)], (high - low) / 2, [layout], (low + high) / 2);
  }

  /** Running statistics f32[2C + 1]: mean 0, variance 1, no batches. A file holds them as three tensors. */
  running(name: string, shape: Shape): Tensor {
    const channels = elementCount(shape);
    const start = (): Float32Array => new Float32Array(2 * channels + 1).fill(1, channels, 2 * channels);
    this.#states.push({ layouts: runningLayouts(name, shape), start });
    return this.state.add(name, [2 * channels + 1]);
  }

  /** A moving average of `shape` that starts uniform in [low, high). */
  average(name: string, shape: Shape, low: number, high: number): Tensor {
    const [bound, fill] = [(high - low) / 2, (low + high) / 2];
    const start = (seed: number, stream: number): Float32Array =>
      uniformAround(fill, bound, elementCount(shape), seed, stream);
    this.#states.push({ layouts: [unchanged(name, shape)], start });
    return this.state.add(name, shape);
  }

  /** The file's tensors of the weights, each with the place of its first element in the flat buffer. */
  fileTensors(): { layout: FileLayout; offset: number }[] {
    return this.set.entries.flatMap(({ offset }, index) =>
      this.#weights[index]!.layouts.map((layout) => ({ layout, offset })),
    );
  }

  /** The file's tensors of the state, BatchNorm's under PyTorch's names. */
  stateTensors(): { layout: FileLayout; offset: number }[] {
    return this.state.entries.flatMap(({ offset }, index) =>
      this.#states[index]!.layouts.map((layout) => ({ layout, offset })),
    );
  }

  /** The flat state of a model that has not been trained. */
  initialState(seed: number): Float32Array {
    const flat = new Float32Array(this.state.length);
    this.state.entries.forEach(({ offset }, index) =>
      flat.set(this.#states[index]!.start(seed, STATE_STREAM + index), offset),
    );
    return flat;
  }

  /** The flat buffer's initial values; the same seed gives the same weights on every device. */
  initialValues(seed: number): Float32Array {
    const flat = new Float32Array(this.set.length);
    this.#weights.forEach(({ bound, fill }, index) => {
      const { offset, shape } = this.set.entries[index]!;
      flat.set(uniformAround(fill, bound, elementCount(shape), seed, index), offset);
    });
    return flat;
  }

  #add(name: string, shape: Shape, bound: number, layouts: FileLayout[], fill = 0): Tensor {
    const tensor = this.set.add(name, shape);
    this.#weights.push({ layouts, bound, fill });
    return tensor;
  }
}

/** `count` numbers uniform in [fill - bound, fill + bound). */
function uniformAround(
  fill: number,
  bound: number,
  count: number,
  seed: number,
  stream: number,
): Float32Array {
  if (bound === 0) return new Float32Array(count).fill(fill);
  return symmetricUniform(count, seed, stream).map((u) => fill + u * bound);
}

/** BatchNorm's state f32[2C + 1] as the three tensors of a file. */
function runningLayouts(name: string, shape: Shape): FileLayout[] {
  const channels = elementCount(shape);
  const named = (suffix: string): string => name.replace(/running$/, suffix);
  return [
    vectorLayout(named('running_mean'), shape),
    { ...vectorLayout(named('running_var'), shape), first: channels },
    { ...unchanged(named('num_batches_tracked'), []), first: 2 * channels },
  ];
}
