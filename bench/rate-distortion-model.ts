/**
 * The models of the rate-distortion curve, 784-512-256-512-784 with ReLU. A transform coder is where the first one starts:
 * pairs of hidden units carry +u'(x - mean) and -u'(x - mean) of the principal axes u, so that the network is PCA with the
 * bin width sqrt(12) sigma, and learns from there what is not linear. The others take over the one before: a sigma r times
 * as large means latents r times as small, which is exact in weights and prior alike.
 */
import type { Device } from '../src/gpu/device.js';
import { readSafetensors, writeSafetensors, type TensorToWrite } from '../src/vae/checkpoint/safetensors.js';
import { fitPca } from '../src/vae/classical/index.js';
import type { Dataset } from '../src/vae/data/dataset.js';
import { denseSpec } from '../src/vae/presets.js';
import { componentCount, weightNames } from '../src/vae/priors/factorized.js';
import { Vae } from '../src/vae/vae.js';

export const network = { hidden: 512, latent: 256 } as const;
const batchSize = 128;
/** Adam's first steps move every weight by the whole rate, so it rises over some; it ends at a part of its height. */
const [warmSteps, lastRate] = [20, 0.02];
/** Standard deviation of an error that is uniform in a bin of width 1. */
const unitSigma = 1 / Math.sqrt(12);
/** A component's scale against the latent's deviation, and in bins at least. */
const [componentShare, leastScale] = [0.4, 0.05];

type Weights = Map<string, TensorToWrite>;

/** The file of PCA's coder of `data` with bins of width sqrt(12) sigma. */
export async function pcaModel(device: Device, data: Dataset, sigma: number): Promise<Uint8Array> {
  const { hidden, latent } = network;
  const likelihood = { type: 'gaussian', scale: unitSigma } as const;
  const dense = denseSpec({ input: data.shape, hidden, latent, likelihood });
  const vae = await Vae.create({ ...dense, posterior: 'uniform', prior: { type: 'factorized' } }, { device });
  const { model } = await fitPca(device, data, { latent });
  const { weights, metadata } = await readFile(await vae.save());
  vae.destroy();
  const [D, values] = [model.mean.length, model.weight.values];
  const column = (k: number): Float64Array =>
    Float64Array.from(model.mean, (_, j) => values[j * latent + k]!);
  const at = (name: string): Float32Array => weights.get(name)!.values;
  for (const name of ['mean.weight', 'mean.bias', 'decoder.0.bias', 'decoder.2.weight']) at(name).fill(0);
  at('decoder.0.weight').fill(0);
  at('decoder.2.bias').set(model.mean);
  for (let k = 0; k < latent; k++) {
    const scaled = column(k);
    const deviation = Math.hypot(...scaled);
    const axis = scaled.map((value) => value / deviation);
    const centre = axis.reduce((sum, u, j) => sum + u * model.mean[j]!, 0);
    for (const [unit, sign] of [[2 * k, 1] as const, [2 * k + 1, -1] as const]) {
      at('encoder.0.weight').set(
        axis.map((u) => sign * u),
        unit * D,
      );
      at('encoder.0.bias')[unit] = -sign * centre;
      at('mean.weight')[k * hidden + unit] = sign;
      at('decoder.0.weight')[unit * latent + k] = sign;
      axis.forEach((u, j) => (at('decoder.2.weight')[j * hidden + unit] = sign * u));
    }
    for (let component = 0; component < componentCount; component++) {
      const { mean, logScale } = weightNames(component);
      at(mean)[k] = (component - 1) * deviation;
      at(logScale)[k] = Math.log(componentShare * deviation);
    }
  }
  return withSigma(await writeSafetensors(weights, metadata), sigma);
}

/** The same function of images under another sigma: latents and their density are scaled. */
export async function withSigma(bytes: Uint8Array, sigma: number): Promise<Uint8Array> {
  const { weights, metadata } = await readFile(bytes);
  const spec = JSON.parse(metadata['spec']!) as { likelihood: { scale: number } };
  const ratio = spec.likelihood.scale / sigma;
  const scale = (name: string, factor: number): void => {
    const values = weights.get(name)!.values;
    values.forEach((value, i) => (values[i] = value * factor));
  };
  scale('mean.weight', ratio);
  scale('mean.bias', ratio);
  scale('decoder.0.weight', 1 / ratio);
  for (let component = 0; component < componentCount; component++) {
    const { mean, logScale } = weightNames(component);
    scale(mean, ratio);
    const logs = weights.get(logScale)!.values;
    logs.forEach((value, i) => (logs[i] = Math.max(Math.log(leastScale), value + Math.log(ratio))));
  }
  const likelihood = { ...spec.likelihood, scale: sigma };
  return writeSafetensors(weights, { ...metadata, spec: JSON.stringify({ ...spec, likelihood }) });
}

/** Trains with a rate that rises quickly and falls along half a cosine. */
export async function trainModel(
  vae: Vae,
  data: Dataset,
  { steps, learningRate }: { readonly steps: number; readonly learningRate: number },
): Promise<void> {
  const fall = (step: number): number => (1 + Math.cos((Math.PI * Math.min(step, steps)) / steps)) / 2;
  const rate = (step: number): number =>
    learningRate * Math.min(1, (step + 1) / warmSteps) * (lastRate + (1 - lastRate) * fall(step));
  const trainer = await vae.trainer(data, { batchSize, learningRate: rate, seed: 1 });
  for (let step = 0; step < steps; step++) {
    await trainer.step();
    if (trainer.pendingTerms < 50) continue;
    const { elbo, kl } = (await trainer.terms()).at(-1)!;
    console.log(`step ${step + 1}: elbo ${elbo.toFixed(0)}, rate ${kl.toFixed(0)} nats`);
  }
  trainer.destroy();
}

async function readFile(bytes: Uint8Array): Promise<{ weights: Weights; metadata: Record<string, string> }> {
  const { tensors, metadata } = await readSafetensors(bytes);
  const weights: Weights = new Map();
  for (const [name, { shape, values }] of tensors)
    weights.set(name, { shape, values: values as Float32Array });
  return { weights, metadata: Object.fromEntries(metadata) };
}
