/**
 * The two networks of a model as bits-back needs them: one row at a time, so that writer and reader add up in the same
 * order, and with a digest of what they make of fixed numbers. Two devices that agree on it round alike, as far as a few
 * rows can tell; a decoder finds out about the others at the end.
 */
import { DataError, SpecError } from '../../gpu/errors.js';
import { LOG_VARIANCE_RANGE } from '../../gpu/ops/reparameterize.js';
import { symmetricUniform } from '../../gpu/threefry.js';
import { Inference } from '../inference.js';
import type { Vae } from '../vae.js';
import { shortDigest } from './coded-file.js';
import { exactExp } from './exact-math.js';
import { bernoulliPixels, betaBinomialPixels, type PixelCode } from './pixel-code.js';

/** Mean and standard deviation of q(z | x), K of each. */
export interface NormalMoments {
  readonly mean: number[];
  readonly scale: number[];
}

/** Streams of Threefry, away from those of training. */
const PROBE_STREAM = 0x62697400;
const PROBE_ROWS = 4;

export class Networks {
  readonly latent: number;
  /** Numbers of a datum. */
  readonly width: number;
  readonly code: PixelCode;
  readonly #inference: Inference;

  /** @throws SpecError for a model whose distributions have no slots here */
  constructor(readonly vae: Vae) {
    this.code = codeOf(vae);
    this.latent = vae.spec.latent;
    this.width = vae.model.width;
    this.#inference = new Inference(vae.device, vae.model.weights, vae.resources);
  }

  /** q(z | x) of one datum's bytes. */
  async posterior(x: Uint8Array): Promise<NormalMoments> {
    const { mean, logVariance } = await this.vae.encode(Float32Array.from(x, (byte) => byte / 255));
    const [low, high] = LOG_VARIANCE_RANGE;
    const scales = Array.from(logVariance, (s) => exactExp(0.5 * Math.min(high, Math.max(low, s))));
    return { mean: Array.from(mean), scale: Array.from(mean, (_, k) => scales[k % scales.length]!) };
  }

  /** The decoder's numbers of each element of a datum, from z f32[K]. */
  async likelihood(z: Float32Array): Promise<(element: number) => Float32Array> {
    const { model } = this.vae;
    const count = model.outputsPerElement;
    const output = await this.#inference.run({
      label: 'parameters',
      rows: { z: { values: z, width: this.latent } },
      outputWidth: count * this.width,
      build: (tensors) => model.decode(tensors.z),
    });
    return (element) => output.subarray(element * count, (element + 1) * count);
  }

  /** Frees what was made beside the model. */
  destroy(): void {
    this.#inference.destroy();
  }
}

function codeOf({ spec }: Vae): PixelCode {
  const { likelihood, posterior, prior, condition } = spec;
  const code = { bernoulli: bernoulliPixels, 'beta-binomial': betaBinomialPixels }[likelihood.type as string];
  const isNormal = posterior.type === 'diagonal' || posterior.type === 'isotropic';
  if (code && isNormal && prior.type === 'standard-normal' && !condition) return code;
  throw new SpecError(
    'bits-back',
    `the model has a ${likelihood.type} likelihood, a ${posterior.type} posterior and a ${prior.type} prior` +
      `${condition ? ', and a condition' : ''}; expected bernoulli or beta-binomial, diagonal or isotropic, and standard-normal; train such a model`,
  );
}

/** 16 hexadecimal digits of what the networks make of fixed numbers, and the adapter's name, as UTF-8. */
export async function signature(networks: Networks): Promise<Uint8Array> {
  return new TextEncoder().encode(`${await probe(networks)} ${networks.vae.device.description}`);
}

async function probe(networks: Networks): Promise<string> {
  const outputs: number[] = [];
  for (let row = 0; row < PROBE_ROWS; row++) {
    const x = Uint8Array.from(symmetricUniform(networks.width, row, PROBE_STREAM), (u) => (u + 1) * 127.5);
    const { mean, scale } = await networks.posterior(x);
    const z = symmetricUniform(networks.latent, row, PROBE_STREAM + 1).map((u) => 2 * u);
    const parameters = await networks.likelihood(z);
    outputs.push(...mean, ...scale);
    for (let element = 0; element < networks.width; element++) outputs.push(...parameters(element));
  }
  return shortDigest(new Uint8Array(Float64Array.from(outputs).buffer));
}

/** Refuses a file whose networks gave other bits. @throws DataError */
export async function checkSignature(networks: Networks, extra: Uint8Array, where: string): Promise<void> {
  const [stated = '', ...name] = new TextDecoder().decode(extra).slice(0, 256).split(' ');
  const found = await probe(networks);
  if (stated === found) return;
  throw new DataError(
    where,
    `was made where the networks gave ${JSON.stringify(stated)} for fixed numbers (${JSON.stringify(name.join(' '))}); ` +
      `here (${networks.vae.device.description}) they give ${found}; decode it on the adapter that made it`,
  );
}
