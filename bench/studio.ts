/** What the pictures of the members share: a device, small data, one base model, and each model trained once. */
import { Device } from '../src/gpu/device.js';
import { Inference } from '../src/vae/inference.js';
import { standardNormal } from '../src/gpu/threefry.js';
import { floatRows } from '../src/vae/data/dataset.js';
import { loadImages, openNodeGpu } from '../src/node/index.js';
import type { Dataset } from '../src/vae/data/dataset.js';
import { encodeRows } from '../src/vae/evaluation/encode-rows.js';
import { denseSpec } from '../src/vae/presets.js';
import type { VaeSpec } from '../src/vae/spec.js';
import type { TrainOptions } from '../src/vae/train.js';
import { Vae } from '../src/vae/vae.js';

const [trainRows, testRows] = [4000, 1500];
const size = [14, 14] as const;
const hidden = 128;
const likelihood = { type: 'gaussian', scale: 0.3 } as const;
/** 600 steps. */
export const training = { epochs: 15, batchSize: 100, learningRate: 2e-3, seed: 1 } as const;

export class Studio {
  readonly #models = new Map<string, Promise<Vae>>();

  private constructor(
    readonly device: Device,
    /** Fashion-MNIST at 14 x 14 with classes. */
    readonly train: Dataset,
    readonly test: Dataset,
  ) {}

  static async open(): Promise<Studio> {
    const train = await loadImages('fashion', 'train', { limit: trainRows, size });
    const test = await loadImages('fashion', 'test', { limit: testRows, size });
    return new Studio(await Device.open({ gpu: await openNodeGpu() }), train, test);
  }

  /** The base model (dense 196-128-K, Gaussian of scale 0.3) with what a member changes, trained; the same one twice is one. */
  fit(change: Partial<VaeSpec>, options: Partial<TrainOptions> = {}, data = this.train): Promise<Vae> {
    const key = JSON.stringify([change, options, data.rows, data.shape]);
    const known = this.#models.get(key) ?? this.fitAnew(change, options, data);
    this.#models.set(key, known);
    return known;
  }

  /** As `fit`, but a model of the caller's own. */
  async fitAnew(
    change: Partial<VaeSpec>,
    options: Partial<TrainOptions> = {},
    data = this.train,
  ): Promise<Vae> {
    const vae = await this.create(change, data);
    await vae.train(data, { ...training, ...options });
    return vae;
  }

  /** The base model with what a member changes, untrained. */
  create(change: Partial<VaeSpec>, data = this.train): Promise<Vae> {
    const base = denseSpec({ input: data.shape, hidden, likelihood });
    return Vae.create({ ...base, ...change }, { device: this.device, seed: 1 });
  }

  /** The first test images, f32[count, 14, 14, 1]. */
  images(count: number): Float32Array {
    return floatRows(this.test, 0, count);
  }

  /** Codes of all test images: draws of q(z given x), f32[N, K]; the means where a family tells no variance. */
  async codes(vae: Vae, data: Dataset = this.test): Promise<Float32Array> {
    const { mean, logVariance } = await encodeRows(vae, data);
    const noise = standardNormal(mean.values.length, 1, 1);
    return Float32Array.from(
      mean.values,
      (m, i) => m + (logVariance ? Math.exp(logVariance.values[i]! / 2) * noise[i]! : 0),
    );
  }

  /** The encoder's output, f32[N, W], before a family makes anything of it. */
  async moments({ device, model, resources }: Vae, images: Float32Array): Promise<Float32Array> {
    const inference = new Inference(device, model.weights, resources);
    const moments = await inference.run({
      label: 'moments',
      rows: { x: { values: images, width: model.width } },
      outputWidth: model.posterior.momentsWidth,
      build: ({ x }) => model.encode(x),
    });
    inference.destroy();
    return moments;
  }

  /** Draws of q(z given x) of one image, f32[count, K], whatever the family. */
  async posteriorDraws(
    { device, model, resources, spec }: Vae,
    image: Float32Array,
    count: number,
  ): Promise<Float32Array> {
    const inference = new Inference(device, model.weights, resources);
    const x = new Float32Array(count * image.length);
    for (let row = 0; row < count; row++) x.set(image, row * image.length);
    const noise = standardNormal(count * spec.latent, 1, 2);
    const draws = await inference.run({
      label: 'draws',
      rows: { x: { values: x, width: image.length }, noise: { values: noise, width: spec.latent } },
      outputWidth: spec.latent,
      build: (tensors) =>
        model.posterior.draw(model.encode(tensors.x), { samples: 1, noise: tensors.noise }).z,
    });
    inference.destroy();
    return draws;
  }
}
