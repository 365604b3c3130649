/** The model as plain data: what goes into a checkpoint, and the check that it can be built. */
import { SpecError } from '../gpu/errors.js';
import { checkActivation, type Activation } from '../gpu/ops/activation.js';
import type { PosteriorFamily } from '../gpu/ops/reparameterize.js';
import { elementCount } from '../gpu/shape.js';

/** y = activation(x W + b), `units` wide. */
export interface DenseSpec {
  readonly type: 'dense';
  readonly units: number;
  readonly activation?: Activation;
}

export type LayerSpec = DenseSpec;

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
  /** Hidden layers; the posterior's moments are one more dense layer. */
  readonly encoder: readonly LayerSpec[];
  /** Hidden layers; the output is one more dense layer of the input's size. */
  readonly decoder: readonly LayerSpec[];
  readonly posterior?: PosteriorFamily;
  readonly likelihood?: LikelihoodSpec;
}

/** A VaeSpec with every default filled in. */
export interface CompleteSpec extends Required<VaeSpec> {}

/** The dense VAE of the 2013 paper's experiments: one hidden layer on either side. */
export function denseSpec(options: {
  input: readonly number[];
  hidden?: number;
  latent?: number;
  activation?: Activation;
  likelihood?: LikelihoodSpec;
  posterior?: PosteriorFamily;
}): VaeSpec {
  const { input, hidden = 400, latent = 20, activation = 'relu', ...rest } = options;
  const layer: LayerSpec = { type: 'dense', units: hidden, activation };
  return { input, latent, encoder: [layer], decoder: [layer], ...rest };
}

const SPEC_KEYS = ['input', 'latent', 'encoder', 'decoder', 'posterior', 'likelihood'];
const MAX_LAYERS = 256;

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
    latent: positiveInteger(spec['latent'], 'spec.latent', 4096),
    encoder: layers(spec['encoder'], 'spec.encoder'),
    decoder: layers(spec['decoder'], 'spec.decoder'),
    posterior,
    likelihood: likelihoodSpec(spec['likelihood'] ?? { type: 'bernoulli' }),
  };
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}

function record(value: unknown, where: string, keys: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SpecError(where, `is ${show(value)}; expected an object with ${keys.join(', ')}`);
  const unknownKey = Object.keys(value).find((key) => !keys.includes(key));
  if (unknownKey !== undefined)
    throw new SpecError(where, `has the unknown field '${unknownKey}'; it may have ${keys.join(', ')}`);
  return value as Record<string, unknown>;
}

function positiveInteger(value: unknown, where: string, limit: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > limit)
    throw new SpecError(where, `is ${show(value)}; expected an integer from 1 to ${limit}`);
  return value;
}

function inputShape(value: unknown): number[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > 3)
    throw new SpecError(
      'spec.input',
      `is ${show(value)}; expected the shape of a datum, such as [28, 28, 1]`,
    );
  const shape = value.map((size, axis) => positiveInteger(size, `spec.input[${axis}]`, 2 ** 20));
  if (elementCount(shape) > 2 ** 22)
    throw new SpecError(
      'spec.input',
      `[${shape.join(', ')}] has ${elementCount(shape)} elements; at most ${2 ** 22} are supported`,
    );
  return shape;
}

function layers(value: unknown, where: string): LayerSpec[] {
  if (!Array.isArray(value) || value.length > MAX_LAYERS)
    throw new SpecError(where, `is ${show(value)}; expected a list of at most ${MAX_LAYERS} layers`);
  return value.map((layer, index) => layerSpec(layer, `${where}[${index}]`));
}

function layerSpec(value: unknown, where: string): LayerSpec {
  const layer = record(value, where, ['type', 'units', 'activation']);
  if (layer['type'] !== 'dense')
    throw new SpecError(`${where}.type`, `is ${show(layer['type'])}; expected 'dense'`);
  const units = positiveInteger(layer['units'], `${where}.units`, 2 ** 16);
  const activation = layer['activation'] ?? 'identity';
  if (typeof activation !== 'string')
    throw new SpecError(`${where}.activation`, `is ${show(activation)}; expected a name`);
  checkActivation(activation, `${where}.activation`);
  return { type: 'dense', units, activation };
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
