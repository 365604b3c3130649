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
import { DataError } from '../../gpu/errors.js';
import { threefry } from '../../gpu/threefry.js';
import { checkForModel } from '../data/check.js';
import type { Dataset } from '../data/dataset.js';
import type { Vae } from '../vae.js';
import { readCodedFile, writeCodedFile, type ReadCodedOptions } from './coded-file.js';
import { checkCapacity, checkFile, modelDigest } from './model-file-match.js';
import { checkSignature, Networks, signature } from './networks.js';
import { binBits, binCentre, binCount, popNormalBin, pushNormalBin } from './normal-bins.js';
import type { PixelCode } from './pixel-code.js';
import { RansStack } from './rans.js';

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

/** One bit each: every value is 0 or 255. Values of at least one half (128) become 255. */
export function binarized(data: Dataset): Dataset {
  const half = data.values instanceof Uint8Array ? 128 : 0.5;
  return { ...data, values: Uint8Array.from(data.values, (value) => (value >= half ? 255 : 0)) };
}

/**
 * The file of a data set under a VAE with a normal posterior and prior: of zeros and ones (u8 0 and 255) with a Bernoulli
 * likelihood, of bytes with a beta-binomial one.
 *
 * @throws SpecError for another model; DataError for other data
 */
export async function compressLossless(vae: Vae, data: Dataset): Promise<BitsBackFile> {
  const networks = new Networks(vae);
  try {
    checkForModel(data, vae.spec, 1);
    const values = checkBytes(data, networks.code);
    const stack = startStack(vae.spec.latent);
    const initialBits = stack.bitLength;
    await pushData(networks, stack, values);
    const dataBits = stack.bitLength - initialBits;
    const bytes = await writeCodedFile({
      kind: 'bits-back',
      rows: data.rows,
      shape: data.shape,
      model: await modelDigest(vae),
      extra: await signature(networks),
      words: stack.toWords(),
    });
    return { bytes, dataBits, bitsPerDimension: dataBits / values.length };
  } finally {
    networks.destroy();
  }
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
  const networks = new Networks(vae);
  try {
    await checkSignature(networks, file.extra, where);
    const stack = RansStack.fromWords(file.words, where);
    checkCapacity(file.rows, networks.width * LEAST_BITS, stack, where);
    const values = await popData(networks, stack, file.rows);
    checkEnd(stack, startStack(vae.spec.latent), where);
    return { rows: file.rows, shape: file.shape, values };
  } finally {
    networks.destroy();
  }
}

async function pushData(networks: Networks, stack: RansStack, values: Uint8Array): Promise<void> {
  const { width } = networks;
  for (let first = 0; first < values.length; first += width)
    await pushDatum(networks, stack, first / width, values.subarray(first, first + width));
}

/** Last in, first out. */
async function popData(networks: Networks, stack: RansStack, rows: number): Promise<Uint8Array> {
  const { width } = networks;
  const values = new Uint8Array(rows * width);
  for (let row = rows - 1; row >= 0; row--) values.set(await popDatum(networks, stack, row), row * width);
  return values;
}

async function pushDatum(networks: Networks, stack: RansStack, row: number, x: Uint8Array): Promise<void> {
  const { mean, scale } = await networks.posterior(x);
  const bins = mean.map((value, k) => popNormalBin(stack, value, scale[k]!));
  const parameters = await networks.likelihood(Float32Array.from(bins, binCentre));
  x.forEach((byte, d) => networks.code.push(stack, parameters(d), byte));
  bins.forEach((bin, k) => stack.pushBits(bin ^ mask(row, k), binBits));
}

/** The steps of pushDatum backwards, each undone. */
async function popDatum(networks: Networks, stack: RansStack, row: number): Promise<Uint8Array> {
  const bins: number[] = [];
  for (let k = networks.latent - 1; k >= 0; k--) bins[k] = stack.popBits(binBits) ^ mask(row, k);
  const parameters = await networks.likelihood(Float32Array.from(bins, binCentre));
  const x = new Uint8Array(networks.width);
  for (let d = x.length - 1; d >= 0; d--) x[d] = networks.code.pop(stack, parameters(d));
  const { mean, scale } = await networks.posterior(x);
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

/** The data as bytes. @throws DataError for what the model's likelihood cannot code */
function checkBytes({ values }: Dataset, { isBinary }: PixelCode): Uint8Array {
  if (!isBinary && values instanceof Uint8Array) return values;
  if (!isBinary)
    throw new DataError('data', 'are f32; a beta-binomial model codes bytes; pass them as Uint8Array');
  const one = values instanceof Uint8Array ? 255 : 1;
  const index = values.findIndex((value) => value !== 0 && value !== one);
  if (index < 0) return Uint8Array.from(values, (value) => (value > 0 ? 255 : 0));
  throw new DataError(
    'data',
    `number ${index} is ${values[index]}; a Bernoulli model codes 0 and ${one} only; use binarized(data)`,
  );
}
