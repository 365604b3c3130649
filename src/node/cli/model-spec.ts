/** The model that the options ask for: a preset, or a specification read from a file. */
import { readFile } from 'node:fs/promises';
import { SpecError } from '../../gpu/errors.js';
import { presets, type PresetName } from '../../vae/presets.js';
import { completeSpec, type CompleteSpec, type LikelihoodSpec } from '../../vae/spec.js';
import { reasonOf } from './artifacts.js';
import type { ModelSettings } from './options.js';

/**
 * @param shape of a datum, `[H, W, C]`
 * @param typed the model options that the user gave, e.g. `['latent']`
 * @throws SpecError when a file cannot be read, is no specification, or stands beside options that it replaces
 */
export async function readSpec(
  settings: ModelSettings,
  shape: readonly number[],
  typed: readonly string[],
): Promise<CompleteSpec> {
  const { model, hidden, latent, posterior, activation } = settings;
  if (Object.hasOwn(presets, model)) {
    const options = {
      ...(hidden !== undefined && { hidden }),
      ...(latent !== undefined && { latent }),
      ...(activation !== undefined && { activation }),
    };
    const likelihood = likelihoodOf(settings);
    return completeSpec(presets[model as PresetName]({ input: shape, posterior, likelihood, ...options }));
  }
  if (typed.length > 0)
    throw new SpecError(
      `--${typed[0]}`,
      `came together with --model ${model}; the file states the whole model; remove one of the two`,
    );
  return completeSpec(await readJson(model));
}

function likelihoodOf({ likelihood, scale }: ModelSettings): LikelihoodSpec {
  if (likelihood !== 'bernoulli') return { type: likelihood, scale: scale ?? 1 };
  if (scale === undefined) return { type: likelihood };
  throw new SpecError(
    '--scale',
    `came with the bernoulli likelihood, which has none; remove it, or choose --likelihood gaussian or laplace`,
  );
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new SpecError(
      path,
      `cannot be read (${reasonOf(cause)}); expected ${Object.keys(presets).join(', ')}, or the path of a specification as JSON; correct --model`,
      { cause },
    );
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new SpecError(
      path,
      `is not JSON (${reasonOf(cause)}); expected {"input": [28, 28, 1], "latent": 20, "encoder": [...], ` +
        `"decoder": [...]}; correct the file`,
      { cause },
    );
  }
}
