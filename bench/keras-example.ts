/**
 * The setting of the Keras example "Variational AutoEncoder" (https://keras.io/examples/generative/vae: convolutions
 * to 32 and 64 channels, dense 16, a latent of 2, batch 128, Adam 1e-3) here and in PyTorch on the CPU, from the same
 * weights: the mean training loss of an epoch, which may differ by noise and order only.
 *
 *     npm run bench:keras -- [--limit 10000] [--epochs 1]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Device } from '../src/gpu/device.js';
import { loadImages, openNodeGpu } from '../src/node/index.js';
import type { VaeSpec } from '../src/vae/spec.js';
import { Vae } from '../src/vae/vae.js';
import { findTorch } from './torch.js';

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
const device = await Device.open({ gpu: await openNodeGpu() });
const vae = await Vae.create(spec, { device, seed: 1 });
writeFileSync(`${folder}initial.safetensors`, await vae.save());
writeFileSync(
  `${folder}images.f32`,
  Float32Array.from(data.values, (value) => value / 255),
);

const started = performance.now();
const losses: number[] = [];
await vae.train(data, {
  batchSize,
  epochs,
  seed: 1,
  onEpoch: ({ train }) => void losses.push(-train.elbo),
});
const seconds = (performance.now() - started) / 1000;
report('webgpu-vae', device.description, losses, seconds);
device.destroy();

const python = findTorch();
if (!python) throw new Error('[bench] no python3 that imports torch; install PyTorch');
const script = fileURLToPath(new URL('keras_example.py', import.meta.url));
const output = execFileSync(python, [script, folder, String(epochs), String(batchSize)], {
  encoding: 'utf8',
});
const peer = JSON.parse(output) as { losses: number[]; seconds: number; version: string };
report('PyTorch', `${peer.version}, CPU`, peer.losses, peer.seconds);
losses.forEach((loss, epoch) => {
  const other = peer.losses[epoch]!;
  console.log(`epoch ${epoch + 1}: ${((100 * (loss - other)) / other).toFixed(2)} % from PyTorch`);
});

function report(name: string, where: string, means: readonly number[], time: number): void {
  console.log(
    `${name} (${where}): train loss ${means.map((loss) => loss.toFixed(2)).join(', ')} nats, ${time.toFixed(0)} s`,
  );
}
process.exit(0);
