/**
 * Plan: rows of a batch from a data set on the GPU.
 * - format bytes (value / 255, correctly rounded, every one of them) and floats; width around the 16 elements that an invocation fetches;
 * - in order (control) and shuffled: sets of 1 row to 1025, around powers of four, batches that start anywhere;
 * - a short last batch, whose missing rows are zeros;
 * - binarized: every element 0 or 1 by comparing with the uniform of the noise contract.
 */
import { gather } from 'webgpu-vae/gpu';
import { uniformElement } from '../reference/noise.js';
import { epochOrder, roundKeys } from '../reference/permutation.js';
import { TestRandom, zeros, type F64 } from '../reference/tensor.js';
import { everywhere } from '../tolerance.js';
import { kernelCase, type CaseGraph, type KernelCase } from './case.js';

interface GatherRow {
  readonly rows: number;
  readonly width: number;
  readonly batch: number;
  readonly format: 'bytes' | 'floats';
  readonly shuffle: boolean;
  /** Position of the batch's first row in the epoch. */
  readonly first: number;
  readonly epoch: number;
}

const control: GatherRow = {
  rows: 40,
  width: 16,
  batch: 8,
  format: 'bytes',
  shuffle: false,
  first: 0,
  epoch: 0,
};

const table: readonly GatherRow[] = [
  control,
  { ...control, format: 'floats' },
  ...[1, 15, 17, 33].flatMap((width): GatherRow[] => [
    { ...control, width, first: 3 },
    { ...control, width, format: 'floats', first: 3 },
  ]),
  { ...control, batch: 1, first: 39 },
  { ...control, batch: 33, first: 24 }, // 16 rows are left
  ...[1, 2, 4, 5, 16, 17, 1000, 1024, 1025].map((rows) => ({
    ...control,
    rows,
    shuffle: true,
    width: 3,
    batch: 33,
  })),
  { ...control, rows: 1000, shuffle: true, first: 968, batch: 33, epoch: 1 },
  { ...control, rows: 1000, shuffle: true, first: 500, batch: 31, epoch: 60_000, format: 'floats' },
];

const seed = { low: 0x9abcdef0, high: 0x12345 };
const stream = 7;
/** What gather.wgsl mixes into the seed, so that binarisation and the latent noise differ. */
const BINARIZE_TAG = 0x62696e00;

/** The whole data set as bytes or floats. */
function dataset({ rows, width, format }: GatherRow): F64 {
  const random = new TestRandom(rows + width);
  const value = (): number => (format === 'bytes' ? random.word() % 256 : Math.fround(random.uniform()));
  return { shape: [rows, width], values: Float64Array.from({ length: rows * width }, value) };
}

/** Bytes in the words that hold them. */
function packBytes(values: Float64Array): Uint32Array {
  const bytes = new Uint8Array(4 * Math.ceil(values.length / 4));
  bytes.set(values);
  return new Uint32Array(bytes.buffer);
}

/** Puts the data set and the step block of the row's batch into the graph; the batch as it should arrive. */
function prepare(graph: CaseGraph, row: GatherRow, data: F64): F64 {
  const { rows, width, batch, format, shuffle, first, epoch } = row;
  const count = Math.min(batch, rows - first);
  graph.resources.set(
    'dataset',
    format === 'bytes' ? packBytes(data.values) : Float32Array.from(data.values),
  );
  graph.steps = [
    {
      seed: [seed.low, seed.high],
      stream,
      epoch,
      row_count: count,
      first_row: first,
      shuffle_keys: [...roundKeys(seed, epoch), 0, 0],
    },
  ];
  const order = shuffle ? epochOrder(rows, seed, epoch) : Uint32Array.from({ length: rows }, (_, i) => i);
  const x = zeros([batch, width]);
  for (let r = 0; r < count; r++) {
    for (let column = 0; column < width; column++) {
      const value = data.values[order[first + r]! * width + column]!;
      x.values[r * width + column] = format === 'bytes' ? Math.fround(value / 255) : value;
    }
  }
  return x;
}

function words({ rows, width, batch, format, shuffle, first, epoch }: GatherRow): string {
  const order = shuffle ? `epoch ${epoch} ` : '';
  return `${order}rows ${first} to ${first + batch - 1} of ${rows} ${format} of width ${width}`;
}

function gatherCase(row: GatherRow, data = dataset(row), name = words(row)): KernelCase {
  return kernelCase(`gather ${name}`, (graph) => {
    const x = prepare(graph, row, data);
    const { batch, width, rows, format, shuffle } = row;
    const tensor = gather({ batch, width, rows, format, shuffle, binarize: false });
    graph.expect('x', tensor, x, everywhere(x, 0));
  });
}

function binarizeCase(row: GatherRow, data: F64, name: string): KernelCase {
  return kernelCase(`gather binarized ${name}`, (graph) => {
    const { batch, width, rows, format, shuffle } = row;
    const probabilities = prepare(graph, row, data);
    const x = zeros([batch, width]);
    probabilities.values.forEach((probability, i) => {
      x.values[i] = uniformElement(i, key, stream) < probability ? 1 : 0;
    });
    graph.expect('x', gather({ batch, width, rows, format, shuffle, binarize: true }), x, everywhere(x, 0));
    if (data !== uniforms) checkMean(x, probabilities);
  });
}

/** The draws must have the mean they stand for, within 4 standard deviations of at most 1/2 a draw. */
function checkMean({ values: draws }: F64, { values: probabilities }: F64): void {
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
  const difference = Math.abs(sum(draws) - sum(probabilities));
  if (difference > 4 * 0.5 * Math.sqrt(draws.length))
    throw new Error(`[gather] ${draws.length} draws differ from their mean by ${difference}`);
}

const binarized: GatherRow = { ...control, rows: 50, width: 33, batch: 40, shuffle: true };
/** 0.3 everywhere, the extremes, a data set of bytes, and probabilities that equal the number they are compared with. */
const constant: F64 = { shape: [50, 33], values: new Float64Array(50 * 33).fill(Math.fround(0.3)) };
const extremes: F64 = { shape: [50, 33], values: constant.values.map((_, i) => i % 2) };
const key = { low: seed.low, high: (seed.high ^ BINARIZE_TAG) >>> 0 };
const uniforms: F64 = {
  shape: [50, 33],
  values: constant.values.map((_, i) => uniformElement(i, key, stream)),
};

const everyByte: GatherRow = { ...control, rows: 4, width: 64, batch: 4 };

export const gatherCases: readonly KernelCase[] = [
  ...table.map((row) => gatherCase(row)),
  gatherCase(
    everyByte,
    { shape: [4, 64], values: Float64Array.from({ length: 256 }, (_, i) => i) },
    'every byte: f32(b / 255)',
  ),
  binarizeCase({ ...binarized, format: 'floats' }, constant, 'at a mean of 0.3'),
  binarizeCase({ ...binarized, format: 'floats' }, extremes, 'zeros and ones'),
  binarizeCase({ ...binarized, format: 'floats', shuffle: false }, uniforms, 'at a tie'),
  binarizeCase(binarized, dataset(binarized), 'bytes'),
  binarizeCase({ ...binarized, first: 30 }, dataset(binarized), 'with missing rows'),
];
