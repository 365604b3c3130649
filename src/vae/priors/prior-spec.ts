/** Priors as plain data. */
import { integer, record, show } from '../../gpu/check.js';
import { SpecError } from '../../gpu/errors.js';
import { layers, type LayerSpec } from '../layer-spec.js';

/**
 * - `standard-normal`: N(0, I).
 * - `factorized`: a learned mixture of logistics a latent, as the mass of the unit bin around z (rate-distortion).
 * - `conditional`: p(z | c), a diagonal Gaussian whose moments a network of `layers` makes of the condition.
 * - `mixture`: of `components` diagonal Gaussians, learned with their weights.
 * - `vamp`: the mixture of the posteriors of `pseudoInputs` learned data (Tomczak and Welling 2018).
 * - `hierarchical`: a VAE of z, whose latent has a prior of its own.
 */
export type PriorSpec =
  | { readonly type: 'standard-normal' | 'factorized' }
  | { readonly type: 'conditional'; readonly layers: readonly LayerSpec[] }
  | { readonly type: 'mixture'; readonly components: number }
  | { readonly type: 'vamp'; readonly pseudoInputs: number }
  | HierarchicalSpec;

/** A VAE as the prior of the latent: z of the level above, networks of its own (Sonderby et al. 2016, top-down). */
export interface HierarchicalSpec {
  readonly type: 'hierarchical';
  /** Size of the latent above z. */
  readonly latent: number;
  /** Layers of z; the moments of q(z2 | z) are one more dense layer. */
  readonly encoder: readonly LayerSpec[];
  /** Layers of z2; the moments of p(z | z2) are one more dense layer. */
  readonly decoder: readonly LayerSpec[];
  readonly prior: PriorSpec;
}

export type PriorType = PriorSpec['type'];

/** A specification, whose numbers have defaults, or the name of one that needs no layers. */
export type PriorInput =
  | PriorSpec
  | Exclude<PriorType, 'conditional' | 'hierarchical'>
  | { readonly type: 'mixture' | 'vamp' }
  | (Omit<HierarchicalSpec, 'prior'> & { readonly prior?: PriorInput });

/** The fields of each type behind `type`. */
const fields: Readonly<Record<PriorType, readonly string[]>> = {
  'standard-normal': [],
  factorized: [],
  conditional: ['layers'],
  mixture: ['components'],
  vamp: ['pseudoInputs'],
  hierarchical: ['latent', 'encoder', 'decoder', 'prior'],
};

export const priorTypes = Object.keys(fields) as PriorType[];

/** Levels of latents above the first. */
const MAX_DEPTH = 8;

/** @throws SpecError for what is not a prior */
export function priorSpec(value: unknown, where = 'spec.prior'): PriorSpec {
  const given = typeof value === 'string' ? { type: value } : value;
  const named = typeof given === 'object' && given !== null ? (given as { type?: unknown }).type : undefined;
  const type = priorTypes.find((name) => name === named);
  if (!type)
    throw new SpecError(
      where,
      `is ${show(value)}; expected ${priorTypes.map((name) => `'${name}'`).join(', ')}`,
    );
  const spec = record(given, where, ['type', ...fields[type]]);
  const number = (name: string, fallback?: number): number =>
    integer(spec[name] ?? fallback, `${where}.${name}`, 1, 4096);
  switch (type) {
    case 'standard-normal':
    case 'factorized':
      return { type };
    case 'conditional':
      return { type, layers: steadyLayers(spec['layers'] ?? [], `${where}.layers`) };
    case 'mixture':
      return { type, components: number('components', 10) };
    case 'vamp':
      return { type, pseudoInputs: number('pseudoInputs', 50) };
    case 'hierarchical':
      return {
        type,
        latent: number('latent'),
        encoder: steadyLayers(spec['encoder'], `${where}.encoder`),
        decoder: steadyLayers(spec['decoder'], `${where}.decoder`),
        prior: innerPrior(spec['prior'] ?? 'standard-normal', `${where}.prior`),
      };
  }
}

function innerPrior(value: unknown, where: string): PriorSpec {
  if (where.split('.prior').length > MAX_DEPTH + 1)
    throw new SpecError(where, `is more than ${MAX_DEPTH} levels above the first; expected fewer`);
  const spec = priorSpec(value, where);
  if (spec.type === 'factorized')
    throw new SpecError(
      where,
      'is factorized, which is a mass of bins; expected a density; use standard-normal',
    );
  return spec;
}

/** Layers that do the same in training and after it: a density is not told which of the two it is in. */
function steadyLayers(value: unknown, where: string): LayerSpec[] {
  const list = layers(value, where);
  const unsteady = list.flatMap(inside).find(({ type }) => type === 'batchNorm' || type === 'dropout');
  if (unsteady)
    throw new SpecError(
      where,
      `has a ${unsteady.type}, which training and evaluation treat differently; use layerNorm, or leave it out`,
    );
  return list;
}

/** A layer and those within it. */
function inside(layer: LayerSpec): LayerSpec[] {
  return layer.type === 'residual' ? [layer, ...layer.layers.flatMap(inside)] : [layer];
}
