/** What is measured beside the training: where the held-out images lie in the latent space, and their bound. */
import type { Dataset, Terms, Vae } from 'webgpu-vae';
import { takeRows } from 'webgpu-vae';
import { Pace } from './pace.js';
import type { Codes, Tell } from './protocol.js';

/** Each measurement takes at most about this share of the time. */
const SHARE = 0.1;
const LEAST_INTERVAL_MS = 500;
const VALIDATION_ROWS = 500;

export class Observer {
  readonly #codes = new Pace(SHARE, LEAST_INTERVAL_MS);
  readonly #validation = new Pace(SHARE, LEAST_INTERVAL_MS);

  constructor(readonly tell: Tell) {}

  /** One of the measurements, if it is time for it, or the codes if `isForced`; called in turn. */
  async observe(vae: Vae, test: Dataset, step: number, isForced = false): Promise<void> {
    if (isForced || this.#codes.isDue)
      this.tell({ type: 'codes', codes: await this.#codes.run(() => encodeAll(vae, test, step)) });
    else if (this.#validation.isDue)
      this.tell({ type: 'validation', step, terms: await this.#validation.run(() => validate(vae, test)) });
  }
}

/** Terms of held-out images, always the same with the same noise. */
export function validate(vae: Vae, test: Dataset): Promise<Terms> {
  return vae.evaluate(takeRows(test, VALIDATION_ROWS), { batchSize: 125 });
}

async function encodeAll(vae: Vae, test: Dataset, step: number): Promise<Codes> {
  const { latent, condition, posterior } = vae.spec;
  const labels = test.labels;
  const rows = toFloats(test.values);
  const { mean, logVariance } = await vae.encode(rows, { ...(condition && labels && { labels }) });
  const isDiagonal = posterior.type === 'diagonal';
  return {
    step,
    mean,
    labels,
    klPerLatent: isDiagonal ? klPerLatent(mean, logVariance, latent) : undefined,
  };
}

/** Bytes mean byte / 255. */
export function toFloats(values: Uint8Array | Float32Array): Float32Array {
  return values instanceof Float32Array ? values : Float32Array.from(values, (value) => value / 255);
}

/** (mean^2 + variance - 1 - log variance) / 2, averaged over the rows. */
function klPerLatent(mean: Float32Array, logVariance: Float32Array, latent: number): Float32Array {
  const sums = new Float64Array(latent);
  mean.forEach((m, i) => {
    const l = logVariance[i]!;
    sums[i % latent]! += (m * m + Math.exp(l) - 1 - l) / 2;
  });
  return Float32Array.from(sums, (sum) => (sum * latent) / mean.length);
}
