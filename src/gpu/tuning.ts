/**
 * A table of measured choices that stands in for the rule of ops/product-variants.ts: for each product of exactly these
 * sizes, the kernel and tile that were fastest on one adapter. `npm run tune` writes it; products that are not in it
 * follow the rule. Every kernel computes the same sums in another order, so a table changes results by rounding only.
 */
import { integer, list, oneOf, record, show } from './check.js';
import type { AdapterClass } from './dispatch.js';
import { SpecError } from './errors.js';
import type { ProductShape } from './ops/product.js';
import type { ProductVariant } from './ops/product-variants.js';

const productFamilies = ['matmul', 'conv', 'conv_weight'] as const;
const tileKernels = ['registers', 'quads', 'workgroup'] as const;

/** How a product is cut into tiles. */
export interface Tiling {
  /** `quads` is for software adapters with subgroups. */
  readonly kernel: (typeof tileKernels)[number];
  /** Tiles of 4 x 4 that an invocation makes, down and across: 1, 2 or 4; for `workgroup` twice 1 or twice 2. */
  readonly quads: readonly [rows: number, columns: number];
  /** Invocations of a workgroup, across and down. */
  readonly workgroup: readonly [x: number, y: number];
  /** `workgroup` only: how much of the inner axis is kept in workgroup memory at a time. */
  readonly tileInner?: number;
  /** Pieces of the inner axis, where the product can be added up from pieces. */
  readonly splits: number;
}

/** The product that a tiling is for. */
export interface ProductKey {
  readonly family: ProductShape['family'];
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly phases: number;
  /** Whether all of its loads and stores are vec4. */
  readonly aligned: boolean;
}

/** Plain JSON. */
export interface TuneTable {
  readonly version: 1;
  /** The adapter's vendor and architecture, as `Device.description` begins. */
  readonly adapter: string;
  readonly entries: readonly (ProductKey & Tiling)[];
}

/** The measured kernel of a product; undefined where there is none. */
export type Tuning = (shape: ProductShape) => ProductVariant | undefined;

const tableFields = ['version', 'adapter', 'entries'];
const keyFields = ['family', 'rows', 'columns', 'inner', 'phases', 'aligned'];
const tilingFields = ['kernel', 'quads', 'workgroup', 'tileInner', 'splits'];

/** What every device allows a workgroup. */
const MOST_INVOCATIONS = 256;
const MOST_WORKGROUP_BYTES = 16_384;
/** Beyond any adapter's need; the partial products take this many times the memory. */
const MOST_SPLITS = 256;

/** A table from a file, checked. @throws SpecError naming the field that is no table's */
export function readTuneTable(value: unknown): TuneTable {
  const { version, adapter, entries } = record(value, 'tuning', tableFields);
  if (version !== 1)
    throw new SpecError(
      'tuning.version',
      `is ${show(version)}; expected 1; make the table anew with npm run tune`,
    );
  if (typeof adapter !== 'string' || adapter === '')
    throw new SpecError(
      'tuning.adapter',
      `is ${show(adapter)}; expected the adapter's name; make the table anew with npm run tune`,
    );
  const read = list(entries, 'tuning.entries', 0, 65_536).map(readEntry);
  const keys = read.map(productKey);
  const twice = keys.findIndex((key, index) => keys.indexOf(key) !== index);
  if (twice >= 0)
    throw new SpecError(
      `tuning.entries[${twice}]`,
      `is the product of entry ${keys.indexOf(keys[twice]!)} again (${keys[twice]}); remove one of the two`,
    );
  return { version, adapter, entries: read };
}

function readEntry(value: unknown, index: number): ProductKey & Tiling {
  const where = `tuning.entries[${index}]`;
  const entry = record(value, where, [...keyFields, ...tilingFields]);
  const size = (name: string): number => integer(entry[name], `${where}.${name}`, 1, 2 ** 31);
  const inner = size('inner');
  if (typeof entry['aligned'] !== 'boolean')
    throw new SpecError(`${where}.aligned`, `is ${show(entry['aligned'])}; expected true or false`);
  return {
    family: oneOf(entry['family'], `${where}.family`, productFamilies),
    rows: size('rows'),
    columns: size('columns'),
    inner,
    phases: size('phases'),
    aligned: entry['aligned'],
    ...readTiling(entry, where),
    splits: integer(entry['splits'], `${where}.splits`, 1, Math.min(MOST_SPLITS, Math.ceil(inner / 4))),
  };
}

function readTiling(entry: Record<string, unknown>, where: string): Omit<Tiling, 'splits'> {
  const kernel = oneOf(entry['kernel'], `${where}.kernel`, tileKernels);
  const quads = pair(entry['quads'], `${where}.quads`, 4);
  const workgroup = pair(entry['workgroup'], `${where}.workgroup`, MOST_INVOCATIONS);
  const tileInner = entry['tileInner'];
  const [x, y] = workgroup;
  const refuse = (field: string, expected: string): never => {
    throw new SpecError(`${where}.${field}`, `is ${show(entry[field])}; expected ${expected}`);
  };
  if (x * y > MOST_INVOCATIONS) refuse('workgroup', `at most ${MOST_INVOCATIONS} invocations in all`);
  if (kernel !== 'workgroup') {
    if (tileInner !== undefined) refuse('tileInner', `none: only the kernel 'workgroup' has one`);
    if (quads.includes(3)) refuse('quads', '1, 2 or 4 each');
    if (kernel === 'quads' && x % 4 !== 0)
      refuse('workgroup', 'a multiple of 4 across: four neighbours share rows');
    return { kernel, quads, workgroup };
  }
  if (quads[0] !== quads[1] || quads[0] > 2) refuse('quads', "[1, 1] or [2, 2] of the kernel 'workgroup'");
  const depth = integer(tileInner, `${where}.tileInner`, 4, 256);
  const bytes = 16 * (x + y) * quads[0] * depth;
  if (depth % 4 !== 0 || (quads[0] * depth) / 4 > Math.min(x, y) || bytes > MOST_WORKGROUP_BYTES)
    refuse(
      'tileInner',
      `a multiple of 4, at most 4 * min(workgroup) / quads, in tiles of at most ${MOST_WORKGROUP_BYTES} bytes`,
    );
  return { kernel, quads, workgroup, tileInner: depth };
}

function pair(value: unknown, where: string, limit: number): [number, number] {
  const [first, second] = list(value, where, 2, 2).map((item) => integer(item, where, 1, limit));
  return [first!, second!];
}

/** `conv 64 x 32 x 128, 4 phases, aligned`: what tells products apart. */
export function productKey({ family, rows, columns, inner, phases = 1, aligned }: ProductShape): string {
  return `${family} ${rows} x ${columns} x ${inner}, ${phases} phases, ${aligned ? 'aligned' : 'not aligned'}`;
}

/** The tiling as the kernels take it. */
export function variantOf(
  { kernel, quads: [rows, columns], workgroup: [x, y], tileInner = 16, splits }: Tiling,
  aligned: boolean,
): ProductVariant {
  const own =
    kernel === 'workgroup'
      ? { QUADS: rows, TILE_INNER: tileInner }
      : { ROW_QUADS: rows, COLUMN_QUADS: columns };
  return {
    skeleton: `${kernel}${aligned ? '' : '_any'}`,
    overrides: { ...own, WORKGROUP_X: x, WORKGROUP_Y: y },
    tileRows: 4 * rows * y,
    tileColumns: 4 * columns * x,
    splits,
  };
}

/** The choice that a table makes. */
export function tuningOf({ entries }: TuneTable): Tuning {
  const tilings = new Map(entries.map((entry) => [productKey(entry), entry]));
  return (shape) => {
    const tiling = tilings.get(productKey(shape));
    return tiling && variantOf(tiling, shape.aligned);
  };
}

/** Why a device has no use for a table; undefined where it has. */
export function misfit(
  { adapter, entries }: TuneTable,
  description: string,
  adapterClass: AdapterClass,
): string | undefined {
  if (!`${description} `.startsWith(`${adapter} `))
    return `the tuning table was measured on '${adapter}'; this device is '${description}'; run npm run tune on it`;
  // elsewhere the four of a quad are not known to be neighbours along x
  if (adapterClass !== 'software-subgroups' && entries.some(({ kernel }) => kernel === 'quads'))
    return `the tuning table has kernels for software adapters with subgroups; this device is '${adapterClass}'; request the feature 'subgroups', or run npm run tune`;
  return undefined;
}
