/** The bound on held-out data: the mean of its terms over every row, in nats per datum. */
import { makePlan } from '../gpu/plan.js';
import { runBatches } from './batch-run.js';
import { boundLosses } from './bound.js';
import { checkForModel } from './data/check.js';
import { checkEstimator, type EstimatorSpec } from './estimator-spec.js';
import { checkRange, type Dataset } from './data/dataset.js';
import { TermsMean, termsOf, type Terms } from './terms.js';
import { checkOptions } from './trainer-options.js';
import { conditionInput, gatherFrom } from './training-plan.js';
import type { Vae } from './vae.js';

/** How an evaluation estimates the bound, and with which noise. */
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
  const mean = new TermsMean();
  const onBatch = (_: number, rows: number, values: Float32Array): void =>
    mean.add(termsOf(values, multiSample ? ['multiSample'] : []), rows);
  await runBatches(vae, data, { plan, batchSize, seed, beta, onBatch });
  return mean.mean;
}
