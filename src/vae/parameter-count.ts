/** How large a model is, asked before there is one. */
import { Model } from './model.js';
import { completeSpec, type VaeSpec } from './spec.js';

/**
 * Trainable numbers of a model, counted without a GPU and without making them: `vae.parameterCount` of
 * `Vae.create(spec)`. Layers and objectives of the caller's own are not known here.
 *
 * @throws SpecError for a specification that cannot be built, naming the layer that does not fit
 */
export function parameterCount(spec: VaeSpec): number {
  return new Model(completeSpec(spec)).weights.set.count;
}
