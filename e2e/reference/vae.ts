/**
 * A whole dense VAE composed from the other files: what the GPU's loss and gradients are checked against.
 * Dimensions: B data, S samples, R = S*B rows, D values a datum, K latent.
 */
import { logLikelihood, logLikelihoodBackward } from './likelihood.js';
import { matmul, matmulBackward, type MatmulOptions } from './matmul.js';
import { objective, objectiveBackward, type Terms } from './objective.js';
import { slice } from './reduce.js';
import { reparameterize, reparameterizeBackward, type Estimator } from './reparameterize.js';
import { size, zeros, type F64 } from './tensor.js';
import {
  logScaleName,
  logScaleOf,
  parameterShapes,
  structure,
  take,
  type DenseVaeSpec,
  type NamedLayer,
  type Parameters,
} from './vae-parameters.js';

export { parameterShapes, type DenseVaeSpec, type Parameters } from './vae-parameters.js';

export interface VaeOptions {
  estimator?: Estimator;
  beta?: number;
  /** Data of the batch that count; the others are padding. Default all B. */
  rowCount?: number;
}

/** Every stage of a forward pass: moments `f64[B, 2K]`, z `f64[R, K]`, prediction `f64[R, D]`, kl and reconstruction `f64[R]`. */
export interface VaeForward {
  loss: number;
  terms: Terms;
  moments: F64;
  z: F64;
  prediction: F64;
  kl: F64;
  reconstruction: F64;
}

function layerOptions(layer: NamedLayer, parameters: Parameters): MatmulOptions {
  return { transposeB: true, bias: take(parameters, `${layer.name}.bias`), activation: layer.activation };
}

/** Inputs of every layer of a chain and, last, the chain's output. */
function runLayers(layers: readonly NamedLayer[], parameters: Parameters, x: F64): F64[] {
  const values = [x];
  for (const layer of layers)
    values.push(
      matmul(values.at(-1)!, take(parameters, `${layer.name}.weight`), layerOptions(layer, parameters)),
    );
  return values;
}

/** Backward of `runLayers`: writes the parameter gradients, returns that of the chain's input. */
function runLayersBackward(
  layers: readonly NamedLayer[],
  parameters: Parameters,
  values: readonly F64[],
  outputGradient: F64,
  gradients: Parameters,
): F64 {
  return layers.reduceRight((yGradient, layer, i) => {
    const weight = take(parameters, `${layer.name}.weight`);
    const result = matmulBackward(values[i]!, weight, layerOptions(layer, parameters), yGradient);
    gradients.set(`${layer.name}.weight`, result.bGradient).set(`${layer.name}.bias`, result.biasGradient);
    return result.aGradient;
  }, outputGradient);
}

/** `[a | b]`: two matrices of the same rows side by side. */
function joinColumns(a: F64, b: F64): F64 {
  const [rows, left, right] = [size(a, 0), size(a, 1), size(b, 1)];
  const joined = zeros([rows, left + right]);
  for (let r = 0; r < rows; r++) {
    joined.values.set(a.values.subarray(r * left, (r + 1) * left), r * (left + right));
    joined.values.set(b.values.subarray(r * right, (r + 1) * right), r * (left + right) + left);
  }
  return joined;
}

/** Forward pass that keeps what the backward pass reads. */
function trace(spec: DenseVaeSpec, parameters: Parameters, x: F64, noise: F64, options: VaeOptions) {
  const { encoder, heads, decoder } = structure(spec);
  const posterior = { posterior: spec.posterior ?? 'diagonal', estimator: options.estimator ?? 'B' } as const;
  const encoded = runLayers(encoder, parameters, x);
  const [mean, logVariance] = heads.map((head) => runLayers([head], parameters, encoded.at(-1)!).at(-1)!);
  const moments = joinColumns(mean!, logVariance!);
  const { z, kl } = reparameterize(moments, noise, posterior);
  const decoded = runLayers(decoder, parameters, z);
  const prediction = decoded.at(-1)!;
  const { family, logScale } = logScaleOf(spec, parameters);
  const reconstruction = logLikelihood(family, prediction, x, logScale);
  const weighting = { batch: size(x, 0), ...options };
  const stages: VaeForward = {
    ...objective(kl, reconstruction, weighting),
    moments,
    z,
    prediction,
    kl,
    reconstruction,
  };
  return { stages, encoder, heads, decoder, posterior, encoded, decoded, family, logScale, weighting };
}

/** Loss and every stage for x `f64[B, D]` and noise `f64[S*B, K]`. @throws SpecError on a missing parameter. */
export function vaeForward(
  spec: DenseVaeSpec,
  parameters: Parameters,
  x: F64,
  noise: F64,
  options: VaeOptions = {},
): VaeForward {
  return trace(spec, parameters, x, noise, options).stages;
}

/** Loss, terms and the gradient of the loss with respect to every parameter (same names and shapes). */
export function vaeBackward(
  spec: DenseVaeSpec,
  parameters: Parameters,
  x: F64,
  noise: F64,
  options: VaeOptions = {},
): { loss: number; terms: Terms; gradients: Parameters } {
  const t = trace(spec, parameters, x, noise, options);
  const { loss, terms, moments, prediction, kl } = t.stages;
  const gradients: Parameters = new Map();
  for (const [name, shape] of parameterShapes(spec)) gradients.set(name, zeros(shape));

  const { klGradient, reconstructionGradient } = objectiveBackward(kl.values.length, t.weighting);
  const byRow = logLikelihoodBackward(t.family, prediction, x, t.logScale, reconstructionGradient);
  const learned = logScaleName(spec);
  if (learned && byRow.logScaleGradient) gradients.set(learned, byRow.logScaleGradient);
  const zGradient = runLayersBackward(t.decoder, parameters, t.decoded, byRow.predictionGradient, gradients);
  const momentsGradient = reparameterizeBackward(moments, noise, t.posterior, zGradient, klGradient);

  const hidden = t.encoded.at(-1)!;
  const hiddenGradient = zeros(hidden.shape);
  let start = 0;
  for (const head of t.heads) {
    const part = slice(momentsGradient, 1, start, head.units);
    const byHead = runLayersBackward([head], parameters, [hidden], part, gradients);
    byHead.values.forEach((value, i) => (hiddenGradient.values[i]! += value));
    start += head.units;
  }
  runLayersBackward(t.encoder, parameters, t.encoded, hiddenGradient, gradients);
  return { loss, terms, gradients };
}
