/**
 * What a trained model is worth: likelihoods, the split of the KL term, active units, likeness of images, disentanglement,
 * samplers fitted after training, and ways through the latent space. An entry of its own, since pages seldom need it.
 */
export { binarizeOnce } from '../data/binarize.js';
export type { Factor, FactorTable } from '../data/factors.js';
export { drawShapes, shapeFactors, type ShapesDataset, type ShapesOptions } from '../data/shapes.js';
export { activeUnits, type ActiveUnits } from '../metrics/active-units.js';
export { bitsPerDimension } from '../metrics/bits.js';
export { dci, type Dci } from '../metrics/dci.js';
export { disentanglement, type Disentanglement } from '../metrics/disentanglement.js';
export { factorVaeScore, type FactorVaeScoreOptions } from '../metrics/factor-vae-score.js';
export { splitKl, type KlSplit, type KlSplitOptions } from '../metrics/kl-split.js';
export type { Matrix } from '../metrics/matrix.js';
export { mutualInformationGap, type MutualInformationGap } from '../metrics/mig.js';
export { psnr, ssim } from '../metrics/pictures.js';
export { sap, type Sap } from '../metrics/sap.js';
export { CodePrior, fitCodePrior } from '../samplers/code-prior.js';
export { fitGaussianMixture, type GaussianMixtureOptions } from '../samplers/fit-gaussian-mixture.js';
export { GaussianMixture, type Component } from '../samplers/gaussian-mixture.js';
export {
  fitGaussianization,
  GaussianizationFlow,
  type GaussianizationOptions,
} from '../samplers/gaussianization-flow.js';
export {
  bilinearGrid,
  linearPath,
  sphericalPath,
  traversals,
  type TraversalOptions,
} from '../samplers/paths.js';
export { encodeRows, type Encoded } from './encode-rows.js';
export { logLikelihood, type LogLikelihood, type LogLikelihoodOptions } from './log-likelihood.js';
export { evaluationReport, type EvaluationReport, type ReportOptions } from './report.js';
