/** What comparisons of members share: images of 14 x 14, a network dense 196-64-latent, a Gaussian of scale 0.3, and a file of rows. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Device } from '../src/gpu/device.js';
import { floatRows, type Dataset } from '../src/vae/data/dataset.js';
import { loadImages, openNodeGpu } from '../src/node/index.js';
import { denseSpec } from '../src/vae/presets.js';
import type { VaeSpec } from '../src/vae/spec.js';

/** As typed: of which data set, how many training images, passes over them. */
export interface SmallOptions {
  readonly data: string;
  readonly limit: string;
  readonly epochs: string;
}

/** A device, both parts of the data, the test images as f32[1000, 196], and the specification without its member. */
export interface SmallTask {
  readonly device: Device;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly images: Float32Array;
  readonly base: VaeSpec;
}

const TEST_ROWS = 1000;

export async function openSmallTask({ data, limit }: SmallOptions, latent: number): Promise<SmallTask> {
  const device = await Device.open({ gpu: await openNodeGpu() });
  const size = [14, 14] as const;
  const train = await loadImages(data, 'train', { limit: Number(limit), size });
  const test = await loadImages(data, 'test', { limit: TEST_ROWS, size });
  const likelihood = { type: 'gaussian', scale: 0.3 } as const;
  const base = denseSpec({ input: train.shape, hidden: 64, latent, likelihood });
  return { device, train, test, images: floatRows(test, 0, TEST_ROWS), base };
}

/** How every member is trained. */
export function smallTraining({ epochs }: SmallOptions, seed: number) {
  return { epochs: Number(epochs), batchSize: 100, seed, learningRate: 2e-3 };
}

/** Mean squared difference of decoded images. */
export function squaredError(decoded: Float32Array, images: Float32Array): number {
  return decoded.reduce((sum, value, i) => sum + (value - images[i]!) ** 2, 0) / images.length;
}

/** Writes the rows into docs/members, says of what they are, and ends the program: Dawn would keep Node alive. */
export function finishSmallTask(
  { device, train }: SmallTask,
  options: SmallOptions,
  name: string,
  rows: readonly object[],
): never {
  const folder = fileURLToPath(new URL('../docs/members/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const table = { adapter: device.description, ...options, rows };
  writeFileSync(`${folder}${name}.json`, `${JSON.stringify(table, null, 2)}\n`);
  console.log(
    `${device.description}; ${options.data}, ${train.rows} images of 14 x 14, ${options.epochs} epochs`,
  );
  device.destroy();
  process.exit(0);
}
