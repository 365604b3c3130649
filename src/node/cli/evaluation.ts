/** What the command evaluate prints and draws beyond the terms. */
import { floatRows, takeRows, type Dataset } from '../../vae/data/dataset.js';
import { conditionOf, encodeRows } from '../../vae/evaluation/encode-rows.js';
import type { EvaluationReport } from '../../vae/evaluation/report.js';
import { ACTIVE_VARIANCE } from '../../vae/metrics/active-units.js';
import type { Matrix } from '../../vae/metrics/matrix.js';
import { fitGaussianMixture } from '../../vae/samplers/fit-gaussian-mixture.js';
import { fitGaussianization } from '../../vae/samplers/gaussianization-flow.js';
import { bilinearGrid, traversals } from '../../vae/samplers/paths.js';
import type { Vae } from '../../vae/vae.js';
import { barPanels } from '../bars.js';
import { encodePng, imageGrid, reconstructionPairs } from '../pictures.js';
import type { ArtifactName } from './artifacts.js';
import { formatTable, formatTerms } from './format.js';

const RECONSTRUCTIONS = 20;
/** Latents that are traversed, those of the most KL. */
const TRAVERSED = 10;
const TRAVERSAL_STEPS = 9;
const BILINEAR_SIDE = 8;
/** Samplers fitted to the means of so many test images. */
const FITTED = { rows: 2000, components: 10, samples: 64 };
/** Fewer rows say nothing about quantiles. */
const FLOW_ROWS = 50;

/** The report as a table of names and values. */
export function formatReport(report: EvaluationReport): string {
  const { terms, logLikelihood, bitsPerDimension, latents, klSplit, images, disentanglement } = report;
  const rows: [string, string][] = [['bound', `${formatTerms(terms)} nats per datum`]];
  if (logLikelihood)
    rows.push([
      'log p(x)',
      `${logLikelihood.mean.toFixed(3)} nats per datum, ${logLikelihood.samples} importance samples`,
    ]);
  rows.push(['bits per dimension', bitsPerDimension.toFixed(4)]);
  rows.push(['active latents', `${latents.active} of ${latents.variances.length}`]);
  if (klSplit) {
    const { mutualInformation, totalCorrelation, dimensionWise, kl } = klSplit;
    const parts = `${mutualInformation.toFixed(3)} + ${totalCorrelation.toFixed(3)} + ${dimensionWise.toFixed(3)}`;
    rows.push([
      'KL split',
      `${parts} = ${kl.toFixed(3)} nats (information, total correlation, dimension-wise)`,
    ]);
  }
  if (images) {
    const peak = images.psnr === null ? 'exact' : `${images.psnr.toFixed(2)} dB`;
    rows.push(['PSNR', `${peak}, reconstructions of ${images.rows} images`]);
    if (images.ssim !== undefined) rows.push(['SSIM', images.ssim.toFixed(4)]);
  }
  if (disentanglement) rows.push(...disentanglementRows(disentanglement));
  return formatTable(rows, new Set());
}

function disentanglementRows({
  mig,
  dci,
  sap,
  factorVaeScore,
}: NonNullable<EvaluationReport['disentanglement']>): [string, string][] {
  const parts = [dci.disentanglement, dci.completeness, dci.informativeness].map((value) => value.toFixed(3));
  return [
    ['MIG', mig.score.toFixed(3)],
    ['DCI', `${parts.join(', ')} (disentanglement, completeness, informativeness)`],
    ['SAP', sap.score.toFixed(3)],
    ['FactorVAE score', factorVaeScore.toFixed(3)],
  ];
}

/** The files of an evaluation; pictures of data only where the data are images. */
export async function drawEvaluation(
  vae: Vae,
  test: Dataset,
  { latents }: EvaluationReport,
): Promise<Map<ArtifactName, string | Uint8Array>> {
  const order = byImportance(latents);
  const files = new Map<ArtifactName, string | Uint8Array>([['latents.svg', drawLatents(latents, order)]]);
  if (test.shape.length !== 3) return files;
  const codes = (await encodeRows(vae, takeRows(test, FITTED.rows))).mean;
  files.set('reconstructions.png', await drawReconstructions(vae, test));
  for (const [name, z, columns] of latentWays(codes, order))
    files.set(name, encodePng(imageGrid(await decodeAlike(vae, z, test), test.shape, { columns })));
  return files;
}

async function drawReconstructions(vae: Vae, test: Dataset): Promise<Uint8Array> {
  const originals = floatRows(test, 0, RECONSTRUCTIONS);
  const condition = conditionOf(vae, test, 0, Math.min(test.rows, RECONSTRUCTIONS));
  const others = await vae.reconstruct(originals, condition);
  return encodePng(reconstructionPairs(originals, others, test.shape));
}

/** A file, its codes f32[N, K], and images in a row. */
type LatentPicture = [ArtifactName, Float32Array, number];

/** Codes of the pictures: one latent at a time from the first image's code, a square between four, and fitted samples. */
function latentWays(codes: Matrix, order: readonly number[]): LatentPicture[] {
  const { columns: K, values } = codes;
  const rows = values.length / K;
  const code = (row: number): Float32Array =>
    Float32Array.from(values.subarray((row % rows) * K, ((row % rows) + 1) * K));
  const mixture = fitGaussianMixture(codes, { components: Math.min(FITTED.components, rows) });
  const flow = rows >= FLOW_ROWS ? fitGaussianization(codes) : undefined;
  const columns = Math.sqrt(FITTED.samples);
  return [
    [
      'traversals.png',
      traversals(code(0), { steps: TRAVERSAL_STEPS, latents: order.slice(0, TRAVERSED) }),
      TRAVERSAL_STEPS,
    ],
    ['bilinear.png', bilinearGrid([code(0), code(1), code(2), code(3)], BILINEAR_SIDE), BILINEAR_SIDE],
    ['mixture.png', mixture.sample(FITTED.samples), columns],
    ...(flow ? [['flow.png', flow.sample(FITTED.samples), columns] satisfies LatentPicture] : []),
  ];
}

/** Decodes f32[N, K]; a conditional model is told the first image's class, so that latents alone differ. */
function decodeAlike(vae: Vae, z: Float32Array, { labels }: Dataset): Promise<Float32Array> {
  const rows = z.length / vae.spec.latent;
  return vae.decode(z, vae.spec.condition && labels ? { labels: new Uint8Array(rows).fill(labels[0]!) } : {});
}

/** Latents by KL, or by variance where a KL has no parts; the largest first. */
function byImportance({ kl, variances }: EvaluationReport['latents']): number[] {
  const values = kl ?? variances;
  return values.map((_, k) => k).toSorted((a, b) => values[b]! - values[a]!);
}

function drawLatents(
  { kl, variances, active }: EvaluationReport['latents'],
  order: readonly number[],
): string {
  const panels = [{ label: 'variance of the mean', values: variances, threshold: ACTIVE_VARIANCE }];
  const isUsed = variances.map((value) => value > ACTIVE_VARIANCE);
  const title = `${active} of ${variances.length} latents are active`;
  return barPanels([...(kl ? [{ label: 'KL (nats)', values: kl }] : []), ...panels], {
    title,
    order,
    isUsed,
  });
}
