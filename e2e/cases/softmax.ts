/**
 * Plan: softmax over the last axis and its gradient, with the lanes of software adapters and of GPUs.
 * - widths of 1 (always 1), 2, around 4 and 64 lanes, 200; 1 to 4 axes; many rows;
 * - one element far above the others, in another column (and so another lane) of every row;
 * - values that overflow an exponential unless the maximum is subtracted, and rows of equal values.
 */
import { softmax } from 'webgpu-vae/gpu';
import { softmax as reference, softmaxBackward } from '../reference/softmax.js';
import { map, randomNormal, size, type F64 } from '../reference/tensor.js';
import { expError, SMALLEST, tolerances, ULP } from '../tolerance.js';
import { describe, rowClasses, type AdapterClass, type CaseGraph, type KernelCase } from './case.js';

interface SoftmaxRow {
  readonly shape: readonly number[];
  /** Values are normal with this standard deviation around `mean`. */
  readonly scale: number;
  readonly mean: number;
  /** Added to column r of row r: a shift by less than the maximum would overflow. */
  readonly peak?: number;
}

const control: SoftmaxRow = { shape: [5, 10], scale: 1, mean: 0 };

const rows: readonly SoftmaxRow[] = [
  control,
  { ...control, shape: [7] },
  { ...control, shape: [33, 1] },
  { ...control, shape: [3, 2] },
  ...[3, 4, 5, 63, 64, 65, 200].map((width) => ({ ...control, shape: [3, width] })),
  { ...control, shape: [2, 3, 4, 5] },
  { ...control, shape: [300, 6] },
  { ...control, scale: 0 },
  { ...control, scale: 20 },
  { ...control, mean: 300, shape: [4, 65] },
  { ...control, mean: -300 },
  { ...control, shape: [64, 64], peak: 200 },
];

/** Relative error of every element of the result: of the exponentials, of their sum, and of the division. */
function relativeErrors(x: F64, y: F64): Float64Array {
  const width = size(x, x.shape.length - 1);
  return y.values.map((_, i) => {
    const first = i - (i % width);
    const largest = x.values.subarray(first, first + width).reduce((a, b) => Math.max(a, b));
    // the difference is rounded, which its exponential feels by |difference|
    const relative = (j: number): number => {
      const difference = x.values[j]! - largest;
      return expError(difference) + Math.abs(difference) * ULP;
    };
    let ofSum = tolerances.dot(width, 1);
    for (let j = first; j < first + width; j++) ofSum += y.values[j]! * relative(j);
    return relative(i) + ofSum + tolerances.rounded(3, 1);
  });
}

function build(graph: CaseGraph, { shape, scale, mean, peak = 0 }: SoftmaxRow): void {
  const width = shape.at(-1)!;
  const x = map(randomNormal(shape, 1, scale), (value, i) =>
    Math.fround(value + mean + (i % (width + 1) === 0 ? peak : 0)),
  );
  const tensor = graph.input('x', x);
  const y = softmax(tensor);
  const expected = reference(x);
  const relative = relativeErrors(x, expected);
  // the smallest exponentials may be flushed to zero
  graph.expect(
    'y',
    y,
    expected,
    expected.values.map((value, i) => value * relative[i]! + SMALLEST),
  );
  const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
  const allowed = expected.values.map((value, i) => {
    const first = i - (i % width);
    let [inner, innerError] = [0, 0];
    for (let j = first; j < first + width; j++) {
      const term = Math.abs(cotangent.values[j]!) * expected.values[j]!;
      inner += term;
      innerError += term * relative[j]!;
    }
    const sumError = innerError + tolerances.dot(width, inner);
    return (
      value *
        (sumError + (relative[i]! + tolerances.rounded(3, 1)) * (Math.abs(cotangent.values[i]!) + inner)) +
      SMALLEST
    );
  });
  graph.expect('xGradient', xGradient!, softmaxBackward(x, cotangent), allowed);
}

function softmaxCase(row: SoftmaxRow, adapterClass: AdapterClass): KernelCase {
  const { shape, scale, mean, peak = 0 } = row;
  return {
    name: `softmax f32${describe(shape)} around ${mean} by ${scale}, peak ${peak} (${adapterClass})`,
    adapterClass,
    build: (graph) => build(graph, row),
  };
}

export const softmaxCases: readonly KernelCase[] = rowClasses.flatMap((adapterClass) =>
  rows.map((row) => softmaxCase(row, adapterClass)),
);
