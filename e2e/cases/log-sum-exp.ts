/**
 * Plan: log sum exp and its gradient, with the lanes of software adapters and of GPUs.
 * - rows (the last axis) of 1, 2, 5, around 4 and 64 lanes, 300 and 5,000; columns the same, cut into pieces past 256;
 *   inner, outer and all axes, kept and dropped; many rows;
 * - rows of equal values; values that overflow an exponential unless the maximum is subtracted, of either sign;
 *   one element far above the others; and the smallest finite numbers, which stand for -infinity.
 */
import { logSumExp } from 'webgpu-vae/gpu';
import { logSumExp as reference, logSumExpBackward } from '../reference/log-sum-exp.js';
import { broadcastTo, sum } from '../reference/reduce.js';
import { map, randomNormal, type F64 } from '../reference/tensor.js';
import { expError, SMALLEST, tolerances, ULP, unaryErrors } from '../tolerance.js';
import { describe, rowClasses, type AdapterClass, type CaseGraph, type KernelCase } from './case.js';

interface LogSumExpRow {
  readonly shape: readonly number[];
  readonly axes: readonly number[];
  readonly keep?: boolean;
  readonly scale?: number;
  readonly mean?: number;
  /** Added to every seventh element. */
  readonly peak?: number;
}

/** Stands for log 0 in masks: two of them may be added without an infinity. */
const LOG_ZERO = -1.7e38;

const rows: readonly LogSumExpRow[] = [
  { shape: [5, 10], axes: [1] }, // control
  ...[1, 2, 3, 4, 5, 63, 64, 65, 300].map((width) => ({ shape: [3, width], axes: [1] })),
  ...[1, 2, 5, 255, 256, 257, 300].map((length) => ({ shape: [length, 7], axes: [0] })),
  { shape: [2, 5000], axes: [1] },
  { shape: [5000, 3], axes: [0] },
  { shape: [70_000, 2], axes: [0] }, // pieces of pieces
  { shape: [3, 6, 129], axes: [1], keep: true },
  { shape: [2, 3, 4, 5], axes: [1, 2] },
  { shape: [2, 3, 4, 5], axes: [2, 3], keep: true },
  { shape: [7, 13], axes: [0, 1] },
  { shape: [65_537, 2], axes: [1] }, // one row past the longest axis of a grid
  ...[[1], [0]].flatMap((axes) => [
    { shape: [8, 9], axes, scale: 0, mean: 0.25 },
    { shape: [8, 9], axes, scale: 20 },
    { shape: [8, 9], axes, mean: 3000 },
    { shape: [8, 9], axes, mean: -3000 },
    { shape: [63, 64], axes, peak: 200 },
    { shape: [8, 9], axes, scale: 0, mean: LOG_ZERO },
    { shape: [8, 9], axes, mean: LOG_ZERO, peak: -LOG_ZERO },
  ]),
];

/** Allowed error of every sum: of its exponentials, of their addition and of the logarithm, and the last addition. */
function allowedErrors(x: F64, y: F64, axes: readonly number[], keep: boolean, length: number): Float64Array {
  const spread = broadcastTo(reference(x, axes, true), x.shape);
  // share of an element in its sum, times the relative error of its exponential; the difference is rounded too
  const felt = map(x, (value, i) => {
    const difference = Math.max(value - spread.values[i]!, -87);
    return (
      Math.exp(difference) * (expError(difference) + (Math.abs(difference) + Math.log(length)) * 2 * ULP)
    );
  });
  const total = sum(felt, axes, keep).values;
  // the sums of pieces are exponentiated again
  const again = Math.ceil(Math.log(length) / Math.log(16)) * (expError(Math.log(length)) + 4 * ULP);
  return y.values.map((value, i) => {
    const logarithm = 2 * unaryErrors.log(length, Math.log(length)) + 8 * ULP;
    return total[i]! + again + tolerances.dot(length, 1) + logarithm + tolerances.rounded(2, Math.abs(value));
  });
}

function build(
  graph: CaseGraph,
  { shape, axes, keep = false, scale = 1, mean = 0, peak = 0 }: LogSumExpRow,
): void {
  const x = map(randomNormal(shape, 1, scale), (value, i) =>
    Math.fround(value + mean + (i % 7 === 0 ? peak : 0)),
  );
  const tensor = graph.input('x', x);
  const y = logSumExp(tensor, axes, keep);
  const expected = reference(x, axes, keep);
  const length = x.values.length / expected.values.length;
  const allowed = allowedErrors(x, expected, axes, keep, length);
  graph.expect('y', y, expected, allowed);
  const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
  const ones = logSumExpBackward(
    x,
    axes,
    map(cotangent, () => 1),
  );
  const errors = logSumExpBackward(x, axes, { ...expected, values: allowed });
  const gradient = logSumExpBackward(x, axes, cotangent);
  graph.expect(
    'xGradient',
    xGradient!,
    gradient,
    gradient.values.map((value, i) => {
      const share = ones.values[i]!;
      const difference = Math.min(0, Math.log(share));
      const relative = share > 0 ? expError(difference) + (4 + Math.abs(difference)) * ULP : 0;
      return Math.abs(value) * (relative + errors.values[i]! / Math.max(share, SMALLEST)) + 8 * SMALLEST;
    }),
  );
}

function logSumExpCase(row: LogSumExpRow, adapterClass: AdapterClass): KernelCase {
  const { shape, axes, keep = false, scale = 1, mean = 0, peak = 0 } = row;
  const over = `axes ${describe(axes)}${keep ? ' kept' : ''}`;
  return {
    name: `logSumExp f32${describe(shape)} ${over} around ${mean} by ${scale}, peak ${peak} (${adapterClass})`,
    adapterClass,
    build: (graph) => build(graph, row),
  };
}

export const logSumExpCases: readonly KernelCase[] = rowClasses.flatMap((adapterClass) =>
  rows.map((row) => logSumExpCase(row, adapterClass)),
);
