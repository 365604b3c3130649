/**
 * Lossy compression with a rate-distortion autoencoder: round(encoder(x)) under the integer tables of the learned
 * density. The entropy path has whole numbers only, so that latents decode to the same numbers on every device; the
 * decoder network makes images of them in f32.
 */
import { DataError, SpecError } from '../../gpu/errors.js';
import { checkForModel } from '../data/check.js';
import { floatRows, type Dataset } from '../data/dataset.js';
import { Inference } from '../inference.js';
import { componentCount, logScaleRange, weightNames } from '../priors/factorized.js';
import type { Vae } from '../vae.js';
import { checkCapacity, checkFile, modelDigest } from './model-file-match.js';
import { readCodedFile, shortDigest, writeCodedFile, type ReadCodedOptions } from './coded-file.js';
import { mixtureTable, type Logistic } from './prior-tables.js';
import { RansStack } from './rans.js';
import { leastBitsOf, popValue, pushValue, type SymbolTable } from './table.js';
import { tablesFromBytes, tablesToBytes } from './table-bytes.js';

/** What goes into the file. */
export interface CompressOptions {
  /**
   * True puts the tables into the file: it is read without building them from the model, for some 40 bytes a latent.
   * False (the default) states their digest: a reader builds them from its model and compares.
   */
  readonly embedTables?: boolean;
}

/** A file and what it was predicted to take. */
export interface CompressedFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** -log2 p(round(z)) of the learned density, summed over the data: what the file is held to. */
  readonly predictedBits: number;
  /** Bits of the coded latents alone. */
  readonly payloadBits: number;
}

/** What a file holds before the decoder network: whole numbers i32[N, K]. */
export interface CodedLatents {
  readonly rows: number;
  /** Shape of a datum. */
  readonly shape: readonly number[];
  readonly latents: Int32Array;
}

/** Rows that are encoded at once. */
const BATCH_ROWS = 128;
const tablesInside = 1;
const digestOfTables = 0;

/** The file of images. @throws SpecError for a model without a factorised prior; DataError for data that do not fit */
export async function compress(
  vae: Vae,
  data: Dataset,
  { embedTables = false }: CompressOptions = {},
): Promise<CompressedFile> {
  checkModel(vae);
  checkForModel(data, vae.spec, Math.min(BATCH_ROWS, data.rows));
  const latents = await roundedLatents(vae, data);
  const tables = await modelTables(vae);
  const stack = pushLatents(latents, tables);
  const bytes = await writeCodedFile({
    kind: 'rate-distortion',
    rows: data.rows,
    shape: data.shape,
    model: await modelDigest(vae),
    extra: await describeTables(tables, embedTables),
    words: stack.toWords(),
  });
  return { bytes, predictedBits: await predictBits(vae, latents), payloadBits: stack.bitLength };
}

/**
 * The images of a file, f32[N, ...shape]: what the decoder network makes of the latents.
 * @throws CheckpointError for a file of another model; DataError for a damaged or forged one
 */
export async function decompress(
  vae: Vae,
  bytes: Uint8Array,
  options: ReadCodedOptions = {},
): Promise<Dataset> {
  const { rows, shape, latents } = await readLatents(vae, bytes, options);
  return { rows, shape, values: await vae.decode(Float32Array.from(latents)) };
}

/** The latents of a file, the same on every device. @throws as {@link decompress} */
export async function readLatents(
  vae: Vae,
  bytes: Uint8Array,
  options: ReadCodedOptions = {},
): Promise<CodedLatents> {
  const where = options.name ?? 'wvae';
  const file = await readCodedFile(bytes, options);
  await checkFile(vae, file, 'rate-distortion', where);
  checkModel(vae);
  const tables = await readTables(vae, file.extra, where);
  const stack = RansStack.fromWords(file.words, where);
  checkCapacity(
    file.rows,
    tables.reduce((sum, table) => sum + leastBitsOf(table), 0),
    stack,
    where,
  );
  const latents = popLatents(file.rows, tables, stack);
  if (!stack.isEmpty)
    throw new DataError(
      where,
      'coded data are left behind the last image; expected none; the file is forged',
    );
  return { rows: file.rows, shape: file.shape, latents };
}

function checkModel({ spec }: Vae): void {
  if (spec.prior.type === 'factorized') return;
  throw new SpecError(
    'compress',
    `the prior is ${spec.prior.type}; expected factorized, whose probabilities can be coded; train with posterior 'uniform' and prior 'factorized'`,
  );
}

/** round(m) of each datum, i32[N, K]. */
async function roundedLatents(vae: Vae, data: Dataset): Promise<Int32Array> {
  const { latent } = vae.spec;
  const latents = new Int32Array(data.rows * latent);
  for (let row = 0; row < data.rows; row += BATCH_ROWS) {
    const { mean } = await vae.encode(floatRows(data, row, row + BATCH_ROWS));
    mean.forEach((value, i) => (latents[row * latent + i] = checkLatent(Math.round(value), i % latent)));
  }
  return latents;
}

const greatestLatent = 2 ** 24;

/** Beyond 2^24 not every whole number is an f32. */
function checkLatent(value: number, dimension: number): number {
  if (Math.abs(value) <= greatestLatent) return value;
  throw new DataError(
    'compress',
    `latent ${dimension} is ${value}; expected at most 2^24 in magnitude; check the model's weights`,
  );
}

/** Backwards, so that the decoder meets the first image first. */
function pushLatents(latents: Int32Array, tables: readonly SymbolTable[]): RansStack {
  const stack = new RansStack('compress');
  for (let i = latents.length - 1; i >= 0; i--) pushValue(stack, tables[i % tables.length]!, latents[i]!);
  return stack;
}

function popLatents(rows: number, tables: readonly SymbolTable[], stack: RansStack): Int32Array {
  const latents = new Int32Array(rows * tables.length);
  for (let i = 0; i < latents.length; i++) latents[i] = popValue(stack, tables[i % tables.length]!);
  return latents;
}

/** The tables of a model's prior, one a latent dimension. */
export async function modelTables(vae: Vae): Promise<SymbolTable[]> {
  const weights = await vae.readWeights();
  const offsets = new Map(vae.model.weights.set.entries.map(({ name, offset }) => [name, offset]));
  const read = (name: string, k: number): number => weights[offsets.get(name)! + k]!;
  const [low, high] = logScaleRange;
  const names = Array.from({ length: componentCount }, (_, component) => weightNames(component));
  const mixture = (k: number): Logistic[] =>
    names.map(({ mean, logScale, logit }) => ({
      mean: read(mean, k),
      logScale: Math.min(high, Math.max(low, read(logScale, k))),
      logit: read(logit, k),
    }));
  return Array.from({ length: vae.spec.latent }, (_, k) => mixtureTable(mixture(k)));
}

/** One byte that says which, then the tables or the digest of their bytes. */
async function describeTables(tables: readonly SymbolTable[], isInside: boolean): Promise<Uint8Array> {
  const bytes = tablesToBytes(tables);
  if (isInside) return Uint8Array.of(tablesInside, ...bytes);
  return Uint8Array.of(digestOfTables, ...new TextEncoder().encode(await shortDigest(bytes)));
}

async function readTables(vae: Vae, extra: Uint8Array, where: string): Promise<SymbolTable[]> {
  const { latent } = vae.spec;
  if (extra[0] === tablesInside) {
    const tables = tablesFromBytes(extra.subarray(1), where);
    if (tables.length === latent) return tables;
    throw new DataError(
      where,
      `holds ${tables.length} tables; the model has ${latent} latents; the file is forged`,
    );
  }
  const tables = await modelTables(vae);
  const found = await shortDigest(tablesToBytes(tables), where);
  const stated = new TextDecoder().decode(extra.subarray(1));
  if (extra[0] === digestOfTables && stated === found) return tables;
  throw new DataError(
    where,
    `states tables ${JSON.stringify(stated.slice(0, 16))}; the model's are ${found}; use the version of this library that wrote the file, or compress with embedTables`,
  );
}

/** -log2 of the learned density at latents, in f32 on the GPU, summed in f64. */
async function predictBits(vae: Vae, latents: Int32Array): Promise<number> {
  const { device, model, resources, spec } = vae;
  const inference = new Inference(device, model.weights, resources);
  try {
    const logDensities = await inference.run({
      label: 'rate',
      rows: { z: { values: Float32Array.from(latents), width: spec.latent } },
      outputWidth: 1,
      build: ({ z }) => model.prior.logDensity(z),
    });
    return logDensities.reduce((sum, nats) => sum - nats, 0) / Math.LN2;
  } finally {
    inference.destroy();
  }
}
