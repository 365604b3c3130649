/**
 * Gradients of a training loss as a caller sees them, by one step of plain SGD that is undone afterwards: of one fed
 * batch, and of many draws of the kernel's own noise with the statistics that compare two estimators.
 */
import type { Dataset } from '../src/vae/data/dataset.js';
import type { VaeSpec } from '../src/vae/spec.js';
import type { FedBatch, StepTerms, TrainerOptions } from '../src/vae/trainer-options.js';
import type { Vae } from '../src/vae/vae.js';
import { loadModel, readParameters } from './model.js';
import { nodeDevice } from './node-device.js';
import type { Parameters } from './reference/vae.js';

/**
 * Student's t of one number from 40 draws (39 degrees of freedom): 6 is exceeded by chance once in 2 million,
 * so a false alarm among the at most 200 numbers of a test has a chance of 1 in 9,000. Seeds are fixed.
 */
export const LARGEST_T = 6;
export const DRAWS = 40;

/** A power of two: exact in the update, and large, so that rounding the weights hides little of the gradient. */
const GRADIENT_RATE = 512;

/** The gradient by parameter name and the terms of a step at `parameters` on a fed batch. */
export async function stepGradient(
  spec: VaeSpec,
  parameters: Parameters,
  batch: FedBatch,
  options: TrainerOptions,
): Promise<{ gradients: Parameters; terms: StepTerms }> {
  const vae = await loadModel(spec, parameters, await nodeDevice());
  const settings = { learningRate: GRADIENT_RATE, optimizer: { type: 'sgd' } } as const;
  const trainer = await vae.trainer(undefined, { ...options, ...settings });
  await trainer.step(batch);
  const [terms] = await trainer.terms();
  const after = await readParameters(vae);
  const gradients = new Map(
    [...parameters].map(([name, { shape, values }]) => {
      const { values: moved } = after.get(name)!;
      return [name, { shape, values: values.map((value, i) => (value - moved[i]!) / GRADIENT_RATE) }];
    }),
  );
  trainer.destroy();
  vae.destroy();
  return { gradients, terms: terms! };
}

/** Gradients of the loss at the model's weights on all of `data`, flat, one a draw of the noise. */
export async function gradientDraws(
  vae: Vae,
  data: Dataset,
  options: TrainerOptions,
): Promise<Float32Array[]> {
  const start = await vae.readWeights();
  const restore = (): void =>
    vae.device.gpu.queue.writeBuffer(vae.weightBuffer, 0, start as Float32Array<ArrayBuffer>);
  const optimizer = { type: 'sgd' } as const;
  const trainer = await vae.trainer(data, { ...options, batchSize: data.rows, learningRate: 1, optimizer });
  const draws: Float32Array[] = [];
  for (let draw = 0; draw < DRAWS; draw++) {
    restore();
    await trainer.step();
    const after = await vae.readWeights();
    draws.push(after.map((value, i) => start[i]! - value));
  }
  trainer.destroy();
  restore();
  return draws;
}

/** Mean over its standard error; a column without spread must be exact, and counts as 0 or infinitely far. */
export function studentT(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  if (variance === 0) return mean === 0 ? 0 : Number.POSITIVE_INFINITY;
  return Math.abs(mean) / Math.sqrt(variance / values.length);
}

/** Largest t over all weights of the mean of a - b. */
export function largestT(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  return Math.max(...a[0]!.map((_, i) => studentT(a.map((draw, n) => draw[i]! - b[n]![i]!))));
}
