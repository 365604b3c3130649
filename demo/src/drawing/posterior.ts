/** Where the model places what is drawn, told anew while it is drawn and while the model learns. */
import { effect, signal } from '@preact/signals';
import type { Pixels } from 'webgpu-vae';
import { attempt, studio } from '../session.js';
import { codes, model } from '../state.js';
import { highlight } from '../views/highlight.js';

/** q(z|x) of the drawing. */
export interface Posterior {
  readonly mean: readonly number[];
  /** Standard deviations; absent of a family that has none. */
  readonly deviation: readonly number[] | undefined;
  /** Whether it is a Gaussian with these deviations, and nothing else. */
  readonly isGaussian: boolean;
  /** From N(0, I), nats; of a Gaussian. */
  readonly kl: number | undefined;
}

/** What is drawn; undefined while the pad is empty. */
export const sketch = signal<Pixels | undefined>(undefined);
/** Its class, where it has been told. */
export const sketchLabel = signal<number | undefined>(undefined);
export const posterior = signal<Posterior | undefined>(undefined);

/** The class that a model with a condition is told; undefined for others. */
export function conditionOf(label: number | undefined): readonly [number] | undefined {
  return model.value?.spec.condition ? [label ?? 0] : undefined;
}

/** Keeps the posterior up to date until the returned function is called. */
export function followSketch(): () => void {
  const encode = latestOnly(encodeSketch);
  const stop = effect(() => {
    void codes.value; // told anew when the model has learned
    const takesImages = model.value?.spec.input.length === 3;
    if (takesImages && sketch.value) encode({ pixels: sketch.value, labels: conditionOf(sketchLabel.value) });
    if (!sketch.value) forget();
  });
  return () => {
    stop();
    forget();
  };
}

function forget(): void {
  posterior.value = undefined;
  highlight.value = undefined;
}

interface Encoded {
  readonly pixels: Pixels;
  readonly labels: readonly [number] | undefined;
}

async function encodeSketch({ pixels, labels }: Encoded): Promise<void> {
  await attempt(async () => {
    const { mean, logVariance } = await studio.encode([pixels], labels);
    if (sketch.peek()) tell([...mean], [...logVariance]);
  });
}

/** @param told of an isotropic posterior one number for all, of some none */
function tell(mean: number[], told: readonly number[]): void {
  const family = model.peek()?.spec.posterior.type;
  const isGaussian = family === 'diagonal' || family === 'isotropic';
  const logVariance = told.length === 1 ? mean.map(() => told[0]!) : [...told];
  const hasDeviation = logVariance.length === mean.length;
  posterior.value = {
    mean,
    deviation: hasDeviation ? logVariance.map((value) => Math.exp(value / 2)) : undefined,
    isGaussian,
    kl: isGaussian ? klOf(mean, logVariance) : undefined,
  };
  highlight.value = isGaussian ? { mean, logVariance } : undefined;
}

/** Of N(mean, variance) from N(0, I), nats. */
function klOf(mean: readonly number[], logVariance: readonly number[]): number {
  return mean.reduce((sum, m, k) => {
    const l = logVariance[k]!;
    return sum + (m * m + Math.exp(l) - 1 - l) / 2;
  }, 0);
}

/** Runs with the newest value, one at a time; those that came in between are passed over. */
function latestOnly<T>(run: (value: T) => Promise<void>): (value: T) => void {
  let waiting: { readonly value: T } | undefined;
  let isRunning = false;
  const loop = async (): Promise<void> => {
    isRunning = true;
    while (waiting) {
      const { value } = waiting;
      waiting = undefined;
      await run(value);
    }
    isRunning = false;
  };
  return (value) => {
    waiting = { value };
    if (!isRunning) void loop();
  };
}
