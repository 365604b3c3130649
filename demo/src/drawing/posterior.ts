/** Where the model places what is drawn, told anew while it is drawn and while the model learns. */
import { computed, effect, signal } from '@preact/signals';
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

/** Whether the model shown takes pictures, not rows of other numbers. */
export const takesPictures = computed(() => model.value?.spec.input.length === 3);

/** The class that a model with a condition is told; undefined for others. */
export function conditionOf(label: number | undefined): readonly [number] | undefined {
  return model.value?.spec.condition ? [label ?? 0] : undefined;
}

let settled = Promise.resolve();

/** Resolves when the posterior of what is drawn now is told. */
export function posteriorSettled(): Promise<void> {
  return settled;
}

/** Keeps the posterior up to date until the returned function is called. */
export function followSketch(): () => void {
  const encode = latestOnly(encodeSketch);
  const stop = effect(() => {
    void codes.value; // told anew when the model has learned
    if (takesPictures.value && model.value && sketch.value)
      settled = encode({ pixels: sketch.value, labels: conditionOf(sketchLabel.value) });
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

/** Runs with the newest value, one at a time; those that came in between are passed over. Resolves when there is none left. */
function latestOnly<T>(run: (value: T) => Promise<void>): (value: T) => Promise<void> {
  let waiting: { readonly value: T } | undefined;
  let running: Promise<void> | undefined;
  const loop = async (): Promise<void> => {
    while (waiting) {
      const { value } = waiting;
      waiting = undefined;
      await run(value);
    }
    running = undefined;
  };
  return (value) => {
    waiting = { value };
    return (running ??= loop());
  };
}
