/** The bound on held-out data: the mean of its terms over every row, in nats per datum. */
import { BufferGroup } from '../gpu/buffer-group.js';
import { Executable } from '../gpu/executable.js';
import { MetricRing } from '../gpu/metrics.js';
import type { Estimator } from '../gpu/ops/reparameterize.js';
import { makePlan } from '../gpu/plan.js';
import { Scheduler } from '../gpu/scheduler.js';
import { seedWords } from '../gpu/threefry.js';
import { checkForModel } from './data/check.js';
import { checkRange, type Dataset } from './data/dataset.js';
import { uploadDataset } from './data/resident.js';
import { TermsMean, type Terms } from './terms.js';
import { checkOptions, gatherFrom } from './trainer.js';
import type { Vae } from './vae.js';

export interface EvaluateOptions {
  /** Rows a dispatch; at most the data's rows. */
  readonly batchSize?: number;
  readonly estimator?: Estimator;
  /** Latent samples a datum. */
  readonly samples?: number;
  readonly beta?: number;
  readonly seed?: number;
  /** Draw every pixel as 0 or 1 with its value as probability; needs values in [0, 1]. */
  readonly binarize?: boolean;
}

/** Noise streams of evaluations start here, away from those of training steps. */
const EVALUATION_STREAM = 0x80000000;

/** Terms of `vae` on all rows of `data`. @throws as training does for data that does not fit */
export async function evaluate(vae: Vae, data: Dataset, options: EvaluateOptions = {}): Promise<Terms> {
  const { estimator = 'B', samples = 1, beta = 1, seed = 0, binarize = false } = options;
  checkOptions(options, options.batchSize ?? 128);
  const batchSize = Math.min(options.batchSize ?? 128, data.rows);
  checkForModel(data, vae.spec, Math.max(1, batchSize));
  if (binarize) checkRange(data, 0, 1, 'data', 'binarize');
  const { device, model } = vae;
  const x = gatherFrom(data, batchSize, model.width, { shuffle: false, binarize });
  const { terms } = model.elbo(x, { estimator, samples });
  const plan = makePlan(
    { label: 'evaluate', outputs: { terms }, parameters: model.weights.set, state: model.weights.state },
    device.adapterClass,
    device.tuning,
  );
  const buffers = new BufferGroup(device, 'evaluate');
  let executable: Executable | undefined;
  try {
    const { buffer: dataset } = await uploadDataset(buffers, data);
    const ring = new MetricRing(buffers, 3);
    executable = await Executable.create(device, plan, { resources: { dataset, ...vae.resources } });
    const scheduler = new Scheduler(device);
    const source = executable.output('terms');
    const mean = new TermsMean();
    for (let first = 0, batch = 0; first < data.rows; first += batchSize, batch++) {
      const row_count = Math.min(batchSize, data.rows - first);
      const step = {
        seed: seedWords(seed),
        stream: EVALUATION_STREAM + batch,
        row_count,
        first_row: first,
        beta,
      };
      await scheduler.run(executable, step, (encoder) => ring.record(encoder, [source]));
      if (ring.pending === ring.capacity) await collect(ring, mean, batchSize, data.rows);
    }
    await collect(ring, mean, batchSize, data.rows);
    return mean.mean;
  } finally {
    executable?.destroy();
    buffers.destroy();
  }
}

/** Adds the ring's entries; batches come in order, so the rows already added tell each batch's size. */
async function collect(ring: MetricRing, mean: TermsMean, batchSize: number, rows: number): Promise<void> {
  for (const [elbo, reconstruction, kl] of (await ring.read()) as Iterable<ArrayLike<number>> as Iterable<
    [number, number, number]
  >)
    mean.add({ elbo, reconstruction, kl }, Math.min(batchSize, rows - mean.rows));
}
