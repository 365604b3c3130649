/**
 * Plan: products and systems with packed lower triangular matrices, and their gradients.
 * - the form: L v, L' v, L y = v, L' y = v; K of 2, 3, 8, 31, 33, 65; B and S of 1 and more; many rows;
 * - the outer product over 1, 3 and 70 samples.
 */
import { triangular, triangularOuter } from 'webgpu-vae/gpu';
import * as reference from '../reference/triangular.js';
import { map, randomNormal, randomUniform, size, zeros, type F64 } from '../reference/tensor.js';
import { tolerances, ULP } from '../tolerance.js';
import { kernelCase, type CaseGraph, type KernelCase } from './case.js';

interface TriangularRow {
  readonly batch: number;
  readonly samples: number;
  readonly size: number;
  readonly form: reference.TriangularForm;
}

const forms: readonly reference.TriangularForm[] = [
  {},
  { transposed: true },
  { solve: true },
  { solve: true, transposed: true },
];

const rows: readonly TriangularRow[] = forms.flatMap((form) => [
  { batch: 5, samples: 3, size: 8, form }, // control
  { batch: 1, samples: 1, size: 2, form },
  { batch: 2, samples: 1, size: 3, form },
  { batch: 2, samples: 2, size: 31, form },
  { batch: 1, samples: 1, size: 33, form },
  { batch: 3, samples: 1, size: 65, form },
  { batch: 150, samples: 2, size: 2, form },
]);

const absolute = (x: F64): F64 => map(x, Math.abs);

/** Systems are kept well conditioned: diagonals of 1 to 2, rows below them that add up to about 1. */
function operands({ batch, samples, size: K }: TriangularRow): [diagonal: F64, lower: F64, v: F64] {
  return [
    randomUniform([batch, K], 1, 1, 2),
    randomNormal([batch, (K * (K - 1)) / 2], 2, 1 / K),
    randomNormal([samples * batch, K], 3),
  ];
}

/**
 * Allowed error of the op's result y. Of a product it is that of its sums. A computed solution solves a system off by
 * `growth` units an entry (Higham, Accuracy and Stability, theorem 8.5), so it is off by |L^-1| times what that does to L y.
 */
function allowedErrors(diagonal: F64, lower: F64, v: F64, y: F64, form: reference.TriangularForm): F64 {
  const K = size(v, 1);
  const { solve = false, transposed = false } = form;
  const sizes = reference.triangular(absolute(diagonal), absolute(lower), absolute(solve ? y : v), {
    transposed,
  });
  const residual = map(sizes, (value) => tolerances.dot(K + 3, value));
  if (!solve) return residual;
  const columns = Array.from({ length: K }, (_, k) => {
    const unit = zeros(v.shape);
    for (let row = 0; row < size(v, 0); row++) unit.values[row * K + k] = 1;
    return reference.triangular(diagonal, lower, unit, form);
  });
  return map(y, (_, i) =>
    columns.reduce((sum, { values }, k) => sum + Math.abs(values[i]!) * residual.values[i - (i % K) + k]!, 0),
  );
}

function build(graph: CaseGraph, row: TriangularRow): void {
  const { batch, samples, form } = row;
  const [diagonal, lower, v] = operands(row);
  const tensors = [
    graph.input('diagonal', diagonal),
    graph.input('lower', lower),
    graph.input('v', v),
  ] as const;
  const y = triangular(...tensors, form);
  const expected = reference.triangular(diagonal, lower, v, form);
  const yError = allowedErrors(diagonal, lower, v, expected, form);
  graph.expect('y', y, expected, yError.values);
  const [cotangent, byDiagonal, byLower, byV] = graph.pullBack(y, tensors);
  const gradients = reference.triangularBackward(diagonal, lower, v, form, cotangent);
  const flipped = { ...form, transposed: !form.transposed };
  const vError = allowedErrors(diagonal, lower, cotangent, gradients[2], flipped);
  graph.expect('vGradient', byV!, gradients[2], vError.values);
  // sums over samples of left times right, each with its own error
  const [left, leftError] = form.solve ? [gradients[2], vError] : [cotangent, zeros(v.shape)];
  const [right, rightError] = form.solve ? [expected, yError] : [v, zeros(v.shape)];
  const spread = (sizes: typeof reference.diagonalOuter): Float64Array => {
    const product = (a: F64, b: F64): Float64Array =>
      (form.transposed ? sizes(absolute(b), absolute(a), batch) : sizes(absolute(a), absolute(b), batch))
        .values;
    const [main, byLeft, byRight] = [
      product(left, right),
      product(leftError, right),
      product(left, rightError),
    ];
    return main.map(
      (value, i) => tolerances.dot(samples + 1, value) + 1.01 * (byLeft[i]! + byRight[i]!) + ULP ** 2,
    );
  };
  graph.expect('diagonalGradient', byDiagonal!, gradients[0], spread(reference.diagonalOuter));
  graph.expect('lowerGradient', byLower!, gradients[1], spread(reference.triangularOuter));
}

function outerCase(samples: number, batch: number, K: number): KernelCase {
  return kernelCase(`triangularOuter S=${samples} B=${batch} K=${K}`, (graph) => {
    const [a, b] = [randomNormal([samples * batch, K], 4), randomNormal([samples * batch, K], 5)];
    const result = triangularOuter(graph.input('a', a), graph.input('b', b), batch);
    const sizes = reference.triangularOuter(absolute(a), absolute(b), batch);
    const allowed = sizes.values.map((value) => tolerances.dot(samples, value));
    graph.expect('result', result, reference.triangularOuter(a, b, batch), allowed);
  });
}

function words({ solve, transposed }: reference.TriangularForm): string {
  const matrix = transposed ? "L'" : 'L';
  return solve ? `${matrix} y = v` : `y = ${matrix} v`;
}

export const triangularCases: readonly KernelCase[] = [
  ...rows.map((row) =>
    kernelCase(`triangular ${words(row.form)} S=${row.samples} B=${row.batch} K=${row.size}`, (graph) =>
      build(graph, row),
    ),
  ),
  outerCase(1, 3, 4),
  outerCase(70, 2, 9),
];
