/** Everything there is to say about a model on held-out data, as plain numbers; what is expensive is asked for. */
import { SpecError } from '../../gpu/errors.js';
import { elementCount } from '../../gpu/shape.js';
import { floatRows, takeRows, type Dataset } from '../data/dataset.js';
import type { EvaluateOptions } from '../evaluate.js';
import { activeUnits } from '../metrics/active-units.js';
import { bitsPerDimension } from '../metrics/bits.js';
import { disentanglement, type Disentanglement } from '../metrics/disentanglement.js';
import { splitKl, type KlSplit } from '../metrics/kl-split.js';
import { mean } from '../metrics/matrix.js';
import { psnr, ssim } from '../metrics/pictures.js';
import type { Terms } from '../terms.js';
import type { Vae } from '../vae.js';
import { conditionOf, encodeRows, type Encoded } from './encode-rows.js';
import { logLikelihood } from './log-likelihood.js';

/** What an evaluation measures besides the terms. */
export interface ReportOptions extends EvaluateOptions {
  /** Importance samples a datum for log p(x), such as 5000; without it there is no such estimate. */
  readonly importanceSamples?: number;
  /** Rows of the aggregate posterior that the KL is split by, such as 2000; its time grows with their square. */
  readonly splitRows?: number;
  /** Whether to compare the latents with the data's known factors. */
  readonly disentanglement?: boolean;
}

/** Everything that an evaluation measured. */
export interface EvaluationReport {
  readonly rows: number;
  /** nats per datum */
  readonly terms: Terms;
  /** log p(x) in nats per datum. */
  readonly logLikelihood?: { readonly mean: number; readonly samples: number };
  /** Of log p(x) where it was estimated, else of the bound; bytes under a density count as 256 levels. */
  readonly bitsPerDimension: number;
  readonly latents: LatentReport;
  readonly klSplit?: KlSplit & { readonly rows: number };
  /** Of reconstructions from the posterior's mean; only for data in [0, 1]. */
  readonly images?: ImageReport;
  readonly disentanglement?: Disentanglement;
}

export interface LatentReport {
  /** KL(q(z_k | x) || N(0, 1)), mean over the rows, nats; for Gaussian posteriors under N(0, I). */
  readonly kl?: readonly number[];
  /** Variance over the data of the posterior's mean. */
  readonly variances: readonly number[];
  /** How many of them vary by more than 0.01. */
  readonly active: number;
}

export interface ImageReport {
  readonly rows: number;
  /** Mean over the rows, decibels; null where an image came back exactly. */
  readonly psnr: number | null;
  /** Mean over the rows; only for images of 11 x 11 and more. */
  readonly ssim?: number;
}

/** Rows whose reconstructions are compared; more would not change the second digit. */
const IMAGE_ROWS = 1000;
/** Rows that are decoded at the same time. */
const PIECE_ROWS = 250;
const SSIM_SIDE = 11;

/**
 * Evaluates `vae` on all rows of `data`.
 * @throws SpecError for what this model or these data cannot give; otherwise as `vae.evaluate`
 */
export async function evaluationReport(
  vae: Vae,
  data: Dataset,
  options: ReportOptions = {},
): Promise<EvaluationReport> {
  const { importanceSamples, splitRows, disentanglement: compares, ...bound } = options;
  checkRequest(vae, data, options);
  const terms = await vae.evaluate(data, bound);
  const likelihood =
    importanceSamples && (await logLikelihood(vae, data, { ...common(bound), samples: importanceSamples }));
  const encoded = await encodeRows(vae, data);
  const images = await imageReport(vae, data);
  const { factors } = data;
  const { seed = 0 } = options;
  return {
    rows: data.rows,
    terms,
    ...(likelihood && { logLikelihood: { mean: likelihood.mean, samples: likelihood.samples } }),
    bitsPerDimension: bitsPerDimension(
      likelihood ? likelihood.mean : terms.elbo,
      vae.model.width,
      isDensityOfBytes(vae, data) ? 256 : 1,
    ),
    latents: latentReport(vae, encoded),
    ...(splitRows && { klSplit: splitReport(encoded, splitRows, seed) }),
    ...(images && { images }),
    ...(compares && factors && { disentanglement: disentanglement(encoded.mean, factors, { seed }) }),
  };
}

function common({
  batchSize,
  seed,
  binarize,
}: EvaluateOptions): Pick<EvaluateOptions, 'batchSize' | 'seed' | 'binarize'> {
  return {
    ...(batchSize !== undefined && { batchSize }),
    ...(seed !== undefined && { seed }),
    ...(binarize !== undefined && { binarize }),
  };
}

/** Refused before anything runs. */
function checkRequest(
  vae: Vae,
  data: Dataset,
  { splitRows, disentanglement: compares }: ReportOptions,
): void {
  if (compares && !data.factors)
    throw new SpecError(
      'disentanglement',
      'the data have no known factors; expected data that were made from them; use drawShapes() or --data shapes',
    );
  if (splitRows !== undefined && !hasGaussianKl(vae))
    throw new SpecError(
      'splitRows',
      `the posterior is ${vae.spec.posterior.type}, the prior ${vae.spec.prior.type}; the split needs a diagonal or isotropic posterior and a standard normal prior; leave it out (--split-kl), or train with these; for such a posterior under another prior, call splitKl() with the prior's log density as logPrior`,
    );
}

/** Whether KL(q || p) is a sum over latents in closed form. */
function hasGaussianKl(vae: Vae): boolean {
  const { type } = vae.spec.posterior;
  return (type === 'diagonal' || type === 'isotropic') && vae.model.prior.isStandardNormal;
}

/** Densities of values in [0, 1] that stand for 256 levels. */
function isDensityOfBytes(vae: Vae, data: Dataset): boolean {
  const { type } = vae.spec.likelihood;
  return (type === 'gaussian' || type === 'laplace') && data.values instanceof Uint8Array;
}

function latentReport(vae: Vae, encoded: Encoded): LatentReport {
  const { variances, count } = activeUnits(encoded.mean);
  return { ...(hasGaussianKl(vae) && { kl: klPerLatent(encoded) }), variances, active: count };
}

/** `1/2 (exp(s) + m^2 - 1 - s)`, mean over the rows, `[K]`. */
export function klPerLatent({ mean: { columns: K, values }, logVariance }: Encoded): number[] {
  const rows = values.length / K;
  const totals = Array.from({ length: K }, () => 0);
  for (const [i, m] of values.entries()) {
    const s = logVariance ? logVariance.values[logVariance.columns === 1 ? Math.floor(i / K) : i]! : 0;
    totals[i % K]! += (Math.expm1(s) - s + m * m) / 2;
  }
  return totals.map((total) => total / rows);
}

function splitReport(
  { mean: means, logVariance }: Encoded,
  most: number,
  seed: number,
): KlSplit & { rows: number } {
  const rows = Math.min(most, means.values.length / means.columns);
  const part = ({ columns, values }: Encoded['mean']): Encoded['mean'] => ({
    columns,
    values: values.subarray(0, rows * columns),
  });
  return { ...splitKl(part(means), part(logVariance!), { seed }), rows };
}

/** PSNR and SSIM of the first rows; undefined for data outside [0, 1]. */
async function imageReport(vae: Vae, data: Dataset): Promise<ImageReport | undefined> {
  const { rows, shape, values } = takeRows(data, IMAGE_ROWS);
  if (values.some((value) => value < 0 || value > (values instanceof Uint8Array ? 255 : 1))) return undefined;
  const hasWindow = shape.length === 3 && shape[0]! >= SSIM_SIDE && shape[1]! >= SSIM_SIDE;
  const peaks: number[] = [];
  const similarities: number[] = [];
  for (let first = 0; first < rows; first += PIECE_ROWS) {
    const last = Math.min(rows, first + PIECE_ROWS);
    const originals = floatRows(data, first, last);
    const others = await vae.reconstruct(originals, conditionOf(vae, data, first, last));
    peaks.push(...psnr(originals, others, [elementCount(shape)]));
    if (hasWindow) similarities.push(...ssim(originals, others, shape));
  }
  const peak = mean(peaks);
  return { rows, psnr: Number.isFinite(peak) ? peak : null, ...(hasWindow && { ssim: mean(similarities) }) };
}
