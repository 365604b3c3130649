/**
 * Which matmul kernel runs where. The register-blocked kernel needs no barriers, which software adapters run
 * slowly; the workgroup-memory kernel shares loads, which GPUs need. Figures: docs/performance.md.
 */
import { isSoftware, type AdapterClass } from '../dispatch.js';
import { ceilDivide } from '../shape.js';
import type { Transposition } from './matmul.js';

export interface MatmulVariant {
  readonly kernel:
    | 'matmul_registers'
    | 'matmul_registers_any'
    | 'matmul_quads'
    | 'matmul_workgroup'
    | 'matmul_workgroup_any';
  readonly overrides: Readonly<Record<string, number>>;
  /** Rows and columns of the product that one workgroup makes. */
  readonly tileRows: number;
  readonly tileColumns: number;
}

/** Below this many workgroups a GPU is not filled and smaller tiles or a split inner axis pay. */
const FULL_GPU_WORKGROUPS = 128;
/** A piece of a split inner axis is at least this long, or the partial sums cost more than they save. */
const SHORTEST_PIECE = 256;
/** Cores times two of a typical software adapter. */
const FULL_SOFTWARE_WORKGROUPS = 8;

/** True when every contiguous axis and the inner axis are multiples of 4, so that vec4 loads need no guards. */
function isAligned(rows: number, columns: number, inner: number, transposition: Transposition): boolean {
  return inner % 4 === 0 && columns % 4 === 0 && (transposition !== 'TN' || rows % 4 === 0);
}

/** The kernel, tile and overrides for a product of this size. */
export function chooseVariant(
  adapterClass: AdapterClass,
  rows: number,
  columns: number,
  inner: number,
  transposition: Transposition,
): MatmulVariant {
  const aligned = isAligned(rows, columns, inner, transposition);
  if (isSoftware(adapterClass)) return registerVariant(adapterClass, aligned, rows, columns);
  const large = ceilDivide(rows, 64) * ceilDivide(columns, 64) >= FULL_GPU_WORKGROUPS;
  return workgroupVariant(aligned, large ? 2 : 1);
}

/** A register tile of up to 16 rows by 16 columns; smaller where the product is. */
export function registerVariant(
  adapterClass: AdapterClass,
  aligned: boolean,
  rows: number,
  columns: number,
): MatmulVariant {
  const quads = aligned && adapterClass === 'software-subgroups';
  // Guarded loads make a large tile slow to compile, and odd sizes are small in practice.
  const rowQuads = !aligned || rows <= 4 ? 1 : rows <= 8 ? 2 : 4;
  const columnQuads = !aligned || columns <= 4 ? 1 : columns <= 32 ? 2 : 4;
  // Four neighbours share rows; few invocations a workgroup spread a small product over the cores.
  const [x, y] = [4, 2];
  return {
    kernel: quads ? 'matmul_quads' : aligned ? 'matmul_registers' : 'matmul_registers_any',
    overrides: { ROW_QUADS: rowQuads, COLUMN_QUADS: columnQuads, WORKGROUP_X: x, WORKGROUP_Y: y },
    tileRows: 4 * rowQuads * y,
    tileColumns: 4 * columnQuads * x,
  };
}

/** 8 x 8 invocations with `quads` x `quads` tiles of 4 x 4 each. */
export function workgroupVariant(aligned: boolean, quads: 1 | 2): MatmulVariant {
  return {
    kernel: aligned ? 'matmul_workgroup' : 'matmul_workgroup_any',
    overrides: { QUADS: quads, TILE_INNER: 16, WORKGROUP_X: 8, WORKGROUP_Y: 8 },
    tileRows: 32 * quads,
    tileColumns: 32 * quads,
  };
}

/** Into how many pieces the inner axis is cut, so that a small product of a long axis still fills the adapter. */
export function splitCount(
  adapterClass: AdapterClass,
  variant: MatmulVariant,
  rows: number,
  columns: number,
  inner: number,
): number {
  const workgroups = ceilDivide(rows, variant.tileRows) * ceilDivide(columns, variant.tileColumns);
  const wanted = isSoftware(adapterClass) ? FULL_SOFTWARE_WORKGROUPS : FULL_GPU_WORKGROUPS;
  if (workgroups * 2 > wanted || inner < 2 * SHORTEST_PIECE) return 1;
  return Math.min(Math.floor(wanted / workgroups), Math.floor(inner / SHORTEST_PIECE));
}
