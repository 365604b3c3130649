/** Runs a graph over all rows of a data set, any number of times each, and hands out what it gives, row by row. */
import { BufferGroup } from '../../gpu/buffer-group.js';
import { Executable } from '../../gpu/executable.js';
import { MetricRing } from '../../gpu/metrics.js';
import type { Plan } from '../../gpu/plan.js';
import { Scheduler } from '../../gpu/scheduler.js';
import { seedWords } from '../../gpu/threefry.js';
import type { Dataset } from '../data/dataset.js';
import { uploadDataset } from '../data/resident.js';
import { EVALUATION_STREAM, conditionResource } from '../evaluate.js';
import type { Vae } from '../vae.js';

/** What is run; the plan's one output `rows` is f32[batchSize]. */
export interface RowRun {
  readonly plan: Plan;
  readonly batchSize: number;
  /** Runs of every batch, each with noise of its own. */
  readonly repeats: number;
  readonly seed: number;
  /** Called in order for every run of every batch with the values of its valid rows. */
  readonly onRows: (firstRow: number, values: Float32Array) => void;
}

/** Resolves when every value was handed out; at most a ring of them waits on the GPU. @throws DeviceError, DataError */
export async function runOverRows(vae: Vae, data: Dataset, run: RowRun): Promise<void> {
  const { plan, batchSize, repeats, seed, onRows } = run;
  const { device } = vae;
  const buffers = new BufferGroup(device, plan.label);
  let executable: Executable | undefined;
  try {
    const { buffer: dataset } = await uploadDataset(buffers, data);
    const resources = { dataset, ...(await conditionResource(buffers, vae, data)), ...vae.resources };
    const ring = new MetricRing(buffers, batchSize);
    executable = await Executable.create(device, plan, { resources });
    const scheduler = new Scheduler(device);
    const source = executable.output('rows');
    const waiting: number[] = [];
    const collect = async (): Promise<void> => {
      for (const entry of await ring.read()) {
        const first = waiting.shift()!;
        onRows(first, entry.subarray(0, Math.min(batchSize, data.rows - first)));
      }
    };
    let stream = EVALUATION_STREAM;
    for (let first_row = 0; first_row < data.rows; first_row += batchSize)
      for (let repeat = 0; repeat < repeats; repeat++) {
        const row_count = Math.min(batchSize, data.rows - first_row);
        const step = { seed: seedWords(seed), stream: stream++, row_count, first_row, beta: 1 };
        waiting.push(first_row);
        await scheduler.run(executable, step, (encoder) => ring.record(encoder, [source]));
        if (ring.pending === ring.capacity) await collect();
      }
    await collect();
  } finally {
    executable?.destroy();
    buffers.destroy();
  }
}
