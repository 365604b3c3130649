/** The model that the options ask for: a preset, or a specification read from a file. */
import { readFile } from 'node:fs/promises';
import { SpecError } from '../../gpu/errors.js';
import { Model } from '../../vae/model.js';
import { presets, worldModelsSize, type PresetName } from '../../vae/presets.js';
import { completeSpec, type CompleteSpec, type LikelihoodSpec } from '../../vae/spec.js';
import { reasonOf } from './artifacts.js';
import type { ModelSettings } from './options.js';

/** A model as chosen, which a preset completes by the images' shape. */
export interface ModelChoice {
  /** What images become unless the user says otherwise: `[H, W, C]`, `[H, W]`, or undefined for as stored. */
  readonly pictureShape: readonly number[] | undefined;
  /**
   * @param shape of an image, `[H, W, C]`
   * @param classes of the labels, where the model is to be told them
   * @throws SpecError when a layer does not fit
   */
  specFor(shape: readonly number[], classes?: number): CompleteSpec;
}

/**
 * @param typed the model options that the user gave, e.g. `['latent']`
 * @throws SpecError when a file cannot be read, is no specification, or stands beside options that it replaces
 */
export async function chooseModel(settings: ModelSettings, typed: readonly string[]): Promise<ModelChoice> {
  const { model } = settings;
  if (Object.hasOwn(presets, model)) return choosePreset(model as PresetName, settings);
  if (typed.length > 0)
    throw new SpecError(
      `--${typed[0]}`,
      `came together with --model ${model}; the file states the whole model; remove one of the two`,
    );
  const spec = buildable(completeSpec(await readJson(model, specFile)));
  return { pictureShape: spec.input.length === 3 ? spec.input : undefined, specFor: () => spec };
}

function choosePreset(name: PresetName, settings: ModelSettings): ModelChoice {
  const { hidden, latent, posterior, prior, activation, objective } = settings;
  const options = {
    posterior,
    prior,
    likelihood: likelihoodOf(settings),
    ...(hidden !== undefined && { hidden }),
    ...(latent !== undefined && { latent }),
    ...(activation !== undefined && { activation }),
  };
  if (name === 'world-models' && hidden !== undefined)
    throw new SpecError(
      '--hidden',
      'came with --model world-models, which has no dense hidden layer; remove it, or choose another model',
    );
  return {
    pictureShape: name === 'world-models' ? worldModelsSize : undefined,
    specFor(input, classes) {
      const condition = classes !== undefined && { condition: { classes } };
      return buildable(completeSpec({ ...presets[name]({ input, ...options }), ...condition, objective }));
    },
  };
}

/** Building a model needs no GPU, so that a layer that does not fit is told before one is opened. */
function buildable(spec: CompleteSpec): CompleteSpec {
  return new Model(spec).spec;
}

function likelihoodOf({ likelihood, scale }: ModelSettings): LikelihoodSpec {
  if (likelihood !== 'bernoulli') return { type: likelihood, scale: scale ?? 1 };
  if (scale === undefined) return { type: likelihood };
  throw new SpecError(
    '--scale',
    `came with the bernoulli likelihood, which has none; remove it, or choose --likelihood gaussian or laplace`,
  );
}

/** What a JSON file should hold. */
interface JsonFile {
  /** Instead of a file that cannot be read. */
  readonly expected: string;
  readonly option: string;
  readonly content: string;
}

const specContent = '{"input": [28, 28, 1], "latent": 20, "encoder": [...], "decoder": [...]}';
const specFile: JsonFile = {
  expected: `${Object.keys(presets).join(', ')}, or the path of a specification as JSON`,
  option: '--model',
  content: specContent,
};

/** A specification in a file that `option` names. @throws SpecError */
export async function readSpec(path: string, option: string): Promise<CompleteSpec> {
  const file = { expected: 'the path of a specification as JSON', option, content: specContent };
  return buildable(completeSpec(await readJson(path, file)));
}

/** @throws SpecError for a file that cannot be read, or is not JSON */
export async function readJson(path: string, { expected, option, content }: JsonFile): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new SpecError(
      path,
      `cannot be read (${reasonOf(cause)}); expected ${expected}; correct ${option}`,
      { cause },
    );
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new SpecError(path, `is not JSON (${reasonOf(cause)}); expected ${content}; correct the file`, {
      cause,
    });
  }
}
