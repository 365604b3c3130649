/** A VAE's graph pieces: encoder, decoder, posterior, prior and likelihood as functions of tensors, and their weights. */
import { SpecError } from '../gpu/errors.js';
import { scoped, type Tensor } from '../gpu/graph.js';
import { broadcastTo, subtract } from '../gpu/ops/binary.js';
import { concat } from '../gpu/ops/concat.js';
import { reshape, stopGradient } from '../gpu/ops/constant.js';
import { elementCount, sameShape, type Shape } from '../gpu/shape.js';
import { boundLosses, type Bound } from './bound.js';
import type { Extensions } from './extensions.js';
import type { EstimatorSpec } from './estimator-spec.js';
import { affineMap } from './layers/dense.js';
import type { TrainingBatch } from './layers/norm.js';
import { stack, type Stack } from './layers/stack.js';
import { outputsPerElement } from './likelihoods/likelihood-spec.js';
import { buildLikelihood, type Likelihood } from './likelihoods/likelihood.js';
import { buildObjective, type Objective } from './objectives/objective.js';
import { buildPosterior, momentColumns, type DrawOptions, type Posterior } from './posteriors/posterior.js';
import { buildPrior, type Prior } from './priors/prior.js';
import type { PriorType } from './priors/prior-spec.js';
import { repeatRows } from './rows.js';
import type { CompleteSpec } from './spec.js';
import { WeightFactory } from './weights.js';

export interface BoundOptions {
  readonly estimator: EstimatorSpec;
  readonly samples: number;
  /** True in training: dropout drops, and norms use and move statistics of the batch. */
  readonly training?: boolean;
  /** f32[S*B, K] instead of the kernel's own noise. */
  readonly noise?: Tensor;
  /** f32[B, C], for a model with a condition. */
  readonly condition?: Tensor;
}

export class Model {
  readonly weights = new WeightFactory();
  /** Elements of a datum. */
  readonly width: number;
  /** Numbers of the decoder for one element of a datum. */
  readonly outputsPerElement: number;
  /** Columns of the condition, 0 without one. */
  readonly conditionWidth: number;
  readonly posterior: Posterior;
  readonly prior: Prior;
  readonly likelihood: Likelihood;
  readonly objective: Objective;
  /** A dense layer takes the data as they come, flat. */
  readonly #takesImages: boolean;
  readonly #encoder: Stack;
  readonly #decoder: Stack;
  readonly #moments: { weight: Tensor; bias: Tensor };
  /** The dense layer behind a decoder that ends in a vector. */
  readonly #output: { weight: Tensor; bias: Tensor } | undefined;

  /** @throws SpecError naming the layer that does not fit */
  constructor(
    readonly spec: CompleteSpec,
    extensions: Extensions = {},
  ) {
    const { input, latent } = spec;
    const { weights } = this;
    this.width = elementCount(input);
    this.outputsPerElement = outputsPerElement(spec.likelihood);
    this.conditionWidth = spec.condition?.classes ?? 0;
    const datum = input.length === 3 ? input : [this.width];
    this.#takesImages = datum.length === 3 && spec.encoder[0]?.type !== 'dense';
    this.posterior = buildPosterior(spec.posterior, { latent, weights });
    const { layers: own } = extensions;
    this.#encoder = this.#encoderStack(datum, own);
    const encoded = this.#encoder.flattened ?? this.#encoder.shape;
    this.#moments = weights.moments(encoded, momentColumns(this.posterior, latent));
    this.#decoder = stack(
      spec.decoder,
      { shape: [latent + this.conditionWidth] },
      { weights, prefix: 'decoder', where: 'spec.decoder', ...(own && { own }) },
    );
    this.#output = this.#outputLayer([...datum.slice(0, -1), datum.at(-1)! * this.outputsPerElement]);
    this.likelihood = buildLikelihood(spec.likelihood, weights, datum);
    this.prior =
      this.posterior.prior ??
      buildPrior(spec.prior, {
        latent,
        conditionWidth: this.conditionWidth,
        weights,
        prefix: 'prior',
        level: { datum, posterior: this.posterior, encode: (x) => this.encode(x) },
      });
    if (this.posterior.prior && spec.prior.type !== 'standard-normal')
      throw new SpecError(
        'spec.prior',
        `is ${spec.prior.type}; a ${spec.posterior.type} posterior comes with its own prior; remove it`,
      );
    if (this.posterior.isPoint && learnsFromKl(spec.prior.type))
      throw new SpecError(
        'spec.prior',
        `is ${spec.prior.type}, and a ${spec.posterior.type} posterior has no KL that it could learn from; use standard-normal`,
      );
    this.objective = buildObjective(
      { spec, posterior: this.posterior, latent, datum, weights },
      extensions.objectives,
    );
  }

  /** The condition comes as further channels of an image, or further columns of a vector. */
  #encoderStack(datum: Shape, own: Extensions['layers']): Stack {
    const { weights, spec, width, conditionWidth } = this;
    const site = { weights, prefix: 'encoder', where: 'spec.encoder', ...(own && { own }) };
    if (conditionWidth === 0)
      return stack(
        spec.encoder,
        this.#takesImages ? { shape: datum } : { shape: [width], flattened: datum },
        site,
      );
    const [H, W, C] = datum as [number, number, number];
    const shape = this.#takesImages ? [H, W, C + conditionWidth] : [width + conditionWidth];
    return stack(spec.encoder, { shape }, site);
  }

  /** `outputs`: a datum's shape with the likelihood's numbers of an element as further channels or columns. */
  #outputLayer(outputs: Shape): { weight: Tensor; bias: Tensor } | undefined {
    const { shape, flattened, places } = this.#decoder;
    if (shape.length === 1) return this.weights.linear(`decoder.${places}`, flattened ?? shape, outputs);
    if (!sameShape(shape, outputs))
      throw new SpecError(
        `spec.decoder[${this.spec.decoder.length - 1}]`,
        `the decoder ends in [${shape.join(', ')}]; expected ${this.#outputWords()} [${outputs.join(', ')}]; change its layers, or end in a vector, which gets a dense output`,
      );
    return undefined;
  }

  #outputWords(): string {
    if (this.outputsPerElement === 1) return "a datum's shape";
    return `a datum's [${this.spec.input.join(', ')}] with ${this.outputsPerElement} channels for one, as the ${this.spec.likelihood.type} likelihood needs,`;
  }

  /** f32[B, D] and the condition f32[B, C] -> the posterior's moments f32[B, momentsWidth]. */
  encode(x: Tensor, condition?: Tensor, training?: TrainingBatch): Tensor {
    const encoded = this.#encoder.apply(this.#encoderInput(x, condition), training);
    return scoped('moments', () => affineMap(encoded, this.#moments));
  }

  #encoderInput(x: Tensor, condition: Tensor | undefined): Tensor {
    const [batch] = x.shape as [number];
    const data = this.#takesImages ? reshape(x, [batch, ...this.spec.input]) : x;
    if (!condition) return data;
    if (!this.#takesImages) return concat([data, condition], 1);
    const [H, W] = this.spec.input as [number, number];
    const planes = broadcastTo(reshape(condition, [batch, 1, 1, this.conditionWidth]), [
      batch,
      H,
      W,
      this.conditionWidth,
    ]);
    return concat([data, planes], 3);
  }

  /** z f32[R, K] and the condition f32[R, C] -> the likelihood's parameters f32[R, D * outputsPerElement]. */
  decode(z: Tensor, condition?: Tensor, training?: TrainingBatch): Tensor {
    const decoded = this.#decoder.apply(condition ? concat([z, condition], 1) : z, training);
    const output = this.#output;
    if (output) return scoped(`decoder.${this.#decoder.places}`, () => affineMap(decoded, output));
    return reshape(decoded, [z.shape[0]!, this.width * this.outputsPerElement]);
  }

  /** One pass through the model: the pieces of the bound that estimators and objectives work with. */
  bound(x: Tensor, { estimator, samples, training, noise, condition }: BoundOptions): Bound {
    const batch = training ? { batch: x.shape[0]! } : undefined;
    const moments = this.encode(x, condition, batch);
    const options = { samples, ...(noise && { noise }) };
    const drawn = scoped('posterior', () => this.#draw(moments, options, estimator, condition));
    const output = this.decode(drawn.z, condition && repeatRows(condition, samples), batch);
    const reconstruction = scoped('likelihood', () => this.likelihood.logDensity(output, x));
    return { moments, output, reconstruction, ...drawn };
  }

  #draw(
    moments: Tensor,
    options: DrawOptions,
    estimator: EstimatorSpec,
    condition: Tensor | undefined,
  ): Pick<Bound, 'z' | 'kl' | 'score' | 'penalty'> {
    const { posterior, prior } = this;
    if (typeof estimator === 'object' && needsDensity(estimator))
      return this.#drawWithDensity(moments, options, estimator, condition);
    if ((prior.isStandardNormal || posterior.isPoint) && posterior.drawWithKl)
      return posterior.drawWithKl(moments, options, estimator === 'B' ? 'B' : 'A');
    const { z, logDensity, penalty } = posterior.draw(moments, options);
    if (estimator === 'B' && condition && prior.moments && posterior.klToDiagonal) {
      const kl = posterior.klToDiagonal(moments, prior.moments(condition));
      return { z, kl: repeatRows(kl, options.samples) };
    }
    return { z, kl: subtract(logDensity, prior.logDensity(z, condition)), ...(penalty && { penalty }) };
  }

  /** Samples whose log q is computed from moments that are held fixed, or at samples that are. */
  #drawWithDensity(
    moments: Tensor,
    options: DrawOptions,
    estimator: Exclude<EstimatorSpec, string>,
    condition: Tensor | undefined,
  ): Pick<Bound, 'z' | 'kl' | 'score'> {
    const { posterior, prior } = this;
    if (!posterior.logDensity)
      throw new SpecError(
        'estimator',
        `${estimator.type} needs log q(z | x) at any z, which a ${this.spec.posterior.type} posterior does not have; use a diagonal one, or another estimator`,
      );
    if (prior.sharesInference)
      throw new SpecError(
        'estimator',
        `${estimator.type}${estimator.type === 'score-function' ? '' : ' with doubly'} needs a prior that the encoder has no part in, and ${this.spec.prior.type} has; use another estimator or prior`,
      );
    const { z: moving } = posterior.draw(moments, options);
    const isScore = estimator.type === 'score-function';
    const z = isScore ? stopGradient(moving) : moving;
    const logDensity = posterior.logDensity(z, isScore ? moments : stopGradient(moments));
    const kl = subtract(isScore ? stopGradient(logDensity) : logDensity, prior.logDensity(z, condition));
    return isScore ? { z, kl, score: logDensity } : { z, kl };
  }

  /** The negative elbo of a batch and its terms (elbo, reconstruction, kl), weighted as the step block says. */
  elbo(x: Tensor, options: BoundOptions & { estimator: 'A' | 'B' }): { loss: Tensor; terms: Tensor } {
    const { losses, terms } = boundLosses(this.bound(x, options), x.shape[0]!, options.estimator);
    return { loss: losses[0]!.loss, terms };
  }
}

/** True for priors whose weights learn from the KL alone. */
function learnsFromKl(prior: PriorType): boolean {
  return prior !== 'standard-normal' && prior !== 'factorized';
}

function needsDensity(estimator: Exclude<EstimatorSpec, string>): boolean {
  return estimator.type === 'score-function' || ('doubly' in estimator && (estimator.doubly ?? false));
}
