/** Objectives as plain data: one case a member, with what it may leave out filled in here. */
import { numberIn, oneOf, record, show } from '../../gpu/check.js';
import { SpecError } from '../../gpu/errors.js';
import { layers, type LayerSpec } from '../layer-spec.js';
import { ownName, ownOptions, type OwnPart } from '../own-spec.js';
import { checkSchedule, type CyclicalSchedule, type LinearSchedule } from '../schedule.js';

/** A weight by step that a file can keep. */
export type WeightSpec = number | LinearSchedule | CyclicalSchedule;

/**
 * - `elbo`: the negative bound, its KL weighted by the training option `beta`.
 * - `capacity`: the KL is held at a capacity that grows, `weight` |KL - capacity| (Burgess et al. 2018).
 * - `free-bits`: a latent's KL costs nothing below `nats` (Kingma et al. 2016).
 * - `beta-tc`: the KL in three parts with a weight each, alpha, beta and gamma (Chen et al. 2018).
 * - `mmd`: (1 - alpha) KL and (alpha + lambda - 1) times the maximum mean discrepancy of q(z) and p(z) (Zhao et al. 2017,
 *   Tolstikhin et al. 2018); `scale` stretches the kernel.
 * - `dip`: the covariance of the means (I) or of q(z) (II) is pulled to the identity (Kumar et al. 2018).
 * - `factor`: `weight` times the total correlation, told by a discriminator (Kim and Mnih 2018).
 * - `adversarial`: a discriminator matches q(z) to p(z) in place of the KL (Makhzani et al. 2015).
 * - `vae-gan`: likeness in a discriminator's features, and images that fool it (Larsen et al. 2016).
 * - `l2`, `gradient-penalty`: small codes, and a decoder of small weights or of a small gradient; with a deterministic
 *   posterior the regularised autoencoder (Ghosh et al. 2020).
 * - `fisher`: the Fisher divergence in place of the bound (Elkhalil et al. 2021).
 * - `own`: code of the caller's, passed in `objectives` of Vae.create and Vae.load.
 */
export type ObjectiveSpec =
  | { readonly type: 'elbo' }
  | { readonly type: 'capacity'; readonly weight: WeightSpec; readonly capacity: WeightSpec }
  | { readonly type: 'free-bits'; readonly nats: WeightSpec }
  | {
      readonly type: 'beta-tc';
      readonly alpha: WeightSpec;
      readonly beta: WeightSpec;
      readonly gamma: WeightSpec;
    }
  | {
      readonly type: 'mmd';
      readonly alpha: number;
      readonly lambda: WeightSpec;
      readonly kernel: KernelName;
      readonly scale: number;
    }
  | {
      readonly type: 'dip';
      readonly variant: 'I' | 'II';
      readonly offDiagonal: WeightSpec;
      readonly diagonal: WeightSpec;
    }
  | ({ readonly type: 'factor' } & DiscriminatorFields)
  | ({ readonly type: 'adversarial' } & DiscriminatorFields)
  | ({ readonly type: 'vae-gan' } & DiscriminatorFields)
  | ({ readonly type: 'l2' } & RegularizedFields)
  | ({ readonly type: 'gradient-penalty' } & RegularizedFields)
  | { readonly type: 'fisher' }
  | OwnPart;

export type KernelName = 'rbf' | 'imq';
/** The names of objectives. */
export type ObjectiveType = ObjectiveSpec['type'];

/** The case of ObjectiveSpec with this type. */
export type ObjectiveOf<T extends ObjectiveType> = Extract<ObjectiveSpec, { readonly type: T }>;

export interface DiscriminatorFields {
  readonly weight: WeightSpec;
  /** In front of its logit; vae-gan compares what they make. */
  readonly layers: readonly LayerSpec[];
  readonly learningRate: number;
}

export interface RegularizedFields {
  readonly weight: WeightSpec;
  readonly latentWeight: WeightSpec;
}

/** A specification whose further fields may be left out, or the type alone. */
export type ObjectiveInput =
  ObjectiveType | { [T in ObjectiveType]: { readonly type: T } & Partial<ObjectiveOf<T>> }[ObjectiveType];

/** Reads the fields of one type. */
type Reader<T extends ObjectiveType> = (fields: Fields) => Omit<ObjectiveOf<T>, 'type'>;

/** Fields of a specification, each with the value that it has when it is left out. */
class Fields {
  constructor(readonly values: Readonly<Record<string, unknown>>) {}

  weight(name: string, otherwise: WeightSpec): WeightSpec {
    const where = `spec.objective.${name}`;
    const value = checkSchedule(this.values[name] ?? otherwise, where);
    if (typeof value !== 'function') return value;
    throw new SpecError(
      where,
      'is a function, which no file can keep; expected a number or { type: linear | cyclical, ... }',
    );
  }

  layers(name: string, otherwise: readonly LayerSpec[]): LayerSpec[] {
    return layers(this.values[name] ?? otherwise, `spec.objective.${name}`);
  }

  number(name: string, otherwise: number, least: number, below: number): number {
    return numberIn(this.values[name] ?? otherwise, `spec.objective.${name}`, least, below);
  }

  own(): Omit<OwnPart, 'type'> {
    const { name, options } = this.values;
    return {
      name: ownName(name, 'spec.objective.name'),
      ...(options !== undefined && { options: ownOptions(options, 'spec.objective.options') }),
    };
  }

  oneOf<N extends string>(name: string, names: readonly [N, ...N[]]): N {
    return oneOf(this.values[name] ?? names[0], `spec.objective.${name}`, names);
  }
}

/** Fields of the objectives that have a second network. */
const withDiscriminator = [
  ['weight', 'layers', 'learningRate'],
  (f: Fields) => ({
    weight: f.weight('weight', 1),
    layers: f.layers('layers', discriminatorLayers),
    learningRate: f.number('learningRate', 1e-3, 1e-9, 1e3),
  }),
] as const;

/** The discriminator of those who name none. */
const discriminatorLayers: readonly LayerSpec[] = [
  { type: 'dense', units: 128, activation: 'leakyRelu' },
  { type: 'dense', units: 128, activation: 'leakyRelu' },
];

/** Fields of the regularised autoencoders. */
const regularized = [
  ['weight', 'latentWeight'],
  (f: Fields) => ({ weight: f.weight('weight', 1e-4), latentWeight: f.weight('latentWeight', 1) }),
] as const;

/** Every type: the names of its fields, and how they are read. */
const readers: { [T in ObjectiveType]: readonly [names: readonly string[], read: Reader<T>] } = {
  elbo: [[], () => ({})],
  capacity: [
    ['weight', 'capacity'],
    (f) => ({
      weight: f.weight('weight', 1000),
      capacity: f.weight('capacity', { type: 'linear', from: 0, to: 25, steps: 100_000 }),
    }),
  ],
  'free-bits': [['nats'], (f) => ({ nats: f.weight('nats', 0.25) })],
  'beta-tc': [
    ['alpha', 'beta', 'gamma'],
    (f) => ({ alpha: f.weight('alpha', 1), beta: f.weight('beta', 6), gamma: f.weight('gamma', 1) }),
  ],
  mmd: [
    ['alpha', 'lambda', 'kernel', 'scale'],
    (f) => ({
      alpha: f.number('alpha', 1, 0, 1 + 1e-9),
      lambda: f.weight('lambda', 10),
      kernel: f.oneOf('kernel', ['imq', 'rbf']),
      scale: f.number('scale', 1, 1e-6, 1e6),
    }),
  ],
  dip: [
    ['variant', 'offDiagonal', 'diagonal'],
    (f) => ({
      variant: f.oneOf('variant', ['I', 'II']),
      offDiagonal: f.weight('offDiagonal', 10),
      diagonal: f.weight('diagonal', 100),
    }),
  ],
  factor: withDiscriminator,
  adversarial: withDiscriminator,
  'vae-gan': withDiscriminator,
  l2: regularized,
  'gradient-penalty': regularized,
  fisher: [[], () => ({})],
  own: [['name', 'options'], (f) => f.own()],
};

const types = Object.keys(readers) as ObjectiveType[];

/** The names of the package's objectives. */
export const objectiveNames = types.filter((name) => name !== 'own');

/** Fills in what is left out. @throws SpecError for what is not an objective, naming the field */
export function objectiveSpec(value: unknown): ObjectiveSpec {
  const fields: object | null =
    typeof value === 'string' ? { type: value } : typeof value === 'object' ? value : null;
  const type = types.find((name) => fields && 'type' in fields && fields.type === name);
  if (!type)
    throw new SpecError(
      'spec.objective',
      `is ${show(value)}; expected ${objectiveNames.map((name) => `'${name}'`).join(', ')}, or { type, ... } with one of them`,
    );
  const [names, read] = readers[type];
  const values = record(fields, 'spec.objective', ['type', ...names]);
  return { type, ...read(new Fields(values)) } as ObjectiveSpec;
}
