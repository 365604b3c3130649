/**
 * Plan: GroupNorm, LayerNorm and BatchNorm forward, all gradients with a random cotangent, running statistics.
 * - ranks 2 to 4; group widths 1, 3, 4, 13, 33; one position and thousands; groups that share a workgroup and groups of
 *   more numbers than a workgroup has lanes (256); more rows than one invocation adds (256);
 * - mean 0 (control) and 1000, with a deviation of 1;
 * - BatchNorm: whole and partial batches, several samples a datum, three steps, a single value, running statistics;
 * - an activation fused behind the norm.
 */
import {
  activate,
  batchNorm,
  groupNorm,
  layerNorm,
  ParameterSet,
  type Activation,
  type Tensor,
} from 'webgpu-vae/gpu';
import { activate as activateReference } from '../reference/activation.js';
import * as reference from '../reference/normalize.js';
import { fromValues, map, randomNormal, randomUniform, zeros, type F64 } from '../reference/tensor.js';
import { activationError, STEEPEST, tolerances, ULP } from '../tolerance.js';
import { errorOfY, errorsOf, gradientErrors, type Errors } from './normalize-errors.js';
import { describe, rowClasses, type AdapterClass, type CaseGraph, type KernelCase } from './case.js';

interface Row {
  readonly kind: reference.Norm['kind'];
  readonly shape: readonly number[];
  readonly groups?: number;
  readonly mean?: number;
  readonly activation?: Activation;
  /** BatchNorm: valid rows of each step's batch (x's rows / samples in all). */
  readonly rowCounts?: readonly number[];
  readonly samples?: number;
  readonly running?: boolean;
}

const table: readonly Row[] = [
  { kind: 'groupNorm', shape: [2, 5, 7, 12], groups: 3 }, // control
  { kind: 'groupNorm', shape: [2, 5, 7, 12], groups: 3, mean: 1000 },
  { kind: 'groupNorm', shape: [2, 5, 7, 12], groups: 3, activation: 'relu' },
  { kind: 'groupNorm', shape: [2, 3, 3, 8], groups: 2, activation: 'silu' },
  { kind: 'groupNorm', shape: [3, 6], groups: 2 },
  { kind: 'groupNorm', shape: [2, 9, 4], groups: 1 },
  { kind: 'groupNorm', shape: [3, 5, 7, 1], groups: 1 },
  { kind: 'groupNorm', shape: [1, 1, 1, 8], groups: 8 }, // each number its own mean
  { kind: 'groupNorm', shape: [2, 5, 5, 64], groups: 32 },
  { kind: 'groupNorm', shape: [5, 3, 3, 33], groups: 33 },
  { kind: 'groupNorm', shape: [1, 3, 2, 65], groups: 5 },
  { kind: 'groupNorm', shape: [1, 33, 31, 8], groups: 1, mean: -1000 },
  { kind: 'layerNorm', shape: [7, 1] },
  { kind: 'layerNorm', shape: [5, 3] },
  { kind: 'layerNorm', shape: [2, 3, 3, 31] },
  { kind: 'layerNorm', shape: [2, 8, 32] },
  { kind: 'layerNorm', shape: [33, 33], mean: 1000 },
  { kind: 'layerNorm', shape: [3, 2100] },
  { kind: 'layerNorm', shape: [300, 5], activation: 'tanh' },
  { kind: 'batchNorm', shape: [8, 3, 3, 5], rowCounts: [8] },
  { kind: 'batchNorm', shape: [8, 3, 3, 5], rowCounts: [8, 8, 5] },
  { kind: 'batchNorm', shape: [8, 3, 3, 5], rowCounts: [8, 3], mean: 1000 },
  { kind: 'batchNorm', shape: [12, 4], rowCounts: [6, 4], samples: 2 },
  { kind: 'batchNorm', shape: [6, 2, 3], rowCounts: [1], samples: 3 },
  { kind: 'batchNorm', shape: [2, 1], rowCounts: [2, 1] }, // a single value moves no running statistics
  { kind: 'batchNorm', shape: [64, 70], rowCounts: [63], activation: 'relu' },
  { kind: 'batchNorm', shape: [300, 2, 3], rowCounts: [299, 300] },
  { kind: 'batchNorm', shape: [4, 2, 2, 6], running: true },
  { kind: 'batchNorm', shape: [4, 2, 2, 6], running: true, activation: 'gelu' },
];

const EPSILON = 1e-5;
const MOMENTUM = 0.1;

function words({ kind, shape, groups, mean, activation, rowCounts, samples, running }: Row): string {
  const parts = [
    `${kind} ${describe(shape)}`,
    groups && `groups ${groups}`,
    mean && `mean ${mean}`,
    rowCounts && `rows ${rowCounts.join(', ')}`,
    samples && `S=${samples}`,
    running && 'running statistics',
    activation,
  ];
  return parts.filter(Boolean).join(' ');
}

interface Operands {
  readonly x: F64;
  readonly gamma: F64;
  readonly beta: F64;
}

function operands({ shape, mean = 0 }: Row): Operands {
  const channels = shape.at(-1)!;
  return {
    x: map(randomNormal(shape, 1), (v) => Math.fround(v + mean)),
    gamma: randomUniform([channels], 2, 0.5, 1.5),
    beta: randomNormal([channels], 3),
  };
}

function expectY(
  graph: CaseGraph,
  { activation = 'identity' }: Row,
  y: Tensor,
  exact: F64,
  errors: F64,
): void {
  const allowed = errors.values.map(
    (error, i) =>
      (activation === 'identity' ? 1 : STEEPEST) * error + activationError(activation, exact.values[i]!),
  );
  if (activation === 'relu') graph.labels = ['normalize+relu'];
  graph.expect('y', activate(y, activation), activateReference(exact, activation), allowed);
}

function expectGradients(
  graph: CaseGraph,
  norm: reference.Norm,
  { x, gamma }: Operands,
  errors: Errors,
  y: Tensor,
  tensors: readonly Tensor[],
): void {
  const [cotangent, xGradient, gammaGradient, betaGradient] = graph.pullBack(y, tensors);
  const expected = reference.normalizeBackward(x, gamma, norm, cotangent);
  const allowed = gradientErrors(x, gamma, norm, cotangent, errors);
  graph.expect('xGradient', xGradient!, expected.xGradient, allowed.x);
  graph.expect('gammaGradient', gammaGradient!, expected.gammaGradient, allowed.gamma);
  graph.expect('betaGradient', betaGradient!, expected.betaGradient, allowed.beta);
}

function buildRowwise(graph: CaseGraph, row: Row): void {
  const { kind, groups = 1 } = row;
  const values = operands(row);
  const norm =
    kind === 'layerNorm'
      ? { kind, epsilon: EPSILON }
      : { kind: 'groupNorm' as const, groups, epsilon: EPSILON };
  const tensors = Object.entries(values).map(([name, value]) => graph.input(name, value)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const y = kind === 'layerNorm' ? layerNorm(...tensors) : groupNorm(...tensors, { groups });
  const errors = errorsOf(values.x, norm);
  const { normal } = reference.normalized(values.x, norm);
  const exact = reference.normalize(values.x, values.gamma, values.beta, norm);
  expectY(graph, row, y, exact, errorOfY(values.gamma, values.beta, normal, errors.normal));
  if (!row.activation) expectGradients(graph, norm, values, errors, y, tensors);
}

/** Every step has the same x and another row count; y and the gradients are of the last. */
function buildBatch(graph: CaseGraph, row: Row): void {
  const { shape, rowCounts = [], samples = 1 } = row;
  const values = operands(row);
  const batch = shape[0]! / samples;
  const channels = shape.at(-1)!;
  const tensors = Object.entries(values).map(([name, value]) => graph.input(name, value)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  graph.state = new ParameterSet();
  const state = graph.state.add('running', [2 * channels + 1]);
  let running = reference.initialRunning(channels);
  graph.resources.set('state', Float32Array.from(running.values));
  graph.steps = rowCounts.map((row_count) => ({ row_count }));
  const allowed = new Float64Array(running.values.length);
  for (const rowCount of rowCounts) {
    const norm = { kind: 'batchNorm', batch, rowCount, epsilon: EPSILON } as const;
    const errors = errorsOf(values.x, norm);
    const next = reference.updateRunning(running, values.x, norm, MOMENTUM);
    [...errors.means, ...errors.variances].forEach((error, i) => {
      allowed[i]! +=
        2 * MOMENTUM * error +
        tolerances.rounded(4, Math.abs(running.values[i]!) + Math.abs(next.values[i]!));
    });
    running = next;
  }
  const norm = { kind: 'batchNorm', batch, rowCount: rowCounts.at(-1)!, epsilon: EPSILON } as const;
  const y = batchNorm(...tensors, state, { training: true, batch });
  const errors = errorsOf(values.x, norm);
  const { normal } = reference.normalized(values.x, norm);
  const exact = reference.normalize(values.x, values.gamma, values.beta, norm);
  expectY(graph, row, y, exact, errorOfY(values.gamma, values.beta, normal, errors.normal));
  graph.expectResource('state', running, allowed);
  if (!row.activation) expectGradients(graph, norm, values, errors, y, tensors);
}

/** Inference; its gradient goes through the composition. */
function buildRunning(graph: CaseGraph, row: Row): void {
  const values = operands(row);
  const channels = row.shape.at(-1)!;
  const running = fromValues(
    [2 * channels + 1],
    [...randomNormal([channels], 4).values, ...randomUniform([channels], 5, 0.2, 2).values, 7],
  );
  const tensors = Object.entries(values).map(([name, value]) => graph.input(name, value)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const y = batchNorm(...tensors, graph.input('running', running), { training: false });
  const { normal, inverse } = reference.normalizedByRunning(values.x, running, EPSILON);
  const errors = map(normal, (n) => tolerances.rounded(8, Math.abs(n)) + ULP);
  const exact = reference.normalizeByRunning(values.x, values.gamma, values.beta, running, EPSILON);
  expectY(graph, row, y, exact, errorOfY(values.gamma, values.beta, normal, errors));
  if (row.activation) return;
  const [cotangent, ...gradients] = graph.pullBack(y, tensors);
  const expected = reference.normalizeByRunningBackward(values.x, values.gamma, running, EPSILON, cotangent);
  const byX = expected.xGradient.values.map((g) => tolerances.rounded(10, Math.abs(g)));
  graph.expect('xGradient', gradients[0]!, expected.xGradient, byX);
  const rows = values.x.values.length / channels;
  for (const [index, name] of (['gammaGradient', 'betaGradient'] as const).entries()) {
    const size = zeros([channels]);
    cotangent.values.forEach((g, i) => {
      size.values[i % channels]! +=
        Math.abs(g) * (index === 0 ? Math.abs(normal.values[i]!) + inverse.values[i]! * ULP : 1);
    });
    const allowed = size.values.map((s) => tolerances.dot(rows, s) + tolerances.rounded(10, s));
    graph.expect(name, gradients[1 + index]!, expected[name], allowed);
  }
}

function normalizeCase(row: Row, adapterClass: AdapterClass): KernelCase {
  const build = row.running ? buildRunning : row.kind === 'batchNorm' ? buildBatch : buildRowwise;
  return {
    name: `normalize ${words(row)} (${adapterClass})`,
    adapterClass,
    build: (graph) => build(graph, row),
  };
}

export const normalizeCases: readonly KernelCase[] = rowClasses.flatMap((adapterClass) =>
  table.map((row) => normalizeCase(row, adapterClass)),
);
