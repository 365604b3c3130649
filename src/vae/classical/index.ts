/** The classical linear models on the same data: PCA, probabilistic PCA, factor analysis. */
export type { Statistics } from './data-moments.js';
export type { EmOptions, EmProgress } from './expectation-maximization.js';
export { fitFactorAnalysis } from './factor-analysis.js';
export type { FitOptions, LinearFit } from './fit.js';
export { LinearGaussian, type LinearTerms } from './linear-gaussian.js';
export type { LinearFamily, LinearParameters } from './linear-parameters.js';
export type { Matrix } from '../float64/matrix.js';
export { fitPca } from './pca.js';
export type { Posterior } from './posterior.js';
export { fitPpca, type PpcaOptions } from './ppca.js';
