/** Runs a plan over all rows of a data set, a batch at a time and any number of times each, and hands out what it gives. */
import { BufferGroup } from '../gpu/buffer-group.js';
import { Executable } from '../gpu/executable.js';
import { MetricRing } from '../gpu/metrics.js';
import type { Plan } from '../gpu/plan.js';
import { Scheduler } from '../gpu/scheduler.js';
import { elementCount } from '../gpu/shape.js';
import { seedWords } from '../gpu/threefry.js';
import { conditionResource } from './condition.js';
import type { Dataset } from './data/dataset.js';
import { uploadDataset } from './data/resident.js';
import type { Vae } from './vae.js';

export interface BatchRun {
  readonly plan: Plan;
  /** Rows of a batch; the last one may have fewer. */
  readonly batchSize: number;
  /** Runs of every batch, each with noise of its own: 1. */
  readonly repeats?: number;
  readonly seed: number;
  readonly beta?: number;
  /** Called in order for every run of every batch: its first row, its rows, and the plan's outputs one behind the other. */
  readonly onBatch: (firstRow: number, rows: number, values: Float32Array) => void;
}

/** Noise streams of evaluations start here, away from those of training steps. */
const EVALUATION_STREAM = 0x80000000;

/** Resolves when every value was handed out; at most a ring of them waits on the GPU. @throws DeviceError, DataError */
export async function runBatches(vae: Vae, data: Dataset, run: BatchRun): Promise<void> {
  const { plan, batchSize, repeats = 1, seed, beta = 1, onBatch } = run;
  const { device, spec } = vae;
  const buffers = new BufferGroup(device, plan.label);
  let executable: Executable | undefined;
  try {
    const { buffer: dataset } = await uploadDataset(buffers, data);
    const resources = { dataset, ...(await conditionResource(buffers, spec, data)), ...vae.resources };
    const words = [...plan.outputs.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0);
    const ring = new MetricRing(buffers, words); // before the executable, which waits for every allocation
    executable = await Executable.create(device, plan, { resources });
    const sources = [...plan.outputs.keys()].map((name) => executable!.output(name));
    const scheduler = new Scheduler(device);
    const waiting: { first_row: number; row_count: number }[] = [];
    const collect = async (): Promise<void> => {
      for (const values of await ring.read()) {
        const { first_row, row_count } = waiting.shift()!;
        onBatch(first_row, row_count, values);
      }
    };
    let stream = EVALUATION_STREAM;
    for (let first_row = 0; first_row < data.rows; first_row += batchSize)
      for (let repeat = 0; repeat < repeats; repeat++) {
        const rows = { first_row, row_count: Math.min(batchSize, data.rows - first_row) };
        waiting.push(rows);
        const step = { seed: seedWords(seed), stream: stream++, beta, ...rows };
        await scheduler.run(executable, step, (encoder) => ring.record(encoder, sources));
        if (ring.pending === ring.capacity) await collect();
      }
    await collect();
  } finally {
    executable?.destroy();
    buffers.destroy();
  }
}
