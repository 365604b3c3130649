/**
 * Why reconstructions are blurry: copies of a model that differ only in their likelihood, each trained for a few steps,
 * measured on the same held-out images, and freed.
 */
import { takeRows, Vae, type CompleteSpec, type Dataset, type Device, type LikelihoodSpec } from 'webgpu-vae';
import { toPixels } from './gallery.js';
import { measure, pickRows, reconstruct } from './likeness.js';
import { toFloats } from './observer.js';
import type { Compared, ComparedName, ComparisonProgress, ComparisonRequest } from './protocol.js';
import type { Turns } from './turns.js';

/** A scale of 1 makes the terms half the squared error, and the absolute error. */
const likelihoods: Readonly<Record<ComparedName, LikelihoodSpec>> = {
  l2: { type: 'gaussian', scale: 1 },
  l1: { type: 'laplace', scale: 1 },
  learned: { type: 'gaussian', scale: 'learned' },
  bernoulli: { type: 'bernoulli' },
};
const names = Object.keys(likelihoods) as ComparedName[];

/** Errors are means over so many held-out images. */
const MEASURED_ROWS = 250;
const LOG_VARIANCE = 'likelihood.log_variance';

type Told = (news: ComparisonProgress | Compared) => void;

export class Comparison {
  #isCancelled = false;

  /** @param turns everything on the GPU waits for its turn, so that the page's pictures stay alive meanwhile */
  constructor(
    readonly device: Device,
    readonly spec: CompleteSpec,
    readonly turns: Turns,
    readonly request: ComparisonRequest,
  ) {}

  cancel(): void {
    this.#isCancelled = true;
  }

  /** One copy after the other. @throws SpecError, NumericError; nothing stays allocated */
  async run(train: Dataset, test: Dataset, told: Told): Promise<void> {
    for (const name of names) {
      if (this.#isCancelled) return;
      const spec = { ...this.spec, likelihood: likelihoods[name] };
      const vae = await Vae.create(spec, { device: this.device, seed: this.request.settings.seed });
      try {
        if (name === 'learned') beginScale(vae, train);
        await this.#train(vae, name, train, told);
        if (!this.#isCancelled) told(await this.turns.run(() => this.#show(vae, name, test)));
      } finally {
        await this.turns.run(() => vae.destroy());
      }
    }
  }

  async #train(vae: Vae, name: ComparedName, data: Dataset, told: Told): Promise<void> {
    const { steps, learningRate, beta, settings } = this.request;
    const trainer = await this.turns.run(() =>
      vae.trainer(data, {
        batchSize: Math.min(settings.batchSize, data.rows),
        optimizer: { type: settings.optimizer },
        seed: settings.seed,
        learningRate,
        ...(vae.model.objective.beta === undefined && { beta }),
      }),
    );
    const before = names.indexOf(name) * steps;
    try {
      for (let step = 0; step < steps && !this.#isCancelled; step++) {
        if (step % 10 === 0) told({ name, step: before + step, steps: names.length * steps });
        await this.turns.run(() => trainer.step());
        // the ring of terms has room for some hundred steps; this is also where a number that is none comes out
        if (trainer.pendingTerms >= 32) await this.turns.run(() => trainer.terms());
      }
      await this.turns.run(() => trainer.terms());
    } finally {
      await this.turns.run(() => trainer.destroy());
    }
  }

  async #show(vae: Vae, name: ComparedName, test: Dataset): Promise<Compared> {
    const { rows, settings } = this.request;
    const { input, condition } = vae.spec;
    const labels = condition && rows.map((_, index) => index % condition.classes);
    const made = await reconstruct(vae, pickRows(test, rows));
    const samples = await vae.sample(rows.length, { seed: settings.seed, ...(labels && { labels }) });
    const { squared, absolute } = await measure(vae, takeRows(test, MEASURED_ROWS));
    return {
      name,
      reconstructions: toPixels(made, input),
      samples: toPixels(samples, input),
      squaredError: squared,
      absoluteError: absolute,
      scale: await scaleOf(vae),
    };
  }
}

/**
 * The learned scale begins at the spread of the data, which is the best one of a model that knows nothing yet; it moves by
 * about the learning rate a step, and from 1 it would take thousands.
 */
function beginScale(vae: Vae, data: Dataset): void {
  const values = toFloats(takeRows(data, MEASURED_ROWS).values);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const logVariance = Float32Array.of(Math.log(Math.max(variance, 1e-4)));
  vae.device.gpu.queue.writeBuffer(vae.weightBuffer, 4 * offsetOf(vae), logVariance);
}

function offsetOf(vae: Vae): number {
  return vae.model.weights.set.entries.find(({ name }) => name === LOG_VARIANCE)!.offset;
}

async function scaleOf(vae: Vae): Promise<number | undefined> {
  const { likelihood } = vae.spec;
  if (!('scale' in likelihood)) return undefined;
  if (typeof likelihood.scale === 'number') return likelihood.scale;
  return Math.exp((await vae.readWeights())[offsetOf(vae)]! / 2);
}
