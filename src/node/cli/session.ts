/** What every command begins with: images, checked against the model, and a device. */
import { Device } from '../../gpu/device.js';
import { DataError, SpecError } from '../../gpu/errors.js';
import { checkForModel } from '../../vae/data/check.js';
import type { Dataset } from '../../vae/data/dataset.js';
import { elementCount } from '../../gpu/shape.js';
import type { TuneTable } from '../../gpu/tuning.js';
import type { LayerSpec } from '../../vae/layer-spec.js';
import type { CompleteSpec } from '../../vae/spec.js';
import { checkOptions, type TrainerOptions } from '../../vae/trainer-options.js';
import { loadImages } from '../data.js';
import { openNodeGpu } from '../dawn.js';
import { schemeOf } from './estimator.js';
import { formatCount } from './format.js';
import { chooseModel } from './model-spec.js';
import type { AdapterSettings, DataSettings, PlanSettings } from './options.js';

export interface Parts {
  readonly train: Dataset;
  readonly test: Dataset;
}

/** A line on stderr; stdout is for results that a program reads. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** What is trained on what; both fit together. */
export interface Task {
  readonly parts: Parts;
  readonly spec: CompleteSpec;
}

/**
 * Reads the data in the shape that the model has, where it has one. Refuses what the library would refuse too,
 * before a device is opened, in the words of the command line.
 *
 * @param typed the model options that the user gave
 * @throws SpecError, DataError or ShapeError
 */
export async function prepareTask(settings: PlanSettings, typed: readonly string[]): Promise<Task> {
  checkOptions(trainerOptions(settings), settings.batch);
  const model = await chooseModel(settings, typed);
  const parts = await loadParts(settings, model.pictureShape);
  const spec = model.specFor(
    parts.train.shape,
    settings.condition ? countClasses(settings.data, parts) : undefined,
  );
  checkParts(parts, spec, settings.batch);
  checkScheme(settings, spec);
  return { parts, spec };
}

/** Both parts, in the shape that a model has, where it has one. @throws DataError */
export async function loadParts(
  settings: DataSettings,
  pictureShape: readonly number[] | undefined,
): Promise<Parts> {
  const { data, limit, size, channels, skipBroken } = settings;
  const chosen = { limit, size, channels, skipBroken, pictureShape };
  return { train: await loadImages(data, 'train', chosen), test: await loadImages(data, 'test', chosen) };
}

/** The largest label and one. */
function countClasses(name: string, { train, test }: Parts): number {
  if (!train.labels || !test.labels)
    throw new DataError(
      '--condition',
      `needs the class of each image, and ${name} has no labels; leave it out, or put a labels file beside the images`,
    );
  const labels = [train.labels, test.labels];
  return 1 + labels.flatMap((part) => [...part]).reduce((largest, label) => Math.max(largest, label), 0);
}

/** @throws DataError, ShapeError when the model cannot be trained on the data */
export function checkParts({ train, test }: Parts, spec: CompleteSpec, batch: number): void {
  if (batch > train.rows)
    throw new DataError(
      '--batch',
      `is ${batch}; there are ${train.rows} training images; use at most ${train.rows}, or more data`,
    );
  checkForModel(train, spec, batch);
  checkForModel(test, spec, 1);
}

function checkScheme({ scheme }: PlanSettings, { posterior }: CompleteSpec): void {
  if (scheme.type === 'hard-em' && posterior.type !== 'deterministic')
    throw new SpecError(
      '--scheme',
      `is hard-em, whose codes are points, and the posterior is ${posterior.type}; add --posterior deterministic, or use alternating`,
    );
}

/**
 * Says so when the table is not one of this adapter.
 *
 * @throws DeviceError when there is no adapter, or none of that name
 */
export async function openDevice({ adapter }: AdapterSettings, tuning?: TuneTable): Promise<Device> {
  const device = await Device.open({ gpu: await openNodeGpu({ adapter }), tuning });
  if (device.tuningNote !== undefined) say(`--tuning is not used: ${device.tuningNote}`);
  return device;
}

/** The library's options of the command line's. */
export function trainerOptions(settings: PlanSettings): TrainerOptions {
  const { batch, learningRate, optimizer, maxNorm, beta, estimator, samples, scheme, seed, binarize } =
    settings;
  const update = { type: optimizer, maxNorm };
  return {
    batchSize: batch,
    learningRate,
    optimizer: update,
    beta,
    estimator,
    samples,
    scheme: schemeOf(scheme),
    seed,
    binarize,
  };
}

/** `784-400-20-400-784, bernoulli`; `28x28x1-conv32/2-conv64/2-256-16-256-3136-deconv32*2-deconv1*2, bernoulli` */
export function describeModel(spec: CompleteSpec): string {
  const { input, encoder, latent, decoder, likelihood, condition } = spec;
  const isDense = [...encoder, ...decoder].every(({ type }) => type === 'dense');
  const data = isDense ? elementCount(input) : input.join('x');
  const output = endsInVector(decoder) ? [elementCount(input)] : [];
  const parts = [
    data,
    ...encoder.flatMap(describeLayer),
    latent,
    ...decoder.flatMap(describeLayer),
    ...output,
  ];
  const classes = condition ? `, ${condition.classes} classes` : '';
  return `${parts.join('-')}, ${likelihood.type}${classes}`;
}

/** Such a decoder has a dense output of the datum's size behind it. */
function endsInVector(decoder: readonly LayerSpec[]): boolean {
  const last = decoder.findLast(({ type }) => !/^(activation|dropout|\w+Norm)$/.test(type));
  if (last?.type === 'reshape') return last.shape.length === 1;
  return last === undefined || last.type === 'dense' || last.type === 'flatten';
}

/** Nothing for a layer that only changes how numbers are seen. */
function describeLayer(layer: LayerSpec): (string | number)[] {
  switch (layer.type) {
    case 'dense':
      return [layer.units];
    case 'conv':
      return [`conv${layer.channels}${layer.stride === 1 ? '' : `/${[layer.stride].flat().join('x')}`}`];
    case 'deconv':
      return [`deconv${layer.channels}*${layer.factor ?? 2}`];
    case 'upsample':
      return [`upsample*${layer.factor}`];
    case 'residual':
      return [`residual(${layer.layers.flatMap(describeLayer).join('-')})`];
    case 'own':
      return [layer.name];
    case 'flatten':
    case 'reshape':
      return [];
    default:
      return [layer.type];
  }
}

/** `fashion, 20,000 training and 4,000 test images of 28x28x1` */
export function describeData(name: string, { train, test }: Parts): string {
  const counts = `${formatCount(train.rows)} training and ${formatCount(test.rows)} test images`;
  return `${name}, ${counts} of ${train.shape.join('x')}`;
}
