/**
 * Lossless coding with a latent variable model: bits back with asymmetric numeral systems (Townsend, Bird and Barber
 * 2019, "Practical lossless compression with latent variables using bits back coding", algorithm 1). Of each datum x:
 * pop z from q(z | x), push x under p(x | z), push z under p(z). The bits that choosing z took come back when the
 * decoder, which knows x by then, pushes z under q(z | x); what a datum costs in the mean is the negative ELBO.
 *
 * Both networks are part of the code and compute in f32: data are decodable only where they give the same bits, which is
 * the same adapter, driver and version. A file carries a digest of what the networks made of fixed numbers, and a
 * reader whose networks make anything else of them refuses. Rows run one by one, since another batch size is another
 * order of sums.
 */
import { DataError, SpecError } from '../../gpu/errors.js';
import { elementCount } from '../../gpu/shape.js';
import { threefry } from '../../gpu/threefry.js';
import type { Dataset } from '../data/dataset.js';
import { checkForModel } from '../data/check.js';
import type { Vae } from '../vae.js';
import { readCodedFile, writeCodedFile, type ReadCodedOptions } from './coded-file.js';
import { checkCapacity, checkFile, modelDigest } from './model-file-match.js';
import { binBits, binCentre, binCount, popNormalBin, pushNormalBin } from './normal-bins.js';
import { exactExp } from './exact-math.js';
import { checkSignature, signature } from './network-signature.js';
import { frequencyTotal, RansStack } from './rans.js';

export interface BitsBackFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bits that the data added to the stack; the file holds the bits it began with too. */
  readonly dataBits: number;
  /** Of `dataBits`, for each number of the data. */
  readonly bitsPerDimension: number;
}

/** Key of the bits that a stack begins with, away from other uses of Threefry. */
const START_KEY = 0x62697401;
/** Least bits of a pixel: its symbol owns all slots but one, log2(65536 / 65535). */
const LEAST_BITS = 2.2e-5;
/** Log-variances are clamped where the posterior exponentiates them (src/gpu/ops/reparameterize.ts). */
const LOG_VARIANCE_RANGE = [-30, 20] as const;

/** One bit each: every value is 0 or 255. Values of at least one half (128) become 255. */
export function binarized(data: Dataset): Dataset {
  const half = data.values instanceof Uint8Array ? 128 : 0.5;
  return { ...data, values: Uint8Array.from(data.values, (value) => (value >= half ? 255 : 0)) };
}

/**
 * The file of a data set of zeros and ones (u8 0 and 255) under a Bernoulli VAE with a normal posterior and prior.
 *
 * @throws SpecError for another model; DataError for other data
 */
export async function compressLossless(vae: Vae, data: Dataset): Promise<BitsBackFile> {
  checkModel(vae);
  checkForModel(data, vae.spec, 1);
  const values = checkBinary(data);
  const stack = startStack(vae.spec.latent);
  const initialBits = stack.bitLength;
  const width = elementCount(data.shape);
  for (let row = 0; row < data.rows; row++)
    await pushDatum(vae, stack, row, values.subarray(row * width, (row + 1) * width));
  const dataBits = stack.bitLength - initialBits;
  const bytes = await writeCodedFile({
    kind: 'bits-back',
    rows: data.rows,
    shape: data.shape,
    model: await modelDigest(vae),
    extra: await signature(vae),
    words: stack.toWords(),
  });
  return { bytes, dataBits, bitsPerDimension: dataBits / values.length };
}

/**
 * The data set of a file.
 *
 * @throws CheckpointError when the file was made with another model; DataError when it is damaged or forged, or when the
 *   networks give other bits here
 */
export async function decompressLossless(
  vae: Vae,
  bytes: Uint8Array,
  options: ReadCodedOptions = {},
): Promise<Dataset> {
  const where = options.name ?? 'wvae';
  const file = await readCodedFile(bytes, options);
  await checkFile(vae, file, 'bits-back', where);
  checkModel(vae);
  await checkSignature(vae, file.extra, where);
  const width = elementCount(file.shape);
  const stack = RansStack.fromWords(file.words, where);
  checkCapacity(file.rows, width * LEAST_BITS, stack, where);
  const values = new Uint8Array(file.rows * width);
  for (let row = file.rows - 1; row >= 0; row--) values.set(await popDatum(vae, stack, row), row * width);
  checkEnd(stack, startStack(vae.spec.latent), where);
  return { rows: file.rows, shape: file.shape, values };
}

async function pushDatum(vae: Vae, stack: RansStack, row: number, x: Uint8Array): Promise<void> {
  const { mean, scale } = await posteriorOf(vae, x);
  const bins = mean.map((value, k) => popNormalBin(stack, value, scale[k]!));
  const probabilities = await vae.decode(Float32Array.from(bins, binCentre));
  for (let d = 0; d < x.length; d++) {
    const split = splitOf(probabilities[d]!);
    if (x[d]! > 0) stack.push(split, frequencyTotal - split);
    else stack.push(0, split);
  }
  bins.forEach((bin, k) => stack.pushBits(bin ^ mask(row, k), binBits));
}

/** The steps of pushDatum backwards, each undone. */
async function popDatum(vae: Vae, stack: RansStack, row: number): Promise<Uint8Array> {
  const bins: number[] = [];
  for (let k = vae.spec.latent - 1; k >= 0; k--) bins[k] = stack.popBits(binBits) ^ mask(row, k);
  const probabilities = await vae.decode(Float32Array.from(bins, binCentre));
  const x = new Uint8Array(probabilities.length);
  for (let d = x.length - 1; d >= 0; d--) {
    const split = splitOf(probabilities[d]!);
    const isOne = stack.slot >= split;
    if (isOne) stack.drop(split, frequencyTotal - split);
    else stack.drop(0, split);
    x[d] = isOne ? 255 : 0;
  }
  const { mean, scale } = await posteriorOf(vae, x);
  for (let k = bins.length - 1; k >= 0; k--) pushNormalBin(stack, bins[k]!, mean[k]!, scale[k]!);
  return x;
}

/**
 * Random bits that a bin is crossed with. The next z is chosen by what lies on top of the stack, which is this z: without
 * the mask the two would be alike wherever latents are not spread as the prior says.
 */
function mask(row: number, k: number): number {
  return threefry(START_KEY, 1, row, k)[0] % binCount;
}

/** Zero owns the slots below, one those from here on, at least one each. */
function splitOf(probability: number): number {
  return 1 + Math.floor((1 - probability) * (frequencyTotal - 2) + 0.5);
}

interface Moments {
  readonly mean: number[];
  readonly scale: number[];
}

async function posteriorOf(vae: Vae, x: Uint8Array): Promise<Moments> {
  const { mean, logVariance } = await vae.encode(Float32Array.from(x, (value) => value / 255));
  const [low, high] = LOG_VARIANCE_RANGE;
  const scales = Array.from(logVariance, (s) => exactExp(0.5 * Math.min(high, Math.max(low, s))));
  return { mean: Array.from(mean), scale: Array.from(mean, (_, k) => scales[k % scales.length]!) };
}

/** Random bits to choose the first z from: the decoder finds the same ones at the end. */
function startStack(latent: number): RansStack {
  // popping a latent takes at most 16 bits, and the state takes three words
  const count = latent + 4;
  const words = Uint16Array.from({ length: count }, (_, i) => threefry(START_KEY, 0, i, 0)[0] >>> 16);
  words[count - 1] = words[count - 1]! | 1; // a state is at least 2^32
  return RansStack.fromWords(words);
}

function checkEnd(stack: RansStack, start: RansStack, where: string): void {
  const [found, expected] = [stack.toWords(), start.toWords()];
  if (found.length === expected.length && found.every((word, i) => word === expected[i])) return;
  throw new DataError(
    where,
    'the decoded data do not leave the bits that coding began with; the networks gave other bits than where the file was made, or it was forged; decode it on the adapter that made it',
  );
}

function checkModel({ spec }: Vae): void {
  const { likelihood, posterior, prior, condition } = spec;
  const isNormal = posterior.type === 'diagonal' || posterior.type === 'isotropic';
  if (likelihood.type === 'bernoulli' && isNormal && prior.type === 'standard-normal' && !condition) return;
  throw new SpecError(
    'bits-back',
    `the model has a ${likelihood.type} likelihood, a ${posterior.type} posterior and a ${prior.type} prior` +
      `${condition ? ', and a condition' : ''}; expected bernoulli, diagonal or isotropic, and standard-normal; train such a model on binary images`,
  );
}

/** Zeros and ones as bytes 0 and 255. @throws DataError for anything else */
function checkBinary({ values }: Dataset): Uint8Array {
  const one = values instanceof Uint8Array ? 255 : 1;
  const index = values.findIndex((value) => value !== 0 && value !== one);
  if (index < 0) return Uint8Array.from(values, (value) => (value > 0 ? 255 : 0));
  throw new DataError(
    'data',
    `number ${index} is ${values[index]}; a Bernoulli model codes 0 and ${one} only; use binarized(data)`,
  );
}
