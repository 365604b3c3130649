/** The parts of a specification that have a kind and some fields, and what the selects call them. */
import {
  completeSpec,
  SpecError,
  type LikelihoodSpec,
  type ObjectiveType,
  type PosteriorSpec,
  type PriorSpec,
} from 'webgpu-vae';

export type PartName = 'likelihood' | 'posterior' | 'prior' | 'objective';

const likelihoods: Readonly<Record<LikelihoodSpec['type'], string | undefined>> = {
  bernoulli: 'Bernoulli',
  gaussian: 'Gaussian (L2)',
  laplace: 'Laplace (L1)',
  'discretized-logistic-mixture': 'Discretised logistics',
  'beta-binomial': 'Beta-binomial',
  // of classes and counts, not of images in [0, 1]
  categorical: undefined,
  'negative-binomial': undefined,
};

const posteriors: Readonly<Record<PosteriorSpec['type'], string>> = {
  diagonal: 'Gaussian, diagonal',
  isotropic: 'Gaussian, isotropic',
  full: 'Gaussian, full covariance',
  iaf: 'Inverse autoregressive flow',
  planar: 'Planar flow',
  radial: 'Radial flow',
  deterministic: 'A point (autoencoder)',
  uniform: 'Uniform (rate–distortion)',
  'vector-quantized': 'Codebook (VQ)',
};

const priors: Readonly<Record<PriorSpec['type'], string | undefined>> = {
  'standard-normal': 'Standard normal',
  mixture: 'Mixture of Gaussians',
  vamp: 'VampPrior',
  factorized: 'Factorised (rate–distortion)',
  // need layers, which only the text can state
  conditional: undefined,
  hierarchical: undefined,
};

const objectives: Readonly<Record<ObjectiveType, string | undefined>> = {
  elbo: 'ELBO, weighted by β',
  capacity: 'Capacity (β-VAE)',
  'free-bits': 'Free bits',
  'beta-tc': 'β-TC-VAE',
  mmd: 'InfoVAE / MMD',
  dip: 'DIP-VAE',
  factor: 'FactorVAE',
  adversarial: 'Adversarial autoencoder',
  'vae-gan': 'VAE-GAN',
  l2: 'Small decoder weights (L2)',
  'gradient-penalty': 'Gradient penalty',
  fisher: 'Fisher divergence',
  // code of the caller's, and the page has none
  own: undefined,
};

/** The kinds of each part by their title; those without one are for the text alone. */
export const kinds: Readonly<Record<PartName, Readonly<Record<string, string | undefined>>>> = {
  likelihood: likelihoods,
  posterior: posteriors,
  prior: priors,
  objective: objectives,
};

/** A part as it is built: its kind, and its other fields. */
export interface Part {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** What a kind begins with where the library leaves the choice to the caller. */
const starts: Readonly<Record<string, object>> = {
  gaussian: { scale: 'learned' },
  laplace: { scale: 'learned' },
  'discretized-logistic-mixture': { components: 5 },
};

const anyModel = { input: [1], latent: 1, encoder: [], decoder: [] };

/** The part with all of its fields; undefined for one that is not right. */
export function completePart(name: PartName, value: unknown): Part | undefined {
  try {
    return completeSpec({ ...anyModel, [name]: value ?? undefined })[name] as Part;
  } catch (error) {
    if (error instanceof SpecError) return undefined;
    throw error;
  }
}

/** A part of this kind as a specification states it: all fields with their defaults, so that they can be seen and changed. */
export function startOf(name: PartName, type: string): unknown {
  const part = completePart(name, { type, ...starts[type] });
  const isName = name !== 'likelihood' && part !== undefined && Object.keys(part).length === 1;
  return isName ? type : part;
}
