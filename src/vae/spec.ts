/** The model as plain data: what goes into a checkpoint, and the check that it can be built. */
import { SpecError } from '../gpu/errors.js';
import { elementCount } from '../gpu/shape.js';
import { integer, record, show } from '../gpu/check.js';
import { layers, type LayerSpec } from './layer-spec.js';
import { likelihoodSpec, type LikelihoodSpec, type ScaleSpec } from './likelihoods/likelihood-spec.js';
import { objectiveSpec, type ObjectiveInput, type ObjectiveSpec } from './objectives/objective-spec.js';
import { posteriorSpec, type PosteriorInput, type PosteriorSpec } from './posteriors/posterior-spec.js';
import { priorSpec, type PriorInput, type PriorSpec } from './priors/prior-spec.js';

export type { LikelihoodSpec, ScaleSpec };

/** A model as plain data; what is left out has a default. */
export interface VaeSpec {
  /** Shape of a datum, channels last: [784], [28, 28, 1]. */
  readonly input: readonly number[];
  /** Size K of the latent. */
  readonly latent: number;
  /** Layers of a datum, seen as an image where it has three axes; the posterior's moments are one more dense layer. */
  readonly encoder: readonly LayerSpec[];
  /** Layers after the latent. One that ends in an image ends in the datum's shape, with as many times the
   * channels as the likelihood has numbers an element; a vector gets a dense layer of that size. */
  readonly decoder: readonly LayerSpec[];
  /** A diagonal Gaussian by default. */
  readonly posterior?: PosteriorInput;
  /** N(0, I) by default. */
  readonly prior?: PriorInput;
  /** Bernoulli by default. */
  readonly likelihood?: LikelihoodSpec;
  /** What the model is told beside a datum; both networks get it. */
  readonly condition?: ConditionSpec;
  /** The negative bound by default. */
  readonly objective?: ObjectiveInput;
}

/** A class of each datum, as the data set's labels state it; networks get it one-hot, f32[B, classes]. */
export interface ConditionSpec {
  readonly classes: number;
}

/** A VaeSpec with every default filled in. */
export interface CompleteSpec extends Required<
  Omit<VaeSpec, 'posterior' | 'prior' | 'condition' | 'objective'>
> {
  readonly posterior: PosteriorSpec;
  readonly prior: PriorSpec;
  readonly condition?: ConditionSpec;
  readonly objective: ObjectiveSpec;
}

const SPEC_KEYS = [
  'input',
  'latent',
  'encoder',
  'decoder',
  'posterior',
  'prior',
  'likelihood',
  'condition',
  'objective',
];

/**
 * Fills in the defaults and checks every field; takes `unknown` because specifications come from files.
 * @throws SpecError naming the field, what came, what was expected
 */
export function completeSpec(value: unknown): CompleteSpec {
  const spec = record(value, 'spec', SPEC_KEYS);
  const { condition } = spec;
  return {
    input: inputShape(spec['input']),
    latent: integer(spec['latent'], 'spec.latent', 1, 4096),
    encoder: layers(spec['encoder'], 'spec.encoder'),
    decoder: layers(spec['decoder'], 'spec.decoder'),
    posterior: posteriorSpec(spec['posterior'] ?? 'diagonal'),
    prior: priorSpec(spec['prior'] ?? 'standard-normal'),
    likelihood: likelihoodSpec(spec['likelihood'] ?? { type: 'bernoulli' }),
    ...(condition !== undefined && { condition: conditionSpec(condition) }),
    objective: objectiveSpec(spec['objective'] ?? 'elbo'),
  };
}

function conditionSpec(value: unknown): ConditionSpec {
  const { classes } = record(value, 'spec.condition', ['classes']);
  return { classes: integer(classes, 'spec.condition.classes', 1, 256) };
}

function inputShape(value: unknown): number[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > 3)
    throw new SpecError(
      'spec.input',
      `is ${show(value)}; expected the shape of a datum, such as [28, 28, 1]`,
    );
  const shape = value.map((size, axis) => integer(size, `spec.input[${axis}]`, 1, 2 ** 20));
  if (elementCount(shape) > 2 ** 22)
    throw new SpecError(
      'spec.input',
      `[${shape.join(', ')}] has ${elementCount(shape)} elements; at most ${2 ** 22} are supported`,
    );
  return shape;
}
