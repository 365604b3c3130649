/** The bound on held-out data: the mean of its terms over every row, in nats per datum. */
import { BufferGroup } from '../gpu/buffer-group.js';
import { Executable } from '../gpu/executable.js';
import { MetricRing } from '../gpu/metrics.js';
import { makePlan } from '../gpu/plan.js';
import { Scheduler } from '../gpu/scheduler.js';
import { seedWords } from '../gpu/threefry.js';
import { boundLosses } from './bound.js';
import { conditionDataset } from './condition.js';
import { checkForModel } from './data/check.js';
import { checkEstimator, type EstimatorSpec } from './estimator-spec.js';
import { checkRange, type Dataset } from './data/dataset.js';
import { uploadDataset } from './data/resident.js';
import { TermsMean, termsOf, type Terms } from './terms.js';
import { checkOptions } from './trainer-options.js';
import { conditionInput, gatherFrom } from './training-plan.js';
import type { Vae } from './vae.js';

export interface EvaluateOptions {
  /** Rows a dispatch; at most the data's rows. */
  readonly batchSize?: number;
  readonly estimator?: EstimatorSpec;
  /** Latent samples a datum. */
  readonly samples?: number;
  readonly beta?: number;
  readonly seed?: number;
  /** Draw every pixel as 0 or 1 with its value as probability; needs values in [0, 1]. */
  readonly binarize?: boolean;
}

/** Noise streams of evaluations start here, away from those of training steps. */
export const EVALUATION_STREAM = 0x80000000;

/** Terms of `vae` on all rows of `data`. @throws as training does for data that does not fit */
export async function evaluate(vae: Vae, data: Dataset, options: EvaluateOptions = {}): Promise<Terms> {
  const { samples = 1, beta = 1, seed = 0, binarize = false } = options;
  const estimator = checkEstimator(options.estimator ?? 'B', samples);
  checkOptions(options, options.batchSize ?? 128);
  const batchSize = Math.min(options.batchSize ?? 128, data.rows);
  checkForModel(data, vae.spec, Math.max(1, batchSize));
  if (binarize) checkRange(data, 0, 1, 'data', 'binarize');
  const { device, model } = vae;
  const x = gatherFrom(data, batchSize, model.width, { shuffle: false, binarize });
  const condition = conditionInput(model, data, batchSize, false);
  const bound = model.bound(x, { estimator, samples, ...(condition && { condition }) });
  const { terms, multiSample } = boundLosses(bound, batchSize, estimator);
  const outputs = { terms, ...(multiSample && { multiSample }) };
  const plan = makePlan(
    { label: 'evaluate', outputs, parameters: model.weights.set, state: model.weights.state },
    device.adapterClass,
    device.tuning,
  );
  const buffers = new BufferGroup(device, 'evaluate');
  let executable: Executable | undefined;
  try {
    const { buffer: dataset } = await uploadDataset(buffers, data);
    const resources = { dataset, ...(await conditionResource(buffers, vae, data)), ...vae.resources };
    const ring = new MetricRing(buffers, multiSample ? 4 : 3);
    executable = await Executable.create(device, plan, { resources });
    const scheduler = new Scheduler(device);
    const sources = Object.keys(outputs).map((name) => executable!.output(name));
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
      await scheduler.run(executable, step, (encoder) => ring.record(encoder, sources));
      if (ring.pending === ring.capacity) await collect(ring, mean, batchSize, data.rows);
    }
    await collect(ring, mean, batchSize, data.rows);
    return mean.mean;
  } finally {
    executable?.destroy();
    buffers.destroy();
  }
}

/** The condition of every row on the GPU, for a model that has one. */
export async function conditionResource(
  buffers: BufferGroup,
  vae: Vae,
  data: Dataset,
): Promise<{ condition?: GPUBuffer }> {
  const { condition } = vae.spec;
  if (!condition) return {};
  const { buffer } = await uploadDataset(buffers, conditionDataset(data, condition.classes), 'condition');
  return { condition: buffer };
}

/** Adds the ring's entries; batches come in order, so the rows already added tell each batch's size. */
async function collect(ring: MetricRing, mean: TermsMean, batchSize: number, rows: number): Promise<void> {
  for (const entry of await ring.read())
    mean.add(termsOf(entry, entry.length > 3 ? ['multiSample'] : []), Math.min(batchSize, rows - mean.rows));
}
