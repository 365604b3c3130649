/**
 * What a dense VAE is made of: its specification, the layers that follow from it, and the names and shapes of its
 * parameters. Names and layouts are PyTorch's: `weight` is `[out, in]`, and an activation takes a number in the
 * sequence, so the same tensors go to PyTorch, to the GPU and here.
 */
import { SpecError } from '../../src/gpu/errors.js';
import type { Activation } from './activation.js';
import type { LikelihoodFamily } from './likelihood.js';
import type { PosteriorFamily } from './reparameterize.js';
import { elementCount, full, type F64 } from './tensor.js';

export interface DenseLayer {
  type: 'dense';
  units: number;
  activation?: Activation;
}

/** Fixed `scale` (sigma, or b for Laplace), one learned for all, or one learned a pixel. */
export type LikelihoodSpec =
  { type: 'bernoulli' } | { type: 'gaussian' | 'laplace'; scale: number | 'learned' | 'per-pixel' };

/** Hidden layers of both nets; the heads (mean, log_variance) and the output layer follow from the shapes. */
export interface DenseVaeSpec {
  input: number[];
  latent: number;
  encoder: DenseLayer[];
  decoder: DenseLayer[];
  posterior?: PosteriorFamily;
  likelihood?: LikelihoodSpec;
}

/** Tensors by PyTorch name, in the order of `parameterShapes`. */
export type Parameters = Map<string, F64>;

/** A dense layer with the name its parameters carry. */
export interface NamedLayer {
  name: string;
  units: number;
  activation: Activation;
}

/** `encoder.0`, `encoder.2`, ...: an activation other than identity takes the next number, as in nn.Sequential. */
function namedLayers(net: 'encoder' | 'decoder', layers: readonly DenseLayer[]): NamedLayer[] {
  let index = 0;
  return layers.map(({ units, activation = 'identity' }) => {
    const name = `${net}.${index}`;
    index += activation === 'identity' ? 1 : 2;
    return { name, units, activation };
  });
}

/** The layers of both nets with the heads and the output layer that the spec leaves out. */
export function structure(spec: DenseVaeSpec): {
  encoder: NamedLayer[];
  heads: NamedLayer[];
  decoder: NamedLayer[];
} {
  const logVariances = spec.posterior === 'isotropic' ? 1 : spec.latent;
  const output: DenseLayer = { type: 'dense', units: elementCount(spec.input) };
  return {
    encoder: namedLayers('encoder', spec.encoder),
    heads: [
      { name: 'mean', units: spec.latent, activation: 'identity' },
      { name: 'log_variance', units: logVariances, activation: 'identity' },
    ],
    decoder: namedLayers('decoder', [...spec.decoder, output]),
  };
}

/** The scale of the likelihood, undefined for Bernoulli (the default), which has none. */
function scaleOf({ likelihood }: DenseVaeSpec): number | 'learned' | 'per-pixel' | undefined {
  return likelihood && likelihood.type !== 'bernoulli' ? likelihood.scale : undefined;
}

/** Name of the learned log-variance (Gaussian) or log-scale (Laplace); undefined when there is none to learn. */
export function logScaleName(spec: DenseVaeSpec): string | undefined {
  if (typeof scaleOf(spec) !== 'string') return undefined;
  return spec.likelihood?.type === 'gaussian' ? 'likelihood.log_variance' : 'likelihood.log_scale';
}

/** Shapes of all parameters in order: encoder, mean, log_variance, decoder, then a learned logScale (`[1]` or `[D]`). */
export function parameterShapes(spec: DenseVaeSpec): Map<string, number[]> {
  const { encoder, heads, decoder } = structure(spec);
  const shapes = new Map<string, number[]>();
  const declare = (layers: readonly NamedLayer[], inputs: number): number =>
    layers.reduce((inner, { name, units }) => {
      shapes.set(`${name}.weight`, [units, inner]).set(`${name}.bias`, [units]);
      return units;
    }, inputs);
  const hidden = declare(encoder, elementCount(spec.input));
  for (const head of heads) declare([head], hidden);
  declare(decoder, spec.latent);
  const name = logScaleName(spec);
  if (name) shapes.set(name, [scaleOf(spec) === 'learned' ? 1 : elementCount(spec.input)]);
  return shapes;
}

/** The likelihood and its logScale: absent (Bernoulli), fixed (`2 log sigma`, `log b`), or the learned parameter. */
export function logScaleOf(
  spec: DenseVaeSpec,
  parameters: Parameters,
): { family: LikelihoodFamily; logScale: F64 | undefined } {
  const family = spec.likelihood?.type ?? 'bernoulli';
  const scale = scaleOf(spec);
  if (scale === undefined) return { family, logScale: undefined };
  if (typeof scale === 'string') return { family, logScale: take(parameters, logScaleName(spec)!) };
  return { family, logScale: full([1], (family === 'gaussian' ? 2 : 1) * Math.log(scale)) };
}

/** A parameter by name. @throws SpecError when it is missing. */
export function take(parameters: Parameters, name: string): F64 {
  const parameter = parameters.get(name);
  if (!parameter)
    throw new SpecError(
      'reference vae',
      `there is no parameter ${name}; pass all names of parameterShapes(spec)`,
    );
  return parameter;
}
