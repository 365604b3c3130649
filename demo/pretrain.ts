/**
 * Trains the model that the page opens with, on the Fashion-MNIST of data/ (about ten minutes on two processor cores):
 *
 *     npm run demo:pretrain
 *
 * The checkpoint lies in demo/public, so that a visitor can play before anything has been trained.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Device, Vae } from 'webgpu-vae';
import { loadImages, openNodeGpu } from 'webgpu-vae/node';
import { pretrainedSpec } from './src/pretrained-spec.js';

const EPOCHS = 20;
const BATCH_SIZE = 128;

const images = await loadImages('fashion', 'train');
const test = await loadImages('fashion', 'test');
const device = await Device.open({ gpu: await openNodeGpu() });
const vae = await Vae.create(pretrainedSpec, { device, seed: 1 });
const steps = EPOCHS * Math.ceil(images.rows / BATCH_SIZE);
const report = await vae.train(images, {
  epochs: EPOCHS,
  batchSize: BATCH_SIZE,
  learningRate: { type: 'linear', from: 2e-3, to: 1e-4, steps },
  onEpoch: ({ epoch, train }) => console.log(`epoch ${epoch} of ${EPOCHS}: elbo ${train.elbo.toFixed(2)}`),
});
const { elbo } = await vae.evaluate(test);
const path = resolve(import.meta.dirname, 'public/pretrained.safetensors');
writeFileSync(path, await vae.save());
console.log(
  `${report.steps} steps in ${report.seconds.toFixed(0)} s; test elbo ${elbo.toFixed(2)}; wrote ${path}`,
);
process.exit(); // Dawn would keep Node alive
