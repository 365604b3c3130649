/** A VAE's graph pieces: encoder, decoder and likelihood as functions of tensors, and the weights they share. */
import { SpecError } from '../gpu/errors.js';
import { scoped, type Tensor } from '../gpu/graph.js';
import { objective, rowWeights } from '../gpu/ops/objective.js';
import { reparameterize, type Estimator } from '../gpu/ops/reparameterize.js';
import { reshape } from '../gpu/ops/constant.js';
import { elementCount, sameShape } from '../gpu/shape.js';
import { affineMap } from './layers/dense.js';
import type { TrainingBatch } from './layers/norm.js';
import { stack, type Stack } from './layers/stack.js';
import { buildLikelihood, type Likelihood } from './likelihoods/likelihood.js';
import type { CompleteSpec } from './spec.js';
import { WeightFactory } from './weights.js';

/** Separates the latent noise from other uses of a seed. */
const LATENT_NOISE = 0;

export interface ElboOptions {
  readonly estimator: Estimator;
  readonly samples: number;
  /** True in training: dropout drops, and norms use and move statistics of the batch. */
  readonly training?: boolean;
  /** f32[S*B, K] instead of the kernel's own noise. */
  readonly noise?: Tensor;
}

export class Model {
  readonly weights = new WeightFactory();
  /** Elements of a datum. */
  readonly width: number;
  /** Columns of the moments: 2K, or K + 1 for an isotropic posterior. */
  readonly momentsWidth: number;
  readonly likelihood: Likelihood;
  /** A dense layer takes the data as they come, flat. */
  readonly #takesImages: boolean;
  readonly #encoder: Stack;
  readonly #decoder: Stack;
  readonly #moments: { weight: Tensor; bias: Tensor };
  /** The dense layer behind a decoder that ends in a vector. */
  readonly #output: { weight: Tensor; bias: Tensor } | undefined;

  /** @throws SpecError naming the layer that does not fit */
  constructor(readonly spec: CompleteSpec) {
    const { input, latent, posterior } = spec;
    const { weights } = this;
    this.width = elementCount(input);
    this.momentsWidth = posterior === 'isotropic' ? latent + 1 : 2 * latent;
    const datum = input.length === 3 ? input : [this.width];
    this.#takesImages = datum.length === 3 && spec.encoder[0]?.type !== 'dense';
    this.#encoder = stack(
      spec.encoder,
      this.#takesImages ? { shape: datum } : { shape: [this.width], flattened: datum },
      { weights, prefix: 'encoder', where: 'spec.encoder' },
    );
    this.#moments = weights.moments(
      this.#encoder.flattened ?? this.#encoder.shape,
      latent,
      this.momentsWidth,
    );
    this.#decoder = stack(
      spec.decoder,
      { shape: [latent] },
      { weights, prefix: 'decoder', where: 'spec.decoder' },
    );
    this.#output = this.#outputLayer(datum);
    this.likelihood = buildLikelihood(spec.likelihood, weights, datum);
  }

  #outputLayer(datum: readonly number[]): { weight: Tensor; bias: Tensor } | undefined {
    const { shape, flattened, places } = this.#decoder;
    if (shape.length === 1) return this.weights.linear(`decoder.${places}`, flattened ?? shape, datum);
    if (!sameShape(shape, this.spec.input))
      throw new SpecError(
        `spec.decoder[${this.spec.decoder.length - 1}]`,
        `the decoder ends in [${shape.join(', ')}]; expected a datum's shape [${this.spec.input.join(', ')}]; change its layers, or end in a vector, which gets a dense output`,
      );
    return undefined;
  }

  /** f32[B, D] -> the posterior's moments f32[B, momentsWidth]: mean, then log-variance. */
  encode(x: Tensor, training?: TrainingBatch): Tensor {
    const { input } = this.spec;
    const data = this.#takesImages ? reshape(x, [x.shape[0]!, ...input]) : x;
    const encoded = this.#encoder.apply(data, training);
    return scoped('moments', () => affineMap(encoded, this.#moments));
  }

  /** f32[R, K] -> the likelihood's logits or mean f32[R, D]. */
  decode(z: Tensor, training?: TrainingBatch): Tensor {
    const decoded = this.#decoder.apply(z, training);
    const output = this.#output;
    if (output) return scoped(`decoder.${this.#decoder.places}`, () => affineMap(decoded, output));
    return reshape(decoded, [z.shape[0]!, this.width]);
  }

  /** The negative elbo of a batch and its terms (elbo, reconstruction, kl), weighted as the step block says. */
  elbo(x: Tensor, { estimator, samples, training, noise }: ElboOptions): { loss: Tensor; terms: Tensor } {
    const { latent, posterior } = this.spec;
    const weights = rowWeights(x.shape[0]!, samples);
    const batch = training ? { batch: x.shape[0]! } : undefined;
    const moments = this.encode(x, batch);
    const attributes = { latent, samples, posterior, estimator, tag: LATENT_NOISE };
    const { z, kl } = scoped('posterior', () => reparameterize(moments, attributes, noise));
    const output = this.decode(z, batch);
    const reconstruction = scoped('likelihood', () => this.likelihood.logDensity(output, x));
    return objective(reconstruction, kl, weights);
  }
}
