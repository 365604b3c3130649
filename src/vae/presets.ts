/** Ready specifications, from the dense VAE of the first paper to the convolutional one of "World Models". */
import type { Activation } from '../gpu/ops/activation.js';
import { SpecError } from '../gpu/errors.js';
import { outputsPerElement } from './likelihoods/likelihood-spec.js';
import type { LayerSpec } from './layer-spec.js';
import type { PosteriorInput } from './posteriors/posterior-spec.js';
import type { PriorInput } from './priors/prior-spec.js';
import type { LikelihoodSpec, VaeSpec } from './spec.js';

/** What every preset may be told. */
export interface PresetOptions {
  /** Shape of a datum, channels last. */
  readonly input: readonly number[];
  readonly latent?: number;
  /** Units of the dense hidden layers. */
  readonly hidden?: number;
  readonly activation?: Activation;
  readonly likelihood?: LikelihoodSpec;
  readonly posterior?: PosteriorInput;
  readonly prior?: PriorInput;
}

/** The parts of a specification that presets pass on as they came. */
function rest({
  likelihood,
  posterior,
  prior,
}: PresetOptions): Pick<VaeSpec, 'likelihood' | 'posterior' | 'prior'> {
  return { ...(likelihood && { likelihood }), ...(posterior && { posterior }), ...(prior && { prior }) };
}

/** Channels that a decoder ends in: those of the images, times the likelihood's numbers of one. */
function outputChannels(channels: number, { likelihood }: PresetOptions): number {
  return channels * (likelihood ? outputsPerElement(likelihood) : 1);
}

/** The dense VAE of Kingma and Welling (2013): one hidden layer on either side. */
export function denseSpec(options: PresetOptions): VaeSpec {
  const { input, hidden = 400, latent = 20, activation = 'relu' } = options;
  const layer: LayerSpec = { type: 'dense', units: hidden, activation };
  return { input, latent, encoder: [layer], decoder: [layer], ...rest(options) };
}

/** @throws SpecError unless the input is an image whose sides are multiples of 4 */
function imageInput(input: readonly number[], preset: string): [number, number, number] {
  const [H = 0, W = 0, C = 0] = input;
  if (input.length === 3 && H % 4 === 0 && W % 4 === 0) return [H, W, C];
  const size = [H, W].map((side) => Math.max(4, side - (side % 4))).join('x');
  throw new SpecError(
    'spec.input',
    `is [${input.join(', ')}]; the ${preset} preset expects [height, width, channels] with sides that are multiples of 4; ` +
      `${input.length === 3 ? `scale the images (--size ${size})` : 'pass images'}, or choose the dense preset`,
  );
}

/** Two strided convolutions and a dense layer; the decoder mirrors them with deconvolutions by reshape. */
export function convSpec(options: PresetOptions): VaeSpec {
  const { hidden = 256, latent = 16, activation = 'relu' } = options;
  const [H, W, C] = imageInput(options.input, 'conv');
  const down = (channels: number): LayerSpec => ({
    type: 'conv',
    channels,
    kernel: 4,
    stride: 2,
    padding: 1,
    activation,
  });
  const coarse = [H / 4, W / 4, 64];
  const units = coarse[0]! * coarse[1]! * 64;
  return {
    input: options.input,
    latent,
    encoder: [down(32), down(64), { type: 'flatten' }, { type: 'dense', units: hidden, activation }],
    decoder: [
      { type: 'dense', units: hidden, activation },
      { type: 'dense', units, activation },
      { type: 'reshape', shape: coarse },
      { type: 'deconv', channels: 32, activation },
      { type: 'deconv', channels: outputChannels(C, options) },
    ],
    ...rest(options),
  };
}

/** A 3x3 convolution that keeps the size, or divides it by `stride`. */
function convolution(channels: number, stride = 1): LayerSpec {
  return { type: 'conv', channels, kernel: 3, stride };
}

/** Residual blocks with GroupNorm and SiLU at two scales, nearest-neighbour upsampling in the decoder. */
export function convResidualSpec(options: PresetOptions): VaeSpec {
  const { hidden = 256, latent = 32, activation = 'silu' } = options;
  const [H, W, C] = imageInput(options.input, 'conv-residual');
  const norm: LayerSpec = { type: 'groupNorm', groups: 8, activation };
  const block = (channels: number): LayerSpec => ({
    type: 'residual',
    layers: [norm, convolution(channels), norm, convolution(channels)],
  });
  const coarse = [H / 4, W / 4, 64];
  return {
    input: options.input,
    latent,
    encoder: [
      convolution(32),
      block(32),
      convolution(64, 2),
      block(64),
      convolution(64, 2),
      block(64),
      norm,
      { type: 'flatten' },
      { type: 'dense', units: hidden, activation },
    ],
    decoder: [
      { type: 'dense', units: coarse[0]! * coarse[1]! * 64, activation },
      { type: 'reshape', shape: coarse },
      block(64),
      { type: 'upsample', factor: 2 },
      convolution(64),
      block(64),
      { type: 'upsample', factor: 2 },
      convolution(32),
      block(32),
      norm,
      convolution(outputChannels(C, options)),
    ],
    ...rest(options),
  };
}

/** A transposed convolution of 5x5 (odd: one row and column too many) or 6x6, stride 2, in the coarse image's terms. */
function up(channels: number, isOdd: boolean, activation?: Activation): LayerSpec {
  return {
    type: 'deconv',
    channels,
    kernel: 3,
    padding: 2,
    ...(isOdd && { crop: [1, 1] as const }),
    ...(activation && { activation }),
  };
}
/** Height and width of the world-models preset's images. */
export const worldModelsSize = [64, 64] as const;

/**
 * The VAE of Ha and Schmidhuber (2018, "World Models"): 64x64 images, four strided convolutions, and transposed
 * convolutions of 5x5, 5x5, 6x6 and 6x6 with stride 2, here as the deconvolutions by reshape that contain them.
 */
export function worldModelsSpec(options: PresetOptions): VaeSpec {
  const { input, latent = 32, activation = 'relu' } = options;
  const [H, W, C] = input;
  const [height, width] = worldModelsSize;
  if (input.length !== 3 || H !== height || W !== width)
    throw new SpecError(
      'spec.input',
      `is [${input.join(', ')}]; the world-models preset expects [64, 64, channels]; scale the images (--size 64), or choose another preset`,
    );
  const down = (channels: number): LayerSpec => ({
    type: 'conv',
    channels,
    kernel: 4,
    stride: 2,
    padding: 0,
    activation,
  });
  return {
    input,
    latent,
    encoder: [down(32), down(64), down(128), down(256), { type: 'flatten' }],
    decoder: [
      { type: 'dense', units: 1024 },
      { type: 'reshape', shape: [1, 1, 1024] },
      up(128, true, activation),
      up(64, true, activation),
      up(32, false, activation),
      up(outputChannels(C!, options), false),
    ],
    ...rest(options),
  };
}

/** The presets by the name that `--model` takes. */
export const presets = {
  /** One dense layer on either side. */
  dense: denseSpec,
  /** Two convolutions, and deconvolutions by reshape. */
  conv: convSpec,
  /** Residual blocks with GroupNorm and SiLU. */
  'conv-residual': convResidualSpec,
  /** Ha and Schmidhuber 2018. */
  'world-models': worldModelsSpec,
} as const;

/** The names of the presets, which the command line takes as `--model`. */
export type PresetName = keyof typeof presets;
