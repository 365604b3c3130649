/**
 * Which kernel of a product's family runs where. The register-blocked kernels need no barriers, which software
 * adapters run slowly; the workgroup-memory kernels share loads, which GPUs need. Figures: docs/performance.md.
 */
import { isSoftware, type AdapterClass, type DispatchContext } from '../dispatch.js';
import { ceilDivide } from '../shape.js';
import type { ProductShape } from './product.js';

/** The kernels that every family has. */
export type Skeleton = `${'registers' | 'quads' | 'workgroup'}${'' | '_any'}`;

export interface ProductVariant {
  readonly skeleton: Skeleton;
  readonly overrides: Readonly<Record<string, number>>;
  /** Rows and columns of the product that one workgroup makes. */
  readonly tileRows: number;
  readonly tileColumns: number;
  /** Pieces of the inner axis, where they were measured; the rule of splitCount otherwise. */
  readonly splits?: number;
}

/** Below this many workgroups a GPU is not filled and smaller tiles or a split inner axis pay. */
const FULL_GPU_WORKGROUPS = 128;
/** A piece of a split inner axis is at least this long, or the partial sums cost more than they save. */
const SHORTEST_PIECE = 256;
/** Up to here a square tile would mostly be padding. */
const NARROW_COLUMNS = 8;
/** Cores times two of a typical software adapter. */
const FULL_SOFTWARE_WORKGROUPS = 8;

/** The kernel, tile and overrides for a product of this size: as measured where there is a table, else by rule. */
export function chooseVariant(
  { adapterClass, tuning }: Pick<DispatchContext, 'adapterClass' | 'tuning'>,
  shape: ProductShape,
): ProductVariant {
  const tuned = tuning?.(shape);
  if (tuned) return tuned;
  const { rows, columns, aligned, phases = 1 } = shape;
  if (isSoftware(adapterClass)) return registerVariant(adapterClass, shape);
  if (columns <= NARROW_COLUMNS) return narrowVariant(aligned);
  const large = phases * ceilDivide(rows, 64) * ceilDivide(columns, 64) >= FULL_GPU_WORKGROUPS;
  return workgroupVariant(aligned, large ? 2 : 1);
}

/** A register tile of up to 16 rows by 8 columns; smaller where the product is. */
export function registerVariant(adapterClass: AdapterClass, shape: ProductShape): ProductVariant {
  const { family, rows, columns, aligned } = shape;
  const isNarrow = columns <= 16;
  const quads = !isNarrow && adapterClass === 'software-subgroups';
  const rowQuads = rows <= 4 ? 1 : rows <= 8 ? 2 : 4;
  // 16 x 8 sums and two operands just fit the registers; a convolution's index arithmetic takes half of them.
  const columnQuads = columns <= 4 || (!isNarrow && family !== 'matmul') ? 1 : 2;
  // Four neighbours share rows; few invocations a workgroup spread a small product over the cores.
  const [x, y] = isNarrow ? [1, 8] : [4, 2];
  return {
    skeleton: `${quads ? 'quads' : 'registers'}${aligned ? '' : '_any'}`,
    overrides: { ROW_QUADS: rowQuads, COLUMN_QUADS: columnQuads, WORKGROUP_X: x, WORKGROUP_Y: y },
    tileRows: 4 * rowQuads * y,
    tileColumns: 4 * columnQuads * x,
  };
}

/** 8 x 8 invocations with `quads` x `quads` tiles of 4 x 4 each. */
export function workgroupVariant(aligned: boolean, quads: 1 | 2): ProductVariant {
  return {
    skeleton: aligned ? 'workgroup' : 'workgroup_any',
    overrides: { QUADS: quads, TILE_INNER: 16, WORKGROUP_X: 8, WORKGROUP_Y: 8 },
    tileRows: 32 * quads,
    tileColumns: 32 * quads,
  };
}

/** For products of a few columns (the last layer's channels): 2 x 32 invocations with tiles of 4 x 4. */
export function narrowVariant(aligned: boolean): ProductVariant {
  return {
    skeleton: aligned ? 'workgroup' : 'workgroup_any',
    overrides: { QUADS: 1, TILE_INNER: 8, WORKGROUP_X: 2, WORKGROUP_Y: 32 },
    tileRows: 128,
    tileColumns: NARROW_COLUMNS,
  };
}

/** Into how many pieces the inner axis is cut, so that a small product of a long axis still fills the adapter. */
export function splitCount(
  adapterClass: AdapterClass,
  variant: ProductVariant,
  { rows, columns, inner, phases = 1, splittable = true }: ProductShape,
): number {
  if (splittable && variant.splits) return variant.splits;
  const workgroups = phases * ceilDivide(rows, variant.tileRows) * ceilDivide(columns, variant.tileColumns);
  const wanted = isSoftware(adapterClass) ? FULL_SOFTWARE_WORKGROUPS : FULL_GPU_WORKGROUPS;
  if (!splittable || workgroups * 2 > wanted || inner < 2 * SHORTEST_PIECE) return 1;
  return Math.min(Math.floor(wanted / workgroups), Math.floor(inner / SHORTEST_PIECE));
}
