/**
 * A data set on the GPU for models that are fitted to sums over all rows: a graph of a centred batch runs over every
 * batch, and what it gives is added up in float64 on the CPU. A float32 sum thereby never has more than a batch's terms.
 */
import { BufferGroup } from '../../gpu/buffer-group.js';
import type { Device } from '../../gpu/device.js';
import { NumericError } from '../../gpu/errors.js';
import { Executable } from '../../gpu/executable.js';
import type { Tensor } from '../../gpu/graph.js';
import { subtract, multiply } from '../../gpu/ops/binary.js';
import { input, reshape } from '../../gpu/ops/constant.js';
import { gather } from '../../gpu/ops/gather.js';
import { rowWeights } from '../../gpu/ops/objective.js';
import { unary } from '../../gpu/ops/unary.js';
import { makePlan } from '../../gpu/plan.js';
import { Scheduler } from '../../gpu/scheduler.js';
import { elementCount } from '../../gpu/shape.js';
import type { Dataset } from '../data/dataset.js';
import { uploadDataset, type ResidentDataset } from '../data/resident.js';

/** A graph over batches. */
export interface BatchGraph {
  /** Graphs of one name must be the same; they are compiled once. */
  readonly name: string;
  /** The tensor to add up, from `f32[B, D]` of centred rows with zeros behind the last one. */
  build(centred: Tensor): Tensor;
  /** What the inputs of the graph are filled with. */
  readonly inputs?: Readonly<Record<string, Float32Array>>;
}

export class ResidentRows {
  readonly #executables = new Map<string, Executable>();
  readonly #scheduler: Scheduler;

  private constructor(
    readonly device: Device,
    readonly data: ResidentDataset,
    readonly batchSize: number,
    readonly centre: Float32Array,
    readonly buffers: BufferGroup,
  ) {
    this.#scheduler = new Scheduler(device);
  }

  /** @throws DeviceError or OutOfMemoryError when the data do not fit */
  static async create(
    device: Device,
    data: Dataset,
    batchSize: number,
    centre: Float64Array,
  ): Promise<ResidentRows> {
    const buffers = new BufferGroup(device, 'classical');
    const resident = await uploadDataset(buffers, data);
    return new ResidentRows(device, resident, batchSize, Float32Array.from(centre), buffers);
  }

  /**
   * The sum of a graph's value over all batches, in float64.
   * @throws NumericError when it is not finite; DeviceError
   */
  async sum(graph: BatchGraph): Promise<Float64Array> {
    const executable = await this.#executableOf(graph);
    executable.write('centre', this.centre);
    for (const [name, values] of Object.entries(graph.inputs ?? {})) executable.write(name, values);
    const { rows } = this.data;
    let total: Float64Array | undefined;
    for (let first = 0; first < rows; first += this.batchSize) {
      const row_count = Math.min(this.batchSize, rows - first);
      await this.#scheduler.run(executable, { row_count, first_row: first });
      const part = await executable.read('sum');
      total ??= new Float64Array(part.length);
      for (let i = 0; i < part.length; i++) total[i]! += part[i]!;
    }
    return checkFinite(total!, graph.name);
  }

  async #executableOf(graph: BatchGraph): Promise<Executable> {
    const known = this.#executables.get(graph.name);
    if (known) return known;
    const { device, data } = this;
    const sum = graph.build(this.#centredBatch());
    const plan = makePlan({ label: graph.name, outputs: { sum } }, device.adapterClass, device.tuning);
    const executable = await Executable.create(device, plan, { resources: { dataset: data.buffer } });
    this.#executables.set(graph.name, executable);
    return executable;
  }

  #centredBatch(): Tensor {
    const { batchSize: batch, data } = this;
    const { rows, width, format } = data;
    const x = gather({ batch, width, rows, format, shuffle: false, binarize: false });
    const centre = input('centre', [width]);
    if (rows % batch === 0) return subtract(x, centre);
    // rows behind the last one are zeros, and minus the mean once centred; the sign of their weight is 0
    const sign = unary('sign', rowWeights(batch, 1).reconstruction);
    return multiply(subtract(centre, x), reshape(sign, [batch, 1]));
  }

  destroy(): void {
    for (const executable of this.#executables.values()) executable.destroy();
    this.#executables.clear();
    this.buffers.destroy();
  }
}

function checkFinite(values: Float64Array, where: string): Float64Array {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return values;
  throw new NumericError(
    where,
    `value ${index} of the sum over the data is ${values[index]}; float32 reaches 3.4e38; rescale the data`,
  );
}

/** Rows a batch by default: long enough for a GPU, short enough for sums in float32, at most 32 MiB of them. */
export function defaultBatchSize({ rows, shape }: Dataset): number {
  const MOST_ROWS = 1024;
  const MOST_ELEMENTS = 2 ** 23;
  return Math.min(rows, MOST_ROWS, Math.max(1, Math.floor(MOST_ELEMENTS / elementCount(shape))));
}
