/** Inference on rows of numbers: one plan a function and batch size, made once, run over the rows in batches. */
import type { Device } from '../gpu/device.js';
import type { AdapterClass } from '../gpu/dispatch.js';
import { Executable } from '../gpu/executable.js';
import type { Tensor } from '../gpu/graph.js';
import { input } from '../gpu/ops/constant.js';
import { makePlan, type Plan } from '../gpu/plan.js';
import { Scheduler } from '../gpu/scheduler.js';
import type { Tuning } from '../gpu/tuning.js';
import { countRows, type Rows } from './data/number-rows.js';
import type { WeightFactory } from './weights.js';

/**
 * Rows of the plans. A call takes the smallest that holds its rows, so that one image costs what one image costs; few
 * sizes, because every one is compiled and keeps its buffers.
 */
const BATCHES = [1, 8, 32, 128] as const;
const LARGEST_BATCH = 128;

/** A function of rows as a graph from one batch of each argument. */
export interface RowFunction<Name extends string> {
  readonly label: string;
  build(tensors: Readonly<Record<Name, Tensor>>): Tensor;
}

/** A function of rows and its arguments by name. */
export interface InferenceCall<Name extends string> extends RowFunction<Name> {
  readonly rows: Readonly<Record<Name, Rows>>;
  readonly outputWidth: number;
}

/** Rows of the plan that a call with `count` rows runs. */
export function planRows(count: number): number {
  return BATCHES.find((size) => size >= count) ?? LARGEST_BATCH;
}

/** The plan of a function on `batch` rows: an input f32[batch, width] for each argument, the output `y`. */
export function planRowFunction<Name extends string>(
  call: RowFunction<Name>,
  widths: Readonly<Record<Name, number>>,
  batch: number,
  { set, state }: WeightFactory,
  on: { readonly adapterClass: AdapterClass; readonly tuning?: Tuning | undefined },
): Plan {
  const tensors = Object.fromEntries(
    Object.entries<number>(widths).map(([name, width]) => [name, input(name, [batch, width])]),
  ) as Record<Name, Tensor>;
  const request = { label: call.label, outputs: { y: call.build(tensors) }, parameters: set, state };
  return makePlan(request, on.adapterClass, on.tuning);
}

export class Inference {
  readonly #executables = new Map<string, Promise<Executable>>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    readonly device: Device,
    readonly weights: WeightFactory,
    readonly resources: Readonly<Record<string, GPUBuffer>>,
  ) {}

  /** f32[N, outputWidth]. Calls made at the same time run one after the other: they share a plan's buffers. */
  run<Name extends string>(call: InferenceCall<Name>): Promise<Float32Array> {
    const result = this.#turn.then(() => this.#runInTurn(call));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  destroy(): void {
    for (const executable of this.#executables.values())
      void executable.then((value) => value.destroy()).catch(() => undefined);
    this.#executables.clear();
  }

  async #runInTurn<Name extends string>(call: InferenceCall<Name>): Promise<Float32Array> {
    const { label, outputWidth } = call;
    const entries = Object.entries<Rows>(call.rows);
    const count = countRows(label, call.rows);
    const batch = planRows(count);
    const executable = await this.#executable(call, batch);
    const scheduler = new Scheduler(this.device);
    const result = new Float32Array(count * outputWidth);
    const padded = entries.map(([, { width }]) => new Float32Array(batch * width));
    for (let first = 0; first < count; first += batch) {
      const last = Math.min(first + batch, count);
      entries.forEach(([name, { values, width }], index) => {
        padded[index]!.set(values.subarray(first * width, last * width));
        executable.write(name, padded[index]!);
      });
      await scheduler.run(executable, {});
      const output = await executable.read('y');
      result.set(output.subarray(0, (last - first) * outputWidth), first * outputWidth);
    }
    return result;
  }

  #executable<Name extends string>(call: InferenceCall<Name>, batch: number): Promise<Executable> {
    const { label, rows } = call;
    const key = `${label} ${batch}`;
    let executable = this.#executables.get(key);
    if (!executable) {
      const widths = Object.fromEntries(
        Object.entries<Rows>(rows).map(([name, { width }]) => [name, width]),
      ) as Record<Name, number>;
      const plan = planRowFunction(call, widths, batch, this.weights, this.device);
      executable = Executable.create(this.device, plan, { resources: this.resources });
      this.#executables.set(key, executable);
      executable.catch(() => this.#executables.delete(key));
    }
    return executable;
  }
}
