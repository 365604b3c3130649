/**
 * The geometries that convolutions are tested on. Every triple of kernel, stride and padding occurs once; sizes,
 * batches and channels were dealt out greedily, so that each meets as many values of the other axes as 72 rows can
 * hold and no row needs 2 MFLOP (a software GPU has little more than that in a millisecond).
 * e2e/unit/conv-table.spec.ts holds the table to this.
 */
import { samePadding } from '../reference/conv.js';

export type PaddingName = 'none' | 'same' | 'asymmetric';

/** One row: `stride` may differ by axis. */
export interface ConvRow {
  readonly padding: PaddingName;
  readonly stride: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly batch: number;
  readonly image: readonly [number, number];
  readonly channels: number;
  readonly outputs: number;
}

type Compact = readonly [
  padding: PaddingName,
  stride: number,
  kernelRows: number,
  kernelColumns: number,
  batch: number,
  rows: number,
  columns: number,
  channels: number,
  outputs: number,
];

/** More on some sides than a kernel of 1 or 2 can use: whole windows of padding. */
const ASYMMETRIC = [2, 1, 0, 3] as const;

const compact: readonly Compact[] = [
  ['none', 1, 1, 1, 1, 33, 31, 31, 31],
  ['same', 2, 1, 1, 3, 28, 28, 33, 33],
  ['asymmetric', 3, 1, 1, 3, 5, 7, 64, 64],
  ['same', 1, 2, 2, 1, 1, 1, 8, 8],
  ['asymmetric', 2, 2, 2, 3, 33, 31, 5, 5],
  ['none', 3, 2, 2, 1, 28, 28, 4, 4],
  ['asymmetric', 1, 3, 3, 1, 5, 7, 3, 3],
  ['none', 2, 3, 3, 3, 5, 7, 2, 2],
  ['same', 3, 3, 3, 3, 1, 1, 1, 1],
  ['none', 1, 4, 4, 3, 28, 28, 1, 5],
  ['same', 2, 4, 4, 1, 33, 31, 3, 64],
  ['asymmetric', 3, 4, 4, 1, 1, 1, 31, 33],
  ['same', 1, 5, 5, 3, 5, 7, 5, 4],
  ['asymmetric', 2, 5, 5, 1, 28, 28, 8, 1],
  ['none', 3, 5, 5, 3, 33, 31, 33, 3],
  ['asymmetric', 1, 6, 6, 3, 33, 31, 4, 2],
  ['none', 2, 6, 6, 1, 28, 28, 64, 3],
  ['same', 3, 6, 6, 1, 1, 1, 2, 31],
  ['none', 1, 7, 7, 3, 33, 31, 2, 1],
  ['same', 2, 7, 7, 1, 1, 1, 4, 5],
  ['asymmetric', 3, 7, 7, 3, 28, 28, 5, 8],
  ['same', 1, 1, 5, 1, 1, 1, 64, 2],
  ['asymmetric', 2, 1, 5, 3, 5, 7, 1, 31],
  ['none', 3, 1, 5, 3, 33, 31, 8, 33],
  ['same', 1, 1, 1, 1, 1, 1, 5, 3],
  ['asymmetric', 2, 1, 1, 1, 1, 1, 33, 4],
  ['none', 3, 1, 1, 3, 28, 28, 3, 2],
  ['asymmetric', 1, 2, 2, 1, 5, 7, 33, 64],
  ['none', 2, 2, 2, 3, 5, 7, 31, 8],
  ['same', 3, 2, 2, 1, 33, 31, 64, 31],
  ['none', 1, 3, 3, 1, 28, 28, 2, 64],
  ['same', 2, 3, 3, 3, 33, 31, 31, 4],
  ['asymmetric', 3, 3, 3, 3, 5, 7, 8, 5],
  ['same', 1, 4, 4, 1, 5, 7, 4, 33],
  ['asymmetric', 2, 4, 4, 3, 33, 31, 2, 8],
  ['none', 3, 4, 4, 3, 28, 28, 5, 31],
  ['asymmetric', 1, 5, 5, 1, 33, 31, 1, 33],
  ['none', 2, 5, 5, 1, 28, 28, 31, 5],
  ['same', 3, 5, 5, 3, 1, 1, 3, 64],
  ['none', 1, 6, 6, 1, 28, 28, 33, 1],
  ['same', 2, 6, 6, 3, 5, 7, 8, 64],
  ['asymmetric', 3, 6, 6, 1, 5, 7, 3, 8],
  ['same', 1, 7, 7, 1, 5, 7, 64, 4],
  ['asymmetric', 2, 7, 7, 1, 33, 31, 31, 3],
  ['none', 3, 7, 7, 3, 28, 28, 33, 2],
  ['asymmetric', 1, 1, 5, 3, 28, 28, 4, 1],
  ['none', 2, 1, 5, 3, 33, 31, 33, 8],
  ['same', 3, 1, 5, 1, 1, 1, 3, 5],
  ['asymmetric', 1, 1, 1, 3, 1, 1, 1, 8],
  ['none', 2, 1, 1, 1, 1, 1, 2, 5],
  ['same', 3, 1, 1, 3, 5, 7, 64, 1],
  ['none', 1, 2, 2, 3, 28, 28, 3, 33],
  ['same', 2, 2, 2, 1, 1, 1, 1, 3],
  ['asymmetric', 3, 2, 2, 1, 33, 31, 8, 2],
  ['same', 1, 3, 3, 1, 28, 28, 4, 31],
  ['asymmetric', 2, 3, 3, 3, 5, 7, 64, 33],
  ['none', 3, 3, 3, 3, 33, 31, 5, 64],
  ['asymmetric', 1, 4, 4, 1, 33, 31, 8, 4],
  ['none', 2, 4, 4, 3, 28, 28, 31, 2],
  ['same', 3, 4, 4, 1, 1, 1, 4, 3],
  ['none', 1, 5, 5, 1, 33, 31, 4, 8],
  ['same', 2, 5, 5, 3, 5, 7, 33, 31],
  ['asymmetric', 3, 5, 5, 3, 5, 7, 2, 4],
  ['same', 1, 6, 6, 1, 1, 1, 5, 33],
  ['asymmetric', 2, 6, 6, 3, 28, 28, 1, 4],
  ['none', 3, 6, 6, 1, 28, 28, 64, 5],
  ['asymmetric', 1, 7, 7, 3, 5, 7, 8, 31],
  ['none', 2, 7, 7, 1, 33, 31, 1, 64],
  ['same', 3, 7, 7, 3, 1, 1, 3, 1],
  ['none', 1, 1, 5, 1, 5, 7, 2, 3],
  ['same', 2, 1, 5, 3, 1, 1, 31, 64],
  ['asymmetric', 3, 1, 5, 1, 33, 31, 5, 2],
];

/** What the compact rows do not have: strides that differ by axis. */
const oblong: readonly ConvRow[] = [
  { padding: 'same', stride: [2, 1], kernel: [3, 4], batch: 2, image: [5, 7], channels: 4, outputs: 8 },
  {
    padding: 'asymmetric',
    stride: [1, 3],
    kernel: [2, 5],
    batch: 1,
    image: [28, 28],
    channels: 3,
    outputs: 5,
  },
];

export const convTable: readonly ConvRow[] = [
  ...compact.map(
    ([padding, stride, kernelRows, kernelColumns, batch, rows, columns, channels, outputs]): ConvRow => ({
      padding,
      stride: [stride, stride],
      kernel: [kernelRows, kernelColumns],
      batch,
      image: [rows, columns],
      channels,
      outputs,
    }),
  ),
  ...oblong,
];

/** Pixels of padding at the top, bottom, left and right of a row. */
export function paddingOf({ padding, image, kernel, stride }: ConvRow): [number, number, number, number] {
  if (padding === 'same') return samePadding(image, kernel, stride);
  return padding === 'none' ? [0, 0, 0, 0] : [...ASYMMETRIC];
}

/** `3x28x28x4 to 8, kernel 3x3 stride 2x2 same` */
export function describeRow({ padding, stride, kernel, batch, image, channels, outputs }: ConvRow): string {
  const words = [kernel, stride].map((pair) => pair.join('x'));
  return `${[batch, ...image, channels].join('x')} to ${outputs}, kernel ${words[0]} stride ${words[1]} ${padding}`;
}
