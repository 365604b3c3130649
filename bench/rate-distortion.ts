/**
 * `npm run bench:rate-distortion`: the curve of bits per pixel against PSNR on 1,000 Fashion-MNIST test images, with JPEG
 * and PNG of the same images beside it, and bits-back on the same images in black and white. Each model of the curve
 * starts from the one before it, with a smaller sigma. Sizes are those of real files, decoded again before they count.
 * Writes docs/members/rate-distortion.json and two pictures in docs/members/images.
 */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readSafetensors, writeSafetensors, type TensorToWrite } from '../src/vae/checkpoint/safetensors.js';
import { Device } from '../src/gpu/device.js';
import { loadImages } from '../src/node/data.js';
import { openNodeGpu } from '../src/node/dawn.js';
import { encodePng, imageGrid } from '../src/node/pictures.js';
import {
  binarized,
  compress,
  compressLossless,
  decompress,
  decompressLossless,
} from '../src/vae/coding/index.js';
import { floatRows } from '../src/vae/data/dataset.js';
import { denseSpec } from '../src/vae/presets.js';
import { Vae } from '../src/vae/vae.js';
import { jpegCurves, pngSizes, type CurvePoint } from './image-files.js';
import { rateDistortionFigure } from './rate-distortion-figure.js';

const root = resolve(import.meta.dirname, '..');
const images = 1000;
/** lambda = 1 / sigma^2: 100 to 6,400. */
const sigmas = [0.1, 0.05, 0.025, 0.0125] as const;
/** Enough to learn from in minutes on a software adapter. */
const trainingImages = 10_000;
/** Passes over them: the first model learns to code, the others to code finer. */
const firstEpochs = 6;
const laterEpochs = 2;
const losslessEpochs = 4;
const shownImages = 12;

interface ModelPoint extends CurvePoint {
  readonly sigma: number;
  readonly byteLength: number;
  readonly predictedByteLength: number;
  /** The file's bytes over the predicted ones, less 1. */
  readonly overhead: number;
}

const started = performance.now();
const device = await Device.open({ gpu: await openNodeGpu({}) });
const train = await loadImages('fashion', 'train', { limit: trainingImages });
const test = await loadImages('fashion', 'test', { limit: images });

const rows: Float32Array[] = [floatRows(test, 0, shownImages)];
const curve: ModelPoint[] = [];
let file: Uint8Array | undefined;
for (const sigma of sigmas) {
  const vae = file ? await Vae.load(await withSigma(file, sigma), { device }) : await firstModel(sigma);
  await vae.train(train, {
    epochs: file ? laterEpochs : firstEpochs,
    batchSize: 128,
    learningRate: file ? 1e-3 : 2e-3,
    onEpoch: ({ epoch, train: { elbo, kl }, seconds }) =>
      console.log(`sigma ${sigma}, epoch ${epoch}: elbo ${elbo}, rate ${kl} nats, ${seconds} s`),
  });
  const { point, decoded } = await measure(vae, sigma);
  curve.push(point);
  rows.push(decoded.subarray(0, shownImages * 784));
  console.log(JSON.stringify(point));
  file = await vae.save();
  vae.destroy();
}

const png = pngSizes(test);
const jpeg = jpegCurves(test);
const lossless = await bitsBack();
const report = {
  images,
  data: 'Fashion-MNIST, first 1,000 test images of the bundled part',
  device: device.description,
  date: new Date().toISOString().slice(0, 10),
  command: 'npm run bench:rate-distortion',
  seconds: Math.round((performance.now() - started) / 1000),
  curve,
  jpeg,
  png,
  lossless,
};
writeFileSync(join(root, 'docs/members/rate-distortion.json'), `${JSON.stringify(report, null, 2)}\n`);
writeFileSync(join(root, 'docs/members/images/rate-distortion.svg'), rateDistortionFigure(report));
const shown = Float32Array.from(rows.flatMap((row) => [...row]));
const picture = imageGrid(shown, [28, 28, 1], { columns: shownImages, scale: 2 });
writeFileSync(join(root, 'docs/members/images/rate-distortion.png'), encodePng(picture));
console.log(JSON.stringify({ png, lossless, seconds: report.seconds }));
process.exit(0);

function firstModel(sigma: number): Promise<Vae> {
  const dense = denseSpec({ input: [28, 28, 1], hidden: 256, latent: 48 });
  const spec = {
    ...dense,
    posterior: 'uniform',
    prior: { type: 'factorized' },
    likelihood: { type: 'gaussian', scale: sigma },
  } as const;
  return Vae.create(spec, { device });
}

/** The same weights under another sigma. */
async function withSigma(bytes: Uint8Array, sigma: number): Promise<Uint8Array> {
  const { tensors, metadata } = await readSafetensors(bytes);
  const spec = JSON.parse(metadata.get('spec')!) as Record<string, unknown>;
  const changed = { ...spec, likelihood: { type: 'gaussian', scale: sigma } };
  const same = new Map<string, TensorToWrite>();
  for (const [name, { shape, values }] of tensors) same.set(name, { shape, values: values as Float32Array });
  return writeSafetensors(same, { ...Object.fromEntries(metadata), spec: JSON.stringify(changed) });
}

async function measure(vae: Vae, sigma: number): Promise<{ point: ModelPoint; decoded: Float32Array }> {
  const { bytes, predictedBits } = await compress(vae, test);
  const decoded = (await decompress(vae, bytes)).values as Float32Array;
  const predictedByteLength = predictedBits / 8;
  const point = {
    sigma,
    bitsPerPixel: (8 * bytes.length) / test.values.length,
    psnr: psnr(decoded),
    byteLength: bytes.length,
    predictedByteLength: Math.round(predictedByteLength),
    overhead: bytes.length / predictedByteLength - 1,
  };
  return { point, decoded };
}

/** Of the mean squared error of all images, decoded to bytes as a viewer does. */
function psnr(decoded: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < decoded.length; i++) {
    const byte = Math.round(255 * Math.min(1, Math.max(0, decoded[i]!)));
    sum += (byte - test.values[i]!) ** 2;
  }
  return 10 * Math.log10(255 ** 2 / (sum / decoded.length));
}

async function bitsBack(): Promise<Record<string, number>> {
  const vae = await Vae.create(denseSpec({ input: [28, 28, 1], hidden: 200, latent: 20 }), { device });
  await vae.train(binarized(train), { epochs: losslessEpochs, batchSize: 128, learningRate: 2e-3 });
  const binary = binarized(test);
  const { elbo } = await vae.evaluate(binary, { estimator: 'A', samples: 16 });
  const { bytes, bitsPerDimension } = await compressLossless(vae, binary);
  const back = await decompressLossless(vae, bytes);
  if (!isDeepStrictEqual(back.values, binary.values))
    throw new Error('[bench] bits-back gave other images; expected the same');
  const bound = -elbo / Math.LN2 / 784;
  return {
    negativeElboBitsPerDimension: bound,
    bitsPerDimension,
    fileBitsPerDimension: (8 * bytes.length) / binary.values.length,
    overBound: bitsPerDimension / bound - 1,
    pngBitsPerDimension: pngSizes(binary, 1).sheetBitsPerPixel,
  };
}
