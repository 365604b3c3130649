/** Posteriors as plain data. */
import { integer, numberIn, oneOf, record, show } from '../../gpu/check.js';
import { SpecError } from '../../gpu/errors.js';

/**
 * - `diagonal`: a Gaussian with a variance a latent; `isotropic`: with one variance a datum; `full`: with a covariance.
 * - `deterministic`: z is the encoder's output; no noise and no KL (a plain autoencoder).
 * - `uniform`: z is the encoder's output with U(-1/2, 1/2) added, which stands for rounding (rate-distortion).
 * - `planar`, `radial`: a diagonal Gaussian bent by `steps` simple maps, whose parameters the encoder makes.
 * - `iaf`: a diagonal Gaussian behind `steps` autoregressive networks of `units` hidden units, which are told `context`
 *   numbers of each datum by the encoder.
 * - `vector-quantized`: every `dimension` latents are the nearest of `codes` learned codewords; `commitment` weighs how
 *   closely the encoder keeps to them (VQ-VAE). They learn from a loss, or as moving averages (`ema`) of the encoder's output.
 */
export type PosteriorSpec =
  | { readonly type: 'diagonal' | 'isotropic' | 'full' | 'deterministic' | 'uniform' }
  | { readonly type: 'planar' | 'radial'; readonly steps: number }
  | AutoregressiveSpec
  | VectorQuantizedSpec;

export interface AutoregressiveSpec {
  readonly type: 'iaf';
  readonly steps: number;
  readonly units: number;
  readonly context: number;
}

export type PosteriorType = PosteriorSpec['type'];

export interface VectorQuantizedSpec {
  readonly type: 'vector-quantized';
  readonly codes: number;
  readonly dimension: number;
  readonly commitment: number;
  /** How the codewords learn: from a loss, or as moving averages, of which a step keeps `decay`. */
  readonly codebook: 'loss' | 'ema';
  readonly decay: number;
}

/** A specification, whose numbers have defaults, or the name of a family. */
export type PosteriorInput =
  | PosteriorSpec
  | PosteriorType
  | { readonly type: 'planar' | 'radial'; readonly steps?: number }
  | (Partial<AutoregressiveSpec> & { readonly type: 'iaf' })
  | (Partial<VectorQuantizedSpec> & { readonly type: 'vector-quantized' });

/** Checks a field's value, or gives what stands for one that is absent; `where` names the field in the message. */
type Reader = (value: unknown, where: string) => unknown;

const whole =
  (fallback: number, limit: number): Reader =>
  (value = fallback, where) =>
    integer(value, where, 1, limit);

const real =
  (fallback: number, least: number, below: number): Reader =>
  (value = fallback, where) =>
    numberIn(value, where, least, below);

const choice =
  (fallback: string, names: readonly string[]): Reader =>
  (value = fallback, where) =>
    oneOf(value, where, names);

const families: Readonly<Record<PosteriorType, Readonly<Record<string, Reader>>>> = {
  diagonal: {},
  isotropic: {},
  full: {},
  deterministic: {},
  uniform: {},
  planar: { steps: whole(4, 64) },
  radial: { steps: whole(4, 64) },
  iaf: { steps: whole(2, 64), units: whole(64, 4096), context: whole(16, 4096) },
  'vector-quantized': {
    codes: whole(128, 65536),
    dimension: whole(4, 4096),
    commitment: real(0.25, 0, 1e6),
    codebook: choice('loss', ['loss', 'ema']),
    decay: real(0.99, 0, 1),
  },
};

export const posteriorTypes = Object.keys(families) as PosteriorType[];

/** @throws SpecError for what is not a posterior */
export function posteriorSpec(value: unknown): PosteriorSpec {
  const spec = typeof value === 'string' ? { type: value } : value;
  const type = typeof spec === 'object' && spec !== null ? (spec as { type?: unknown }).type : undefined;
  const known = posteriorTypes.find((name) => name === type);
  if (!known)
    throw new SpecError(
      'spec.posterior',
      `is ${show(value)}; expected ${posteriorTypes.map((name) => `'${name}'`).join(', ')}`,
    );
  const readers = families[known];
  const fields = record(spec, 'spec.posterior', ['type', ...Object.keys(readers)]);
  const checked = Object.entries(readers).map(([name, read]) => [
    name,
    read(fields[name] ?? undefined, `spec.posterior.${name}`),
  ]);
  return { type: known, ...Object.fromEntries(checked) } as PosteriorSpec;
}
