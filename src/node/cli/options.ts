/**
 * What a user may type, as commander options in groups. Values are checked here, so that a typing mistake
 * is answered with the option's name and before any data is read; what only the library can judge (an
 * upper limit, a shape) it still judges itself.
 */
import { type Command, Option } from 'commander';
import { SpecError } from '../../gpu/errors.js';
import { activationCodes, type Activation } from '../../gpu/ops/activation.js';
import type { EstimatorSpec } from '../../vae/estimator-spec.js';
import { objectiveNames, type ObjectiveType } from '../../vae/objectives/objective-spec.js';
import { optimizerNames } from '../../vae/optimizers/optimizer.js';
import { posteriorTypes, type PosteriorType } from '../../vae/posteriors/posterior-spec.js';
import { presets, type PresetName } from '../../vae/presets.js';
import type { ScaleSpec } from '../../vae/spec.js';
import { estimatorOption, schemeOption, type SchemeSetting } from './estimator.js';

export interface DataSettings {
  /** A data set's name, a folder of IDX files, CIFAR-10 batches or pictures, or an IDX images file. */
  readonly data: string;
  /** Use only the first rows of each part. */
  readonly limit?: number;
  /** `[H, W]` to scale and crop to. */
  readonly size?: readonly [height: number, width: number];
  readonly channels?: 1 | 3;
  /** Leave out pictures that cannot be read. */
  readonly skipBroken?: boolean;
}

export interface ModelSettings {
  /** A preset, or the path of a specification as JSON. */
  readonly model: string;
  /** Undefined: as the preset has it; so for latent and activation. */
  readonly hidden?: number;
  readonly latent?: number;
  /** The others are stated in a file. */
  readonly likelihood: 'bernoulli' | 'gaussian' | 'laplace';
  /** sigma of gaussian, b of laplace; undefined is 1. */
  readonly scale?: ScaleSpec;
  /** Families of q(z | x) and p(z) with the numbers that they have unless a file states others. */
  readonly posterior: PosteriorType;
  readonly prior: (typeof priors)[number];
  readonly objective: ObjectiveType;
  readonly activation?: Activation;
  /** Tell both networks the class of each image. */
  readonly condition: boolean;
}

/** How the bound is estimated, in training and on test data alike. */
export interface BoundSettings {
  readonly estimator: EstimatorSpec;
  readonly samples: number;
  readonly beta: number;
}

export interface OptimizationSettings {
  readonly scheme: SchemeSetting;
  readonly batch: number;
  readonly learningRate: number;
  readonly optimizer: (typeof optimizerNames)[number];
  /** 0: gradients are not clipped. */
  readonly maxNorm: number;
  readonly binarize: boolean;
  readonly seed: number;
}

export interface AdapterSettings {
  readonly adapter?: string;
}

export interface TuningSettings {
  /** Path of a table that `tune` wrote. */
  readonly tuning?: string;
}

export interface PlanSettings
  extends DataSettings, ModelSettings, BoundSettings, OptimizationSettings, AdapterSettings, TuningSettings {}

export interface TuneSettings extends PlanSettings {
  readonly rounds: number;
  /** Milliseconds of measuring a candidate gets. */
  readonly bound: number;
  /** Also candidates that are not expected to be fast on this kind of adapter. */
  readonly all: boolean;
  readonly out: string;
}

export interface TrainSettings extends PlanSettings {
  readonly epochs: number;
  readonly out: string;
  readonly json: boolean;
  readonly profile: boolean;
  /** Steps between two checkpoints within an epoch. */
  readonly saveEvery?: number;
  /** A training.safetensors to go on from, or the folder that holds one; true: `out`. */
  readonly resume?: string | true;
}

/** What a run is resumed with; everything else is the checkpoint's, and may be repeated but not changed. */
export type ResumeSettings = Partial<TrainSettings> & Pick<TrainSettings, 'json' | 'profile'>;

export interface EvaluateSettings extends DataSettings, BoundSettings, AdapterSettings {
  readonly seed: number;
  readonly binarize: boolean;
  readonly json: boolean;
  /** Importance samples an image; undefined: log p(x) is not estimated. */
  readonly importance?: number;
  /** Rows of the aggregate posterior; undefined: the KL term is not split. */
  readonly splitKl?: number;
  readonly disentanglement: boolean;
  /** Undefined: nothing is written. */
  readonly out?: string;
}

export interface SampleSettings extends AdapterSettings {
  readonly count: number;
  /** The class, for a model with a condition; undefined: all in turn. */
  readonly label?: number;
  readonly seed: number;
  readonly out: string;
}

export const baselineModels = ['ppca', 'fa', 'pca'] as const;
export type BaselineModel = (typeof baselineModels)[number];

export interface BaselineSettings extends DataSettings, AdapterSettings {
  readonly model: BaselineModel;
  readonly latent: number;
  /** Undefined: closed form where there is one. */
  readonly method?: 'closed-form' | 'em';
  readonly iterations: number;
  /** Nats per datum that an iteration has to gain. */
  readonly tolerance: number;
  /** Least noise variance of a pixel; undefined: as the library has it. */
  readonly floor?: number;
  readonly seed: number;
  readonly out: string;
  readonly json: boolean;
}

/** Far above any image that a VAE of this library is trained on. */
const maxSide = 4096;

/** The options that a specification file takes the place of. */
export const modelFlags = [
  'hidden',
  'latent',
  'likelihood',
  'scale',
  'posterior',
  'prior',
  'objective',
  'activation',
  'condition',
] as const;

/** Those that have no layers and no condition; the others are stated in a file. */
const priors = ['standard-normal', 'mixture', 'vamp'] as const;

export function addDataOptions(command: Command): Command {
  return command
    .optionsGroup('Data:')
    .option(
      '--data <name|path>',
      'fashion, fashion-mnist, mnist, shapes, a folder of IDX files, CIFAR-10 batches, PNG or JPEG files, or an IDX or .npy file',
      'fashion',
    )
    .addOption(whole('--limit <n>', 'use only the first n images of each part', { least: 1 }))
    .addOption(
      new Option(
        '--size <n|hxw>',
        'scale and crop the images, e.g. 64 or 48x64 (default: as the model has, else as stored)',
      ).argParser(parseSize),
    )
    .addOption(new Option('--channels <n>', '1: grey, 3: colour').argParser(parseChannels))
    .option('--skip-broken', 'leave out picture files that cannot be read, and name them');
}

export function addModelOptions(command: Command, defaults: { readonly model: PresetName }): Command {
  const likelihoods = ['bernoulli', 'gaussian', 'laplace'];
  return command
    .optionsGroup('Model:')
    .option(
      '--model <name|spec.json>',
      `${Object.keys(presets).join(', ')}, or a specification in a file`,
      defaults.model,
    )
    .addOption(
      whole('--hidden <n>', 'units of the dense hidden layers (default: as the model has)', { least: 1 }),
    )
    .addOption(whole('--latent <n>', 'size of the latent (default: as the model has)', { least: 1 }))
    .addOption(choice('--likelihood <name>', 'p(x | z)', likelihoods).default('bernoulli'))
    .addOption(
      new Option('--scale <n|learned|per-pixel>', 'gaussian: sigma, laplace: b (default: 1)').argParser(
        parseScale,
      ),
    )
    .addOption(choice('--posterior <name>', 'family of q(z | x)', posteriorTypes).default('diagonal'))
    .addOption(choice('--prior <name>', 'p(z)', priors).default('standard-normal'))
    .addOption(
      choice('--objective <name>', 'what is minimised, with its own defaults', objectiveNames).default(
        'elbo',
      ),
    )
    .addOption(
      choice(
        '--activation <name>',
        'of the hidden layers (default: as the model has)',
        Object.keys(activationCodes),
      ),
    )
    .option(
      '--condition',
      'tell both networks the class of each image, so that samples can be asked for by class',
    );
}

export function addBoundOptions(command: Command): Command {
  return command
    .addOption(estimatorOption())
    .addOption(whole('--samples <n>', 'latent samples an image', { least: 1 }).default(1))
    .addOption(real('--beta <n>', 'weight of the KL term', { least: 0 }).default(1));
}

export function addOptimizationOptions(
  command: Command,
  defaults: { readonly learningRate: number; readonly batch: number },
): Command {
  return command
    .addOption(whole('--batch <n>', 'images a step', { least: 1 }).default(defaults.batch))
    .addOption(
      real('--learning-rate <n>', 'step size', { above: 0, below: 1000 }).default(defaults.learningRate),
    )
    .addOption(schemeOption())
    .addOption(choice('--optimizer <name>', 'update rule', optimizerNames).default('adam'))
    .addOption(
      real('--max-norm <n>', 'clip the gradient to this norm; 0 does not clip', { least: 0 }).default(0),
    )
    .option('--binarize', 'draw every pixel anew as 0 or 1 in every step')
    .addOption(whole('--seed <n>', 'of weights, noise and order', { least: 0 }).default(0));
}

export function addSaveEveryOption(command: Command): Command {
  return command.addOption(
    whole('--save-every <n>', 'steps between two checkpoints within an epoch (default: none)', { least: 1 }),
  );
}

export function addAdapterOption(command: Command): Command {
  return command.option('--adapter <name>', 'auto, swiftshader, or a part of an adapter name such as nvidia');
}

export function addTuningOption(command: Command): Command {
  return command.option('--tuning <file>', 'a table of measured kernels that `tune` wrote on this adapter');
}

/** A whole number within safe integers. */
export function whole(flags: string, description: string, { least }: { least: number }): Option {
  return new Option(flags, description).argParser((text) => {
    const value = toNumber(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new SpecError(
      nameOf(flags),
      `is '${text}'; expected a whole number of at least ${least}; give one, or leave the option out`,
    );
  });
}

interface Range {
  readonly least?: number;
  readonly above?: number;
  readonly below?: number;
}

export function real(flags: string, description: string, { least, above, below = 1e6 }: Range): Option {
  const lower = above === undefined ? `of at least ${least}` : `above ${above}`;
  return new Option(flags, description).argParser((text) => {
    const value = toNumber(text);
    const isEnough = above === undefined ? value >= (least ?? 0) : value > above;
    if (isEnough && value < below) return value;
    throw new SpecError(
      nameOf(flags),
      `is '${text}'; expected a number ${lower} and below ${below}; give one, or leave the option out`,
    );
  });
}

/** Not commander's own `choices`: its message has another form, and no advice. */
export function choice(flags: string, description: string, names: readonly string[]): Option {
  return new Option(flags, `${description}: ${names.join(', ')}`).argParser((text) => {
    if (names.includes(text)) return text;
    throw new SpecError(nameOf(flags), `is '${text}'; expected ${listOf(names)}; choose one of them`);
  });
}

function parseScale(text: string): ScaleSpec {
  if (text === 'learned' || text === 'per-pixel') return text;
  const value = toNumber(text);
  if (value > 0) return value; // the library knows the bounds
  throw new SpecError(
    '--scale',
    `is '${text}'; expected a number above 0, learned or per-pixel; give one of them`,
  );
}

function parseSize(text: string): readonly [number, number] {
  const sides = text.split('x').map(toNumber);
  const isSize = sides.every((side) => Number.isInteger(side) && side >= 1 && side <= maxSide);
  if (isSize && sides.length <= 2) return [sides[0]!, sides.at(-1)!];
  throw new SpecError(
    '--size',
    `is '${text}'; expected a side, or height x width, of 1 to ${maxSide} pixels, such as 64 or 48x64; give one`,
  );
}

function parseChannels(text: string): 1 | 3 {
  if (text === '1' || text === '3') return text === '1' ? 1 : 3;
  throw new SpecError('--channels', `is '${text}'; expected 1 (grey) or 3 (colour); choose one of them`);
}

/** NaN for what is no number; Number('') would be 0. */
function toNumber(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

function nameOf(flags: string): string {
  return flags.split(' ', 1)[0]!;
}

function listOf(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}
