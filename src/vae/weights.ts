/**
 * A model's weights: their flat layout, their initial values, and how each is stored in a file. Initial values
 * follow PyTorch's Linear (uniform in +-1 / sqrt(inputs)), drawn from Threefry, one stream a weight.
 */
import type { Tensor } from '../gpu/graph.js';
import { ParameterSet } from '../gpu/parameters.js';
import { elementCount } from '../gpu/shape.js';
import { symmetricUniform } from '../gpu/threefry.js';

/** How a weight's file layout differs from ours: a Linear weight is stored transposed. */
export type FileLayout = 'same' | 'transposed';

interface Weight {
  readonly name: string;
  readonly layout: FileLayout;
  /** Initial values are uniform in [-bound, bound], or `fill`. */
  readonly bound: number;
  readonly fill: number;
}

/** Files may hold one of our tensors as two: the moments' weight is `mean.weight` and `log_variance.weight`. */
export class WeightFactory {
  readonly set = new ParameterSet();
  /** What training moves without a gradient: the running statistics of BatchNorm. */
  readonly state = new ParameterSet();
  readonly #weights: Weight[] = [];

  /** f32[inputs, units]; a file holds f32[units, inputs]. */
  linear(name: string, inputs: number, units: number): Tensor {
    this.#weights.push({ name, layout: 'transposed', bound: 1 / Math.sqrt(inputs), fill: 0 });
    return this.set.add(name, [inputs, units]);
  }

  /** f32[units], initialised as PyTorch's Linear bias. */
  bias(name: string, inputs: number, units: number): Tensor {
    this.#weights.push({ name, layout: 'same', bound: 1 / Math.sqrt(inputs), fill: 0 });
    return this.set.add(name, [units]);
  }

  /** f32[size] that starts at `fill`. */
  filled(name: string, size: number, fill: number): Tensor {
    this.#weights.push({ name, layout: 'same', bound: 0, fill });
    return this.set.add(name, [size]);
  }

  /** Running statistics f32[2C + 1]: mean 0, variance 1, no batches. A file holds them as three tensors. */
  running(name: string, channels: number): Tensor {
    return this.state.add(name, [2 * channels + 1]);
  }

  layoutOf(name: string): FileLayout {
    return this.#weights.find((weight) => weight.name === name)?.layout ?? 'same';
  }

  /** The flat state of a model that has not been trained. */
  initialState(): Float32Array {
    const flat = new Float32Array(this.state.length);
    for (const { offset, shape } of this.state.entries) {
      const channels = (shape[0]! - 1) / 2;
      flat.fill(1, offset + channels, offset + 2 * channels);
    }
    return flat;
  }

  /** The flat buffer's initial values; the same seed gives the same weights on every device. */
  initialValues(seed: number): Float32Array {
    const flat = new Float32Array(this.set.length);
    this.#weights.forEach(({ bound, fill }, index) => {
      const { offset, shape } = this.set.entries[index]!;
      const count = elementCount(shape);
      const values =
        bound > 0
          ? symmetricUniform(count, seed, index).map((u) => u * bound)
          : new Float32Array(count).fill(fill);
      flat.set(values, offset);
    });
    return flat;
  }
}
