/**
 * The rows of a batch from a data set on the GPU, shuffled by epoch without an index buffer
 * (shaders/gather.wgsl). The shuffle's round keys arrive in the step block.
 */
import { dispatch, elementGrid } from '../dispatch.js';
import { SpecError } from '../errors.js';
import { applyOne, type OpDefinition, type Tensor } from '../graph.js';
import { ceilDivide } from '../shape.js';

export interface GatherAttributes {
  readonly batch: number;
  readonly width: number;
  readonly rows: number;
  /** bytes mean value / 255 */
  readonly format: 'bytes' | 'floats';
  readonly shuffle: boolean;
  /** Draws every element anew as 0 or 1 with its value as the probability. */
  readonly binarize: boolean;
  /** The resource that holds the rows; several of one order make rows that belong together. */
  readonly resource?: string;
}

/** Elements that one invocation fetches, so that the shuffle's arithmetic is paid once for all of them. */
const RUN = 16;

/** Half the bits of the Feistel network: the smallest even number of bits, at least 2, that can count the rows. */
export function shuffleHalfBits(rows: number): number {
  const bits = Math.max(2, 32 - Math.clz32(rows - 1));
  return Math.ceil(bits / 2);
}

export const gatherOp: OpDefinition<GatherAttributes> = {
  name: 'gather',
  shapes(_, { batch, width, rows }) {
    if (rows < 1 || rows >= 2 ** 31)
      throw new SpecError('gather', `the data set has ${rows} rows; expected 1 to 2^31 - 1`);
    return [[batch, width]];
  },
  cost({ attributes: { batch, width, format } }) {
    const elements = batch * width;
    return {
      flops: elements,
      bytesRead: elements * (format === 'bytes' ? 1 : 4),
      bytesWritten: 4 * elements,
    };
  },
  forward(step) {
    const { batch, width, rows, format, shuffle, binarize, resource = 'dataset' } = step.attributes;
    return [
      dispatch('gather', {
        bindings: { dataset: { resource }, x: step.outputs[0]! },
        overrides: { BYTES: format === 'bytes', SHUFFLE: shuffle, BINARIZE: binarize },
        parameters: { batch, width, dataset_rows: rows, half_bits: shuffleHalfBits(rows), run: RUN },
        workgroups: elementGrid(batch * ceilDivide(width, RUN)),
        cost: this.cost(step),
      }),
    ];
  },
  backward: { none: 'the data set is data' },
};

/** f32[batch, width]: the rows at the step block's position of the epoch's order; rows past the count are 0. */
export function gather(attributes: GatherAttributes): Tensor {
  return applyOne(gatherOp, [], attributes);
}
