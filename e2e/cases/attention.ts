/**
 * Plan: attention over the points of an image and its three gradients, streamed, against the scores as a matrix.
 * - points around the four that a workgroup owns and the 16 (software) or more that it streams at a time, so that
 *   images take one chunk, several, and a part of one; 1 to 65 channels; 1 and 3 images;
 * - scores near 0 (control: of order 1) and far apart, where all weight is on one point and the shift matters;
 * - one tensor as query, key and value.
 */
import { attention, gradient, multiply, sum } from 'webgpu-vae/gpu';
import * as reference from '../reference/attention.js';
import { softmax } from '../reference/softmax.js';
import { map, randomNormal, size, type F64 } from '../reference/tensor.js';
import { expError, SMALLEST, tolerances, ULP } from '../tolerance.js';
import { describe, rowClasses, type AdapterClass, type CaseGraph, type KernelCase } from './case.js';

interface AttentionRow {
  readonly shape: readonly [images: number, points: number, channels: number];
  /** Standard deviation of queries and keys. */
  readonly scale: number;
  readonly shared?: boolean;
}

const control: AttentionRow = { shape: [3, 17, 8], scale: 1 };

const rows: readonly AttentionRow[] = [
  control,
  { ...control, shape: [1, 1, 1] },
  { ...control, shape: [2, 1, 5] },
  { ...control, shape: [1, 3, 2] },
  { ...control, shape: [2, 4, 4] },
  { ...control, shape: [2, 5, 3] },
  { ...control, shape: [1, 16, 33] },
  { ...control, shape: [1, 33, 65] },
  { ...control, shape: [2, 49, 6] },
  { ...control, shape: [1, 257, 3] },
  { ...control, scale: 1e-3 },
  { ...control, scale: 6 },
  { ...control, shape: [1, 70, 4], scale: 12 },
  { ...control, shared: true },
];

/** Weights that a device flushes to zero, times cotangents, values, queries or keys whose products are below 1e4. */
const FLUSHED = 1e4 * SMALLEST;

/** Allowed errors of the weights (relative) and of everything made of them (absolute), from float64 magnitudes. */
class Bounds {
  readonly #P: number;
  readonly #C: number;
  readonly #scores: F64;
  readonly weights: F64;
  /** Absolute error of a score before its exponential. */
  readonly #scoreError: Float64Array;
  /** Relative error of a weight. */
  readonly weightError: Float64Array;

  constructor(
    readonly q: F64,
    readonly k: F64,
  ) {
    [this.#P, this.#C] = [size(q, 1), size(q, 2)];
    this.#scores = reference.scores(q, k);
    this.weights = softmax(this.#scores);
    const magnitude = reference.scores(map(q, Math.abs), map(k, Math.abs));
    this.#scoreError = magnitude.values.map((m) => tolerances.dot(this.#C, m) + tolerances.rounded(2, m));
    this.weightError = this.#weightErrors();
  }

  #weightErrors(): Float64Array {
    const P = this.#P;
    return this.weights.values.map((_, i) => {
      const first = i - (i % P);
      const row = this.#scores.values.subarray(first, first + P);
      const largest = row.reduce((a, b) => Math.max(a, b));
      const range = largest - row.reduce((a, b) => Math.min(a, b));
      const logSum = largest + Math.log(row.reduce((total, s) => total + Math.exp(s - largest), 0));
      const one = (j: number): number => {
        const difference = Math.abs(row[j]! - largest);
        return this.#scoreError[first + j]! + expError(difference) + difference * ULP;
      };
      // every chunk but the first multiplies what was added before by an exponential; the exponents add up to `range`
      const chunks = Math.ceil(P / 16) * 5 * ULP + 2 * range * ULP;
      let ofSum = tolerances.dot(P, 1) + chunks;
      for (let j = 0; j < P; j++) ofSum += this.weights.values[first + j]! * one(j);
      // the gradient's exponential of score - logSum, where WGSL's log is off by 2^-21 or 3 units
      const ofLog = 2 ** -21 + 3 * ULP * (Math.abs(logSum) + Math.abs(row[i % P]!) + Math.log(P));
      return one(i % P) + ofSum + chunks + ofLog + tolerances.rounded(4, 1);
    });
  }

  /** Of weights times values: each term's own error, and that of adding P of them. */
  output(v: F64): Float64Array {
    const errors = {
      shape: this.weights.shape,
      values: this.weights.values.map((w, i) => w * this.weightError[i]!),
    };
    const absolute = map(v, Math.abs);
    const rounding = reference.products(this.weights, absolute, 'plain').values;
    return reference
      .products(errors, absolute, 'plain')
      .values.map((e, i) => e + tolerances.dot(this.#P, rounding[i]!) + FLUSHED);
  }

  /** Of the three gradients. */
  gradients(v: F64, g: F64): [Float64Array, Float64Array, Float64Array] {
    const [P, C] = [this.#P, this.#C];
    const [values, cotangent] = [map(v, Math.abs), map(g, Math.abs)];
    const outputMagnitude = reference.products(this.weights, values, 'plain');
    const outputError = this.output(v);
    const pairs = reference.products(cotangent, values, 'rows');
    const scale = 1 / Math.sqrt(C);
    const magnitude = map(pairs, () => 0);
    const errors = map(pairs, (pair, i) => {
      const point = Math.floor(i / P);
      let [delta, deltaError] = [0, 0];
      for (let c = point * C; c < (point + 1) * C; c++) {
        delta += cotangent.values[c]! * outputMagnitude.values[c]!;
        deltaError += cotangent.values[c]! * (outputError[c]! + ULP * outputMagnitude.values[c]!);
      }
      const weight = scale * this.weights.values[i]!;
      magnitude.values[i] = weight * (pair + delta);
      const rounding = tolerances.dot(C, pair) + tolerances.dot(C, delta) + deltaError;
      return weight * (rounding + (this.weightError[i]! + tolerances.rounded(4, 1)) * (pair + delta));
    });
    const weightErrors = {
      shape: errors.shape,
      values: this.weights.values.map((w, i) => w * this.weightError[i]!),
    };
    const total = (error: F64, magnitudes: F64, x: F64, how: 'plain' | 'transposed'): Float64Array => {
      const absolute = map(x, Math.abs);
      const rounding = reference.products(magnitudes, absolute, how).values;
      return reference
        .products(error, absolute, how)
        .values.map((e, i) => e + tolerances.dot(P, rounding[i]!) + FLUSHED);
    };
    return [
      total(errors, magnitude, this.k, 'plain'),
      total(errors, magnitude, this.q, 'transposed'),
      total(weightErrors, this.weights, g, 'transposed'),
    ];
  }
}

function build(graph: CaseGraph, { shape, scale, shared = false }: AttentionRow): void {
  const values = ['q', 'k', 'v'].map((_, i) => randomNormal(shape, i + 1, i < 2 ? scale : 1));
  const [q, k, v] = (shared ? values.map(() => values[0]!) : values) as [F64, F64, F64];
  const x = graph.input('q', q);
  const [a, b, c] = shared ? [x, x, x] : [x, graph.input('k', k), graph.input('v', v)];
  const y = attention(a, b, c);
  const bounds = new Bounds(q, k);
  graph.expect('y', y, reference.attention(q, k, v), bounds.output(v));
  const cotangent = randomNormal(shape, 77);
  const loss = sum(multiply(y, graph.input('cotangent', cotangent)));
  const actual = gradient(loss, shared ? [x] : [a, b, c]);
  const expected = reference.attentionBackward(q, k, v, cotangent);
  const allowed = bounds.gradients(v, cotangent);
  if (shared) {
    const [first, second, third] = expected.map((tensor) => tensor.values) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const total = first.map((value, i) => value + second[i]! + third[i]!);
    const bound = total.map(
      (value, i) => allowed[0][i]! + allowed[1][i]! + allowed[2][i]! + tolerances.rounded(3, Math.abs(value)),
    );
    graph.expect('xGradient', actual[0]!, { shape: [...shape], values: total }, bound);
    return;
  }
  ['qGradient', 'kGradient', 'vGradient'].forEach((name, i) =>
    graph.expect(name, actual[i]!, expected[i]!, allowed[i]!),
  );
}

function attentionCase(row: AttentionRow, adapterClass: AdapterClass): KernelCase {
  const { shape, scale, shared } = row;
  return {
    name: `attention f32${describe(shape)} scores by ${scale}${shared ? ' of itself' : ''} (${adapterClass})`,
    adapterClass,
    build: (graph) => build(graph, row),
  };
}

export const attentionCases: readonly KernelCase[] = rowClasses.flatMap((adapterClass) =>
  rows.map((row) => attentionCase(row, adapterClass)),
);
