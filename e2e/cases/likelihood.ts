/**
 * Plan: log p(x|z) of every row, its gradient by the prediction and by the log scale, and both in one dispatch.
 * - family bernoulli (control), gaussian, laplace;
 * - scale: one fixed, one learned, one a column, one an element;
 * - 1 and 2 samples a datum; widths 1 to 65 and a wide row of 300; predictions far out, where logits saturate;
 * - value alone, gradient alone, value and gradient: the planned labels show which kernel ran.
 */
import { constant, gradient, likelihood, multiply, sum, type Tensor } from 'webgpu-vae/gpu';
import { logLikelihood, logLikelihoodBackward } from '../reference/likelihood.js';
import { full, map, randomNormal, randomUniform, zeros, type F64 } from '../reference/tensor.js';
import { expError, tolerances, ULP, unaryErrors } from '../tolerance.js';
import { rowClasses, type AdapterClass, type CaseGraph, type KernelCase } from './case.js';

type Part = 'value' | 'gradient' | 'value and gradient';

interface Row {
  readonly family: 'bernoulli' | 'gaussian' | 'laplace';
  readonly scale: 'none' | 'fixed' | 'learned' | 'column' | 'element';
  readonly samples: number;
  readonly batch: number;
  readonly width: number;
  readonly part: Part;
  /** Standard deviation of the predictions. */
  readonly spread: number;
}

const control: Row = {
  family: 'bernoulli',
  scale: 'none',
  samples: 1,
  batch: 5,
  width: 33,
  part: 'value and gradient',
  spread: 2,
};

const scales: readonly Pick<Row, 'family' | 'scale'>[] = [
  { family: 'bernoulli', scale: 'none' },
  ...(['gaussian', 'laplace'] as const).flatMap((family) =>
    (['fixed', 'learned', 'column', 'element'] as const).map((scale) => ({ family, scale })),
  ),
];

const table: readonly Row[] = [
  ...scales.flatMap((kind): Row[] => [
    { ...control, ...kind },
    { ...control, ...kind, part: 'value', samples: 2, width: 7 },
    { ...control, ...kind, part: 'gradient', samples: 2, width: 7 },
  ]),
  ...[1, 4, 31, 32, 64, 65, 300].map((width) => ({ ...control, width })),
  { ...control, batch: 1 },
  { ...control, batch: 33, samples: 3, width: 3 },
  { ...control, batch: 65_537, width: 1 }, // one row past the longest axis of a grid
  { ...control, spread: 60 },
  { ...control, family: 'gaussian', scale: 'element', width: 65, samples: 2 },
];

function words({ family, scale, samples, batch, width, part, spread }: Row): string {
  const scaleWords = scale === 'none' ? '' : ` ${scale} scale`;
  return `${part} ${family}${scaleWords} S=${samples} B=${batch} D=${width} spread ${spread}`;
}

interface Operands {
  readonly prediction: F64;
  readonly x: F64;
  readonly logScale: F64 | undefined;
}

function operands({ family, scale, samples, batch, width, spread }: Row): Operands {
  const rows = samples * batch;
  const prediction = randomNormal([rows, width], 1, spread);
  const x = family === 'bernoulli' ? randomUniform([batch, width], 2, 0, 1) : randomNormal([batch, width], 2);
  const shapes = { fixed: [1], learned: [1], column: [width], element: [rows, width] };
  if (scale === 'none') return { prediction, x, logScale: undefined };
  return { prediction, x, logScale: scale === 'fixed' ? full([1], -0.75) : randomNormal(shapes[scale], 3) };
}

/** One element's magnitude and allowed error: of the log density, of its derivatives. */
interface ElementErrors {
  readonly magnitude: number;
  readonly value: number;
  readonly byPrediction: number;
  readonly byScale: number;
  readonly byScaleMagnitude: number;
}

function elementErrors(family: Row['family'], p: number, x: number, v: number): ElementErrors {
  if (family === 'bernoulli') {
    const softplus = Math.max(p, 0) + Math.log1p(Math.exp(-Math.abs(p)));
    const sigmoid = p < 0 ? Math.exp(p) / (1 + Math.exp(p)) : 1 / (1 + Math.exp(-p));
    const magnitude = Math.abs(x * p) + softplus;
    return {
      magnitude,
      value: unaryErrors.softplus(p, softplus) + 3 * ULP * magnitude,
      byPrediction: unaryErrors.sigmoid(p, sigmoid) + ULP,
      byScale: 0,
      byScaleMagnitude: 0,
    };
  }
  const inverse = Math.exp(-v);
  const difference = Math.abs(x - p);
  const power = family === 'gaussian' ? difference * difference : difference;
  const scaled = power * inverse;
  const scaledError = scaled * (expError(v) + 4 * ULP);
  const magnitude = scaled + Math.abs(v) + 2;
  const slope = family === 'gaussian' ? difference * inverse : inverse;
  return {
    magnitude,
    value: scaledError + 3 * ULP * magnitude,
    byPrediction: slope * (expError(v) + 2 * ULP),
    byScale: scaledError + ULP * (scaled + 1),
    byScaleMagnitude: scaled + 1,
  };
}

function build(graph: CaseGraph, row: Row): void {
  const { family, scale, part, batch, width } = row;
  const { prediction, x, logScale } = operands(row);
  const tensors = [graph.input('prediction', prediction)];
  const data = graph.input('x', x);
  if (logScale && scale !== 'fixed') tensors.push(graph.input('logScale', logScale));
  const scaleTensor = scale === 'fixed' ? constant([1], logScale!.values[0]!) : tensors[1];
  const value = likelihood(family, tensors[0]!, data, scaleTensor);
  const errors = Array.from(prediction.values, (p, i) => {
    const v = logScale ? logScale.values[i % logScale.values.length]! : 0;
    return elementErrors(family, p, x.values[i % (batch * width)]!, v);
  });
  if (part !== 'gradient') {
    const allowed = zeros(value.shape);
    errors.forEach(({ value: error, magnitude }, i) => {
      allowed.values[Math.floor(i / width)]! += error + tolerances.dot(width, magnitude);
    });
    graph.expect('value', value, logLikelihood(family, prediction, x, logScale), allowed.values);
  }
  if (part !== 'value') expectGradients(graph, row, value, tensors, { prediction, x, logScale }, errors);
  const fused = part === 'value and gradient' ? 'likelihood+gradient' : undefined;
  const alone = part === 'value' ? 'likelihood' : 'gradient likelihood/likelihoodGradient';
  // The rows' scale gradients are summed over the rows and columns that share a scale.
  const sums = part === 'value' ? 0 : { none: 0, fixed: 0, element: 0, column: 1, learned: 1 }[scale];
  graph.labels = [fused ?? alone, ...Array<string>(sums).fill('gradient likelihood/sum')];
}

function expectGradients(
  graph: CaseGraph,
  { family, scale, width }: Row,
  value: Tensor,
  tensors: readonly Tensor[],
  { prediction, x, logScale }: Operands,
  errors: readonly ElementErrors[],
): void {
  const cotangent = randomNormal(value.shape, 77);
  const loss = sum(multiply(value, graph.input('cotangent', cotangent)));
  const [predictionGradient, scaleGradient] = gradient(loss, tensors);
  const expected = logLikelihoodBackward(family, prediction, x, logScale, cotangent);
  const g = (i: number): number => Math.abs(cotangent.values[Math.floor(i / width)]!);
  const allowed = map(prediction, (_, i) => {
    const rounding = ULP * Math.abs(expected.predictionGradient.values[i]!);
    return g(i) * errors[i]!.byPrediction + rounding;
  });
  graph.expect('predictionGradient', predictionGradient!, expected.predictionGradient, allowed.values);
  if (!scaleGradient || scale === 'fixed') return;
  const sharing = prediction.values.length / logScale!.values.length;
  const scaleAllowed = zeros(logScale!.shape);
  errors.forEach(({ byScale, byScaleMagnitude }, i) => {
    const rounding = tolerances.dot(sharing, byScaleMagnitude) + ULP * byScaleMagnitude;
    scaleAllowed.values[i % scaleAllowed.values.length]! += g(i) * (byScale + rounding);
  });
  graph.expect('scaleGradient', scaleGradient, expected.logScaleGradient!, scaleAllowed.values);
}

function likelihoodCase(row: Row, adapterClass: AdapterClass): KernelCase {
  return {
    name: `likelihood ${words(row)} (${adapterClass})`,
    adapterClass,
    build: (graph) => build(graph, row),
  };
}

export const likelihoodCases: readonly KernelCase[] = rowClasses.flatMap((adapterClass) =>
  table.map((row) => likelihoodCase(row, adapterClass)),
);
