/**
 * log p(x) by importance sampling with the posterior as proposal: `log 1/K sum_k p(x, z_k) / q(z_k | x)`, a lower bound in
 * expectation that rises with K (Burda, Grosse and Salakhutdinov 2015, section 3). Samples stream through the GPU in
 * chunks, each reduced there to one number a datum; these are added on the CPU in float64, so K costs time, not memory.
 */
import { integer } from '../../gpu/check.js';
import { NumericError, SpecError } from '../../gpu/errors.js';
import type { Tensor } from '../../gpu/graph.js';
import { subtract } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { logSumExp } from '../../gpu/ops/log-sum-exp.js';
import { makePlan, type Plan } from '../../gpu/plan.js';
import { runBatches } from '../batch-run.js';
import { binarizeOnce } from '../data/binarize.js';
import { checkForModel } from '../data/check.js';
import type { Dataset } from '../data/dataset.js';
import { conditionInput, gatherFrom } from '../training-plan.js';
import type { Vae } from '../vae.js';

/** How log p(x) is estimated. */
export interface LogLikelihoodOptions {
  /** K, importance samples a datum: 5000. */
  readonly samples?: number;
  /** Rows a dispatch: 128, or all of fewer. */
  readonly batchSize?: number;
  /** Samples a dispatch, a divisor of K; by default as many as keep every tensor within 32 MiB. */
  readonly samplesAtOnce?: number;
  readonly seed?: number;
  /** Draw every pixel once as 0 or 1, with its value as probability. */
  readonly binarize?: boolean;
}

/** Importance-weighted estimates of log p(x), nats per datum. */
export interface LogLikelihood {
  /** Mean over the rows, nats per datum. */
  readonly mean: number;
  /** `f64[N]`, nats. */
  readonly rows: Float64Array;
  readonly samples: number;
}

/** The largest tensor of a chunk; more samples at once would gain little speed. */
const CHUNK_BYTES = 2 ** 25;

/**
 * Estimates log p(x) of every row.
 *
 * @throws SpecError for an option out of range or a posterior without a density; as evaluation for data that do not fit
 */
export async function logLikelihood(
  vae: Vae,
  data: Dataset,
  options: LogLikelihoodOptions = {},
): Promise<LogLikelihood> {
  const { samples = 5000, seed = 0 } = options;
  integer(samples, 'logLikelihood.samples', 1, 1e7);
  integer(seed, 'logLikelihood.seed', 0, Number.MAX_SAFE_INTEGER);
  const batchSize = Math.min(
    integer(options.batchSize ?? 128, 'logLikelihood.batchSize', 1, 2 ** 16),
    data.rows,
  );
  if (vae.model.posterior.isPoint)
    throw new SpecError(
      'logLikelihood',
      `a ${vae.spec.posterior.type} posterior has no density to weigh samples with; train a model with a diagonal one`,
    );
  if (options.samplesAtOnce !== undefined)
    integer(options.samplesAtOnce, 'logLikelihood.samplesAtOnce', 1, samples);
  checkForModel(data, vae.spec, Math.max(1, batchSize));
  const fixed = options.binarize ? binarizeOnce(data, seed) : data;
  const { plan, chunk } = chunkPlan(vae, fixed, batchSize, samples, options.samplesAtOnce ?? samples);
  const sums = new LogSums(data.rows);
  await runBatches(vae, fixed, {
    plan,
    batchSize,
    repeats: samples / chunk,
    seed,
    onBatch: (first, rows, values) => sums.add(first, values.subarray(0, rows)),
  });
  const broken = sums.values.findIndex((value) => Number.isNaN(value));
  if (broken >= 0)
    throw new NumericError(
      'logLikelihood',
      `row ${broken} is NaN; a weight or the decoder's output is no number; train again with a lower learning rate`,
    );
  const rows = sums.values.map((value) => value - Math.log(samples));
  return { mean: rows.reduce((sum, value) => sum + value, 0) / data.rows, rows, samples };
}

/** The plan for the most samples at once that divide `samples` and keep every tensor within a chunk's bytes. */
function chunkPlan(
  vae: Vae,
  data: Dataset,
  batchSize: number,
  samples: number,
  most: number,
): { plan: Plan; chunk: number } {
  const { model, device } = vae;
  const largestRow = 4 * Math.max(model.width, vae.spec.latent);
  let chunk = samples;
  const next = (limit: number): void => {
    while (chunk > 1 && (chunk > limit || samples % chunk !== 0)) chunk--;
  };
  next(Math.min(most, CHUNK_BYTES / (largestRow * batchSize)));
  for (;;) {
    const plan = makePlan(
      {
        label: 'log-likelihood',
        outputs: { rows: logWeightSum(vae, data, batchSize, chunk) },
        parameters: model.weights.set,
        state: model.weights.state,
      },
      device.adapterClass,
      device.tuning,
    );
    if (chunk === 1 || Math.max(...plan.slotByteLengths) <= CHUNK_BYTES) return { plan, chunk };
    next(chunk / 2);
  }
}

/** log sum_k exp(w_k) of a chunk of samples, f32[B]. */
function logWeightSum(vae: Vae, data: Dataset, batchSize: number, samples: number): Tensor {
  const { model } = vae;
  const x = gatherFrom(data, batchSize, model.width, { shuffle: false, binarize: false });
  const condition = conditionInput(model, data, batchSize, false);
  const { reconstruction, kl } = model.bound(x, {
    estimator: 'A',
    samples,
    ...(condition && { condition }),
  });
  return reshape(logSumExp(reshape(subtract(reconstruction, kl), [samples, batchSize]), [0]), [batchSize]);
}

/** A running log-sum-exp for every row: `log(exp a + exp b)` without overflow, in float64. */
class LogSums {
  readonly values: Float64Array;

  constructor(rows: number) {
    this.values = new Float64Array(rows).fill(-Infinity);
  }

  add(first: number, values: Float32Array): void {
    values.forEach((value, i) => {
      const sum = this.values[first + i]!;
      const most = Math.max(sum, value);
      const gap = -Math.abs(sum - value); // -Infinity at the first value
      this.values[first + i] = most === -Infinity ? most : most + Math.log1p(Math.exp(gap));
    });
  }
}
