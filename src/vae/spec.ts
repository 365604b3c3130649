/** The model as plain data: what goes into a checkpoint, and the check that it can be built. */
import { SpecError } from '../gpu/errors.js';
import type { PosteriorFamily } from '../gpu/ops/reparameterize.js';
import { elementCount } from '../gpu/shape.js';
import { integer, record, show } from '../gpu/check.js';
import { layers, type LayerSpec } from './layer-spec.js';

/** A scale: fixed, learned as one number, or learned one a pixel. */
export type ScaleSpec = number | 'learned' | 'per-pixel';

/** `scale` is sigma for gaussian and b for laplace, in the units of the data. */
export type LikelihoodSpec =
  | { readonly type: 'bernoulli' }
  | { readonly type: 'gaussian'; readonly scale: ScaleSpec }
  | { readonly type: 'laplace'; readonly scale: ScaleSpec };

export interface VaeSpec {
  /** Shape of a datum, channels last: [784], [28, 28, 1]. */
  readonly input: readonly number[];
  /** Size K of the latent. */
  readonly latent: number;
  /** Layers of a datum, seen as an image where it has three axes; the posterior's moments are one more dense layer. */
  readonly encoder: readonly LayerSpec[];
  /** Layers after the latent. One that ends in an image ends in the datum's shape; a vector gets a dense layer of its size. */
  readonly decoder: readonly LayerSpec[];
  readonly posterior?: PosteriorFamily;
  readonly likelihood?: LikelihoodSpec;
}

/** A VaeSpec with every default filled in. */
export interface CompleteSpec extends Required<VaeSpec> {}

const SPEC_KEYS = ['input', 'latent', 'encoder', 'decoder', 'posterior', 'likelihood'];

/**
 * Fills in the defaults and checks every field; takes `unknown` because specifications come from files.
 * @throws SpecError naming the field, what came, what was expected
 */
export function completeSpec(value: unknown): CompleteSpec {
  const spec = record(value, 'spec', SPEC_KEYS);
  const { posterior = 'diagonal' } = spec;
  if (posterior !== 'diagonal' && posterior !== 'isotropic')
    throw new SpecError('spec.posterior', `is ${show(posterior)}; expected 'diagonal' or 'isotropic'`);
  return {
    input: inputShape(spec['input']),
    latent: integer(spec['latent'], 'spec.latent', 1, 4096),
    encoder: layers(spec['encoder'], 'spec.encoder'),
    decoder: layers(spec['decoder'], 'spec.decoder'),
    posterior,
    likelihood: likelihoodSpec(spec['likelihood'] ?? { type: 'bernoulli' }),
  };
}

function inputShape(value: unknown): number[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > 3)
    throw new SpecError(
      'spec.input',
      `is ${show(value)}; expected the shape of a datum, such as [28, 28, 1]`,
    );
  const shape = value.map((size, axis) => integer(size, `spec.input[${axis}]`, 1, 2 ** 20));
  if (elementCount(shape) > 2 ** 22)
    throw new SpecError(
      'spec.input',
      `[${shape.join(', ')}] has ${elementCount(shape)} elements; at most ${2 ** 22} are supported`,
    );
  return shape;
}

function likelihoodSpec(value: unknown): LikelihoodSpec {
  const { type, scale } = record(value, 'spec.likelihood', ['type', 'scale']);
  if (type === 'bernoulli') {
    if (scale !== undefined) throw new SpecError('spec.likelihood', 'bernoulli has no scale; remove it');
    return { type };
  }
  if (type !== 'gaussian' && type !== 'laplace')
    throw new SpecError(
      'spec.likelihood.type',
      `is ${show(type)}; expected 'bernoulli', 'gaussian' or 'laplace'`,
    );
  if (scale === 'learned' || scale === 'per-pixel') return { type, scale };
  if (typeof scale !== 'number' || !(scale >= 1e-4 && scale <= 1e4))
    throw new SpecError(
      'spec.likelihood.scale',
      `is ${show(scale)}; expected a number from 1e-4 to 1e4, 'learned' or 'per-pixel'`,
    );
  return { type, scale };
}
