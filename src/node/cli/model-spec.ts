/** The model that the options ask for: dense layers, or a specification read from a file. */
import { readFile } from 'node:fs/promises';
import { SpecError } from '../../gpu/errors.js';
import { completeSpec, denseSpec, type CompleteSpec, type LikelihoodSpec } from '../../vae/spec.js';
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
  if (model === 'dense') {
    const likelihood = likelihoodOf(settings);
    return completeSpec(denseSpec({ input: shape, hidden, latent, posterior, activation, likelihood }));
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
      `cannot be read (${reasonOf(cause)}); expected dense, or the path of a specification as JSON; correct --model`,
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
