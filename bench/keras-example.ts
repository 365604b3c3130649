/**
 * The setting of the Keras example "Variational AutoEncoder" (https://keras.io/examples/generative/vae: convolutions
 * to 32 and 64 channels, dense 16, a latent of 2, batch 128, Adam 1e-3) here and in PyTorch on the CPU, from the same
 * weights, in the same order and with the same noise: the mean training loss of an epoch. Full batches only.
 *
 *     npm run bench:keras -- [--limit 10000] [--epochs 1]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Device } from '../src/gpu/device.js';
import { standardNormal } from '../src/gpu/threefry.js';
import { loadImages, openNodeGpu } from '../src/node/index.js';
import { floatRows } from '../src/vae/data/dataset.js';
import type { VaeSpec } from '../src/vae/spec.js';
import type { FedBatch } from '../src/vae/trainer-options.js';
import { Vae } from '../src/vae/vae.js';
import { fedEpoch, permutation, rowsAt } from './fed-training.js';
import { runTorch } from './torch.js';

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: 'mnist' },
    limit: { type: 'string', default: '10000' },
    epochs: { type: 'string', default: '1' },
  },
});
const epochs = Number(values.epochs);
const batchSize = 128;

/** A transposed convolution 3x3 with stride 2 is contained in a 2x2 deconvolution by reshape. */
const up = (channels: number) =>
  ({ type: 'deconv', channels, kernel: 2, padding: [0, 1, 0, 1], activation: 'relu' }) as const;
const down = (channels: number) =>
  ({ type: 'conv', channels, kernel: 3, stride: 2, padding: 'same', activation: 'relu' }) as const;

const spec: VaeSpec = {
  input: [28, 28, 1],
  latent: 2,
  encoder: [down(32), down(64), { type: 'flatten' }, { type: 'dense', units: 16, activation: 'relu' }],
  decoder: [
    { type: 'dense', units: 3136, activation: 'relu' },
    { type: 'reshape', shape: [7, 7, 64] },
    up(64),
    up(32),
    { type: 'conv', channels: 1, kernel: 3 },
  ],
};

const folder = fileURLToPath(new URL('../out/keras-example/', import.meta.url));
mkdirSync(folder, { recursive: true });
const data = await loadImages(values.data, 'train', { limit: Number(values.limit) });
const images = floatRows(data);
const pixels = images.length / data.rows;
const steps = Math.floor(data.rows / batchSize);
const orders = Array.from({ length: epochs }, (_, epoch) => permutation(data.rows, epoch));
const noise = standardNormal(epochs * steps * batchSize * spec.latent, 1, 0);

const device = await Device.open({ gpu: await openNodeGpu() });
const vae = await Vae.create(spec, { device, seed: 1 });
writeFileSync(`${folder}initial.safetensors`, await vae.save());
writeFileSync(`${folder}images.f32`, images);
writeFileSync(`${folder}noise.f32`, noise);
writeFileSync(`${folder}order.u32`, Uint32Array.from(orders.flat()));

const started = performance.now();
const trainer = await vae.trainer(undefined, { batchSize });
const losses: number[] = [];
for (const [epoch, order] of orders.entries()) {
  const batch = (step: number): FedBatch => batchOf(order, epoch, step);
  losses.push(await fedEpoch(trainer, steps, batch, ({ elbo }) => -elbo));
}
const seconds = (performance.now() - started) / 1000;
report('webgpu-vae', device.description, losses, seconds);
device.destroy();

const peer = runTorch('keras_example.py', [folder, String(epochs), String(batchSize)]) as {
  losses: number[];
  seconds: number;
  version: string;
};
report('PyTorch', `${peer.version}, CPU`, peer.losses, peer.seconds);
losses.forEach((loss, epoch) => {
  const other = peer.losses[epoch]!;
  console.log(`epoch ${epoch + 1}: ${((100 * (loss - other)) / other).toFixed(2)} % from PyTorch`);
});

function batchOf(order: readonly number[], epoch: number, step: number): FedBatch {
  const x = rowsAt(images, pixels, order.slice(step * batchSize, (step + 1) * batchSize));
  const width = batchSize * spec.latent;
  const first = (epoch * steps + step) * width;
  return { x, noise: noise.slice(first, first + width) };
}

function report(name: string, where: string, means: readonly number[], time: number): void {
  console.log(
    `${name} (${where}): train loss ${means.map((loss) => loss.toFixed(2)).join(', ')} nats, ${time.toFixed(0)} s`,
  );
}
process.exit(0);
