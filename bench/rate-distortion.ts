/**
 * `npm run bench:rate-distortion`: the curve of bits per pixel against PSNR on 1,000 Fashion-MNIST test images, with JPEG
 * and PNG of the same images beside it, and bits-back on the same images in black and white. Sizes are those of real files,
 * decoded again before they count, here and in Chromium. Writes docs/members/rate-distortion.json and two pictures in
 * docs/members/images. Models are kept in out/rate-distortion; `--keep` takes those that are there.
 *
 *     npm run bench:rate-distortion -- [--steps 250] [--rate 4e-3] [--validate] [--keep]
 *
 * `--validate` measures on 1,000 training images that no model trains on, prints, and writes nothing: settings are chosen so.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { Device } from '../src/gpu/device.js';
import { elementCount } from '../src/gpu/shape.js';
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
import { floatRows, type Dataset } from '../src/vae/data/dataset.js';
import { denseSpec } from '../src/vae/presets.js';
import { Vae } from '../src/vae/vae.js';
import { jpegCurves, pngSizes, type CurvePoint } from './image-files.js';
import { linePlot } from './line-plot.js';
import { network, pcaModel, trainModel, withSigma } from './rate-distortion-model.js';
import { CodingPage, type PageComparison } from './rate-distortion-page.js';

const root = resolve(import.meta.dirname, '..');
const images = 1000;
/**
 * lambda = 1 / sigma^2: 816 to 12. Fine to coarse: what is not linear pays most where bits are few, and is learned last.
 * Below 7 kB the file's head alone is 1 % of it.
 */
const sigmas = [0.035, 0.06, 0.1, 0.17, 0.29] as const;
/** The rest of the 20,000 is for choosing settings. */
const trainingImages = 18_000;
const losslessImages = 10_000;
const losslessEpochs = 4;
const shownImages = 9;

interface ModelPoint extends CurvePoint {
  readonly sigma: number;
  readonly byteLength: number;
  readonly predictedByteLength: number;
  /** The file's bytes over the predicted ones, less 1. */
  readonly overhead: number;
  /** Node's file in Chromium, and Chromium's in Node. */
  readonly chromium: PageComparison;
}

const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '250' },
    rate: { type: 'string', default: '4e-3' },
    validate: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
/** The learning rate is `--rate` times sigma: errors of the size of sigma are what a step may make. */
const steps = Number(options.steps);
const models = join(root, 'out/rate-distortion');
mkdirSync(models, { recursive: true });

const started = performance.now();
const device = await Device.open({ gpu: await openNodeGpu({}) });
const all = await loadImages('fashion', 'train', {});
const train = rowsOf(all, 0, trainingImages);
const test = options.validate
  ? rowsOf(all, trainingImages, images)
  : await loadImages('fashion', 'test', { limit: images });
const page = await CodingPage.open();

const rows: Float32Array[] = [floatRows(test, 0, shownImages)];
const curve: ModelPoint[] = [];
for (const [index, sigma] of sigmas.entries()) {
  const vae = await modelOf(index);
  const { point, decoded } = await measure(vae, sigma);
  curve.unshift(point);
  rows.splice(1, 0, decoded.subarray(0, shownImages * 784));
  console.log(JSON.stringify(point));
  vae.destroy();
}
const chromium = page.version;
await page.close();
if (options.validate) process.exit(0);

const png = pngSizes(test);
const jpeg = jpegCurves(test);
const lossless = await bitsBack();
const report = {
  images,
  data: 'Fashion-MNIST, first 1,000 test images of the bundled part',
  device: device.description,
  date: new Date().toISOString().slice(0, 10),
  command: `npm run bench:rate-distortion${options.keep ? ' -- --keep' : ''}`,
  ...network,
  steps,
  learningRate: `${options.rate} sigma`,
  chromium,
  seconds: Math.round((performance.now() - started) / 1000),
  curve,
  jpeg,
  png,
  lossless,
};
writeFileSync(join(root, 'docs/members/rate-distortion.json'), `${JSON.stringify(report, null, 2)}\n`);
writeFileSync(join(root, 'docs/members/images/rate-distortion.svg'), drawCurve());
const shown = Float32Array.from(rows.flatMap((row) => [...row]));
const picture = imageGrid(shown, [28, 28, 1], { columns: shownImages, scale: 2 });
writeFileSync(join(root, 'docs/members/images/rate-distortion.png'), encodePng(picture));
console.log(JSON.stringify({ png, lossless, seconds: report.seconds }));
process.exit(0);

function fileOf(sigma: number): string {
  return join(models, `${sigma}.safetensors`);
}

/** The model of a sigma: kept from before, or trained from the one before it. */
async function modelOf(index: number): Promise<Vae> {
  const sigma = sigmas[index]!;
  if (options.keep && existsSync(fileOf(sigma))) return Vae.load(readFileSync(fileOf(sigma)), { device });
  const before = sigmas[index - 1];
  const start = before
    ? await withSigma(readFileSync(fileOf(before)), sigma)
    : await pcaModel(device, train, sigma);
  const vae = await Vae.load(start, { device });
  console.log(`sigma ${sigma}`);
  await trainModel(vae, train, { steps, learningRate: Number(options.rate) * sigma });
  writeFileSync(fileOf(sigma), await vae.save());
  return vae;
}

function rowsOf({ shape, values }: Dataset, first: number, count: number): Dataset {
  const size = elementCount(shape);
  return { rows: count, shape, values: values.subarray(first * size, (first + count) * size) };
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
    chromium: await page.compare(vae, test),
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
  await vae.train(binarized(rowsOf(train, 0, losslessImages)), {
    epochs: losslessEpochs,
    batchSize: 128,
    learningRate: 2e-3,
  });
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
function drawCurve(): string {
  return linePlot({
    title: '1,000 Fashion-MNIST images: size against quality',
    x: { label: 'bits per pixel', isLog: true },
    y: { label: 'PSNR (dB)' },
    series: [
      { label: 'autoencoder, one file', points: pointsOf(curve) },
      { label: 'JPEG, one sheet of all images', points: pointsOf(jpeg.sheet) },
      { label: 'JPEG, a file each', points: pointsOf(jpeg.files) },
    ],
    marks: [
      { label: 'PNG: sheet, files', x: png.sheetBitsPerPixel },
      { label: '', x: png.filesBitsPerPixel },
    ],
  });
}

function pointsOf(measured: readonly CurvePoint[]): [number, number][] {
  return measured.map((point) => [point.bitsPerPixel, point.psnr]);
}
