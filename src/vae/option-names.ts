/** Options that there are: a mistyped name would otherwise train with the default and say nothing. */
import { show } from '../gpu/check.js';
import { SpecError } from '../gpu/errors.js';
import type { TrainOptions } from './train.js';
import type { TrainerOptions } from './trainer-options.js';
import type { CreateOptions } from './vae.js';

type Names<T> = { readonly [K in keyof Required<T>]: true };

const trainer: Names<TrainerOptions> = {
  batchSize: true,
  learningRate: true,
  optimizer: true,
  beta: true,
  estimator: true,
  scheme: true,
  samples: true,
  seed: true,
  binarize: true,
  onCompile: true,
  resume: true,
};
const train: Names<TrainOptions> = {
  ...trainer,
  epochs: true,
  signal: true,
  beforeStep: true,
  onStep: true,
  onWarning: true,
  onEpoch: true,
  onSave: true,
  saveEvery: true,
  note: true,
};
const create: Names<CreateOptions> = { device: true, seed: true, layers: true, objectives: true };
const calls = { create, load: create, train, trainer };

/** @throws SpecError for what is no object, and for an option that the call does not have */
export function checkNames(call: keyof typeof calls, options: object): void {
  if (typeof options !== 'object' || (options as object | null) === null)
    throw new SpecError(call, `got ${show(options)} for its options; expected an object`);
  const known = Object.keys(calls[call]);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = known.find((name) => name.toLowerCase().startsWith(unknown.slice(0, 3).toLowerCase()));
  throw new SpecError(
    call,
    `has no option '${unknown}'; it has ${known.join(', ')}${near === undefined ? '' : `; is ${near} meant?`}`,
  );
}
