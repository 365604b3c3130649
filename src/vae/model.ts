/** A VAE's graph pieces: encoder, decoder and likelihood as functions of tensors, and the weights they share. */
import { scoped, type Tensor } from '../gpu/graph.js';
import { objective, rowWeights } from '../gpu/ops/objective.js';
import { reparameterize, type Estimator } from '../gpu/ops/reparameterize.js';
import { elementCount } from '../gpu/shape.js';
import { dense } from './layers/dense.js';
import { buildLikelihood, type Likelihood } from './likelihoods/likelihood.js';
import type { CompleteSpec, LayerSpec } from './spec.js';
import { WeightFactory } from './weights.js';

/** Separates the latent noise from other uses of a seed. */
const LATENT_NOISE = 0;

export interface ElboOptions {
  readonly estimator: Estimator;
  readonly samples: number;
  /** f32[S*B, K] instead of the kernel's own noise. */
  readonly noise?: Tensor;
}

interface Stack {
  readonly layers: ((x: Tensor) => Tensor)[];
  width: number;
  /** Index of the next layer in PyTorch's Sequential. */
  next: number;
}

export class Model {
  readonly weights = new WeightFactory();
  /** Elements of a datum. */
  readonly width: number;
  /** Columns of the moments: 2K, or K + 1 for an isotropic posterior. */
  readonly momentsWidth: number;
  readonly likelihood: Likelihood;
  readonly #encoder: ((x: Tensor) => Tensor)[];
  readonly #decoder: ((x: Tensor) => Tensor)[];

  constructor(readonly spec: CompleteSpec) {
    const { latent, posterior } = spec;
    this.width = elementCount(spec.input);
    this.momentsWidth = posterior === 'isotropic' ? latent + 1 : 2 * latent;
    const encoder = this.#stack('encoder', spec.encoder, this.width);
    this.#encoder = [...encoder.layers, dense(this.weights, 'moments', encoder.width, this.momentsWidth)];
    const decoder = this.#stack('decoder', spec.decoder, latent);
    const output = dense(this.weights, `decoder.${decoder.next}`, decoder.width, this.width);
    this.#decoder = [...decoder.layers, output];
    this.likelihood = buildLikelihood(spec.likelihood, this.weights, this.width);
  }

  /** Layers named as PyTorch's Sequential counts them: an activation takes an index of its own. */
  #stack(name: string, specs: readonly LayerSpec[], inputs: number): Stack {
    const stack: Stack = { layers: [], width: inputs, next: 0 };
    for (const { units, activation } of specs) {
      stack.layers.push(dense(this.weights, `${name}.${stack.next}`, stack.width, units, activation));
      stack.width = units;
      stack.next += activation === undefined || activation === 'identity' ? 1 : 2;
    }
    return stack;
  }

  /** f32[B, D] -> the posterior's moments f32[B, momentsWidth]: mean, then log-variance. */
  encode(x: Tensor): Tensor {
    return this.#encoder.reduce((value, layer) => layer(value), x);
  }

  /** f32[R, K] -> the likelihood's logits or mean f32[R, D]. */
  decode(z: Tensor): Tensor {
    return this.#decoder.reduce((value, layer) => layer(value), z);
  }

  /** The negative elbo of a batch and its terms (elbo, reconstruction, kl), weighted as the step block says. */
  elbo(x: Tensor, { estimator, samples, noise }: ElboOptions): { loss: Tensor; terms: Tensor } {
    const { latent, posterior } = this.spec;
    const weights = rowWeights(x.shape[0]!, samples);
    const moments = this.encode(x);
    const attributes = { latent, samples, posterior, estimator, tag: LATENT_NOISE };
    const { z, kl } = scoped('posterior', () => reparameterize(moments, attributes, noise));
    const output = this.decode(z);
    const reconstruction = scoped('likelihood', () => this.likelihood.logDensity(output, x));
    return objective(reconstruction, kl, weights);
  }
}
